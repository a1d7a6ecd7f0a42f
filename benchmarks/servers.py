"""Starts `herdbook serve` and `mlflow server` as people do, and tells how long that took and what they hold."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

from attrs import frozen

START_S = 120
_HERDBOOK = (sys.executable, "-c", "import sys; from herdbook.cli import main; sys.exit(main())", "serve", "--json")
_PAGES_KB = ("Pss:",)


@frozen(kw_only=True)
class Running:
    """A server that answers.

    Args:
        port: Where.
        started_s: How many seconds passed from its start until it answered.
        pid: The process that was started.
    """

    port: int
    started_s: float
    pid: int

    def resident_mb(self) -> float:
        """Return what all its processes hold in memory, what they share counted once; 0 where the system tells not."""
        return sum(_held_kb(pid) for pid in _family(self.pid)) / 1024


@contextmanager
def herdbook_server(url: str, artifacts: Path, workers: int, folder: Path, config: str = "") -> Iterator[Running]:
    """Run our server.

    Args:
        url: The database.
        artifacts: The folder with the bytes.
        workers: How many it starts.
        folder: Where it runs.
        config: What its herdbook.toml says; one that names an artifact_root keeps the bytes there.
    """
    environ = _plain_environ()
    if "artifact_root" not in config:
        environ["HERDBOOK_ARTIFACT_ROOT"] = str(artifacts)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "herdbook.toml").write_text(config)
    with _started() as started:
        began = time.perf_counter()
        command = [*_HERDBOOK, url, "--port", "0", "--workers", str(workers)]
        process = started(command, environ, folder, told=True)
        assert process.stdout is not None
        said = "".join(takewhile(lambda line: line.rstrip() != "}", process.stdout)) + "}"
        port = int(json.loads(said)["url"].rpartition(":")[2])
        yield Running(port=port, started_s=time.perf_counter() - began, pid=process.pid)


@contextmanager
def mlflow_server(url: str, workers: int, folder: Path, *, auth: Path | None = None) -> Iterator[Running]:
    """Run MLflow's.

    Args:
        url: The database.
        workers: How many it starts.
        folder: Where it runs, and keeps its artifacts.
        auth: The settings of its basic-auth; None leaves that off.
    """
    port = _free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", url, "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", str(workers), "--artifacts-destination", str(folder / "mlartifacts")]
    command += [] if auth is None else ["--app-name", "basic-auth"]
    # Its jobs would run beside what is measured, in processes of their own.
    environ = {**_plain_environ(), "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    environ |= {"MLFLOW_FLASK_SERVER_SECRET_KEY": "benchmark"}
    environ |= {} if auth is None else {"MLFLOW_AUTH_CONFIG_PATH": str(auth)}
    with _started() as started:
        began = time.perf_counter()
        process = started(command, environ, folder, told=False)
        while not _answers(port):
            if process.poll() is not None or time.perf_counter() - began > START_S:
                raise SystemExit(f"mlflow server does not start:\n{(folder / 'server.log').read_text()[-2000:]}")
            time.sleep(0.05)
        yield Running(port=port, started_s=time.perf_counter() - began, pid=process.pid)


class _Started:
    """Starts a process, and ends it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __call__(
        self, command: list[str], environ: dict[str, str], folder: Path, *, told: bool
    ) -> subprocess.Popen[str]:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "server.log").open("a") as log:
            out = subprocess.PIPE if told else log
            self._process = subprocess.Popen(command, cwd=folder, env=environ, stdout=out, stderr=log, text=True)
        return self._process

    def end(self) -> None:
        """End it, with all that it started."""
        process = self._process
        if process is None:
            return
        family = _family(process.pid)
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
        for pid in family[1:]:
            _kill(pid)


@contextmanager
def _started() -> Iterator[_Started]:
    started = _Started()
    try:
        yield started
    finally:
        started.end()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return


def _plain_environ() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith(("HERDBOOK_", "MLFLOW_"))}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            healthy: bool = answer.status == 200
            return healthy
    except (urllib.error.URLError, OSError):
        return False


def _family(root: int) -> list[int]:
    """Return a process and all that it started."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        _each(stat, lambda text, pid: children.setdefault(int(text.rpartition(")")[2].split()[1]), []).append(pid))
    found, left = [], [root]
    while left:
        found.append(left.pop())
        left += children.get(found[-1], [])
    return found


def _each(stat: Path, use: Callable[[str, int], None]) -> None:
    try:
        text = stat.read_text()
    except OSError:
        return  # It ended meanwhile.
    use(text, int(stat.parent.name))


def _held_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(_PAGES_KB))
