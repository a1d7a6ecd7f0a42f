"""Threads that go at the pace of clients: nobody takes them all."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager

import pytest

from herdbook.errors import UnavailableError
from herdbook.server.threads import MOST_OF_ONE, MOST_WAITING, MOVERS, MOVERS_OF_ONE, Threads


@contextmanager
def slow_clients():
    """Yield a job that ends with the block, and how many are at it."""
    leave, lock, count = threading.Event(), threading.Lock(), [0]

    def job():
        with lock:
            count[0] += 1
        leave.wait(60)
        return "done"

    try:
        yield job, count
    finally:
        leave.set()


def run(work):
    async def inside():
        threads = Threads(lambda jobs: [job() for job in jobs])
        try:
            return await work(threads)
        finally:
            await asyncio.to_thread(threads.shut_down)

    return asyncio.run(inside())


async def until(count, number):
    while count[0] < number:  # noqa: ASYNC110 threads tell no event loop
        await asyncio.sleep(0.01)


@pytest.mark.timeout(60)
def test_slow_uploads_of_one_leave_threads_to_others():
    """Whoever sends many files slowly has half of the threads; another's upload is taken in meanwhile."""

    async def work(threads):
        with slow_clients() as (job, count):
            mine = [asyncio.create_task(threads.move("eve", job)) for _ in range(MOVERS + 10)]
            await until(count, MOVERS_OF_ONE)
            assert await threads.move("ann", lambda: "at once") == "at once"
            assert count[0] == MOVERS_OF_ONE
        return await asyncio.gather(*mine)

    assert run(work) == ["done"] * (MOVERS + 10)


@pytest.mark.timeout(60)
def test_what_waits_for_its_share_is_counted():
    """All that waits is told as waiting, and there is an end to it however many principals there are."""

    async def work(threads):
        with slow_clients() as (job, count):
            people = [f"p{number}" for number in range(2 * MOST_WAITING // MOST_OF_ONE)]
            many = [asyncio.create_task(threads.move(each, job)) for each in people for _ in range(MOST_OF_ONE)]
            await until(count, MOVERS)
            assert threads.waiting == MOST_WAITING
        done = await asyncio.gather(*many, return_exceptions=True)
        assert sum(isinstance(each, UnavailableError) for each in done) == MOST_WAITING
        assert threads.waiting == 0

    run(work)


@pytest.mark.timeout(60)
def test_too_many_of_one_are_told_to_come_again():
    """Beyond so many that wait, uploads of the same principal are refused, and of others are not."""

    async def work(threads):
        with slow_clients() as (job, count):
            mine = [asyncio.create_task(threads.move("eve", job)) for _ in range(MOST_OF_ONE)]
            await until(count, MOVERS_OF_ONE)
            with pytest.raises(UnavailableError, match="uploads of this principal"):
                await threads.move("eve", job)
            assert await threads.move("ann", lambda: "at once") == "at once"
            mine[-1].cancel()
            await asyncio.sleep(0)
            after = asyncio.create_task(threads.move("eve", job))
            await asyncio.sleep(0)
        await asyncio.gather(*mine[:-1], after)
        assert threads._shares == {}
        assert await threads.move("eve", lambda: "again") == "again"

    run(work)
