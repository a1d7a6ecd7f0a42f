"""The body of a large upload on a way of its own: from the socket into memory that is used again and again."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol, cast

from herdbook.server.messages import PAST

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from herdbook.server.connections import BoundedProtocol

BUFFER = 1024 * 1024
"""Bytes of one buffer: large enough to wake a thread seldom, small enough to stay near the processor."""
BUFFERS = 4
_DROPPED = 64 * 1024


class Sink(Protocol):
    """Who takes what comes, in the event loop."""

    def fill(self, block: memoryview) -> None:
        """Take a block; `Inlet.give_back` its memory once it is read."""
        ...

    def end(self, *, whole: bool) -> None:
        """Be told that no more comes; `whole` where everything came."""
        ...


class Inlet(asyncio.BufferedProtocol):
    """Takes the bytes of one body off a connection, past the parser, and then gives the connection back.

    What uvicorn does with a body copies it four times, and wakes a task for each quarter of a megabyte.

    Args:
        connection: Where it comes from; it is not reading now.
        cycle: The request whose body it is.
        length: How many bytes of the body are still to come.
        sink: Who takes them.
    """

    def __init__(self, connection: BoundedProtocol, cycle: RequestResponseCycle, length: int, sink: Sink) -> None:
        self._connection = connection
        self._cycle = cycle
        self._left = length
        self._sink: Sink | None = sink
        self._free = deque(memoryview(bytearray(min(BUFFER, length))) for _ in range(BUFFERS))
        self._filling: memoryview | None = self._free.popleft()
        self._filled = 0

    def give_back(self, block: memoryview) -> None:
        """Take back the memory of a block that was read."""
        memory = memoryview(block.obj)
        if self._filling is None and self._left:
            self._filling, self._filled = memory, 0
            self._connection.flow.resume_reading()
        else:
            self._free.append(memory)

    def drop(self) -> None:
        """Have what still comes dropped: nobody wants it any more."""
        self._sink = None
        self._free.clear()
        self._filling = None
        if self._left:
            self._connection.flow.resume_reading()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 the protocol passes it
        """Say where the next bytes go."""
        if self._sink is None or self._filling is None:
            return memoryview(bytearray(min(_DROPPED, self._left)))
        return self._filling[self._filled : self._filled + self._left]

    def buffer_updated(self, nbytes: int) -> None:
        """Take note of what came."""
        self._left -= nbytes
        self._connection.has_moved(nbytes)
        scope = cast("dict[str, Any]", self._cycle.scope)
        scope[PAST] = scope.get(PAST, 0) + nbytes
        if self._sink is not None and self._filling is not None:
            self._filled += nbytes
            if not self._left or self._filled == len(self._filling):
                full = self._filling[: self._filled]
                self._filling, self._filled = (self._free.popleft() if self._free else None), 0
                self._sink.fill(full)
        if not self._left:
            self._cycle.more_body = False
            self._cycle.message_event.set()
            self._connection.take_back()
            self._end(whole=True)
        elif self._sink is not None and self._filling is None:
            self._connection.flow.pause_reading()

    def eof_received(self) -> None:
        """The client went away."""
        self._connection.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went away, or was sent away."""
        self._end(whole=False)
        self._connection.connection_lost(exc)

    def pause_writing(self) -> None:
        """As the connection does it."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """As the connection does it."""
        self._connection.resume_writing()

    def _end(self, *, whole: bool) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.end(whole=whole)
