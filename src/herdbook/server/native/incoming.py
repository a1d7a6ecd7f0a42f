"""The body of an upload on its way to a worker thread: a few blocks at a time, one being read while the next come."""

from __future__ import annotations

import asyncio
import io
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from herdbook.errors import RegistryError, UnavailableError
from herdbook.ports.artifacts import BLOCK
from herdbook.server.inlet import Inlet, Sink
from herdbook.server.messages import Receive

STALL_S = 60.0
"""Seconds that a client may send nothing before its upload is given up: it holds a thread meanwhile."""
DIVERTED = 1024 * 1024
"""From how many bytes on the rest of a body comes on a way of its own."""

Divert = Callable[[int, Sink], Inlet]
"""Brings so many bytes of a body, all that is left of it, to a sink."""


class IncomingBody(io.RawIOBase):
    """A request's body as a file that one thread reads, while `pump` runs in the event loop.

    Args:
        receive: Where its messages come from.
        loop: The event loop.
        length: How many bytes it has; None where that is not said.
        divert: Brings it here faster; None where the server cannot.
    """

    def __init__(
        self,
        receive: Receive,
        loop: asyncio.AbstractEventLoop,
        *,
        length: int | None = None,
        divert: Divert | None = None,
    ) -> None:
        super().__init__()
        self._receive = receive
        self._loop = loop
        self._length = length
        self._divert = divert
        self._inlet: Inlet | None = None
        self._whole: asyncio.Future[bool] = loop.create_future()
        self._ready: SimpleQueue[list[bytes | memoryview] | RegistryError | None] = SimpleQueue()
        self._room = asyncio.Semaphore(1)
        self._parts: deque[bytes | memoryview] = deque()
        self._offset = 0
        self._ended = False

    def readable(self) -> bool:
        """It is."""
        return True

    async def pump(self) -> None:
        """Take in what the client sends, ahead of the reader; tells the reader however it ends."""
        end: RegistryError | None = UnavailableError("The server is about to end.", hint="Send it again.")
        try:
            async with asyncio.timeout(STALL_S) as patience:
                await self._take_in(patience)
            end = None
        except TimeoutError:
            end = UnavailableError(f"The client sent nothing for {STALL_S:.0f} seconds.", hint="Send it again.")
        except RegistryError as error:
            end = error
        finally:
            self._ready.put(end)

    async def _take_in(self, patience: asyncio.Timeout) -> None:
        more, taken = True, 0
        while more:
            parts: list[bytes | memoryview] = []
            size = 0
            while more and size < BLOCK:
                patience.reschedule(self._loop.time() + STALL_S)
                message = await self._receive()
                if message["type"] != "http.request":
                    raise _gone()
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                more = message.get("more_body", False)
                left = 0 if self._length is None else self._length - taken - size
                if more and self._divert is not None and left >= DIVERTED:
                    patience.reschedule(None)
                    self._ready.put(parts)
                    await self._take_rest(self._divert, left)
                    return
            taken += size
            # The reader, and not the client, is waited for here.
            patience.reschedule(None)
            await self._room.acquire()
            self._ready.put(parts)

    async def _take_rest(self, divert: Divert, left: int) -> None:
        """Take in what is left past uvicorn, which breaks the connection off where the client sends nothing."""
        self._inlet = divert(left, self)
        try:
            if not await self._whole:
                raise _gone()
        except asyncio.CancelledError:
            self._inlet.drop()
            raise

    def fill(self, block: memoryview) -> None:
        """Take a block."""
        self._ready.put([block])

    def end(self, *, whole: bool) -> None:
        """Be told that no more comes."""
        if not self._whole.done():
            self._whole.set_result(whole)

    def read(self, count: int = -1) -> bytes:
        """Return at most so many bytes, and fewer only at the end; raises UnavailableError where the client left."""
        parts: list[bytes | memoryview] = []
        left = count if count >= 0 else 2**62
        while left and (self._parts or self._next()):
            # What is in memory that is used again has to be copied before the next is asked for.
            part = self._take(left)
            parts.append(part if isinstance(part, bytes) else bytes(part))
            left -= len(part)
            self._drop_used()
        return parts[0] if len(parts) == 1 and isinstance(parts[0], bytes) else b"".join(parts)

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, and less of it only at the end; raises as `read`."""
        target, filled = memoryview(buffer).cast("B"), 0
        while filled < len(target) and (self._parts or self._next()):
            part = self._take(len(target) - filled)
            target[filled : filled + len(part)] = part
            filled += len(part)
            self._drop_used()
        return filled

    def _take(self, most: int) -> bytes | memoryview:
        """Return the next bytes of the first part."""
        first = self._parts[0]
        part = first if not self._offset and len(first) <= most else first[self._offset : self._offset + most]
        self._offset += len(part)
        return part

    def _drop_used(self) -> None:
        """Let go of the first part where all of it was taken."""
        if self._offset < len(self._parts[0]):
            return
        used, self._offset = self._parts.popleft(), 0
        if isinstance(used, memoryview) and self._inlet is not None:
            self._soon(self._inlet.give_back, used)

    def _next(self) -> bool:
        """Wait for the next block; False at the end."""
        if self._ended:
            return False
        ready = self._ready.get()
        if not isinstance(ready, list):
            self._ended = True
            if ready is None:
                return False
            raise ready
        self._parts.extend(part for part in ready if part)
        if self._inlet is None:
            self._soon(self._room.release)
        return bool(self._parts) or self._next()

    def _soon(self, work: Callable[..., object], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop has ended, and nobody waits for room
            self._loop.call_soon_threadsafe(work, *arguments)


def _gone() -> UnavailableError:
    return UnavailableError("The client went away before its file was whole.")
