"""The body of an upload on its way to a worker thread: one block is read while the next one comes, and no more."""

from __future__ import annotations

import asyncio
import io
from collections import deque
from contextlib import suppress
from queue import SimpleQueue

from herdbook.errors import RegistryError, UnavailableError
from herdbook.ports.artifacts import BLOCK
from herdbook.server.messages import Receive

STALL_S = 60.0
"""Seconds that a client may send nothing before its upload is given up: it holds a thread meanwhile."""


class IncomingBody(io.RawIOBase):
    """A request's body as a file that one thread reads, while `pump` runs in the event loop."""

    def __init__(self, receive: Receive, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._receive = receive
        self._loop = loop
        self._ready: SimpleQueue[list[bytes] | RegistryError | None] = SimpleQueue()
        self._room = asyncio.Semaphore(1)
        self._parts: deque[bytes] = deque()
        self._offset = 0
        self._ended = False

    def readable(self) -> bool:
        """It is."""
        return True

    async def pump(self) -> None:
        """Take in what the client sends, one block ahead of the reader; tells the reader however it ends."""
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
        more = True
        while more:
            parts: list[bytes] = []
            size = 0
            while more and size < BLOCK:
                patience.reschedule(self._loop.time() + STALL_S)
                message = await self._receive()
                if message["type"] != "http.request":
                    raise UnavailableError("The client went away before its file was whole.")
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                more = message.get("more_body", False)
            # The reader, and not the client, is waited for here.
            patience.reschedule(None)
            await self._room.acquire()
            self._ready.put(parts)

    def read(self, count: int = -1) -> bytes:
        """Return at most so many bytes, and fewer only at the end; raises UnavailableError where the client left."""
        parts: list[bytes] = []
        left = count if count >= 0 else 2**62
        while left and (self._parts or self._next()):
            first = self._parts.popleft()
            if self._offset or len(first) > left:
                part = first[self._offset : self._offset + left]
                if self._offset + len(part) < len(first):
                    self._parts.appendleft(first)
                    self._offset += len(part)
                else:
                    self._offset = 0
                first = part
            parts.append(first)
            left -= len(first)
        return parts[0] if len(parts) == 1 else b"".join(parts)

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
        with suppress(RuntimeError):  # the loop has ended, and nobody waits for room
            self._loop.call_soon_threadsafe(self._room.release)
        return bool(self._parts) or self._next()
