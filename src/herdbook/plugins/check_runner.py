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
from herdbook.errors import InvalidArgumentError, UnavailableError
from herdbook.names import ModelName
from herdbook.plugins.contributions import PreRegisterCheck
from herdbook.verdicts import Reject, Verdict
from herdbook.wire import structure, unstructure

CHILD = "herdbook.plugins.check_child"
MAX_ANSWER = 1024 * 1024


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
    structure(params, check.params, what=f"params of the check {check.name!r}")


def run_check(check: PreRegisterCheck, candidate: CandidateData, params: dict[str, Any]) -> Verdict:
    """Run a check and return its verdict.

    Args:
        check: Which.
        candidate: About what.
        params: What the rule says; they fit the check (see `validate_params`).

    Returns:
        What the check said; a Reject where it raised, died or answered something else.

    Raises:
        UnavailableError: it gave no verdict within its time.
    """
    request = json.dumps(_request(check, candidate, params)).encode()
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryDirectory(prefix="herdbook-check-cwd-") as folder:
        code = _run(check, request, answer, folder)
        answer.seek(0)
        data = answer.read(MAX_ANSWER + 1)
    if not data or len(data) > MAX_ANSWER:
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return _failed(check, f"its process {how} and gave no verdict")
    plain = json.loads(data)
    if "failed" in plain:
        return _failed(check, plain["failed"])
    return structure(plain["verdict"], Verdict, what="a verdict")  # type: ignore[arg-type]  # a union is no class


def _run(check: PreRegisterCheck, request: bytes, answer: IO[bytes], folder: str) -> int:
    child = subprocess.Popen(  # noqa: S603 our own interpreter and module
        [sys.executable, "-m", CHILD, str(answer.fileno())],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(answer.fileno(),),
        cwd=folder,
        start_new_session=True,
    )
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
        "path": [entry or str(Path.cwd()) for entry in sys.path],
        "target": check.target,
        "params": params,
        "params_type": None if kind is None else f"{kind.__module__}:{kind.__qualname__}",
        "memory_bytes": check.memory_mb * 1024 * 1024,
        "cpu_s": int(check.timeout_s) + 1,
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
