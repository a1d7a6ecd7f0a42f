"""Times the file artifact store against `cp`, both durable, in interleaved rounds on one file system."""

from __future__ import annotations

import argparse
import hashlib
import io
import itertools
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from herdbook.adapters.files.store import FileStore
from herdbook.ports.artifacts import FileExpectation

MIB = 1024 * 1024
GATED = {"store one large file", "store small files"}
Job = Callable[[Path], float]


def main() -> int:
    """Run the rounds, print the table; 1 where a ratio is under its target."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory(prefix="herdbook-bytes-", dir=arguments.folder) as name:
        base = Path(name)
        large, small = base / "large.bin", base / "small"
        _fill(large, arguments.size_mb * MIB)
        small.mkdir()
        for number in range(arguments.files):
            _fill(small / f"{number:04}.bin", arguments.small_bytes)
        jobs = _jobs(large, small, base)
        before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        times = _rounds(jobs, base, arguments.rounds)
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    return _report(times, arguments, grown_kib)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mb", type=int, default=1024, help="size of the large file, in MiB")
    parser.add_argument("--files", type=int, default=500, help="how many small files")
    parser.add_argument("--small-bytes", type=int, default=20_000, help="size of a small file, in bytes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--target", type=float, default=0.6, help="least share of cp's speed")
    parser.add_argument("--folder", type=Path, default=None, help="where to work; the default temporary folder if left")
    return parser.parse_args()


def _fill(path: Path, size: int) -> None:
    with path.open("wb") as stream:
        while size > 0:
            stream.write(os.urandom(min(size, 8 * MIB)))
            size -= 8 * MIB


def _jobs(large: Path, small: Path, base: Path) -> dict[str, Job]:
    """Return what is timed, the yardstick of a pair first; each gets an empty folder."""
    held = FileStore(base / "held")
    with large.open("rb") as stream:
        kept = held.put_many([(stream, FileExpectation())])[0]
    smalls = sorted(small.iterdir())

    def cp_large(folder: Path) -> float:
        target = folder / "copy.bin"
        start = time.perf_counter()
        subprocess.run(["cp", large, target], check=True)
        descriptor = os.open(target, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        return time.perf_counter() - start

    def cp_small(folder: Path) -> float:
        start = time.perf_counter()
        subprocess.run(["cp", "-r", small, folder / "copies"], check=True)
        subprocess.run(["sync", "-f", folder], check=True)
        return time.perf_counter() - start

    def cp_back(folder: Path) -> float:
        start = time.perf_counter()
        subprocess.run(["cp", held.local_path(kept.sha256), folder / "copy.bin"], check=True)
        return time.perf_counter() - start

    def copy_back(folder: Path) -> float:
        start = time.perf_counter()
        with (folder / "copy.bin").open("xb") as target:
            held.copy_to(kept.sha256, target)
        return time.perf_counter() - start

    return {
        "cp one large file, fsync": cp_large,
        "store one large file": lambda folder: _store([large], FileStore(folder / "store")),
        "cp -r small files, sync -f": cp_small,
        "store small files": lambda folder: _store(smalls, _used_store(folder / "store")),
        "cp -r small files, sync -f (2)": cp_small,
        "store small files, new store": lambda folder: _store(smalls, FileStore(folder / "store")),
        "cp the large file back": cp_back,
        "copy_to of the large file": copy_back,
    }


def _used_store(root: Path) -> FileStore:
    """Make a store that has held files before, so that its 256 folders are there."""
    store = FileStore(root)
    contents = (number.to_bytes(8) for number in itertools.count())
    by_shelf = {hashlib.sha256(content).hexdigest()[:2]: content for content in itertools.islice(contents, 5_000)}
    for blob in store.put_many([(io.BytesIO(content), FileExpectation()) for content in by_shelf.values()]):
        store.remove(blob.sha256)
    subprocess.run(["sync", "-f", root], check=True)
    return store


def _store(paths: list[Path], store: FileStore) -> float:
    start = time.perf_counter()
    with ExitStack() as stack:
        sources = [(stack.enter_context(path.open("rb")), FileExpectation(size=path.stat().st_size)) for path in paths]
        blobs = store.put_many(sources)
    taken = time.perf_counter() - start
    for path, blob in zip(paths, blobs, strict=True):
        with path.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != blob.sha256:
                raise SystemExit(f"The store computed a wrong digest for {path}.")
    return taken


def _rounds(jobs: dict[str, Job], base: Path, rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for number in range(rounds + 1):
        # Pairs stay together, and who goes first alternates: the disk's mood favours neither.
        for name in list(jobs) if number % 2 else reversed(jobs):
            folder = Path(tempfile.mkdtemp(dir=base))
            subprocess.run(["sync", "-f", base], check=True)
            seconds = jobs[name](folder)
            if "small" not in name:
                # Small files stay to the end: ext4 makes files many times slower after many were removed.
                shutil.rmtree(folder)
            if number:
                times[name].append(seconds)
    return times


def _report(times: dict[str, list[float]], arguments: argparse.Namespace, grown_kib: int) -> int:
    names, short = list(times), 0
    print(f"{arguments.size_mb} MiB; {arguments.files} files of {arguments.small_bytes:,} bytes")
    for yardstick, ours in zip(names[::2], names[1::2], strict=True):
        base_s, ours_s = statistics.median(times[yardstick]), statistics.median(times[ours])
        # The rounds' own ratios show how far a slow minute of a shared disk moved the medians.
        paired = statistics.median(a / b for a, b in zip(times[yardstick], times[ours], strict=True))
        ratio = base_s / ours_s
        short += ours in GATED and ratio < arguments.target
        print(f"{yardstick:30} {base_s:7.3f} s   {ours:28} {ours_s:7.3f} s   ratio {ratio:.2f}, paired {paired:.2f}")
    print(f"resident set grew by {grown_kib / 1024:.0f} MiB over the rounds")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
