"""Bytes over HTTP: up and down, beside `cp` with the same durability and beside MLflow's proxy, in one run."""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from bytes import MIB, copy_and_fsync, copy_and_sync, fill, timed

import herdbook
from herdbook.client import register_model
from herdbook.client.download import download_artifacts
from herdbook.entities import ModelVersion
from herdbook.ports.registry import Registry
from herdbook.server.running import listen
from herdbook.testing.samples import SIGNATURE

READY_S = 60
WEIGHTS = "weights.bin"
UP, DOWN, MANY_UP, MANY_DOWN = "large file up", "large file down", "small files up", "small files down"
TARGETS = {UP: (0.5, 1.3), DOWN: (0.25, 1.3), MANY_UP: (0.25, 5.0), MANY_DOWN: (None, None)}
"""Work -> at least this share of the speed of cp, and this many times the speed of MLflow."""


def main() -> int:
    """Run interleaved rounds and print the table; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mb", type=int, default=1024)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--file-bytes", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=None, help="where to work (a real disk)")
    parser.add_argument("--without-mlflow", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="herdbook-bytes-", dir=arguments.folder) as name:
        base = Path(name)
        _spread(base)
        with _herdbook(base) as (url, process):
            if arguments.without_mlflow:
                results = _rounds(base, arguments, url, None)
            else:
                with _mlflow(base) as peer:
                    results = _rounds(base, arguments, url, peer)
            resident = _resident(process.pid)
    missed = _print(results)
    print(f"\nthe server's resident memory: {resident[0]} MiB at the end, {resident[1]} MiB at most")
    return int(missed)


def _print(results: dict[str, list[list[float]]]) -> bool:
    print("| work | Herdbook, s | cp, s | share of cp | target | MLflow, s | times MLflow | target |")
    print("|---|---|---|---|---|---|---|---|")
    missed = False
    for work, rounds in results.items():
        mine, copied, peer = (statistics.median(column) for column in zip(*rounds, strict=True))
        share = statistics.median(row[1] / row[0] for row in rounds)
        times = statistics.median(row[2] / row[0] for row in rounds)
        least, most = TARGETS[work]
        missed |= (least is not None and share < least) or (most is not None and 0 < times < most)
        print(
            f"| {work} | {mine:.2f} | {copied:.2f} | {share:.2f} | {least or '-'} | {peer:.2f} | {times:.1f} | "
            f"{most or '-'} |"
        )
    return missed


def _rounds(base: Path, arguments: argparse.Namespace, url: str, peer: _Peer | None) -> dict[str, list[list[float]]]:
    results: dict[str, list[list[float]]] = {}
    # Both clients are in this process, and neither should have to look at what the other one has loaded.
    gc.collect()
    gc.freeze()
    with herdbook.connect(url) as registry:
        for number in range(arguments.rounds):
            here = _folder(base, f"round-{number}")
            big, small = here / "big", here / "small"
            for folder in (big, small):
                folder.mkdir()
            # A file whose size is new is sent at once; another one is hashed first, to see whether it is held.
            fill(big / WEIGHTS, arguments.size_mb * MIB + number)
            for index in range(arguments.files):
                fill(small / f"part-{index:04}.bin", arguments.file_bytes + number)
            for work, sides in _works(registry, peer, here, big, small).items():
                row = [0.0, 0.0, 0.0]
                for side in sorted(range(3 if peer else 2), key=lambda side: (side + number) % 3):
                    row[side] = timed(sides[side])
                    _put_aside(here, f"{work}-{side}")
                results.setdefault(work, []).append(row)
                print(f"round {number}, {work}:", *(f"{seconds:.2f}" for seconds in row), file=sys.stderr)
            (big / WEIGHTS).unlink()
    return results


def _works(
    registry: Registry, peer: _Peer | None, here: Path, big: Path, small: Path
) -> dict[str, tuple[Callable[[], object], ...]]:
    """Return what each side does: ours, cp, and MLflow's."""
    versions: dict[str, ModelVersion] = {}
    copy, down = here / "copy", here / "down"

    def register(folder: Path) -> None:
        name = f"main.default.{folder.name}"
        versions[folder.name] = register_model(folder, name, registry=registry, signature=SIGNATURE)

    def fetch(folder: Path) -> None:
        download_artifacts(versions[folder.name].ref, down, registry=registry)

    def peer_up(folder: Path) -> None:
        assert peer is not None
        peer.up(folder)

    def peer_down(folder: Path) -> None:
        assert peer is not None
        peer.down(folder, down)

    def cp(*words: str | Path) -> None:
        subprocess.run(["cp", *words], check=True)

    weights = big / WEIGHTS
    return {
        UP: (lambda: register(big), lambda: copy_and_fsync(weights, copy), lambda: peer_up(big)),
        DOWN: (lambda: fetch(big), lambda: cp(weights, copy), lambda: peer_down(big)),
        MANY_UP: (lambda: register(small), lambda: copy_and_sync(small, copy), lambda: peer_up(small)),
        MANY_DOWN: (lambda: fetch(small), lambda: cp("-r", small, copy), lambda: peer_down(small)),
    }


def _folder(base: Path, name: str) -> Path:
    folder = base / name
    folder.mkdir()
    return folder


def _spread(base: Path) -> None:
    """Give each folder made here a part of the disk of its own: files that others just deleted slow nobody down."""
    if shutil.which("chattr") is not None:
        subprocess.run(["chattr", "+T", base], check=False, stderr=subprocess.DEVNULL)


def _put_aside(here: Path, name: str) -> None:
    """Remove large files at once and small ones at the end: ext4 makes new ones slower where many were just deleted."""
    for left in (here / "copy", here / "down"):
        if left.is_dir():
            for large in (file for file in left.iterdir() if file.stat().st_size > MIB):
                large.unlink()
            left.rename(here / f"{left.name}-{name}")
        else:
            left.unlink(missing_ok=True)


@contextmanager
def _herdbook(base: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    command = [str(Path(sys.executable).parent / "herdbook"), "serve", str(base / "registry"), "--port", "0"]
    # Not a pipe that nobody reads: a full one would stop the server.
    log = (base / "herdbook.log").open("w")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield next(word for word in line.split() if word.startswith("http")), process
    finally:
        process.terminate()
        process.wait(READY_S)
        log.close()


class _Peer:
    """MLflow's proxied artifacts, as its client moves them."""

    def __init__(self, url: str, artifacts: Path) -> None:
        from mlflow import MlflowClient  # noqa: PLC0415 slow, and not needed without it

        self._client = MlflowClient(url)
        self._artifacts = artifacts
        self._experiment = self._client.create_experiment("bytes")
        self._runs: dict[str, str] = {}

    def up(self, folder: Path) -> None:
        """Upload a folder, and make it as durable as ours is."""
        self._runs[folder.name] = self._client.create_run(self._experiment).info.run_id
        self._client.log_artifacts(self._runs[folder.name], str(folder))
        subprocess.run(["sync", "-f", self._artifacts], check=True)

    def down(self, folder: Path, target: Path) -> None:
        """Download it."""
        target.mkdir()
        self._client.download_artifacts(self._runs[folder.name], "", str(target))


@contextmanager
def _mlflow(base: Path) -> Iterator[_Peer]:
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    listening.close()
    artifacts = base / "mlartifacts"
    artifacts.mkdir()
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{base}/mlflow.db", "--artifacts-destination", str(artifacts)),
        "--serve-artifacts",
    ]
    log = (base / "mlflow.log").open("w")
    process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        end = time.monotonic() + READY_S
        while not _answers(port):
            if time.monotonic() > end or process.poll() is not None:
                raise TimeoutError((base / "mlflow.log").read_text())
            time.sleep(0.2)
        yield _Peer(f"http://127.0.0.1:{port}", artifacts)
    finally:
        os.killpg(process.pid, 15)
        process.wait(READY_S)
        log.close()


def _answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/health").status_code == 200
    except httpx2.TransportError:
        return False


def _resident(pid: int) -> tuple[int, int]:
    """Return MiB of resident memory: now, and at most."""
    told = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    now, most = (int(told[name].split()[0]) // 1024 for name in ("VmRSS", "VmHWM"))
    return now, most


if __name__ == "__main__":
    sys.exit(main())
