"""The process that checks run in: whatever a check does, there is a verdict or a 503, and never a pass by accident."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from herdbook.entities import ModelDescription
from herdbook.errors import InvalidArgumentError, UnavailableError
from herdbook.plugins import PreRegisterCheck
from herdbook.plugins.check_runner import run_check, validate_params
from herdbook.testing.check_contract import candidate_of
from herdbook.verdicts import Pass, Reject

CHECKS = """
import ctypes, json, os, signal, subprocess, sys, threading, time
from typing import Any
from attrs import field, frozen
from herdbook.verdicts import Pass, Reject

@frozen(kw_only=True)
class Params:
    words: tuple[str, ...] = ()
    limit: int = 3

@frozen(kw_only=True)
class Loose:
    value: Any

def passes(candidate, params):
    return Pass()

def rejects(candidate, params):
    return Reject(message="no", hint="do", reasons=("one", "two"))

def sees(candidate, params):
    file = candidate.files["a/b.txt"]
    with file.open() as stream:
        data = stream.read()
    return Reject(message=json.dumps({
        "name": str(candidate.name), "version": candidate.version.version, "flavors": sorted(candidate.model.flavors),
        "size": file.size, "sha256": file.sha256, "data": data.decode(), "text": candidate.read_text("a/b.txt"),
        "missing": candidate.read_text("nope"), "files": list(candidate), "params": repr(params),
    }))

def writes(candidate, params):
    with candidate.files["a/b.txt"].open() as stream:
        stream.write(b"x")
    return Pass()

def environment(candidate, params):
    return Reject(message=json.dumps({"env": dict(os.environ), "cwd": os.getcwd(), "argv": sys.argv}))

def limits(candidate, params):
    import resource
    return Reject(message=json.dumps({
        "core": resource.getrlimit(resource.RLIMIT_CORE)[0], "cpu": resource.getrlimit(resource.RLIMIT_CPU)[0],
        "session": os.getsid(0) == os.getpid(),
    }))

def hangs(candidate, params):
    time.sleep(600)
    return Pass()

def hangs_at_import_of_itself(candidate, params):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        pass

def raises(candidate, params):
    raise KeyError("no such thing")

def raises_what_cannot_be_shown(candidate, params):
    class Odd(Exception):
        def __str__(self):
            raise RuntimeError
    raise Odd

def exits(candidate, params):
    sys.exit(0)

def dies(candidate, params):
    os._exit(0)

def is_killed(candidate, params):
    os.kill(os.getpid(), signal.SIGKILL)

def crashes(candidate, params):
    ctypes.string_at(0)

def eats_memory(candidate, params):
    held = []
    while True:
        held.append(bytearray(16 * 1024 * 1024))

def needs_little(candidate, params):
    return Pass() if bytearray(24 * 1024 * 1024) else None

def prints(candidate, params):
    print(json.dumps({"verdict": {"verdict": "PASS"}}), flush=True)
    os.write(1, b"x" * 5_000_000)
    os.write(2, b"y" * 5_000_000)
    return Reject(message="printed")

def leaves_a_thread(candidate, params):
    threading.Thread(target=time.sleep, args=(600,)).start()
    return Pass()

def leaves_a_process(candidate, params):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    return Reject(message=str(child.pid))

def leaves_a_process_and_hangs(candidate, params):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with open(params.words[0], "w") as stream:
        stream.write(str(child.pid))
    time.sleep(600)

def comes_back_twice(candidate, params):
    copy = os.fork()
    return Reject(message=str(copy))

def says_much(candidate, params):
    return Reject(message="x" * 2_000_000)

def closes_everything(candidate, params):
    os.closerange(0, 256)
    return Pass()

def returns_none(candidate, params):
    return None

def returns_true(candidate, params):
    return True

def returns_text(candidate, params):
    return "PASS"

def returns_the_class(candidate, params):
    return Pass

def returns_a_lookalike(candidate, params):
    class Pass:
        pass
    return Pass()

def returns_a_heir(candidate, params):
    class Ok(Pass):
        pass
    return Ok()

def returns_a_reject_of_nonsense(candidate, params):
    return Reject(message=7)

def returns_a_reject_that_is_no_json(candidate, params):
    return Reject(message=object())

def returns_a_reject_that_is_no_text(candidate, params):
    return Reject(message="\\udcff")

not_callable = 3
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The checks above, importable in this process by a change of sys.path alone."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "hb_test_checks.py").write_text(CHECKS)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "hb_test_checks", raising=False)
    return "hb_test_checks"


@pytest.fixture
def candidate(tmp_path):
    """A candidate with one file."""
    return candidate_of({"a/b.txt": b"text"}, tmp_path, ModelDescription(flavors={"onnx": {}}))


def make(module, function, **more) -> PreRegisterCheck:
    return PreRegisterCheck(name="mine", version="4", target=f"{module}:{function}", **{"timeout_s": 20, **more})


def with_params(module, function, **more) -> PreRegisterCheck:
    import hb_test_checks

    return make(module, function, params=hb_test_checks.Params, **more)


def gone(pid: int) -> bool:
    """Whether a process has ended; a moment is allowed for the kernel to end it."""
    for _ in range(100):
        stat = Path(f"/proc/{pid}/stat")
        try:
            os.kill(pid, 0)
            if stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


def test_verdicts_come_back_whole(module, candidate):
    """A pass is a pass; a rejection keeps its message, hint and reasons."""
    assert run_check(make(module, "passes"), candidate, {}) == Pass()
    wanted = Reject(message="no", hint="do", reasons=("one", "two"))
    assert run_check(make(module, "rejects"), candidate, {}) == wanted


def test_a_check_sees_its_candidate_and_params(module, candidate):
    """Name, version, description and files arrive; params arrive as the plugin's own type, defaults filled in."""
    verdict = run_check(with_params(module, "sees"), candidate, {"words": ["a", "b"]})
    assert json.loads(verdict.message) == {
        "name": "main.default.candidate",
        "version": 1,
        "flavors": ["onnx"],
        "size": 4,
        "sha256": candidate.files["a/b.txt"][1],
        "data": "text",
        "text": "text",
        "missing": None,
        "files": ["a/b.txt"],
        "params": "Params(words=('a', 'b'), limit=3)",
    }


def test_files_are_opened_for_reading_only(module, candidate):
    """Writing through a candidate's file is an error of the check, and the bytes stay."""
    verdict = run_check(make(module, "writes"), candidate, {})
    assert isinstance(verdict, Reject)
    assert candidate.files["a/b.txt"][2].read_bytes() == b"text"


@pytest.mark.parametrize(
    ("function", "why"),
    [
        ("raises", "KeyError: 'no such thing'"),
        ("raises_what_cannot_be_shown", "Odd"),
        ("exits", "exit code 0"),
        ("dies", "exit code 0"),
        ("is_killed", f"signal {int(signal.SIGKILL)}"),
        ("crashes", f"signal {int(signal.SIGSEGV)}"),
        ("says_much", "answer"),
        ("closes_everything", "exit code"),
        ("returns_none", "None, not Pass or Reject"),
        ("returns_true", "True, not Pass or Reject"),
        ("returns_text", "'PASS', not Pass or Reject"),
        ("returns_the_class", "not Pass or Reject"),
        ("returns_a_lookalike", "not Pass or Reject"),
        ("returns_a_heir", "not Pass or Reject"),
        ("returns_a_reject_of_nonsense", "text"),
        ("returns_a_reject_that_is_no_json", "object"),
        ("returns_a_reject_that_is_no_text", "surrogates"),
        ("no_such_function", "no_such_function"),
        ("not_callable", "TypeError"),
    ],
)
def test_whatever_goes_wrong_rejects(module, candidate, function, why):
    """The rejection names the check, its version and what happened."""
    verdict = run_check(make(module, function), candidate, {})
    assert isinstance(verdict, Reject)
    assert "'mine' (version 4)" in verdict.message
    assert why in verdict.message


def test_a_target_that_cannot_be_imported_rejects(candidate):
    """As above; the reason names the module."""
    verdict = run_check(make("hb_no_such_module", "check"), candidate, {})
    assert isinstance(verdict, Reject)
    assert "hb_no_such_module" in verdict.message


@pytest.mark.parametrize("function", ["hangs", "hangs_at_import_of_itself"])
def test_a_hang_is_unavailable_and_ends_in_time(module, candidate, function):
    """No verdict within the time is a 503 that names the check, not a rejection, however hard it resists."""
    begun = time.monotonic()
    with pytest.raises(UnavailableError, match=r"'mine' gave no verdict within 1 seconds"):
        run_check(make(module, function, timeout_s=1), candidate, {})
    assert time.monotonic() - begun < 5


def test_memory_is_limited_to_what_the_check_declares(module, candidate):
    """A check that takes more is rejected with that reason; what it declares, it can have."""
    verdict = run_check(make(module, "eats_memory", memory_mb=256), candidate, {})
    assert isinstance(verdict, Reject)
    assert "memory" in verdict.message
    assert run_check(make(module, "needs_little", memory_mb=32), candidate, {}) == Pass()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems count address space differently")
def test_a_small_allowance_does_not_starve_python_itself(module, candidate):
    """The allowance is counted beyond what an idle process takes."""
    assert run_check(make(module, "passes", memory_mb=16), candidate, {}) == Pass()


def test_what_a_check_prints_is_not_its_verdict(module, candidate):
    """Output, however much and whatever it looks like, neither blocks nor forges the answer."""
    assert run_check(make(module, "prints"), candidate, {}) == Reject(message="printed")


def test_a_thread_that_stays_does_not_hold_the_verdict(module, candidate):
    """The verdict counts as soon as it is given."""
    begun = time.monotonic()
    assert run_check(make(module, "leaves_a_thread", timeout_s=10), candidate, {}) == Pass()
    assert time.monotonic() - begun < 8


def test_a_check_that_forks_answers_once(module, candidate):
    """The copy that it made of itself neither answers nor stays."""
    verdict = run_check(make(module, "comes_back_twice"), candidate, {})
    assert gone(int(verdict.message))


def test_what_a_check_leaves_running_is_ended(module, candidate):
    """A process that a check started does not outlive it, whether it gave a verdict or was stopped."""
    verdict = run_check(make(module, "leaves_a_process"), candidate, {})
    assert gone(int(verdict.message))


def test_what_a_hanging_check_started_is_ended(module, candidate, tmp_path):
    """As above, for one that had to be stopped."""
    note = tmp_path / "pid"
    with pytest.raises(UnavailableError):
        run_check(with_params(module, "leaves_a_process_and_hangs", timeout_s=2), candidate, {"words": [str(note)]})
    assert gone(int(note.read_text()))


def test_the_environment_is_not_handed_on(module, candidate, monkeypatch):
    """Secrets in the registry's environment do not reach a plugin's check, and it starts in an empty folder."""
    monkeypatch.setenv("HERDBOOK_TEST_SECRET", "hunter2")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    seen = json.loads(run_check(make(module, "environment"), candidate, {}).message)
    assert set(seen["env"]) <= {"HOME", "LC_CTYPE", "PATH", "TMPDIR"}
    assert seen["cwd"] == seen["env"]["TMPDIR"]
    assert not Path(seen["cwd"]).exists()


def test_limits_are_set(module, candidate):
    """No core dump of somebody's model, CPU time by the cores that there are, a session of its own."""
    seen = json.loads(run_check(make(module, "limits", timeout_s=10), candidate, {}).message)
    assert seen == {"core": 0, "cpu": 11 * (os.cpu_count() or 1), "session": True}


def test_a_lower_limit_of_the_system_is_kept(module, candidate):
    """Where the registry itself runs under limits, checks still run, under the lower of both."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_CPU, (5, 5));"
        "sys.path[:0] = sys.argv[1:]; import pathlib, tempfile;"
        "from herdbook.plugins import PreRegisterCheck; from herdbook.plugins.check_runner import run_check;"
        "from herdbook.testing.check_contract import candidate_of; from herdbook.entities import ModelDescription;"
        "check = PreRegisterCheck(name='x', version='1', target='hb_test_checks:limits', timeout_s=10);"
        "print(run_check(check, candidate_of({}, pathlib.Path(tempfile.mkdtemp()), ModelDescription()), {}).message)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *filter(None, sys.path)], capture_output=True, text=True, check=False
    )
    assert '"cpu": 5' in done.stdout, done.stderr
    assert resource.getrlimit(resource.RLIMIT_CORE) == before


def test_a_process_that_cannot_be_started_is_unavailable(module, candidate, monkeypatch):
    """The system having no room for a process is no verdict about the model."""
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(UnavailableError, match="'mine' could not be started"):
        run_check(make(module, "passes"), candidate, {})


def test_params_are_validated_before_anything_runs(module):
    """The error names the check and the key."""
    check = with_params(module, "passes")
    validate_params(check, {"words": ["a"], "limit": 4})
    for params, key in (({"limit": "4"}, "limit"), ({"limt": 4}, "limt.*limit"), ({"words": "a"}, "words")):
        with pytest.raises(InvalidArgumentError, match=f"'mine'.*{key}"):
            validate_params(check, params)
    with pytest.raises(InvalidArgumentError, match="takes no params"):
        validate_params(make(module, "passes"), {"limit": 4})
    validate_params(make(module, "passes"), {})


def test_params_that_cannot_cross_are_refused_at_once(module):
    """A value that JSON does not know (a date in a ruleset) is refused with the policy, not when a model comes."""
    import hb_test_checks

    check = make(module, "passes", params=hb_test_checks.Loose)
    validate_params(check, {"value": "2026-01-01"})
    with pytest.raises(InvalidArgumentError, match=r"'mine'.*JSON"):
        validate_params(check, {"value": datetime(2026, 1, 1, tzinfo=UTC)})
