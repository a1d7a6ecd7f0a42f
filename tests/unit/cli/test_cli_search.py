"""`herdbook models search` and `herdbook versions search`."""

from __future__ import annotations

import json

import pytest

from herdbook.bootstrap import open_registry
from herdbook.cli import main
from herdbook.errors import InvalidArgumentError
from herdbook.settings import Settings
from herdbook.testing.samples import register


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command on a registry with three models, the first with a version; returns (exit code, output, errors)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HERDBOOK_REGISTRY_URI", str(tmp_path / "registry"))
    with open_registry(str(tmp_path / "registry"), settings=Settings()) as registry:
        for name in "abc":
            registry.create_registered_model(f"main.default.{name}", tags={"team": "risk" if name == "a" else "lab"})
        register(registry, "main.default.a")

    def call(*words):
        capsys.readouterr()
        code = main(list(words))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_what_is_found_is_shown(run):
    """A table for people, JSON for programs, in the order asked for and no more than asked for."""
    code, out, _ = run("models", "search", "tags.team = 'risk'")
    assert code == 0
    assert "main.default.a" in out
    assert "team=risk" in out
    assert "main.default.b" not in out
    code, out, _ = run("models", "search", "--order-by", "name DESC", "--max-results", "2", "--json")
    assert [row["name"] for row in json.loads(out)] == ["main.default.c", "main.default.b"]
    code, out, _ = run(
        "versions", "search", "status = 'READY'", "--order-by", "version", "--order-by", "name", "--json"
    )
    assert [(row["name"], row["version"]) for row in json.loads(out)] == [("main.default.a", 1)]
    assert json.loads(run("versions", "search", "run_id = 'x'", "--json")[1]) == []


def test_a_mistake_is_pointed_at(run):
    """The exit code is that of a wrong argument, and the message names the column."""
    for words in (("models", "search", "nam = 'x'"), ("versions", "search", "nam = 'x'")):
        code, out, err = run(*words)
        assert (code, out) == (InvalidArgumentError.exit_code, "")
        assert "column 1" in err
        assert "Did you mean name?" in err
