"""The command line: each command for people and for programs, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from herdbook.cli import main
from herdbook.cli.app import COMMANDS, GROUPS, build
from herdbook.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError, RuleViolationError

NAME = "main.default.iris"
CASES = """[[cases]]
principal = "user:ann"
operation = "get_registered_model"
securable = "main.default.iris"
expected = "deny"
"""
SIGNATURE = {"inputs": [{"type": "double", "name": "x"}], "outputs": [{"type": "long"}]}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder to work in, with a model and a signature, and a registry that the environment names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HERDBOOK_REGISTRY_URI", str(tmp_path / "registry"))
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(b"weights")
    (tmp_path / "signature.json").write_text(json.dumps(SIGNATURE))
    assert main(["init", "registry"]) == 0
    return tmp_path


@pytest.fixture
def run(home, capsys):
    """Run a command and return (exit code, standard output, standard error)."""

    def call(*words):
        capsys.readouterr()
        code = main(list(words))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def registered(run):
    code, _, err = run(
        "register", "model", NAME, "--signature", "signature.json", "--tag", "a=b", "--alias", "champion"
    )
    assert code == 0, err
    assert run("export", NAME, "-o", "iris.tar")[0] == 0
    return run


@pytest.fixture
def trashed(registered):
    """Something of every kind in the trash, and a token; returns their ids."""
    for words in (
        ("versions", "copy", f"{NAME}/1", NAME),
        ("versions", "delete", f"{NAME}/2"),
        ("catalogs", "create", "scratch"),
        ("schemas", "create", "main.scratch"),
        ("models", "create", "main.default.scratch"),
        ("catalogs", "delete", "scratch"),
        ("schemas", "delete", "main.scratch"),
        ("models", "delete", "main.default.scratch"),
        ("principals", "create", "user:ann"),
        ("principals", "create", "user:bob"),
        ("principals", "create", "group:team"),
        ("principals", "join", "group:team", "user:ann"),
        ("grants", "add", "user:ann", "READ_METADATA", NAME),
        ("grants", "add", json.loads(registered("whoami", "--json")[1])["name"], "MANAGE_POLICY", "metastore:"),
        ("grants", "deny", "user:ann", "EXECUTE", NAME),
    ):
        assert registered(*words)[0] == 0
    Path("registry/policies/people.csv").write_text("p, user:ann, main, USE_CATALOG, allow\n", encoding="utf-8")
    assert registered("policies", "apply", "registry/policies", "--reason", "r")[0] == 0
    Path("cases.toml").write_text(CASES, encoding="utf-8")
    made = json.loads(registered("tokens", "create", "--expires-in", "1d", "--json")[1])
    ids = {f"trashed {item['kind']}": item["id"] for item in json.loads(registered("trash", "--json")[1])}
    return ids | {"a token": made["token"]["id"]}


CONTAINERS = ("catalogs", "schemas", "models")
READS = [
    ("catalogs", "list"),
    ("catalogs", "get", "main"),
    ("schemas", "list", "main"),
    ("schemas", "get", "main.default"),
    ("models", "list", "main.default"),
    ("models", "get", NAME),
    ("models", "search", "tags.a IS NULL"),
    ("versions", "list", NAME),
    ("versions", "search", "version = 1"),
    ("versions", "get", f"models:/{NAME}@champion"),
    ("versions", "files", f"{NAME}/1"),
    ("versions", "diff", f"{NAME}/1", f"{NAME}@champion"),
    ("aliases", "list", NAME),
    ("aliases", "get", f"{NAME}@champion"),
    ("aliases", "history", f"{NAME}@champion"),
    ("rules", "show", NAME),
    ("plugins", "list"),
    ("whoami",),
    ("version",),
    ("sweep", "--dry-run"),
    ("trash",),
    ("trash", "main.default"),
    ("grants", "list", NAME),
    ("grants", "effective", NAME, "--principal", "user:ann"),
    ("explain", "get_registered_model", NAME, "--principal", "user:ann"),
    ("who-can", "get_registered_model", NAME),
    ("what-can",),
    ("principals", "list"),
    ("principals", "get", "user:ann"),
    ("principals", "members", "group:team"),
    ("tokens", "list"),
    ("policies", "check", "registry/policies"),
    ("policies", "diff", "registry/policies"),
    ("policies", "test", "registry/policies", "cases.toml"),
    ("policies", "show"),
]
WRITES = [
    ("catalogs", "create", "prod", "--comment", "c"),
    ("catalogs", "update", "main", "--comment", "c"),
    ("schemas", "create", "main.risk"),
    ("schemas", "update", "main.default", "--comment", "c"),
    ("models", "create", "main.default.other"),
    ("models", "update", NAME, "--comment", "c", "--reason", "r"),
    ("versions", "update", f"{NAME}/1", "--comment", ""),
    ("versions", "download", f"{NAME}/latest", "out"),
    ("aliases", "set", f"{NAME}@next", "1", "--expected-current", "0"),
    ("aliases", "delete", f"{NAME}@champion", "--expected-current", "1"),
    ("tags", "set", NAME, "k", "v"),
    ("tags", "delete", f"{NAME}/1", "a"),
    ("register", "model", NAME, "--signature", "signature.json"),
    ("register-external", NAME, "--endpoint", "https://models.example.org/iris", "--signature", "signature.json"),
    ("sweep",),
    ("db", "upgrade"),
    ("catalogs", "rename", "main", "prod"),
    ("catalogs", "delete", "main", "--force"),
    ("catalogs", "restore", "trashed CATALOG"),
    ("catalogs", "purge", "trashed CATALOG"),
    ("schemas", "rename", "main.default", "main.fraud"),
    ("schemas", "delete", "main.default", "--force"),
    ("schemas", "restore", "trashed SCHEMA", "--as", "main.again"),
    ("schemas", "purge", "trashed SCHEMA"),
    ("models", "rename", NAME, "main.default.flower"),
    ("models", "delete", NAME, "--force"),
    ("models", "restore", "trashed REGISTERED_MODEL"),
    ("models", "purge", "trashed REGISTERED_MODEL"),
    ("versions", "copy", f"{NAME}@champion", "main.default.copy"),
    ("versions", "delete", f"{NAME}/1"),
    ("versions", "restore", f"{NAME}/2"),
    ("versions", "purge", f"{NAME}/2", "--reason", "r"),
    ("transfer", NAME, "me"),
    ("grants", "add", "user:ann", "EXECUTE", NAME, "--reason", "r"),
    ("grants", "revoke", "user:ann", "READ_METADATA", NAME),
    ("grants", "deny", "user:ann", "SET ALIAS", f"{NAME}@champion"),
    ("grants", "lift", "user:ann", "EXECUTE", NAME),
    ("policies", "apply", "registry/policies", "--reason", "r"),
    ("policies", "rebind", "main"),
    ("principals", "create", "role:scientist"),
    ("principals", "enable", "user:ann"),
    ("principals", "disable", "user:ann"),
    ("principals", "delete", "user:ann"),
    ("principals", "join", "group:team", "user:bob"),
    ("principals", "leave", "group:team", "user:ann"),
    ("tokens", "create", "--expires-in", "90d", "--on", NAME, "--privilege", "EXECUTE"),
    ("tokens", "revoke", "a token", "--reason", "r"),
    ("export", NAME, "-o", "other.tar"),
    ("import", "iris.tar", "--as", "main.default.copy"),
]


@pytest.mark.parametrize("words", READS + WRITES, ids=" ".join)
def test_for_people_and_for_programs(registered, trashed, words):
    """Every command answers people, and with --json one JSON document on standard output and nothing else."""
    if "delete" in words and words[0] in (*CONTAINERS, "versions"):
        registered("aliases", "delete", f"{NAME}@champion")
    me = json.loads(registered("whoami", "--json")[1])["name"]
    words = tuple(me if word == "me" else trashed.get(word, word) for word in words)
    if words in READS:
        code, out, err = registered(*words)
        assert (code, err) == (0, "")
        assert out.strip()
    code, out, err = registered(*words, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) is not None


def test_every_command_is_tried():
    """The lists of this module cover the application."""
    tried = {words[:2] if words[0] in GROUPS else words[:1] for words in READS + WRITES} | {("init",), ("serve",)}
    there = {(name,) for name in COMMANDS}
    app = build()
    for group in GROUPS:
        there |= {(group, name) for name in app[group] if not name.startswith("-")}
    assert tried == there


def test_what_was_registered_comes_back(registered, home):
    """A downloaded version holds the bytes that were registered, and the generated MLmodel."""
    assert registered("versions", "download", f"{NAME}@champion", "copy")[0] == 0
    assert sorted(path.name for path in Path("copy").iterdir()) == ["MLmodel", "weights.bin"]
    assert Path("copy/weights.bin").read_bytes() == b"weights"
    code, _, err = registered("versions", "download", f"{NAME}@champion", "copy")
    assert code == InvalidArgumentError.exit_code
    assert "not an empty folder" in err


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("catalogs", "get", "no such"), InvalidArgumentError),
        (("catalogs", "get", "nope"), NotFoundError),
        (("catalogs", "create", "main"), AlreadyExistsError),
        (("register", "model", NAME), RuleViolationError),
        (("register", "nowhere", NAME), InvalidArgumentError),
        (("register", "model", NAME, "--tag", "x"), InvalidArgumentError),
        (("catalogs", "list", "-r", "unnamed"), InvalidArgumentError),
    ],
)
def test_errors_have_their_own_exit_codes(run, words, kind):
    """The message and what to do go to standard error, as text or JSON; the exit code is the class's."""
    code, out, err = run(*words)
    assert (code, out) == (kind.exit_code, "")
    assert err.startswith("herdbook: ")
    code, out, err = run(*words, "--json")
    assert (code, out) == (kind.exit_code, "")
    assert json.loads(err)["error"] == kind.code


def test_wrong_usage_exits_with_2(run):
    """An unknown command or option is a wrong usage."""
    assert run("bogus")[0] == 2
    assert run("catalogs", "list", "--bogus")[0] == 2


def test_init_writes_policies_and_settings(home, run):
    """The new registry's folder holds its policy files and settings that lead to them."""
    assert (home / "registry" / "policies" / "rules" / "default.toml").is_file()
    from herdbook.settings import load_settings

    settings = load_settings(home / "registry" / "herdbook.toml", environ={})
    assert settings.policies_dir == str(home / "registry" / "policies")
    assert settings.registry_uri == str(home / "registry")
    assert run("init", "model")[0] == InvalidArgumentError.exit_code


def test_no_plugins_leaves_the_built_in_ones(run):
    """--no-plugins lists only what comes with Herdbook."""
    names = {plugin["name"] for plugin in json.loads(run("plugins", "list", "--json", "--no-plugins")[1])}
    assert names == {"builtin-files", "builtin-http", "builtin-sql", "builtin-embedded"}
