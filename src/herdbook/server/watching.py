"""What a server says of its requests: a figure and a line each, and the record of refused calls and downloads."""

from __future__ import annotations

import time
from collections.abc import Awaitable

from herdbook.api import PREFIX
from herdbook.server.accesses import DOWNLOADS, MAX_TARGET, REFUSED, Access, Accesses
from herdbook.server.figures import Board, Slot
from herdbook.server.logs import Log
from herdbook.server.messages import (
    PAST,
    PAST_OUT,
    Headers,
    Message,
    Receive,
    RequestHeaders,
    Scope,
    Send,
    Whole,
    request_id,
)

CLIENT_GONE = 499
"""What a request is counted as whose client did not wait for an answer."""
_BESIDE = {"/health": "health", "/ready": "ready", "/metrics": "metrics"}
_OPERATION = "herdbook.operation"
_UNKNOWN = "unknown"
_WRONG = 400
"""The least status of what was not done."""


class Seen:
    """One request: its messages pass through here and are measured.

    Args:
        whole: Sends an answer that is whole; None where the connection cannot.
    """

    __slots__ = ("_receive", "_send", "_whole", "began", "received", "sent", "status")

    _receive: Receive
    _send: Send

    def __init__(self, whole: Whole | None) -> None:
        self._whole = whole
        self.began = time.perf_counter()
        self.status = CLIENT_GONE
        self.received = 0
        self.sent = 0

    def by(self, receive: Receive, send: Send) -> Seen:
        """Take these messages from now on; returns itself."""
        self._receive = receive
        self._send = send
        return self

    async def receive(self) -> Message:
        """Pass on what comes."""
        message = await self._receive()
        self.received += len(message.get("body", b""))
        return message

    def send(self, message: Message) -> Awaitable[None]:
        """Pass on what goes."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.sent += len(message.get("body", b""))
        return self._send(message)

    def whole(self, status: int, headers: Headers, body: bytes) -> bool:
        """Pass on an answer that is whole, where the connection takes one."""
        if self._whole is None or not self._whole(status, headers, body):
            return False
        self.status = status
        self.sent += len(body)
        return True


class Watch:
    """Counts and logs the requests of one worker.

    Args:
        board: The figures of all workers.
        slot: Where this worker counts; None takes the board's first.
        log: Where lines go; None writes none.
    """

    def __init__(self, board: Board | None = None, slot: Slot | None = None, log: Log | None = None) -> None:
        self.board = board or Board()
        self.slot = slot or self.board.slot(0)
        self._log = log
        self._accesses = None if log is None else Accesses(log)

    def end(self, scope: Scope, headers: RequestHeaders, seen: Seen) -> None:
        """Take down a request that was answered."""
        seconds = time.perf_counter() - seen.began
        operation = scope.get(_OPERATION) or _beside(scope["path"])
        seen.received += scope.get(PAST, 0)
        seen.sent += scope.get(PAST_OUT, 0)
        self.slot.end(operation, seen.status, seconds, seen.received, seen.sent)
        if self._log is None or self._accesses is None:
            return
        identity = request_id(headers)
        say = self._log.debug if operation in _BESIDE.values() else self._log.info
        say(
            "request",
            request_id=identity,
            principal=headers.principal,
            client=headers.address,
            operation=operation,
            method=scope["method"],
            status=seen.status,
            ms=round(seconds * 1000, 3),
            received=seen.received,
            sent=seen.sent,
        )
        refused = seen.status in REFUSED
        if refused or (operation in DOWNLOADS and seen.status < _WRONG):
            target = scope["path"].removeprefix(PREFIX)[:MAX_TARGET]
            access = Access(refused, headers.principal, headers.address, operation, target)
            self._accesses.note(access, seen.status, identity, time.time())

    def refused(self, status: int, address: str) -> None:
        """Take down a request that was none, or not whole; nothing is known of it but whence it came."""
        self.slot.begin()
        self.slot.end(_UNKNOWN, status, 0.0, 0, 0)
        if self._log is not None:
            self._log.info("request", client=address, operation=_UNKNOWN, status=status)

    def tick(self) -> None:
        """Write what is due."""
        if self._accesses is not None:
            self._accesses.write_past(time.time())

    def close(self) -> None:
        """Write what is left."""
        if self._accesses is not None:
            self._accesses.write()


def _beside(path: str) -> str:
    known = _BESIDE.get(path)
    if known is not None:
        return known
    return (
        "pages" if path.startswith(f"{PREFIX}/docs") or path in (f"{PREFIX}/", f"{PREFIX}/openapi.json") else _UNKNOWN
    )
