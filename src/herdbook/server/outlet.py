"""The bytes of a stored file on a way of their own: from the disk to the socket, without coming into this process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from herdbook.errors import UnavailableError
from herdbook.ports.artifacts import BlobSender
from herdbook.server.messages import PAST_OUT

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

_LOOK_S = 0.001
InThread = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Does work in a thread."""


class Outlet:
    """Sends one body past uvicorn and the event loop's transport.

    Args:
        transport: Where it goes; the head of the answer was sent.
        cycle: The request that is answered.
        stall_s: Seconds that the client may take nothing.
    """

    def __init__(self, transport: asyncio.Transport, cycle: RequestResponseCycle, stall_s: float) -> None:
        self._transport = transport
        self._cycle = cycle
        self._stall_s = stall_s
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()

    async def send(self, sender: BlobSender, in_thread: InThread) -> None:
        """Send everything that a sender has; a thread is taken only while the socket takes something.

        Args:
            sender: Has the bytes; the caller closes it.
            in_thread: Does what may have to wait for the disk.

        Raises:
            UnavailableError: the client went away, or takes nothing.
            RegistryError: the file cannot be read, or is shorter than it was.
        """
        await self._head_is_gone()
        # Of its own, since the connection may be closed, and its number be another one's, while a thread still sends.
        descriptor = os.dup(self._transport.get_extra_info("socket").fileno())
        try:
            while sender.left:
                if self._transport.is_closing():
                    raise _gone()
                sent = await in_thread(lambda: sender.send(descriptor))
                self._note(sent)
                if sender.left:
                    await self._for_room(descriptor)
        except OSError as error:
            raise _gone() from error
        finally:
            os.close(descriptor)

    def stop(self) -> None:
        """Be told that the connection is closed."""
        self._room.set()

    def _note(self, count: int) -> None:
        self._cycle.expected_content_length -= count
        scope = cast("dict[str, Any]", self._cycle.scope)
        scope[PAST_OUT] = scope.get(PAST_OUT, 0) + count

    async def _head_is_gone(self) -> None:
        """Wait until nothing is left to be sent before the body."""
        async with self._patience():
            while self._transport.get_write_buffer_size():  # noqa: ASYNC110 a transport tells nobody when it is empty
                await asyncio.sleep(_LOOK_S)

    async def _for_room(self, descriptor: int) -> None:
        self._room.clear()
        self._loop.add_writer(descriptor, self._room.set)
        try:
            async with self._patience():
                await self._room.wait()
        finally:
            self._loop.remove_writer(descriptor)

    @asynccontextmanager
    async def _patience(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._stall_s):
                yield
        except TimeoutError:
            raise UnavailableError(f"The client took nothing for {self._stall_s:.0f} seconds.") from None


def _gone() -> UnavailableError:
    return UnavailableError("The client went away before it had everything.")
