"""`herdbook serve`: where it listens, as whom requests act, and what it refuses."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from itertools import takewhile

import pytest

import herdbook
from herdbook.bootstrap import open_registry
from herdbook.cli import main
from herdbook.errors import PermissionDeniedError, UnauthenticatedError, UnavailableError
from herdbook.server.running import listen
from herdbook.settings import RegistrySettings, Settings, os_principal

COMMAND = (sys.executable, "-c", "import sys; from herdbook.cli import main; sys.exit(main())", "serve", "--json")


@contextmanager
def serving(*words, cwd):
    """Run the command as people do; yields what it says once it listens, and the process."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("HERDBOOK_")}
    with subprocess.Popen([*COMMAND, *words], cwd=cwd, env=env, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield json.loads("".join(takewhile(lambda line: line.rstrip() != "}", process.stdout)) + "}"), process
        finally:
            process.terminate()
            process.wait(30)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_and_ends_in_order(tmp_path, how):
    """One line once it answers; a signal ends it with exit code 0."""
    with serving("./registry", "--port", "0", cwd=tmp_path) as (said, process):
        assert said["principal"] == str(os_principal())
        with herdbook.connect(said["url"]) as registry:
            assert str(registry.get_catalog("main").name) == "main"
            assert registry.get_current_principal().name == os_principal()
        process.send_signal(how)
        assert process.wait(30) == 0
        with herdbook.connect(said["url"]) as registry, pytest.raises(UnavailableError):
            registry.get_catalog("main")


def test_the_local_principal_has_the_rights_that_it_has(tmp_path):
    """Who is named may what was granted to that name, and is no admin for being local (R35)."""
    with open_registry(str(tmp_path / "registry"), settings=Settings()) as registry:
        registry.create_registered_model("main.default.iris")
    (tmp_path / "herdbook.toml").write_text('registry_uri = "./registry"\n[server]\nlocal_principal = "user:guest"\n')
    with serving("--port", "0", cwd=tmp_path) as (said, _), herdbook.connect(said["url"]) as registry:
        assert said["principal"] == "user:guest"
        assert registry.list_catalogs().items == ()
        with pytest.raises(PermissionDeniedError):
            registry.create_catalog("mine")
    me = str(os_principal())
    with serving("--port", "0", "--local-principal", me, cwd=tmp_path) as (said, _), herdbook.connect(said["url"]) as r:
        assert str(r.create_catalog("mine").name) == "mine"


def test_beyond_loopback_every_request_needs_a_token(tmp_path):
    """Where other machines can ask, nobody acts without proof; a token proves it, here as on loopback (R35)."""
    with open_registry(str(tmp_path / "registry"), settings=Settings()) as registry:
        secret = registry.create_token(expires_in_s=600).secret
    (tmp_path / "token").write_text(secret)
    for host in ("0.0.0.0", "127.0.0.1"):
        with serving("./registry", "--port", "0", "--host", host, cwd=tmp_path) as (said, _):
            url = said["url"].replace("0.0.0.0", "127.0.0.1")
            named = {"it": RegistrySettings(uri=url, token_file=str(tmp_path / "token"))}
            with open_registry("it", settings=Settings(registries=named)) as registry:
                assert registry.get_current_principal().name == os_principal()
            assert (said["principal"] is None) == (host == "0.0.0.0")
            wrong = {"it": RegistrySettings(uri=url, token_file=str(tmp_path / "wrong"))}
            (tmp_path / "wrong").write_text(secret[:-1] + ("A" if secret[-1] != "A" else "B"))
            with (
                open_registry("it", settings=Settings(registries=wrong)) as registry,
                pytest.raises(UnauthenticatedError),
            ):
                registry.get_catalog("main")
            if host == "0.0.0.0":
                with herdbook.connect(url) as registry, pytest.raises(UnauthenticatedError):
                    registry.get_catalog("main")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--host", "0.0.0.0", "--local-principal", "user:ann"], 10, "other machines"),
        (["--host", "no such host"], 2, "address"),
        (["--port", "70000"], 2, ""),
        (["--local-principal", "role:admins"], 10, "cannot act"),
        (["--local-principal", "what:ever"], 2, "kind of principal"),
        (["--as", "user:ann"], 2, "--local-principal"),
        (["https://example.org"], 2, "no embedded registry"),
        (["./registry", "-r", "./other"], 2, "twice"),
    ],
)
def test_what_it_refuses(tmp_path, monkeypatch, capsys, words, code, told):
    """It does not listen beyond loopback, where anybody could ask, nor act as whoever cannot act."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HERDBOOK_REGISTRY_URI", "./registry")
    assert main(["serve", "--port", "0", *words]) == code
    assert told in capsys.readouterr().err


def test_a_port_that_is_taken(tmp_path, monkeypatch, capsys):
    """It is told at once, with another way."""
    monkeypatch.chdir(tmp_path)
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "./registry", "--port", str(port)]) == UnavailableError.exit_code
    assert "--port 0" in capsys.readouterr().err


def test_localhost_is_loopback():
    """The name and both addresses are."""
    from herdbook.server.running import is_loopback, url_of

    for host in ("localhost", "127.0.0.1", *(["::1"] if socket.has_ipv6 else [])):
        try:
            with listen(host, 0) as listening:
                assert is_loopback(listening)
                assert url_of(listening).startswith("http://")
        except UnavailableError:
            assert host == "::1", "this machine has no IPv6 loopback"
