"""The check contract itself: it finds the checks that break it."""

from __future__ import annotations

import pytest

from herdbook.entities import ModelDescription
from herdbook.plugins import PreRegisterCheck
from herdbook.testing.check_contract import CheckContract

SOURCE = """
import os
from herdbook.verdicts import Pass, Reject

def good(candidate, params):
    return Pass(note="seen") if candidate.read_text("card") == "good" else Reject(message="It is not good.")
def lax(candidate, params): return Pass()
def strict(candidate, params): return Reject(message="No.")
def broken(candidate, params): raise ValueError("odd")
def random(candidate, params):
    word = os.urandom(8).hex()
    return Pass(note=word) if candidate.read_text("card") == "good" else Reject(message=word)
def writer(candidate, params):
    open(candidate.files["card"].local, "w").write("changed")
    return Pass()
def dropper(candidate, params):
    open(str(candidate.files["card"].local) + ".cache", "w").write("x")
    return Pass()
not_callable = 1
"""
FILES = {"good_files": {"card": b"good"}, "bad_files": {"card": b"bad"}}
PASSES, REJECTS = "test_good_passes", "test_bad_is_rejected_with_a_reason_and_alike_each_time"
READS, IMPORTED = "test_files_are_left_as_they_are", "test_the_target_can_be_imported"


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Make a check of one of the functions above."""
    (tmp_path / "hb_test_contract_checks.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(function: str) -> PreRegisterCheck:
        return PreRegisterCheck(name="c", version="1", target=f"hb_test_contract_checks:{function}")

    return make


def run(test: str, check: PreRegisterCheck, folder) -> None:
    """Call one test of the contract as pytest would."""
    folder.mkdir()
    if test == IMPORTED:
        CheckContract().test_the_target_can_be_imported(check)
        return
    given = {"check": check, "params": {}, "description": ModelDescription(), "tmp_path": folder}
    wanted = {PASSES: ["good_files"], REJECTS: ["bad_files"], READS: ["good_files", "bad_files"]}[test]
    getattr(CheckContract(), test)(**given, **{name: FILES[name] for name in wanted})


@pytest.mark.parametrize("test", [IMPORTED, PASSES, REJECTS, READS])
def test_a_good_check_keeps_it(check, tmp_path, test):
    """A check that says something with its pass is no worse for it."""
    run(test, check("good"), tmp_path / "files")


@pytest.mark.parametrize(
    ("function", "test"),
    [
        ("lax", REJECTS),
        ("strict", PASSES),
        ("broken", PASSES),
        ("broken", REJECTS),
        ("random", PASSES),
        ("random", REJECTS),
        ("writer", READS),
        ("dropper", READS),
        ("not_callable", IMPORTED),
    ],
)
def test_a_check_that_breaks_it_is_found(check, tmp_path, function, test):
    """Each promise of the contract fails for a check that breaks it."""
    with pytest.raises(AssertionError):
        run(test, check(function), tmp_path / "files")


def test_a_target_that_is_not_there_is_found(check, tmp_path):
    """The error names what is missing."""
    with pytest.raises(AttributeError, match="nowhere"):
        run(IMPORTED, check("nowhere"), tmp_path / "files")
