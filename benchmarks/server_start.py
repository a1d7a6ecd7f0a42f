"""How long `herdbook serve` takes to listen, and what one of its workers holds in memory, by lines of the policy."""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import takewhile
from pathlib import Path

import httpx2
from authorization import policy

from herdbook.adapters.sql.store import SqlStore
from herdbook.bootstrap import open_registry
from herdbook.entities.ledger import AppliedPolicy
from herdbook.ports.metadata import Stamp
from herdbook.settings import Settings

COMMAND = (sys.executable, "-c", "import sys; from herdbook.cli import main; sys.exit(main())", "serve", "./registry")
STARTS = 5
START_S = 1.0
# Lines of the policy -> MB that a worker may hold.
LIMITS_MB = {1_000: 120, 100_000: 220}
# What is installed is compiled; where this machine forbids to keep that, each start would compile it anew.
ENVIRON = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def make(folder: Path, lines: int) -> None:
    """Make a registry whose policy has so many lines."""
    open_registry(str(folder / "registry"), settings=Settings()).close()
    snapshot = policy(random.Random(1))
    items = [*snapshot.lines[:lines], *snapshot.memberships[:lines]]
    store = SqlStore.open(f"sqlite:///{folder}/registry/herdbook.db")
    with store.write(exclusive=True) as tx:
        tx.apply_policy(AppliedPolicy(revision=0), add=items, reason=None, stamp=Stamp(at_ms=1, by="0" * 32))
    store.close()


def start(folder: Path) -> tuple[float, float, float]:
    """Start a server, ask it something; returns seconds until it listened, of the processor, and its MB."""
    began = time.perf_counter()
    words = [*COMMAND, "--port", "0", "--json"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(words, cwd=folder, env=ENVIRON, stdout=subprocess.PIPE, stderr=quiet, text=True) as process:
        told = "".join(takewhile(lambda line: line.rstrip() != "}", process.stdout or ()))
        took = time.perf_counter() - began
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        busy = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        url = told.partition('"url": "')[2].partition('"')[0]
        with httpx2.Client(base_url=url, timeout=60) as client:
            for _ in range(50):
                # Decided by the policy, which is thereby read.
                assert client.get("/api/v1/catalogs/main").status_code == 200
                assert client.get("/api/v1/catalogs").status_code == 200
        status = Path(f"/proc/{process.pid}/status").read_text()
        held = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
        process.terminate()
    return took, busy, held / 1024


def main() -> int:
    """Measure, print, and fail where a target is missed."""
    good = True
    print("| lines of the policy | starts in (s) | of the processor (s) | holds (MB) | may hold |")
    print("|---|---|---|---|---|")
    for lines, limit in LIMITS_MB.items():
        with tempfile.TemporaryDirectory() as name:
            make(Path(name), lines)
            # The first one may compile.
            measured = [start(Path(name)) for _ in range(1 + STARTS)][1:]
        took, busy, held = (statistics.median(values) for values in zip(*measured, strict=True))
        print(f"| {lines:,} | {took:.2f} | {busy:.2f} | {held:.0f} | {limit} |")
        good = good and held <= limit and busy <= START_S
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
