"""Short changes, done by one thread one after the other, those that came meanwhile with one commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

MOST = 32
"""How many changes one commit may hold; the first of them waits for the last."""
LINGER_S = 0.1
"""For how many seconds the thread waits for more."""

Job = Callable[[], Any]
Together = Callable[[Sequence[Job], Callable[[], None] | None], Sequence[Any]]
_Asked = tuple[Job, "asyncio.Future[Any]"]
_Done = tuple[Sequence[_Asked], Sequence[Any]]


class Batches:
    """Lets an event loop have jobs done together.

    Threads that write one by one would only take the interpreter from each other, and wait for the disk in turns. The
    one thread takes what waits by itself: until the loop had handed it on, a tenth of the time was over.

    Where more than one wait, two groups take turns. What was found for one is told when the other waits for the disk:
    told at once, the loop would take the interpreter from the thread, and have nothing to do while it waits.

    Args:
        together: Does jobs, none of which raises; returns what each returned. Calls what it is given, if anything,
            before it waits.
    """

    def __init__(self, together: Together) -> None:
        self._together = together
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="herdbook-changes")
        self._waiting: SimpleQueue[_Asked] = SimpleQueue()
        self._batch: Sequence[_Asked] = ()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def do(self, job: Job) -> Any:
        """Do a job with others; returns what it returns, or raises that where it is an error."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._waiting.put((job, future))
        # A loop that was closed is not told that the thread has ended.
        if self._loop is not loop:
            self._begin(loop)
        return await future

    def shut_down(self) -> None:
        """Wait for what was begun."""
        self._pool.shutdown(wait=True)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.run_in_executor(self._pool, self._work).add_done_callback(self._end)
        self._loop = loop

    def _work(self) -> None:
        """Do what comes until nothing does; in the thread."""
        untold: list[_Done] = []

        def tell() -> None:
            for done in untold:
                _pass_on(done)
            untold.clear()

        try:
            while (first := self._first()) is not None:
                more = self._more(sum(len(batch) for batch, _ in untold))
                batch = self._batch = [first, *(self._waiting.get() for _ in range(more))]
                outcomes = self._together([job for job, _ in batch], tell if untold else None)
                self._batch = ()
                untold.append((batch, outcomes))
                if self._waiting.empty():
                    tell()
        finally:
            tell()

    def _first(self) -> _Asked | None:
        """Return what came first, or comes soon: to begin anew takes longer than to go on."""
        try:
            return self._waiting.get(timeout=LINGER_S)
        except Empty:
            return None

    def _more(self, untold: int) -> int:
        """Return how many go with one: half of all, where those whose answers are still to be told are the other."""
        waiting = self._waiting.qsize()
        return min(MOST - 1, waiting, (waiting + untold) // 2)

    def _end(self, done: asyncio.Future[None]) -> None:
        error = done.exception()
        if error is not None:
            _pass_on((self._batch, [error] * len(self._batch)))
        loop = done.get_loop()
        if self._loop is loop:
            self._loop = None
        # Something may have come after the thread looked.
        if not self._waiting.empty():
            try:
                self._begin(loop)
            except RuntimeError as ended:
                left = [self._waiting.get() for _ in range(self._waiting.qsize())]
                _pass_on((left, [ended] * len(left)))


def _pass_on(done: _Done) -> None:
    for loop in {future.get_loop() for _, future in done[0]}:
        # In one that is closed nobody waits.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_tell, loop, done)


def _tell(loop: asyncio.AbstractEventLoop, done: _Done) -> None:
    for (_, future), outcome in zip(*done, strict=True):
        if future.get_loop() is not loop or future.done():
            # Whoever asked is gone.
            continue
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
