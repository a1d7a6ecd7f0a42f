"""One connection: how much its requests may say, and how long they may take to say it."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, cast

import uvicorn
from attrs import frozen
from httptools import HttpRequestParser
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from herdbook.api import MEDIA_TYPE, to_problem
from herdbook.errors import InvalidArgumentError, RegistryError, TooLargeError
from herdbook.server.inlet import Inlet, Sink
from herdbook.server.messages import DIVERT, FULL, OUTLET, WHOLE, Application, Headers, Scope, render
from herdbook.server.outlet import Outlet
from herdbook.server.writing import LARGE, WholeWrites

LEAST_BYTES_PER_S = 100
"""What a body must move at, on average over the time after which it would count as stalled."""


@frozen(kw_only=True)
class Bounds:
    """What a connection is held to.

    Args:
        url_bytes: Bytes of a request's target.
        headers: Header fields of a request.
        header_bytes: Bytes of all header fields of a request.
        header_s: Seconds in which the head of a request must be whole.
        stall_s: Seconds after which a body or an answer that hardly moves is broken off.
    """

    url_bytes: int = 32768
    headers: int = 100
    header_bytes: int = 65536
    header_s: float = 10
    stall_s: float = 60


class BoundedConfig(uvicorn.Config):
    """uvicorn's configuration, and the bounds of each connection and of all together.

    Args:
        bounds: The bounds of each.
        connections: Open connections, and requests under way, beyond which requests are refused; None is any number.
        refused: Told the status and the address of a request that does not come to the application.
        begin: Answers a request before there is a task for it; returns what is left to do, None where that is nothing.
    """

    def __init__(
        self,
        *arguments: Any,
        bounds: Bounds,
        connections: int | None,
        refused: Callable[[int, str], None],
        begin: Callable[[Scope], Application | None],
        **named: Any,
    ) -> None:
        super().__init__(*arguments, **named)
        self.bounds = bounds
        self.refused = refused
        self.begin = begin
        # uvicorn's own limit answers plain text, past the application that counts and logs.
        self.connections = connections


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, for clients that say too much or take too long as well."""

    def __init__(
        self, config: uvicorn.Config, server_state: Any, app_state: Any, _loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._bounded = cast("BoundedConfig", config)
        self._bounds = self._bounded.bounds
        self._connections = self._bounded.connections
        self._refusal: tuple[HTTPStatus, RegistryError] | None = None
        # When the head that is awaited began; None while a request is being answered.
        self._head_since: float | None = None
        self._head_bytes = 0
        self._moved = 0
        self._seen: tuple[float, int, int] = (0.0, 0, 0)
        self._outlet: Outlet | None = None
        self._is_idle = False
        self._may_begin = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn narrows it too
        """Begin to wait for a head."""
        self._whole = WholeWrites(transport)
        super().connection_made(cast("asyncio.Transport", self._whole))
        self._head_since = self.loop.time()
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            # Not every event loop does; without it each answer waits for the client's delayed acknowledgement.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        self._is_idle = False
        self._moved += len(data)
        # One of those that come together, so that who sends many ahead has no long turn of the event loop.
        self._may_begin = True
        super().data_received(data)
        self._may_begin = False

    def on_message_begin(self) -> None:
        """Begin a head."""
        super().on_message_begin()
        # The one before it may have been answered since the bytes of both came.
        self._is_idle = False
        self._head_bytes = 0
        if self._head_since is None:
            self._head_since = self.loop.time()

    def take_back(self) -> None:
        """Go on with the next request: all of a body came past the parser."""
        self.flow.pause_reading()
        # The one before waits for a body that it will never see.
        self.parser = HttpRequestParser(self)
        self.loop.call_soon(self._read_again)

    def has_moved(self, count: int) -> None:
        """Take note of bytes of a body that came past the parser."""
        self._moved += count

    def _divert(self, cycle: RequestResponseCycle, length: int, sink: Sink) -> Inlet:
        inlet = Inlet(self, cycle, length, sink)
        self.flow.pause_reading()
        self.transport.set_protocol(inlet)
        self.flow.resume_reading()
        return inlet

    def _answer_whole(self, cycle: RequestResponseCycle, status: int, headers: Headers, body: bytes) -> bool:
        """Do for one answer what `cycle.send` does in two messages; False where that has to do it."""
        # What is empty has no length, and may not need one.
        if (
            not body
            or self.flow.write_paused
            or cycle.disconnected
            or cycle.response_started
            or len(body) >= LARGE
            or cycle.scope["method"] == "HEAD"
        ):
            return False
        head = [STATUS_LINE[status]]
        for name, value in (*cycle.default_headers, *headers):
            if name == b"connection":
                return False
            head += (name, b": ", value, b"\r\n")
        if not cycle.keep_alive:
            head.append(b"connection: close\r\n")
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        cycle.message_event.set()
        self._whole.write_now([*head, b"\r\n", body])
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        return True

    def _read_again(self) -> None:
        if not self.transport.is_closing():
            self.transport.set_protocol(self)
            self.flow.resume_reading()

    def _open_outlet(self, cycle: RequestResponseCycle) -> Outlet:
        self._whole.flush()
        self._outlet = Outlet(self.transport, cycle, self._bounds.stall_s)
        return self._outlet

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever still sends."""
        if self._outlet is not None:
            self._outlet.stop()
        super().connection_lost(exc)

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        super().on_url(url)
        if len(self.url) > self._bounds.url_bytes:
            limit = self._bounds.url_bytes
            self._refuse(HTTPStatus.REQUEST_URI_TOO_LONG, f"The target of this request is over {limit} bytes.")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field."""
        super().on_header(name, value)
        self._head_bytes += len(name) + len(value)
        if len(self.headers) > self._bounds.headers:
            limit = self._bounds.headers
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"This request has more than {limit} header fields."
            )
        if self._head_bytes > self._bounds.header_bytes:
            limit = self._bounds.header_bytes
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"The header of this request is over {limit} bytes."
            )

    def on_headers_complete(self) -> None:
        """Answer what is asked."""
        self._head_since = None
        self._seen = (self.loop.time(), self._moved, -1)
        most = self._connections
        if most is not None and (len(self.tasks) >= most or (len(self.connections) > most and not self._make_room())):
            cast("Scope", self.scope)[FULL] = True
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Answer at once what needs no task."""
        if self.transport.is_closing():
            # What came behind a request that was answered as the last one is not done: nobody would be told.
            return
        # Bound to the request, since the next one may be here before this one is answered.
        scope: Any = cycle.scope
        scope[WHOLE] = partial(self._answer_whole, cycle)
        left: Any = app
        if self._may_begin:
            self._may_begin = False
            left = self._begin(scope)
        if left is None:
            return
        scope[DIVERT] = partial(self._divert, cycle)
        if self.scheme == "http" and hasattr(os, "sendfile"):
            scope[OUTLET] = partial(self._open_outlet, cycle)
        super()._start_asgi_task(cycle, left)

    def _begin(self, scope: Scope) -> Application | None:
        in_order = False
        try:
            left = self._bounded.begin(scope)
            in_order = True
        finally:
            if not in_order:
                # The parser, which called, takes it for something wrong with the request; nothing more is said then.
                self.logger.error("A request was not ended in order.", exc_info=sys.exc_info())
                self.transport.close()
        return left

    @property
    def idle_since(self) -> float | None:
        """Since when its client has nothing to ask, by the event loop's time, or a little longer; None: it asks."""
        return self._seen[0] if self._is_idle and not self.transport.is_closing() else None

    def _make_room(self) -> bool:
        """Close the connection that has been idle longest; False where none is: clients keep more than they use."""
        idle = [
            (since, place, each)
            for place, each in enumerate(self.connections)
            if isinstance(each, BoundedProtocol) and (since := each.idle_since) is not None
        ]
        if not idle:
            return False
        min(idle)[2].transport.close()
        return True

    def on_response_complete(self) -> None:
        """Send what is whole, without waiting for the turn of the event loop to end, and go on with what waits.

        uvicorn sets a timer for each answer; here `look` sees how long a connection has been idle.
        """
        self._whole.flush()
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._is_idle = True
            self._seen = (self.loop.time(), self._moved, -1)

    def look(self, now: float, *, slept: bool = False) -> None:
        """Break off what takes too long; called about once a second.

        Args:
            now: The event loop's time, in seconds.
            slept: Whether this process itself stood still: all time begins anew.
        """
        cycle = self.cycle
        if slept:
            self._head_since = None if self._head_since is None else now
            self._seen = (now, self._moved, -1)
        elif self.transport.is_closing():
            self._look_at_answer(now)
        elif self._head_since is not None:
            if self._unfinished_head() and now - self._head_since > self._bounds.header_s:
                self._too_slow()
        elif self._is_idle:
            if now - self._seen[0] > self.timeout_keep_alive:
                self.transport.close()
        elif cycle is None or cycle.response_complete:
            # Something came that begins no request.
            self._head_since = now
        elif self.flow.write_paused:
            self._look_at_answer(now)
        elif cycle.more_body and not self.flow.read_paused and not cycle.waiting_for_100_continue:
            self._look_at_body(now)
        else:
            # The server's turn.
            self._seen = (now, self._moved, -1)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, or too much of one, as a problem, and close."""
        status, error = self._refusal or (HTTPStatus.BAD_REQUEST, InvalidArgumentError(msg))
        problem = to_problem(error, "")
        body = render({**problem, "status": status.value})
        head = [
            STATUS_LINE[status],
            b"content-type: ",
            MEDIA_TYPE.encode(),
            b"\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body),
        ]
        if not self.transport.is_closing():
            self.transport.write(b"".join([*head, body]))
            self.transport.close()
            if self._head_since is not None:
                # The application knows nothing of it.
                self._bounded.refused(status.value, self.client[0] if self.client else "")

    def _unfinished_head(self) -> bool:
        # Requests sent ahead wait for the one before them.
        return self.cycle is None or self.cycle.response_complete

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        self._refusal = (status, TooLargeError(sentence, hint="Send less at once."))
        # The parser stops at an exception, and uvicorn then calls send_400_response.
        raise self._refusal[1]

    def _too_slow(self) -> None:
        if self._moved:
            limit = self._bounds.header_s
            error = InvalidArgumentError(f"The head of this request was not whole within {limit} seconds.")
            self._refusal = (HTTPStatus.REQUEST_TIMEOUT, error)
            self.send_400_response(error.message)
        else:
            self.transport.close()

    def _look_at_body(self, now: float) -> None:
        since, moved, _ = self._seen
        if now - since < self._bounds.stall_s:
            return
        if self._moved - moved < LEAST_BYTES_PER_S * self._bounds.stall_s:
            self.transport.abort()
        else:
            self._seen = (now, self._moved, -1)

    def _look_at_answer(self, now: float) -> None:
        since, _, left = self._seen
        waiting = self.transport.get_write_buffer_size()
        if waiting != left:
            self._seen = (now, self._moved, waiting)
        elif now - since > self._bounds.stall_s:
            self.transport.abort()
