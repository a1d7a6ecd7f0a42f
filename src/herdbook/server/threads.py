"""Where work is done that would hold up the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import Enum
from typing import Any

from herdbook.errors import UnavailableError
from herdbook.server.batching import Batches, Together

MOST_WAITING = 512
"""Requests that may wait for a thread before more are told to come again."""
THREADS = 16
READERS = 2
"""Lists at once; one that takes long does not keep all others waiting."""
POINTS = 3
"""Reads of one statement at once, over a database that is elsewhere: while one thread waits for it, others have the
interpreter. With sixteen, an eighth fewer were answered (and of lists a quarter)."""
MOVERS = 32
"""Uploads that are taken in at once; each holds a thread and a few blocks for as long as its client takes."""
MOVERS_OF_ONE = MOVERS // 2
"""Of them, those of one principal: a client that sends slowly is to keep nobody else waiting."""
MOST_OF_ONE = 128
"""Uploads of one principal that are taken in or wait for that, before more are told to come again."""

Job = Callable[[], Any]


class Place(Enum):
    """Where a request's work is done."""

    LOOP = "in the event loop: what is read with one statement"
    POINTS = "by few threads: the same where the database is elsewhere"
    LISTS = "by few threads, where many would only take the interpreter from each other: lists that are not brief"
    CHANGES = "by one thread, with one commit for several: short changes"
    ANYWHERE = "by one of many threads"
    MOVERS = "by one of many other threads, at the pace of the client: bytes"


class Threads:
    """The threads of one worker.

    Args:
        together: Does several short changes; see `MetadataStore.together`.
    """

    def __init__(self, together: Together) -> None:
        self._changes = Batches(together)
        self._pools = {
            Place.POINTS: ThreadPoolExecutor(POINTS, thread_name_prefix="herdbook-points"),
            Place.LISTS: ThreadPoolExecutor(READERS, thread_name_prefix="herdbook-lists"),
            Place.ANYWHERE: ThreadPoolExecutor(THREADS, thread_name_prefix="herdbook"),
            Place.MOVERS: ThreadPoolExecutor(MOVERS, thread_name_prefix="herdbook-bytes"),
        }
        self._waiting = 0
        self._shares: dict[str, _Share] = {}

    @property
    def waiting(self) -> int:
        """How many jobs are in a thread, or wait for one."""
        return self._waiting

    async def do(self, place: Place, job: Job) -> Any:
        """Do a job; returns or raises what it does, and raises UnavailableError where too much is waiting."""
        with self._counted():
            return await self._begun(place, job)

    async def move(self, whom: str, job: Job) -> Any:
        """Do a job of a principal's at the pace of its client; raises as `do`, and for too many of that principal."""
        share = self._shares.setdefault(whom, _Share())
        if share.held >= MOST_OF_ONE:
            raise UnavailableError("Too many uploads of this principal wait.", hint="Repeat it in a moment.")
        share.held += 1
        try:
            with self._counted():
                async with share.turns:
                    return await self._begun(Place.MOVERS, job)
        finally:
            share.held -= 1
            if not share.held:
                del self._shares[whom]

    def shut_down(self) -> None:
        """Wait for what was begun."""
        for pool in reversed(self._pools.values()):
            pool.shutdown(wait=True)
        self._changes.shut_down()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        if self._waiting >= MOST_WAITING:
            raise UnavailableError("Too many requests are waiting.", hint="Repeat it in a moment.")
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def _begun(self, place: Place, job: Job) -> Awaitable[Any]:
        if place is Place.CHANGES:
            return self._changes.do(job)
        return asyncio.get_running_loop().run_in_executor(self._pools[place], job)


class _Share:
    """How much one principal has of what many share."""

    def __init__(self) -> None:
        self.held = 0
        self.turns = asyncio.Semaphore(MOVERS_OF_ONE)
