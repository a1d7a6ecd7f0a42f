"""`herdbook policies`: from a folder of files to rights in force."""

from __future__ import annotations

import json

import pytest

from herdbook.cli import main
from herdbook.errors import ConcurrentUpdateError, ConflictError, InvalidArgumentError, NotFoundError

LINES = """\
g, user:ann, role:reader
p, role:reader, main, USE_CATALOG, allow
p, role:reader, main, USE_SCHEMA, allow
p, role:reader, main.default, READ_METADATA, allow
"""
CASE = """[[cases]]
principal = "user:ann"
operation = "get_schema"
securable = "main.default"
expected = "allow"
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command in the folder of a new registry and return (exit code, standard output, standard error)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HERDBOOK_REGISTRY_URI", str(tmp_path / "registry"))

    def call(*words):
        capsys.readouterr()
        code = main(list(words))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    assert call("init", "registry")[0] == 0
    me = json.loads(call("whoami", "--json")[1])["name"]
    assert call("grants", "add", me, "MANAGE_POLICY", "metastore:")[0] == 0
    return call


@pytest.fixture
def folder(tmp_path, run):
    """The registry's policy folder, with lines."""
    assert run is not None
    found = tmp_path / "registry" / "policies"
    (found / "people.csv").write_text(LINES, encoding="utf-8")
    (tmp_path / "cases.toml").write_text(CASE, encoding="utf-8")
    return found


def test_from_files_to_rights(run, folder, monkeypatch):
    """Checked, compared and tried the files change nothing; applied they do, and show says who did it and why."""
    monkeypatch.setenv("HERDBOOK_CONFIG", str(folder.parent / "herdbook.toml"))
    code, out, err = run("policies", "check")
    assert (code, out) == (0, "The policy files have no mistakes.\n")
    assert "user:ann is made known" in err
    code, out, _ = run("policies", "diff")
    rows = out.splitlines()
    assert rows[0].split() == ["change", "principal", "securable", "operations", "path"]
    assert all(row.startswith("gains   user:ann") for row in rows[1:])
    assert any("get_registered_model" in row and "people.csv:4" in row for row in rows)
    assert run("policies", "test", "cases.toml")[:2] == (0, "All cases are as expected.\n")
    assert len(json.loads(run("policies", "show", "--json")[1])) == 2
    code, out, _ = run("policies", "apply", "--reason", "ann reads", "--json")
    applied = json.loads(out)
    assert (code, applied["base"]) == (0, 1)
    assert run("policies", "diff")[1] == "Nobody's rights would change.\n"
    shown = json.loads(run("policies", "show", "--json")[1])
    assert {row["path"]: row["lines"] for row in shown}["people.csv"] == 4
    assert {(row["revision"], row["reason"]) for row in shown} == {(applied["revision"], "ann reads")}
    assert run("policies", "show", "--file", "people.csv")[1] == LINES
    assert run("policies", "show", "--file", "nobody.csv")[0] == NotFoundError.exit_code
    assert "people.csv:2" in run("grants", "list", "main")[1]
    (folder / "people.csv").unlink()
    code, out, _ = run("policies", "diff", str(folder))
    assert all(row.startswith("loses   user:ann") for row in out.splitlines()[1:])
    code, _, err = run("policies", "apply", "--reason", "r", "--base", "1")
    assert code == ConcurrentUpdateError.exit_code
    assert "not 1" in err


def test_mistakes_and_failing_cases_have_exit_codes(run, folder):
    """A mistake and a case that is not as expected fail, with file and line; nothing is applied."""
    code, _, err = run("policies", "test", str(folder), "cases.toml")
    assert code == 0, err
    (folder / "people.csv").write_text(LINES.replace("USE_CATALOG", "USE_CATALOGUE"), encoding="utf-8")
    for words in (("check", str(folder)), ("apply", str(folder), "--reason", "r")):
        code, out, err = run("policies", *words)
        assert (code, out) == (InvalidArgumentError.exit_code, "")
        assert "people.csv:2: " in err
        assert "Did you mean USE_CATALOG?" in err
    (folder / "people.csv").write_text("", encoding="utf-8")
    code, _, err = run("policies", "test", str(folder), "cases.toml")
    assert code == 2, err
    (folder / "people.csv").write_text("p, user:ann, main, BROWSE, deny", encoding="utf-8")
    code, _, err = run("policies", "test", str(folder), "cases.toml", "--json")
    assert code == ConflictError.exit_code
    assert json.loads(err)["details"]["problems"][0].startswith("cases.toml:1: user:ann get_schema main.default: ")
    assert run("policies", "check")[0] == InvalidArgumentError.exit_code
