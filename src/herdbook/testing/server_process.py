"""A real `herdbook serve` in a process of its own, on a free port of the loopback; it can be killed and started again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import IO, Self

_SERVE = "import sys; from herdbook.cli import main; sys.exit(main())"
_ENDED_WITHIN_S = 60


class ServerProcess:
    """A running server; it ends with its `with` block, and with the process that started it where the system can.

    Args:
        registry: What it serves.
        folder: Where it runs: `herdbook.toml` there is read, and what it logs is appended to `server.log`.
        program: Python source that runs the command line; its arguments are those of the command.
        env: Further variables for its environment.

    Example:
        with ServerProcess("./registry", folder=tmp_path) as server:
            registry = herdbook.connect(server.url)
    """

    def __init__(
        self, registry: str, *, folder: Path, program: str = _SERVE, env: Mapping[str, str] | None = None
    ) -> None:
        self._registry = registry
        self._folder = folder
        self._program = program
        self._env = {key: value for key, value in os.environ.items() if not key.startswith("HERDBOOK_")} | dict(
            env or {}
        )
        self._process: subprocess.Popen[str] | None = None
        self._port = 0
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def process_id(self) -> int:
        """The number of its process."""
        assert self._process is not None, "the server does not run"
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it listens; again at the port that it had."""
        words = [sys.executable, "-c", self._program, "serve", self._registry, "--json", "--port", str(self._port)]
        leash = shutil.which("setpriv")
        with (self._folder / "server.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 our own program
                [*([leash, "--pdeathsig", "KILL"] if leash else []), *words],
                cwd=self._folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._process = process
        assert process.stdout is not None
        said = "".join(takewhile(lambda line: line.rstrip() != "}", process.stdout)) + "}"
        try:
            self.url = json.loads(said)["url"]
        except ValueError:
            self.stop()
            raise OSError(f"the server does not start: {said} {self.log()}") from None
        self._port = int(self.url.rpartition(":")[2])
        threading.Thread(target=_drain, args=(process.stdout,), daemon=True).start()

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order."""
        self._end(signal.SIGTERM)

    def wait(self) -> int:
        """Wait until it ended by itself; returns its exit code, which is negative for a signal."""
        assert self._process is not None, "the server does not run"
        return self._process.wait(_ENDED_WITHIN_S)

    def log(self) -> str:
        """Return what it logged."""
        return (self._folder / "server.log").read_text(encoding="utf-8", errors="replace")

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(_ENDED_WITHIN_S)
            self._process = None


def _drain(stream: IO[str]) -> None:
    """Read what it prints, so that it never waits for a reader."""
    with stream:
        for _ in stream:
            pass
