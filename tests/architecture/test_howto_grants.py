"""The pages about rights and about testing plugins do what they say."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from herdbook.bootstrap import open_registry
from herdbook.testing import artifact_store_contract, authorizer_contract, check_contract, metadata_store_contract
from herdbook.testing import registry_contract as registry_contracts

HOWTO = Path(__file__).parents[2] / "docs" / "how-to"
_SPEC = importlib.util.spec_from_file_location("_pages", Path(__file__).with_name("test_docs.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
pages = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(pages)
shell = pages.shell


def test_the_grants_page(shell, tmp_path):
    """Each command ends as the page shows, as whoever it is typed; its Python tells the denial that it made."""
    page = pages.blocks(HOWTO / "grants.md")
    for block in page:
        for command in pages.commands(block) if block.lang == "console" else ():
            pages.keeps(command, *shell(command.words))
    (script,) = [block.body for block in page if block.lang == "python"]
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    effect, refusal = done.stdout.splitlines()
    assert effect == "deny"
    assert refusal.startswith("APPLY_TAG on prod.fraud.scorer - ask user:os/")
    with open_registry("./registry") as registry:
        assert registry.get_registered_model("prod.fraud.scorer").owner == "user:ann"
        assert [str(each.principal) for each in registry.list_grants("prod.fraud@champion").items] == []


def test_the_page_about_testing(shell, tmp_path):
    """Its files are tests that pass, each with every promise of its contract."""
    page = pages.blocks(HOWTO / "test-your-plugin.md")
    counts = []
    for block in page:
        if block.path is not None:
            (tmp_path / block.path).parent.mkdir(exist_ok=True)
            (tmp_path / block.path).write_text(block.body)
        for command in pages.commands(block) if block.lang == "console" else ():
            words = command.words.replace("python ", f"{shlex.quote(sys.executable)} ", 1)
            code, said = shell(f"{words} -p no:cacheprovider")
            pages.keeps(command, code, said)
            counts.append(said)
    contracts = (check_contract.CheckContract, authorizer_contract.AuthorizerContract)
    for said, contract in zip(counts, contracts, strict=True):
        promises = [name for name in dir(contract) if name.startswith("test_")]
        (passed,) = re.findall(r"(\d+) passed in", said)
        assert int(passed) >= len(promises) > 5


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (check_contract, "CheckContract"),
        (authorizer_contract, "AuthorizerContract"),
        (artifact_store_contract, "ArtifactStoreContract"),
        (metadata_store_contract, "MetadataStoreContract"),
        (registry_contracts, "RegistryContract"),
    ],
)
def test_each_contract_is_told(module, name):
    """The table names each contract where it is, with the fixtures that have to be overridden."""
    (row,) = [line for line in (HOWTO / "test-your-plugin.md").read_text().splitlines() if f"| `{name}` |" in line]
    assert f"`{module.__name__}`" in row
    contract = getattr(module, name)
    given = set(row.split("|")[4].replace("`", "").replace(",", " ").split())
    assert given <= set(dir(contract))
