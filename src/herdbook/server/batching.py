"""Short changes, done by one thread one after the other, those that came meanwhile with one commit."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

MOST = 32
"""How many changes one commit may hold; the first of them waits for the last."""

Job = Callable[[], Any]
Together = Callable[[Sequence[Job]], Sequence[Any]]


class Batches:
    """Lets an event loop have jobs done together.

    Threads that write one by one would only take the interpreter from each other, and wait for the disk in turns.

    Args:
        together: Does jobs, none of which raises; returns what each returned.
    """

    def __init__(self, together: Together) -> None:
        self._together = together
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="herdbook-changes")
        self._waiting: deque[tuple[Job, asyncio.Future[Any]]] = deque()
        self._busy = False

    async def do(self, job: Job) -> Any:
        """Do a job with others; returns what it returns, or raises that where it is an error."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((job, future))
        if not self._busy:
            self._busy = True
            self._begin()
        return await future

    def shut_down(self) -> None:
        """Wait for what was begun."""
        self._pool.shutdown(wait=True)

    def _begin(self) -> None:
        batch = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
        doing = asyncio.get_running_loop().run_in_executor(self._pool, self._together, [job for job, _ in batch])
        doing.add_done_callback(lambda done: self._end(batch, done))

    def _end(self, batch: Sequence[tuple[Job, asyncio.Future[Any]]], done: asyncio.Future[Sequence[Any]]) -> None:
        # What came meanwhile is begun first, so that the thread is busy while this loop writes answers.
        if self._waiting:
            self._begin()
        else:
            self._busy = False
        error = done.exception()
        outcomes = done.result() if error is None else [error] * len(batch)
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if future.done():
                # Whoever asked is gone.
                continue
            if isinstance(outcome, BaseException):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
