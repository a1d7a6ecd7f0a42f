"""The command line over an embedded registry: each command for people and for programs, errors and exit codes."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from herdbook.cli import main
from herdbook.cli.app import COMMANDS, GROUPS
from herdbook.names import PrincipalName

MODEL = "main.default.iris"
SIGNATURE = {"inputs": [{"type": "double", "name": "x"}], "outputs": [{"type": "long"}]}
REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with model files, and no settings of this machine's."""
    for variable in ("REGISTRY_URI", "HOME", "ARTIFACT_ROOT", "POLICIES_DIR", "CONFIG", "NO_PLUGINS"):
        monkeypatch.delenv(f"HERDBOOK_{variable}", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(b"weights")
    (tmp_path / "signature.json").write_text(json.dumps(SIGNATURE))
    return tmp_path


@pytest.fixture
def registry(home, monkeypatch, capsys):
    """A registry with one registered version, which the environment names."""
    assert main(["init", "reg"]) == 0
    monkeypatch.setenv("HERDBOOK_REGISTRY_URI", str(home / "reg"))
    assert main(["register", "model", MODEL, "--signature", "signature.json", "--alias", "champion"]) == 0
    capsys.readouterr()
    return home / "reg"


@pytest.fixture
def ask(capsys):
    """Run a command that must succeed, and return its answer; with --json, parsed."""

    def run(*words: str):
        code = main(list(words))
        out, err = capsys.readouterr()
        assert code == 0, err
        assert not err
        return json.loads(out) if "--json" in words else out

    return run


@pytest.fixture
def fail(capsys):
    """Run a command that must fail for people and for programs, and return its exit code and the JSON."""

    def run(*words: str):
        code = main(list(words))
        out, err = capsys.readouterr()
        assert not out
        assert err.startswith("herdbook: ")
        assert main([*words, "--json"]) == code
        out, err = capsys.readouterr()
        assert not out
        return code, json.loads(err)

    return run


READS = [
    (["catalogs", "get", "main"], "main"),
    (["catalogs", "list"], "main"),
    (["schemas", "get", "main.default"], "main.default"),
    (["schemas", "list", "main"], "main.default"),
    (["models", "get", MODEL], MODEL),
    (["models", "list", "main.default"], MODEL),
    (["versions", "get", f"{MODEL}@champion"], "READY"),
    (["versions", "get", f"models:/{MODEL}/latest"], "READY"),
    (["versions", "list", MODEL], "READY"),
    (["versions", "files", f"{MODEL}/1"], "weights.bin"),
    (["aliases", "get", f"{MODEL}@champion"], "READY"),
    (["aliases", "list", MODEL], "champion"),
    (["aliases", "history", f"{MODEL}@champion"], "champion"),
    (["rules", "show", MODEL], "signature-required"),
    (["rules", "show"], "signature-required"),
    (["plugins", "list"], "builtin-files"),
    (["whoami"], "user:os/"),
    (["sweep", "--dry-run"], "kept_blobs"),
]


@pytest.mark.parametrize(
    ("words", "found"), READS, ids=lambda value: "-".join(value) if isinstance(value, list) else ""
)
def test_reads_answer_people_and_programs(registry, ask, words, found):
    """Each command that reads prints a table, and with --json one document that holds the same."""
    assert found in ask(*words)
    assert found in json.dumps(ask(*words, "--json"))


@pytest.mark.parametrize("noun", ["catalogs", "schemas", "models"])
@pytest.mark.parametrize("as_json", [False, True])
def test_containers_are_created_and_updated(registry, ask, noun, as_json):
    """`create` and `update` show what is there now; an empty comment removes it."""
    name = {"catalogs": "prod", "schemas": "main.staging", "models": "main.default.other"}[noun]
    flag = ["--json"] if as_json else []
    assert name in str(ask(noun, "create", name, "--comment", "first", *flag))
    assert "second" in str(ask(noun, "update", name, "--comment", "second", "--reason", "better", *flag))
    ask(noun, "update", name, "--comment", "", *flag)
    assert ask(noun, "get", name, "--json")["comment"] is None


def test_lists_go_through_all_pages(registry, ask):
    """A list command shows everything, however many pages the registry makes of it."""
    for number in range(105):
        ask("models", "create", f"main.default.m{number:03}")
    names = [model["name"] for model in ask("models", "list", "main.default", "--json")]
    assert names == sorted([MODEL, *(f"main.default.m{number:03}" for number in range(105))])


def test_register_says_what_it_registered(registry, ask):
    """`register` keeps comment, tags, lineage and aliases, and with --json its answer is one document."""
    words = ["register", "model", MODEL, "--signature", "signature.json", "--comment", "c", "--json"]
    version = ask(*words, "--tag", "a=1", "--tag", "b=x=y", "--alias", "x", "--alias", "y", "--run-id", "r1")
    assert version["version"] == 2
    assert version["comment"] == "c"
    assert version["tags"] == {"a": "1", "b": "x=y"}
    assert version["aliases"] == ["x", "y"]
    assert version["lineage"]["run_id"] == "r1"
    assert "status           READY" in ask(*words[:-1])


def test_repeating_an_idempotent_registration_makes_no_version(registry, ask):
    """A command repeated with one --idempotency-key answers with the same version."""
    words = ["register", "model", MODEL, "--signature", "signature.json", "--idempotency-key", "k", "--json"]
    assert ask(*words)["version"] == ask(*words)["version"] == 2


def test_downloads_are_whole(registry, ask, home):
    """`versions download` writes the version's files, and says where."""
    assert "copy" in ask("versions", "download", f"{MODEL}@champion", "copy")
    assert (home / "copy" / "weights.bin").read_bytes() == b"weights"
    said = ask("versions", "download", f"{MODEL}/1", "second", "--json")
    assert said == {"folder": str(home / "second"), "version": f"{MODEL}/1"}
    assert (home / "second" / "weights.bin").read_bytes() == b"weights"


def test_versions_are_commented(registry, ask):
    """`versions update` replaces the comment."""
    assert "good" in ask("versions", "update", f"{MODEL}/1", "--comment", "good")
    assert ask("versions", "update", f"{MODEL}/1", "--comment", "better", "--json")["comment"] == "better"


def test_aliases_move_and_go(registry, ask, fail):
    """Aliases are set, moved only from where they are expected, and unset; their history stays."""
    assert "next" in ask("aliases", "set", f"{MODEL}@next", "1", "--reason", "try it")
    assert ask("aliases", "set", f"{MODEL}@next", "1", "--json")["version"] == 1
    code, said = fail("aliases", "set", f"{MODEL}@next", "1", "--expected-current", "7")
    assert (code, said["error"]) == (13, "CONCURRENT_UPDATE")
    assert ask("aliases", "delete", f"{MODEL}@next", "--json") == {"alias": f"{MODEL}@next"}
    assert "champion" in ask("aliases", "delete", f"{MODEL}@champion")
    assert ask("aliases", "list", MODEL, "--json") == []
    assert [entry["reason"] for entry in ask("aliases", "history", f"{MODEL}@next", "--json")] == ["try it"]


@pytest.mark.parametrize(("on", "noun"), [(MODEL, "models"), (f"{MODEL}/1", "versions")])
def test_tags_are_set_and_deleted(registry, ask, on, noun):
    """`tags` works on models and on versions."""
    assert f"{on}: team=birds" in ask("tags", "set", on, "team", "birds")
    assert ask("tags", "set", on, "k", "v", "--json") == {"on": on, "key": "k", "value": "v"}
    assert ask(noun, "get", on, "--json")["tags"] == {"team": "birds", "k": "v"}
    ask("tags", "delete", on, "team")
    assert ask("tags", "delete", on, "k", "--json") == {"on": on, "key": "k"}
    assert ask(noun, "get", on, "--json")["tags"] == {}


def test_sweep_says_what_it_did(registry, ask):
    """A sweep without --dry-run is one, and takes its grace period in seconds."""
    assert ask("sweep", "--grace-seconds", "0", "--json")["dry_run"] is False
    assert ask("sweep", "--dry-run", "--json")["dry_run"] is True


def test_init_writes_what_it_uses(home, ask, monkeypatch):
    """`init` leaves policy files and settings with which the registry opens from elsewhere."""
    said = ask("init", "reg", "--json")
    assert said["folder"] == str(home / "reg")
    assert (home / "reg" / "policies" / "rules" / "default.toml").is_file()
    monkeypatch.setenv("HERDBOOK_CONFIG", str(home / "reg" / "herdbook.toml"))
    assert [catalog["name"] for catalog in ask("catalogs", "list", "--json")] == ["main"]
    assert "ready" in ask("init", "second")


def test_init_applies_the_policies_it_is_given(home, ask):
    """The folder of --policies is revision 1: its rules hold, those that Herdbook ships do not."""
    ask("init", "first")
    own = home / "own"
    (home / "first" / "policies").rename(own)
    for rules in (own / "rules").iterdir():
        rules.unlink()
    ask("init", "reg", "--policies", "own")
    assert ask("rules", "show", "-r", "./reg", "--json") == []
    assert ask("rules", "show", "-r", "./first", "--json") != []


def test_the_registry_option_wins_over_the_environment(registry, home, ask):
    """-r and --registry name another registry than the environment does."""
    ask("init", "other")
    for option in ("-r", "--registry"):
        assert ask("models", "list", "main.default", option, "./other", "--json") == []


def test_without_plugins_only_the_builtin_ones_are_there(home, ask):
    """--no-plugins leaves the plugins out that are installed, and nothing else."""
    names = {plugin["name"] for plugin in ask("plugins", "list", "--no-plugins", "--json")}
    assert names == {"builtin-embedded", "builtin-files", "builtin-http", "builtin-sql"}


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["models", "get", "no-levels"], 2, "INVALID_ARGUMENT"),
        (["register", "model", MODEL, "--tag", "novalue"], 2, "INVALID_ARGUMENT"),
        (["register", "nothing-there", MODEL], 2, "INVALID_ARGUMENT"),
        (["register", "model", MODEL, "--signature", "nothing-there.json"], 2, "INVALID_ARGUMENT"),
        (["aliases", "get", f"{MODEL}@champion", "--as-of", "yesterday"], 2, "INVALID_ARGUMENT"),
        (["init", "model"], 2, "INVALID_ARGUMENT"),
        (["catalogs", "get", "nothing"], 12, "NOT_FOUND"),
        (["versions", "get", f"{MODEL}/99"], 12, "NOT_FOUND"),
        (["catalogs", "create", "main"], 13, "ALREADY_EXISTS"),
        (["register", "model", MODEL], 15, "RULE_VIOLATION"),
        (["export", MODEL, "-o", "nowhere/x.tar"], 2, "INVALID_ARGUMENT"),
        (["export", "nothing", "-o", "x.tar"], 12, "NOT_FOUND"),
        (["import", "nothing.tar"], 2, "INVALID_ARGUMENT"),
        (["import", "signature.json"], 2, "INVALID_ARGUMENT"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else str(value),
)
def test_errors_have_their_class_s_exit_code(registry, fail, words, code, error):
    """An error is a sentence on standard error, JSON with --json, nothing on standard output, and its own code."""
    exit_code, said = fail(*words)
    assert (exit_code, said["error"]) == (code, error)
    assert said["message"]


def test_export_and_import(registry, ask, home, capsys):
    """`export` writes a file; `import` says what it made, makes nothing twice, and fails where something was left."""
    said = ask("export", MODEL, "-o", "iris.tar", "--label", "lab", "--json")
    assert (said["name"], said["versions"], said["blobs"]) == (MODEL, 1, 2)
    assert "main.tar" in ask("export", "main", "--output", "main.tar", "--metadata-only")
    ask("init", "other")
    words = ["import", "iris.tar", "--as", "main.default.rose", "-r", "./other"]
    assert "nothing was changed" in ask(*words, "--dry-run")
    assert ask("models", "list", "main.default", "-r", "./other", "--json") == []
    told = ask(*words)
    assert "from lab, as the archive says" in told
    assert told.count("MADE") == 3
    again = ask("import", "iris.tar", "--as", "main.default.rose", "-r", "./other", "--json")
    assert {item["outcome"] for item in again["items"]} == {"PRESENT"}
    assert ask("versions", "get", "main.default.rose@champion", "-r", "./other", "--json")["version"] == 1
    assert ask("import", "iris.tar", "--into", "main.default", "-r", "./other").count("MADE") == 3
    ask("register", "model", "main.default.own", "--signature", "signature.json", "-r", "./other")
    assert main(["import", "iris.tar", "--as", "main.default.own", "-r", "./other", "--json"]) == 13
    out, err = capsys.readouterr()
    assert [i["outcome"] for i in json.loads(out)["items"]] == ["PRESENT", "CONFLICT", "SKIPPED"]
    assert "1 of 3 things" in json.loads(err)["message"]


def test_who_may_not_is_told_so(registry, fail, monkeypatch):
    """What the caller may not do is refused with the exit code of PermissionDeniedError."""
    monkeypatch.setattr("herdbook.bootstrap.os_principal", lambda: PrincipalName.parse("user:os/guest"))
    code, said = fail("catalogs", "create", "prod")
    assert (code, said["error"]) == (11, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    "words", [["nonsense"], ["models", "get"], ["models", "get", "a", "--bogus"], ["aliases", "set", "m@a", "one"]]
)
def test_wrong_usage_is_exit_code_two(registry, capsys, words):
    """A command that cannot be understood says so on standard error."""
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "Error" in err


def test_comments_are_shown_as_they_are(registry, ask):
    """What looks like rich's markup in a comment is text."""
    assert "[bold]x[/bold] :smile:" in ask("catalogs", "update", "main", "--comment", "[bold]x[/bold] :smile:")


def _on_terminal(registry: Path, *words: str) -> tuple[str, str]:
    """Run a command whose standard error is a terminal; return what came on standard output and on the terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "HERDBOOK_REGISTRY_URI": str(registry), "TERM": "xterm", "COLUMNS": "100"}
    command = [sys.executable, "-c", "import sys; from herdbook.cli import main; sys.exit(main())", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, env=environment, check=True)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:
        pass  # Linux ends a terminal that nobody writes to any more with EIO.
    finally:
        os.close(ours)
    return done.stdout.decode(), shown.decode()


def test_progress_is_for_terminals_and_never_on_stdout(registry, home):
    """The bar is drawn on a terminal's standard error; with --json there is none, and stdout is one document."""
    words = ["register", "model", MODEL, "--signature", "signature.json"]
    out, shown = _on_terminal(registry, *words)
    assert "registering" in shown
    assert "registering" not in out
    out, shown = _on_terminal(registry, *words, "--json")
    assert json.loads(out)["version"] == 3
    assert not shown


def test_help_imports_no_database():
    """`herdbook --help`, and the help of a group, import neither SQLAlchemy nor the composition root."""
    code = (
        "import sys; from herdbook.cli import main; main(['--help']); main(['models', 'list', '--help']);"
        "sys.exit(bool({'sqlalchemy', 'alembic', 'herdbook.bootstrap'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "catalogs" in done.stdout


def test_completion_can_be_installed(home, capsys):
    """The completion script knows the groups and the commands in them."""
    assert main(["--install-completion", "--shell", "bash", "--output", "done.bash"]) == 0
    script = (home / "done.bash").read_text()
    assert all(name in script for name in [*GROUPS, *COMMANDS, "history"])


def _commands() -> list[str]:
    from herdbook.cli.app import build

    app = build()
    found = list(COMMANDS)
    for group in GROUPS:
        found += [f"{group} {name}" for name in app[group] if not name.startswith("-")]
    return found


@pytest.mark.parametrize("command", _commands())
def test_every_command_is_documented(command):
    """Each command stands in the reference."""
    assert f"`herdbook {command}" in REFERENCE.read_text()
