"""Registering bytes through the whole registry, beside `cp` with the same durability, in one run."""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from herdbook.bootstrap import open_registry
from herdbook.client import register_model
from herdbook.settings import Settings
from herdbook.testing.samples import SIGNATURE

MIB = 1024 * 1024
TARGET = 0.6


def fill(path: Path, size: int) -> None:
    """Write random bytes."""
    with path.open("wb") as stream:
        for start in range(0, size, MIB):
            stream.write(os.urandom(min(MIB, size - start)))


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that work takes, begun with nothing left to write."""
    os.sync()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def copy_and_fsync(source: Path, target: Path) -> None:
    """Copy one file with cp, then make it durable."""
    subprocess.run(["cp", source, target], check=True)
    descriptor = os.open(target, os.O_RDWR)
    os.fsync(descriptor)
    os.close(descriptor)


def copy_and_sync(source: Path, target: Path) -> None:
    """Copy a folder with cp -r, then make its file system durable."""
    subprocess.run(["cp", "-r", source, target], check=True)
    subprocess.run(["sync", "-f", target], check=True)


def main() -> int:
    """Run interleaved rounds and print the table; 1 where a ratio is under its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mb", type=int, default=1024)
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--file-bytes", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=None, help="where to work (a real disk)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="herdbook-bytes-", dir=arguments.folder) as name:
        base = Path(name)
        results = _rounds(base, arguments)
    print("| work | Herdbook, s | cp, s | ratio (paired) | target |\n|---|---|---|---|---|")
    missed = False
    for work, pairs in results.items():
        mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(peer / own for own, peer in pairs)
        target = TARGET if work != "register 1 GB again" else None
        missed |= target is not None and ratio < target
        print(f"| {work} | {mine:.3f} | {theirs:.3f} | {ratio:.2f} | {target or '-'} |")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak resident memory of the registering process: {peak:.0f} MiB")
    return int(missed or peak > 100)


def _pair(number: int, mine: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float]:
    """Time both; who goes first alternates."""
    if number % 2:
        peer = timed(theirs)
        return timed(mine), peer
    return timed(mine), timed(theirs)


def _rounds(base: Path, arguments: argparse.Namespace) -> dict[str, list[tuple[float, float]]]:
    results: dict[str, list[tuple[float, float]]] = {}
    for number in range(arguments.rounds):
        big, small = base / "big", base / "small"
        for folder in (big, small):
            folder.mkdir()
        fill(big / "weights.bin", arguments.size_mb * MIB)
        for index in range(arguments.files):
            fill(small / f"part-{index:04}.bin", arguments.file_bytes)
        target = base / "copy"
        with open_registry(str(base / f"registry-{number}"), settings=Settings()) as registry:

            def register(folder: Path, name: str, registry=registry) -> None:  # noqa: ANN001 bound here
                register_model(folder, f"main.default.{name}", registry=registry, signature=SIGNATURE)

            one = _pair(number, lambda: register(big, "big"), lambda: copy_and_fsync(big / "weights.bin", target))
            target.unlink()
            results.setdefault("register 1 GB, with sha256 and fsync", []).append(one)
            again = (timed(lambda: register(big, "big")), one[1])
            results.setdefault("register 1 GB again", []).append(again)
            many = _pair(number, lambda: register(small, "small"), lambda: copy_and_sync(small, target))
            shutil.rmtree(target)
            results.setdefault(f"register {arguments.files} small files", []).append(many)
        for folder in (big, small, base / f"registry-{number}"):
            shutil.rmtree(folder)
    return results


if __name__ == "__main__":
    sys.exit(main())
