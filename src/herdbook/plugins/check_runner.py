"""Runs a check in a process of its own, within limits; no verdict is never a pass."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

from attrs import frozen

from herdbook.entities import ModelDescription, ModelVersion
from herdbook.errors import InvalidArgumentError, UnavailableError, UnsupportedError
from herdbook.names import ModelName
from herdbook.plugins.contributions import PreRegisterCheck
from herdbook.verdicts import Reject, Verdict
from herdbook.wire import structure, unstructure

MAX_ANSWER = 1024 * 1024
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from herdbook.plugins.check_child import main; main(int(sys.argv[1]))"
)
"""What the child runs: it finds Herdbook and the check where this process finds them."""


@frozen(kw_only=True)
class CandidateData:
    """A candidate as it crosses into the check's process.

    Args:
        files: Path -> (size in bytes, SHA-256, the file on this machine that holds it).

    The other fields are those of `Candidate`.
    """

    name: ModelName
    version: ModelVersion
    model: ModelDescription
    files: dict[str, tuple[int, str, Path]]


def validate_params(check: PreRegisterCheck, params: dict[str, Any]) -> None:
    """Refuse params that do not fit a check; raises InvalidArgumentError that names the key."""
    if check.params is None:
        if params:
            raise InvalidArgumentError(f"The check {check.name!r} takes no params.", hint="Remove them.")
        return
    what = f"params of the check {check.name!r}"
    structure(params, check.params, what=what)
    try:
        json.dumps(params)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"{what} are not acceptable: {error}.", hint="Write such values as text.") from error


def run_check(check: PreRegisterCheck, candidate: CandidateData, params: dict[str, Any]) -> Verdict:
    """Run a check and return its verdict.

    Args:
        check: Which.
        candidate: About what.
        params: What the rule says; they fit the check (see `validate_params`).

    Returns:
        What the check said; a Reject where it raised, died or answered something else.

    Raises:
        UnavailableError: it gave no verdict within its time, or could not be started.
        UnsupportedError: this system cannot keep a check within limits.
    """
    request = json.dumps(_request(check, candidate, params)).encode()
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryDirectory(prefix="herdbook-check-cwd-") as folder:
        code = _run(check, request, answer, folder)
        answer.seek(0)
        data = answer.read(MAX_ANSWER + 1)
    if not data:
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return _failed(check, f"its process {how} and gave no verdict")
    if len(data) > MAX_ANSWER:
        return _failed(check, f"its answer has more than {MAX_ANSWER:,} bytes")
    return _read(check, data)


def _read(check: PreRegisterCheck, data: bytes) -> Verdict:
    try:
        plain = json.loads(data)
        if "failed" in plain:
            return _failed(check, plain["failed"])
        return structure(plain["verdict"], Verdict, what="its verdict")  # type: ignore[arg-type]  # a union is no class
    except (ValueError, TypeError, KeyError, InvalidArgumentError) as error:
        return _failed(check, f"its answer cannot be read: {error}")


def _run(check: PreRegisterCheck, request: bytes, answer: IO[bytes], folder: str) -> int:
    if os.name != "posix":
        raise UnsupportedError(f"The check {check.name!r} cannot run on this system: it has no process groups.")
    path = [entry or str(Path.cwd()) for entry in sys.path]
    flags = ["-E", "-P", *(["-B"] if sys.dont_write_bytecode else [])]
    try:
        child = subprocess.Popen(  # noqa: S603 our own interpreter and module
            [sys.executable, *flags, "-c", _START, str(answer.fileno()), json.dumps(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(answer.fileno(),),
            cwd=folder,
            # Whatever secrets this process has in its environment are none of a plugin's business.
            env={"HOME": folder, "TMPDIR": folder, "PATH": os.defpath, "LC_CTYPE": "C.UTF-8"},
            start_new_session=True,
        )
    except OSError as error:
        raise UnavailableError(
            f"The check {check.name!r} could not be started: {error}.",
            hint="The version is still pending: finalize it again.",
        ) from error
    try:
        child.communicate(request, timeout=check.timeout_s)
    except subprocess.TimeoutExpired:
        raise UnavailableError(
            f"The check {check.name!r} gave no verdict within {check.timeout_s:g} seconds.",
            hint="The version is still pending: finalize it again.",
        ) from None
    finally:
        # Whatever the check left running goes with it.
        _end_group(child.pid)
        child.wait()
    return child.returncode


def _end_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _request(check: PreRegisterCheck, candidate: CandidateData, params: dict[str, Any]) -> dict[str, Any]:
    kind = check.params
    return {
        "target": check.target,
        "params": params,
        "params_type": None if kind is None else f"{kind.__module__}:{kind.__qualname__}",
        "memory_bytes": check.memory_mb * 1024 * 1024,
        # Threads on every core may use their time; what hangs is stopped by the clock.
        "cpu_s": (int(check.timeout_s) + 1) * (os.cpu_count() or 1),
        "name": str(candidate.name),
        "version": unstructure(candidate.version),
        "model": unstructure(candidate.model),
        "files": {path: [size, sha256, str(local)] for path, (size, sha256, local) in candidate.files.items()},
    }


def _failed(check: PreRegisterCheck, why: str) -> Reject:
    return Reject(
        message=f"The check {check.name!r} (version {check.version}) failed: {why}.",
        hint="A check that fails rejects. Tell whoever runs the registry.",
    )
