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

    def __call__(self, jobs, _meanwhile):
        self.go_on.wait(10)
        self.sizes.append(len(jobs))
        return [job() for job in jobs]


def refuse():
    return ConflictError("no")


def one_beside_another(together, begun, go_on, told=None):
    """Ask for a second job while the first one is done; returns both answers, or what was raised.

    `told` is set when the first one is answered.
    """

    async def run():
        batches = Batches(together)
        first = asyncio.create_task(batches.do(lambda: 1))
        if told is not None:
            first.add_done_callback(lambda _: told.set())
        await asyncio.to_thread(begun.wait, 10)
        second = asyncio.create_task(batches.do(lambda: 2))
        await asyncio.sleep(0)
        go_on.set()
        answers = await asyncio.wait_for(asyncio.gather(first, second, return_exceptions=True), 20)
        batches.shut_down()
        return answers

    return asyncio.run(run())


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
    assert sum(doing.sizes) == MOST + 11
    # The thread may have begun after the first one, or after some.
    assert len(doing.sizes) <= 3


def test_no_group_is_larger_than_so_much():
    """The first of them waits for the last."""
    doing = Doing()

    async def run():
        batches = Batches(doing)
        jobs = [asyncio.create_task(batches.do(lambda: 1)) for _ in range(10 * MOST)]
        await asyncio.sleep(0)
        doing.go_on.set()
        await asyncio.gather(*jobs)
        batches.shut_down()

    asyncio.run(run())
    assert sum(doing.sizes) == 10 * MOST
    assert max(doing.sizes) == MOST


def test_two_groups_take_turns():
    """Half of all that wait, and of those whose answers are still to be told, go together."""
    sizes, begun, go_on = [], threading.Event(), threading.Event()

    def together(jobs, meanwhile):
        sizes.append(len(jobs))
        begun.set()
        go_on.wait(10)
        if meanwhile is not None:
            meanwhile()
        return [job() for job in jobs]

    async def run():
        batches = Batches(together)
        first = asyncio.create_task(batches.do(lambda: 0))
        await asyncio.to_thread(begun.wait, 10)
        others = [asyncio.create_task(batches.do(lambda: 1)) for _ in range(8)]
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.gather(first, *others)
        batches.shut_down()

    asyncio.run(run())
    assert sizes == [1, 5, 3]


def test_a_group_is_told_while_the_next_one_waits():
    """Not before, since the loop would take the interpreter; and not only when the next one is done."""
    begun, go_on, told, seen = threading.Event(), threading.Event(), threading.Event(), []

    def together(jobs, meanwhile):
        begun.set()
        go_on.wait(10)
        if meanwhile is not None:
            seen.append(told.wait(0.1))
            meanwhile()
            seen.append(told.wait(10))
        return [job() for job in jobs]

    assert one_beside_another(together, begun, go_on, told) == [1, 2]
    assert seen == [False, True]


def test_a_group_is_told_where_the_next_one_breaks():
    """What was done before the store broke was done."""
    begun, go_on, sizes = threading.Event(), threading.Event(), []

    def together(jobs, _meanwhile):
        begun.set()
        go_on.wait(10)
        sizes.append(len(jobs))
        if len(sizes) > 1:
            raise OSError("the disk is gone")
        return [job() for job in jobs]

    done, failed = one_beside_another(together, begun, go_on)
    assert done == 1
    assert isinstance(failed, OSError)


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

    def together(jobs, _meanwhile):
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
        batches = Batches(lambda jobs, _meanwhile: [job() for job in jobs])
        await asyncio.wait_for(asyncio.gather(*(ask(batches, number) for number in range(20))), 60)
        batches.shut_down()

    asyncio.run(run())


def test_those_that_wait_beside_a_batch_that_fails_are_done():
    """The store breaks for one batch; what came meanwhile is another one."""
    begun, go_on = threading.Event(), threading.Event()

    def together(jobs, _meanwhile):
        if not begun.is_set():
            begun.set()
            go_on.wait(10)
            raise OSError("the disk is gone")
        return [job() for job in jobs]

    failed, done = one_beside_another(together, begun, go_on)
    assert isinstance(failed, OSError)
    assert done == 2


def test_what_comes_after_its_end_is_told_so():
    """Each time, and nobody waits for ever."""

    async def run():
        batches = Batches(lambda jobs, _meanwhile: [job() for job in jobs])
        assert await batches.do(lambda: 1) == 1
        batches.shut_down()
        for _ in range(2):
            with pytest.raises(RuntimeError):
                await asyncio.wait_for(batches.do(lambda: 2), 20)

    asyncio.run(run())


def test_one_loop_comes_after_another():
    """The thread may still wait for more from a loop that is closed."""
    batches = Batches(lambda jobs, _meanwhile: [job() for job in jobs])
    for number in range(4):
        assert asyncio.run(asyncio.wait_for(batches.do(lambda number=number: number), 20)) == number
    batches.shut_down()


def test_a_loop_that_is_closed_breaks_nothing():
    """What was asked for there is done, and the next loop is answered."""
    begun, go_on, done = threading.Event(), threading.Event(), []

    def together(jobs, meanwhile):
        begun.set()
        go_on.wait(10)
        if meanwhile is not None:
            meanwhile()
        return [job() for job in jobs]

    batches = Batches(together)

    async def leave():
        tasks = [asyncio.create_task(batches.do(lambda number=number: done.append(number))) for number in range(3)]
        await asyncio.to_thread(begun.wait, 10)
        for task in tasks:
            task.cancel()

    async def ask():
        go_on.set()
        return await asyncio.wait_for(batches.do(lambda: "answer"), 20)

    asyncio.run(leave())
    assert asyncio.run(ask()) == "answer"
    batches.shut_down()
    assert sorted(done) == [0, 1, 2]
