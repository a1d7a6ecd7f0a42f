"""Large bodies: of whom they are read, and how many a worker holds."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack

import pytest

from herdbook.errors import InvalidArgumentError, TooLargeError, UnauthenticatedError, UnavailableError
from herdbook.server.native import bodies
from herdbook.server.native.bodies import AT_ONCE, HEAVY, MOST_NODES, SMALL, LargeBodies, is_small, read_no_body

LIMIT = 32 * 1024 * 1024


async def anybody():
    """Nothing is asked for."""


def coming(content, announced=None):
    """Return what a request with this body receives, and its headers."""

    async def receive():
        return {"type": "http.request", "body": content, "more_body": False}

    return receive, {"content-length": str(len(content) if announced is None else announced)}


@pytest.mark.parametrize(
    ("headers", "small"),
    [
        ({}, True),
        ({"content-length": str(SMALL)}, True),
        ({"content-length": str(SMALL + 1)}, False),
        ({"content-length": "²"}, False),
        ({"transfer-encoding": "chunked"}, False),
    ],
)
def test_a_body_that_may_be_large_counts_as_large(headers, small):
    """Whoever does not say how much comes may send much."""
    assert is_small(headers) == small


def test_a_large_body_of_nobody_is_not_read():
    """Who does not prove who asks fills no memory."""

    async def nobody():
        raise UnauthenticatedError("Who asks?")

    async def receive():
        pytest.fail("it is read")

    async def ask():
        async with LargeBodies().take(receive, {"content-length": str(LIMIT)}, LIMIT, nobody):
            pytest.fail("it is there")

    with pytest.raises(UnauthenticatedError):
        asyncio.run(ask())


def test_a_worker_holds_only_so_many_bytes(monkeypatch):
    """What is beyond is told to come again; once a body is done with there is room for the next."""
    monkeypatch.setattr(bodies, "HELD", 250_000)

    async def ask():
        large = LargeBodies()
        receive, headers = coming(b"x" * 100_000)
        for _ in range(3):
            async with AsyncExitStack() as held:
                for _ in range(2):
                    await held.enter_async_context(large.take(receive, headers, LIMIT, anybody))
                with pytest.raises(UnavailableError):
                    await held.enter_async_context(large.take(receive, headers, LIMIT, anybody))

    asyncio.run(ask())


def test_heavy_bodies_are_worked_on_a_few_at_a_time():
    """What is made of them is far larger than they are."""

    async def ask():
        large, receive_heavy, receive_light = LargeBodies(), coming(b"x" * (HEAVY + 1)), coming(b"x" * HEAVY)
        async with AsyncExitStack() as held:
            for _ in range(AT_ONCE):
                await held.enter_async_context(large.take(*receive_heavy, LIMIT, anybody))
            await held.enter_async_context(large.take(*receive_light, LIMIT, anybody))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await large.take(*receive_heavy, LIMIT, anybody).__aenter__()
        async with asyncio.timeout(30), large.take(*receive_heavy, LIMIT, anybody):
            pass

    asyncio.run(ask())


@pytest.mark.parametrize("node", [b"[],", b"{},"])
def test_a_body_of_nothing_but_brackets_is_refused(node):
    """They take thirty times their bytes; what lists as many files as a version may have is let through."""

    async def ask(content):
        async with LargeBodies().take(*coming(content), LIMIT, anybody):
            pass

    with pytest.raises(TooLargeError):
        asyncio.run(ask(node * (MOST_NODES + 1)))
    file = {"path": "a [b] {c}/" + "d" * 20, "size": 1, "sha256": "0" * 64}
    asyncio.run(ask(json.dumps({"files": [file] * 100_000}).encode()))


def test_no_body_is_no_byte():
    """A body where none is taken is refused for what it is, whatever its size."""
    assert asyncio.run(read_no_body(*coming(b""))) == b""
    for content, announced in ((b"x", None), (b"x", 0), (b"", LIMIT)):
        with pytest.raises(InvalidArgumentError, match="takes no body"):
            asyncio.run(read_no_body(*coming(content, announced)))
