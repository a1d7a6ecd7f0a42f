"""`herdbook tokens`: what it prints, and where the secret goes."""

from __future__ import annotations

import json

import pytest

from herdbook.cli import main
from herdbook.errors import InvalidArgumentError, NotFoundError


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command on a registry of its own; returns the exit code and both outputs."""
    monkeypatch.setenv("HERDBOOK_REGISTRY_URI", str(tmp_path / "registry"))
    monkeypatch.setenv("COLUMNS", "400")

    def typed(*words):
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    assert typed("init", str(tmp_path / "registry"))[0] == 0
    return typed


def test_the_secret_is_alone_on_standard_output(run):
    """So a shell can put it into a file; what people want to know goes beside it."""
    code, out, err = run("tokens", "create", "--expires-in", "90d", "--on", "main", "--privilege", "EXECUTE")
    assert code == 0
    assert out.startswith("hbk_")
    assert len(out.split()) == 1
    assert "ends" in err
    assert out.strip() not in err


def test_a_token_goes_from_making_to_revoking(run):
    """JSON has the secret and the token, the list has no secret, and a revoked one is gone."""
    made = json.loads(run("tokens", "create", "--expires-in", "1h", "--comment", "c", "--json")[1])
    assert made["secret"].startswith("hbk_")
    token = made["token"]
    code, out, _ = run("tokens", "list")
    assert code == 0
    for shown in (token["id"], "everything", "all", "c"):
        assert shown in out
    assert [each["id"] for each in json.loads(run("tokens", "list", "--json")[1])] == [token["id"]]
    assert made["secret"] not in out
    assert run("tokens", "revoke", token["id"], "--reason", "r") == (0, f"token {token['id']} is revoked\n", "")
    assert json.loads(run("tokens", "list", "--json")[1]) == []
    assert run("tokens", "revoke", "0" * 32)[0] == NotFoundError.exit_code


def test_what_it_was_cut_to_and_is_gone_is_hidden(run):
    """A token never looks as if it were cut to nothing."""
    run("schemas", "create", "main.gone")
    run("tokens", "create", "--expires-in", "60m", "--on", "main.gone")
    assert "main.gone" in run("tokens", "list")[1]
    run("schemas", "delete", "main.gone")
    out = run("tokens", "list")[1]
    assert "hidden" in out
    assert "everything" not in out


@pytest.mark.parametrize("life", ["", "90", "d", "-1d", "1.5d", "1w", "367d", "0s", "9" * 12 + "d"])
def test_a_life_is_a_number_and_a_unit(run, life):
    """Anything else, and too long ones, are refused with what to write."""
    code, out, err = run("tokens", "create", f"--expires-in={life}")
    assert (code, out) == (InvalidArgumentError.exit_code, "")
    assert err


def test_a_wrong_privilege_is_refused(run):
    """The answer names those that there are."""
    code, _, err = run("tokens", "create", "--expires-in", "1d", "--privilege", "FLY")
    assert code == InvalidArgumentError.exit_code
    assert "EXECUTE" in err
