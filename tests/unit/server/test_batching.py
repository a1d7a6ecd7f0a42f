"""Jobs that are done together: who gets which answer, and what a batch holds."""

from __future__ import annotations

import asyncio
import threading

import pytest

from herdbook.errors import ConflictError
from herdbook.server.batching import MOST, Batches


class Doing:
    """Does jobs as a store does, one after the other, and notes how many came at once; the first waits to be let go."""

    def __init__(self):
        self.sizes = []
        self.go_on = threading.Event()

    def __call__(self, jobs):
        self.go_on.wait(10)
        self.sizes.append(len(jobs))
        return [job() for job in jobs]


def refuse():
    return ConflictError("no")


def test_each_gets_its_own_answer_and_what_waits_goes_together():
    """Jobs that come while one is done go together, up to so many; each caller gets what its job returned or raised."""
    doing = Doing()

    async def run():
        batches = Batches(doing)
        jobs = [asyncio.create_task(batches.do(lambda number=number: number)) for number in range(MOST + 10)]
        jobs.append(asyncio.create_task(batches.do(refuse)))
        await asyncio.sleep(0)
        doing.go_on.set()
        answers = await asyncio.gather(*jobs, return_exceptions=True)
        batches.shut_down()
        return answers

    *numbers, refused = asyncio.run(run())
    assert numbers == list(range(MOST + 10))
    assert isinstance(refused, ConflictError)
    # The thread may have begun after the first one, or after some.
    assert sum(doing.sizes) == MOST + 11
    assert max(doing.sizes) == MOST
    assert len(doing.sizes) <= 3


def test_who_leaves_takes_nobody_along():
    """A caller that is cancelled while its job waits has it done all the same; the others get their answers."""
    doing, done = Doing(), []

    async def run():
        batches = Batches(doing)
        first, left, stays = (
            asyncio.create_task(batches.do(lambda name=name: done.append(name) or name)) for name in ("a", "b", "c")
        )
        await asyncio.sleep(0)
        left.cancel()
        doing.go_on.set()
        answers = await asyncio.gather(first, left, stays, return_exceptions=True)
        batches.shut_down()
        return answers

    first, left, stays = asyncio.run(run())
    assert (first, stays) == ("a", "c")
    assert isinstance(left, asyncio.CancelledError)
    assert done == ["a", "b", "c"]


def test_a_batch_that_fails_as_a_whole_fails_for_all_in_it():
    """Where the store itself breaks, every caller is told, and the next batch is tried again."""
    broken = [True]

    def together(jobs):
        if broken.pop() if broken else False:
            raise OSError("the disk is gone")
        return [job() for job in jobs]

    async def run():
        batches = Batches(together)
        with pytest.raises(OSError, match="the disk is gone"):
            await batches.do(lambda: 1)
        answer = await batches.do(lambda: 2)
        batches.shut_down()
        return answer

    assert asyncio.run(run()) == 2


def test_nothing_waits_for_what_comes_after_it():
    """A job that comes when the thread has just looked for the last time is done all the same."""

    async def ask(batches, number):
        for _ in range(50):
            assert await batches.do(lambda: number) == number

    async def run():
        batches = Batches(lambda jobs: [job() for job in jobs])
        await asyncio.wait_for(asyncio.gather(*(ask(batches, number) for number in range(20))), 60)
        batches.shut_down()

    asyncio.run(run())


def test_those_that_wait_beside_a_batch_that_fails_are_done():
    """The store breaks for one batch; what came meanwhile is another one."""
    begun, go_on = threading.Event(), threading.Event()

    def together(jobs):
        if not begun.is_set():
            begun.set()
            go_on.wait(10)
            raise OSError("the disk is gone")
        return [job() for job in jobs]

    async def run():
        batches = Batches(together)
        first = asyncio.create_task(batches.do(lambda: 1))
        await asyncio.to_thread(begun.wait, 10)
        second = asyncio.create_task(batches.do(lambda: 2))
        await asyncio.sleep(0)
        go_on.set()
        answers = await asyncio.gather(first, second, return_exceptions=True)
        batches.shut_down()
        return answers

    failed, done = asyncio.run(run())
    assert isinstance(failed, OSError)
    assert done == 2


def test_what_comes_after_its_end_is_told_so():
    """Each time, and nobody waits for ever."""

    async def run():
        batches = Batches(lambda jobs: [job() for job in jobs])
        assert await batches.do(lambda: 1) == 1
        batches.shut_down()
        for _ in range(2):
            with pytest.raises(RuntimeError):
                await asyncio.wait_for(batches.do(lambda: 2), 20)

    asyncio.run(run())
