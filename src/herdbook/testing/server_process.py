"""The command `herdbook serve` in a process of its own, on a free port of the loopback."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import threading
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

    Example:
        with ServerProcess("./registry", folder=tmp_path) as server:
            registry = herdbook.connect(server.url)
    """

    def __init__(self, registry: str, *, folder: Path) -> None:
        self._registry = registry
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        words = [sys.executable, "-c", _SERVE, "serve", self._registry, "--json", "--port", "0"]
        leash = shutil.which("setpriv")
        with (self._folder / "server.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 our own program
                [*([leash, "--pdeathsig", "KILL"] if leash else []), *words],
                cwd=self._folder,
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
        threading.Thread(target=_drain, args=(process.stdout,), daemon=True).start()

    def stop(self) -> None:
        """End it in order."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_ENDED_WITHIN_S)
            self._process = None

    def log(self) -> str:
        """Return what it logged."""
        return (self._folder / "server.log").read_text(encoding="utf-8", errors="replace")


def _drain(stream: IO[str]) -> None:
    """Read what it prints, so that it never waits for a reader."""
    with stream:
        for _ in stream:
            pass
