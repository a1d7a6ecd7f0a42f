"""The command line's edges: limits, options before the command, what is spent on a mistake, pipes, terminals."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from herdbook.cli import main

MODEL = "main.default.iris"
RUN = [sys.executable, "-c", "import sys; from herdbook.cli import main; sys.exit(main())"]


@pytest.fixture
def reg(tmp_path, monkeypatch, capsys):
    """The URI of a registry with one model folder and its signature beside it."""
    for variable in ("REGISTRY_URI", "HOME", "ARTIFACT_ROOT", "POLICIES_DIR", "CONFIG", "NO_PLUGINS"):
        monkeypatch.delenv(f"HERDBOOK_{variable}", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(b"weights")
    (tmp_path / "sig.json").write_text('{"inputs": [{"type": "double"}], "outputs": [{"type": "long"}]}')
    assert main(["init", "reg"]) == 0
    capsys.readouterr()
    return "./reg"


def test_max_results_limits_lists(reg, capsys):
    """--max-results shows the first ones, across pages too; zero is refused."""
    for number in range(5):
        assert main(["catalogs", "create", f"c{number}", "-r", reg]) == 0
    capsys.readouterr()
    assert main(["catalogs", "list", "--max-results", "3", "--json", "-r", reg]) == 0
    assert [catalog["name"] for catalog in json.loads(capsys.readouterr().out)] == ["c0", "c1", "c2"]
    assert main(["catalogs", "list", "--max-results", "0", "-r", reg]) == 2


@pytest.mark.parametrize("first", [["-r", "./reg"], ["--registry=./reg", "--no-plugins"], ["--json", "-r", "./reg"]])
def test_options_may_stand_before_the_command(reg, capsys, first):
    """What every command takes is understood before the command too."""
    assert main([*first, "catalogs", "get", "main"]) == 0
    assert "main" in capsys.readouterr().out


def test_version_needs_no_registry(reg, capsys):
    """`version` answers people and programs, whatever the registry is."""
    assert main(["version", "-r", "nothing:there"]) == 0
    assert capsys.readouterr().out.startswith("herdbook ")
    assert main(["version", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"herdbook", "python"}


@pytest.mark.parametrize("mistake", [["--alias", "not an alias!"], ["--tag", "novalue"], ["--signature", "none.json"]])
def test_a_mistyped_registration_spends_no_number(reg, capsys, mistake):
    """A mistake in the arguments is found before a version is made."""
    words = ["register", "model", MODEL, "-r", reg, "--json"]
    assert main([*words, *mistake]) == 2
    capsys.readouterr()
    assert main([*words, "--signature", "sig.json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == 1


def test_init_refuses_what_it_would_not_use(reg, tmp_path, capsys):
    """A folder that is a registry already is refused, and so is --registry; nothing is written for a bad policy."""
    assert main(["init", "reg", "--policies", "reg/policies"]) == 13
    assert main(["init", "new", "-r", reg]) == 2
    assert main(["init", "new", "--policies", "nothing-there"]) == 2
    assert not (tmp_path / "new").exists()


def test_init_writes_settings_for_any_path(tmp_path, monkeypatch, capsys):
    """Quotes and signs in the folder's name are written so that the settings can be read."""
    folder = tmp_path / 'a "quoted" \N{HERB} place'
    assert main(["init", str(folder)]) == 0
    monkeypatch.setenv("HERDBOOK_CONFIG", str(folder / "herdbook.toml"))
    assert main(["catalogs", "get", "main"]) == 0


def test_a_refusal_carries_its_rejections(reg, capsys):
    """Programs get each rule that refuses a version, not only a sentence."""
    assert main(["register", "model", MODEL, "-r", reg, "--json"]) == 15
    said = json.loads(capsys.readouterr().err)
    assert [rejection["rule"] for rejection in said["rejections"]] == ["signature-required"]


def test_wrong_usage_is_json_for_programs(reg, capsys):
    """With --json a wrong usage is one JSON object on standard error too."""
    assert main(["models", "get", "--json"]) == 2
    assert json.loads(capsys.readouterr().err)["error"] == "USAGE"


def test_comments_cannot_steer_a_terminal(reg, capsys):
    """Control characters that somebody wrote into a comment are not sent to the reader's terminal."""
    assert main(["catalogs", "create", "evil", "--comment", "\x1b]0;owned\x07\x9b2J", "-r", reg]) == 0
    assert main(["catalogs", "list", "-r", reg]) == 0
    assert not set(capsys.readouterr().out) & set("\x1b\x07\x9b")


def test_piped_tables_have_one_line_a_row(reg, capsys):
    """Where no terminal sets a width, rows are whole lines."""
    assert main(["register", "model", MODEL, "-r", reg]) == 15
    assert main(["versions", "list", MODEL, "-r", reg]) == 0
    row = capsys.readouterr().out.splitlines()[-1]
    assert "FAILED_REGISTRATION" in row
    assert row == row.rstrip()


def test_a_file_that_the_system_refuses_is_told_in_a_sentence(reg, capsys):
    """What the operating system refuses is a message and 74, not a traceback."""
    assert main(["register", "model", MODEL, "--signature", "sig.json", "--alias", "a", "-r", reg]) == 0
    capsys.readouterr()
    assert main(["versions", "download", f"{MODEL}/1", "sig.json/inside", "-r", reg]) == 74
    assert capsys.readouterr().err.startswith("herdbook: ")


def test_an_interrupt_is_130(reg, monkeypatch):
    """Ctrl-C ends a command with 130, without a traceback."""

    def interrupted(*_: object, **__: object):
        raise KeyboardInterrupt

    monkeypatch.setattr("herdbook.bootstrap.open_registry", interrupted)
    assert main(["whoami", "-r", reg]) == 130


def test_a_reader_that_leaves_is_no_error(reg):
    """Where the reader of a pipe has gone, the command ends quietly."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*RUN, "plugins", "list", "--json"], stdout=writing, stderr=subprocess.PIPE, check=False, timeout=60
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("noun", ["models", "schemas", "catalogs"])
def test_an_id_of_bytes_that_are_no_text(reg, capsys, noun):
    """Bytes that are no UTF-8 reach us as lone surrogates; they are refused like any id that is none."""
    assert main([noun, "restore", os.fsdecode(b"a\xff"), "-r", reg]) == 2
    assert "is not an id" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["models", "list", "main.default"], ["import", "fraud.tar", "--dry-run"]])
def test_a_mistyped_path_founds_nothing(reg, capsys, tmp_path, words):
    """What only looks says that there is no registry in a folder, and how one is made; it makes none."""
    assert main([*words, "-r", "./rge"]) == 2
    told = capsys.readouterr().err
    assert "There is no registry in" in told
    assert "herdbook init" in told
    assert not (tmp_path / "rge").exists()


def test_what_makes_something_founds_at_first_use(reg, capsys, tmp_path):
    """The first registration needs no `init`."""
    assert main(["register", "model", MODEL, "--signature", "sig.json", "-r", "./other"]) == 0
    assert main(["models", "get", MODEL, "-r", "./other"]) == 0
