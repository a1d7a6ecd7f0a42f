"""Counts how often a request waits for PostgreSQL, by what libpq itself notes down."""

from __future__ import annotations

import gc
import random
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import psycopg
from jobs import Job
from psycopg.pq import Trace

# Whoever sends one of these waits for its answer.
_ASKED = re.compile(r"^F\t\d+\t(?:Sync|Query)", re.MULTILINE)
_WARM = 12


def round_trips(job: Job) -> tuple[int, int]:
    """Return the round trips of one request to ours and to MLflow's, its statements prepared by earlier ones."""
    rng = random.Random(11)
    found = []
    for call in (job.mine, job.theirs):
        for _ in range(_WARM):
            call(job.choose(rng))
        found.append(_counted(call, job.choose(rng)))
    return found[0], found[1]


def _counted(call: Callable[[Any], object], asked: Any) -> int:
    with tempfile.TemporaryFile("w+") as notes:
        with _traced(notes):
            call(asked)
        notes.seek(0)
        return len(_ASKED.findall(notes.read()))


@contextmanager
def _traced(notes: IO[str]) -> Iterator[None]:
    """Trace every open connection; only one request is made meanwhile."""
    # Pools and threads keep them where nobody else can ask for them.
    kept = [one for one in gc.get_objects() if isinstance(one, psycopg.Connection) and not one.closed]
    for one in kept:
        one.pgconn.trace(notes.fileno())
        one.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
    try:
        yield
    finally:
        for one in kept:
            one.pgconn.untrace()
