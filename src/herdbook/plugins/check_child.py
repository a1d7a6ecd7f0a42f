"""The process that runs one check: request on standard input, answer on a file descriptor of its own."""

from __future__ import annotations

import importlib
import io
import json
import os
import resource
import sys
from pathlib import Path
from typing import Any, BinaryIO

from attrs import frozen

from herdbook.entities import ModelDescription, ModelVersion
from herdbook.names import ModelName
from herdbook.plugins.contributions import Candidate
from herdbook.verdicts import Pass, Reject, Verdict
from herdbook.wire import converter, structure

MAX_TEXT = 20_000


@frozen(kw_only=True)
class LocalFile:
    """One file of the candidate, on this machine."""

    size: int
    sha256: str
    local: Path

    def open(self) -> BinaryIO:
        """Open it for reading."""
        return io.BufferedReader(io.FileIO(self.local, "r"))


def main(answer: int) -> None:
    """Run the check that standard input asks for, write the verdict to a file descriptor, and end this process."""
    own = os.getpid()
    request = json.load(sys.stdin.buffer)
    try:
        _limit(request["memory_bytes"], request["cpu_s"])
        data = json.dumps({"verdict": _verdict(request)}, ensure_ascii=False).encode()
    except MemoryError:
        data = _failure("it needs more memory than it may use")
    except Exception as error:  # noqa: BLE001 whatever a check raises rejects
        data = _failure(_shown(error))
    # A check that forks comes back here twice: only the process that was asked answers.
    if os.getpid() == own:
        with os.fdopen(answer, "wb") as stream:
            stream.write(data)
    # Threads that the check left running must not hold up the answer.
    os._exit(0)


def _failure(why: str) -> bytes:
    return json.dumps({"failed": why[:MAX_TEXT]}).encode()


def _shown(error: Exception) -> str:
    try:
        return f"{type(error).__name__}: {error}".encode("utf-8", "replace").decode()
    except Exception:  # noqa: BLE001 an error whose text cannot be made is still an error
        return type(error).__name__


def _verdict(request: dict[str, Any]) -> Any:
    function = _load(request["target"])
    params = None
    if request["params_type"] is not None:
        params = structure(request["params"], _load(request["params_type"]), what="params")
    candidate = Candidate(
        name=ModelName.parse(request["name"]),
        version=structure(request["version"], ModelVersion, what="version"),
        model=structure(request["model"], ModelDescription, what="model"),
        files={
            path: LocalFile(size=size, sha256=sha256, local=Path(local))
            for path, (size, sha256, local) in request["files"].items()
        },
    )
    verdict = function(candidate, params)
    if type(verdict) not in (Pass, Reject):
        raise TypeError(f"it returned {verdict!r}, not Pass or Reject")
    plain = converter.unstructure(verdict, Verdict)
    # The values in a Reject are the check's own: they must be what they are declared to be.
    structure(plain, Verdict, what="its verdict")  # type: ignore[arg-type]  # a union is no class
    return plain


def _load(target: str) -> Any:
    module, _, path = target.partition(":")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return found


def _limit(memory_bytes: int, cpu_s: int) -> None:
    limits = {resource.RLIMIT_CORE: 0, resource.RLIMIT_CPU: cpu_s}
    # macOS neither keeps this limit nor lets it be set below what is mapped.
    if sys.platform != "darwin":
        limits[resource.RLIMIT_AS] = _mapped_bytes() + memory_bytes
    for kind, wanted in limits.items():
        _, most = resource.getrlimit(kind)
        limit = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        resource.setrlimit(kind, (limit, limit))


def _mapped_bytes() -> int:
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    except OSError:
        return 0
