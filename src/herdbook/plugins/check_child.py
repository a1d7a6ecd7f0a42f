"""The process that runs one check: request on standard input, answer on a file descriptor of its own."""

from __future__ import annotations

import importlib
import io
import json
import os
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
    """Run the check that standard input asks for, and write the verdict to a file descriptor."""
    request = json.load(sys.stdin.buffer)
    _limit(request["memory_bytes"], request["cpu_s"])
    try:
        plain: dict[str, Any] = {"verdict": _verdict(request)}
    except MemoryError:
        plain = {"failed": "it needs more memory than it may use"}
    except Exception as error:  # noqa: BLE001 whatever a check raises rejects
        plain = {"failed": f"{type(error).__name__}: {error}"[:MAX_TEXT]}
    with os.fdopen(answer, "wb") as stream:
        stream.write(json.dumps(plain).encode())


def _verdict(request: dict[str, Any]) -> Any:
    sys.path[:] = request["path"]
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
    if not isinstance(verdict, Pass | Reject):
        raise TypeError(f"it returned {verdict!r}, not Pass or Reject")
    return converter.unstructure(verdict, Verdict)


def _load(target: str) -> Any:
    module, _, path = target.partition(":")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return found


def _limit(memory_bytes: int, cpu_s: int) -> None:
    try:
        import resource  # noqa: PLC0415 exists on POSIX only
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


if __name__ == "__main__":
    main(int(sys.argv[1]))
