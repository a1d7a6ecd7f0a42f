"""The pages about tokens and about signing in do what they say."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from attrs import fields

from herdbook.bootstrap import Location, load_plugins, open_metastore
from herdbook.errors import UnauthenticatedError
from herdbook.policy.limits import MAX_TOKEN_S
from herdbook.service import Authentication
from herdbook.settings import Settings, load_settings

HOWTO = Path(__file__).parents[2] / "docs" / "how-to"
README = Path(__file__).parents[2] / "plugins" / "herdbook-oidc" / "README.md"
_SPEC = importlib.util.spec_from_file_location("_pages", Path(__file__).with_name("test_docs.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
pages = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(pages)
shell = pages.shell


def test_the_tokens_page(shell, tmp_path):
    """Each command ends as shown, the secret lets the service in until the page's Python revokes it."""
    page = pages.blocks(HOWTO / "tokens.md")
    secret = None
    for block in page:
        for command in pages.commands(block) if block.lang == "console" else ():
            code, said = shell(command.words)
            pages.keeps(command, code, said)
            secret = said.split()[0] if " tokens create " in command.words else secret
    (script,) = [block.body for block in page if block.lang == "python"]
    (toml,) = [block.body for block in page if block.lang == "toml"]
    (tmp_path / "herdbook.toml").write_text(toml)
    settings = load_settings(tmp_path / "herdbook.toml")
    assert settings.token_for("prod", {"HERDBOOK_PROD_TOKEN": secret}) == secret
    place = Location(
        metadata=f"sqlite:///{tmp_path}/registry/herdbook.db", artifacts=f"file://{tmp_path}/registry/artifacts"
    )
    metastore = open_metastore(place, Settings(), load_plugins(Settings()))
    door = Authentication(metastore)
    registry = metastore.for_caller(door.caller_for(f"Bearer {secret}"))
    assert str(registry.get_current_principal().name) == "service:training"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr
    with pytest.raises(UnauthenticatedError):
        door.caller_for(f"Bearer {secret}")
    metastore.close()
    assert f"{MAX_TOKEN_S // 86400} days" in (HOWTO / "tokens.md").read_text()


def test_the_page_about_signing_in(shell, tmp_path):
    """Its commands work, and its table, as the plugin's own page shows it too, is one that the plugin takes."""
    options = pytest.importorskip("herdbook_oidc.options")
    page = pages.blocks(HOWTO / "oidc.md")
    for block in page:
        for command in pages.commands(block) if block.lang == "console" else ():
            pages.keeps(command, *shell(command.words))
    for block in (*page, *pages.blocks(README)):
        if block.lang == "toml":
            table = tomllib.loads(block.body)["plugins"]["oidc"]["issuers"]["okta"]
            assert options.Issuer(**table).jwks_url == table["jwks_url"]
    rows = [line for line in README.read_text().splitlines() if line.startswith("| `")]
    told = {line.split("`")[1]: line for line in rows}
    assert set(told) == {field.name for field in fields(options.Issuer)}
    for field in fields(options.Issuer):
        if isinstance(field.default, int | float):
            assert f"| {field.default:g} |" in told[field.name]
