"""Bodies of requests: small ones as they come, large ones of who proves who asks, and only so many at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from herdbook.errors import InvalidArgumentError, TooLargeError, UnavailableError
from herdbook.server.messages import Receive, read_body

SMALL = 64 * 1024
"""Bytes of a body that anybody may send, as often as there are connections."""
HELD = 256 * 1024 * 1024
"""Bytes of large bodies that a worker holds at once."""
HEAVY = 1024 * 1024
AT_ONCE = 2
"""How many bodies over `HEAVY` bytes are worked on at once: what is made of one may take twenty times its bytes."""
MOST_NODES = 500_000
"""Lists and objects that a body may hold; 100,000 files are 100,001."""


def is_small(headers: dict[str, str]) -> bool:
    """Return whether a request says that its body is small, or that it has none."""
    announced = headers.get("content-length", "0")
    return (
        "transfer-encoding" not in headers and announced.isascii() and announced.isdigit() and int(announced) <= SMALL
    )


async def read_no_body(receive: Receive, headers: dict[str, str]) -> bytes:
    """Return the body of a request that takes none: no bytes; raises InvalidArgumentError for any."""
    if "content-length" not in headers and "transfer-encoding" not in headers:
        return b""
    try:
        return await read_body(receive, headers, 0)
    except TooLargeError:
        raise InvalidArgumentError(
            "This request takes no body.", hint="Its arguments go into path and query."
        ) from None


class LargeBodies:
    """Takes in the large bodies of one worker."""

    def __init__(self) -> None:
        self._held = 0
        self._heavy = asyncio.Semaphore(AT_ONCE)

    @asynccontextmanager
    async def take(
        self, receive: Receive, headers: dict[str, str], limit: int, prove: Callable[[], Awaitable[object]]
    ) -> AsyncIterator[bytes]:
        """Hold a body while the block lasts.

        Args:
            receive: Where its messages come from.
            headers: The request's headers.
            limit: Bytes that it may have.
            prove: Raises unless it is known who asks; called before anything large is read.

        Raises:
            TooLargeError: it has more bytes than the limit, or more parts than anything that is asked for.
            UnavailableError: the worker holds too many already, or the client went away.
        """
        if not is_small(headers):
            await prove()
        taken = 0

        def hold(count: int) -> None:
            nonlocal taken
            if self._held + count > HELD:
                raise UnavailableError("Too many large requests come in at once.", hint="Repeat it in a moment.")
            taken += count
            self._held += count

        try:
            body = await read_body(receive, headers, limit, hold)
            if len(body) <= HEAVY:
                yield body
                return
            if body.count(b"{") + body.count(b"[") > MOST_NODES:
                raise TooLargeError(
                    f"The body of this request has over {MOST_NODES:,} lists and objects.", hint="Send less at once."
                )
            async with self._heavy:
                yield body
        finally:
            self._held -= taken
