"""What goes in and out of a face: a request's plain parts, an answer's status, headers and bytes."""

from __future__ import annotations

import json
import logging
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import Any

import msgspec
from attrs import frozen

from herdbook.api import MEDIA_TYPE, to_problem
from herdbook.errors import (
    InternalError,
    RateLimitedError,
    RegistryError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)
from herdbook.ports.metadata.tokens import Presented

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
Whole = Callable[[int, Headers, bytes], bool]
"""Sends a status, headers and a body; returns False where it did not, and messages have to be sent instead."""

DIVERT = "herdbook.divert"
"""In a scope: brings the rest of a large body here faster (see `herdbook.server.inlet`)."""
PAST = "herdbook.past"
"""In a scope: how many bytes of the body came that way."""
OUTLET = "herdbook.outlet"
"""In a scope: sends the body of the answer faster (see `herdbook.server.outlet`)."""
WHOLE = "herdbook.whole"
"""In a scope: sends an answer that is whole, in one step, where the connection can; see `Whole`."""
PAST_OUT = "herdbook.past_out"
"""In a scope: how many bytes of the answer went that way."""
OF_BODIES = frozenset({"content-length", "transfer-encoding"})
"""The headers of which a request with a body has one."""
JSON_TYPE = b"application/json"
RETRY_AFTER_S = 1
NOT_ALLOWED = 405
FULL = "herdbook.full"
"""Stands in the scope of a request that comes when the server has as many connections, or requests, as it may."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_LOG = logging.getLogger("herdbook.server")


@frozen
class Answer:
    """What is sent back.

    Args:
        status: The HTTP status.
        body: Its bytes; empty for 204.
        content_type: What they are.
        headers: Further headers.
    """

    status: int
    body: bytes = b""
    content_type: bytes = JSON_TYPE
    headers: tuple[tuple[bytes, bytes], ...] = ()


class RequestHeaders(dict[str, str]):
    """A request's headers by lower-case name, and what becomes known of the request.

    Args:
        read: The headers.
        address: From where it comes.

    Attributes:
        repeated: The names of those that stand more than once.
        principal: The id of who sent them, once that is established.
        looked_up: What was looked up of tokens since they were sent; None where that is to be done anew.
    """

    __slots__ = ("address", "looked_up", "principal", "repeated")

    def __init__(self, read: Sequence[tuple[str, str]], address: str) -> None:
        super().__init__(read)
        self.address = address
        self.repeated: frozenset[str] = frozenset()
        if len(self) != len(read):
            counts = Counter(name for name, _ in read)
            self.repeated = frozenset(name for name, count in counts.items() if count > 1)
        self.principal: str | None = None
        self.looked_up: dict[str, Presented] | None = None


def read_headers(scope: Scope) -> RequestHeaders:
    """Return a request's headers, read once; of one that stands twice, the last, and that it does."""
    read: RequestHeaders | None = scope.get("herdbook.headers")
    if read is None:
        client = scope.get("client")
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        read = scope["herdbook.headers"] = RequestHeaders(pairs, client[0] if client else "")
    return read


def forget_connection(scope: Scope) -> None:
    """Let go of what a scope has of its connection: each holds the other, which only the collector would undo."""
    for name in (WHOLE, DIVERT, OUTLET):
        scope.pop(name, None)


def request_id(headers: dict[str, str]) -> str:
    """Return the id that the client gave this request, where it is a plain one, or a fresh one, which it keeps."""
    given = headers.get("x-request-id")
    if given is None or not _REQUEST_ID.fullmatch(given):
        # It has to be another one for each request, in each process, and may be guessed.
        given = headers["x-request-id"] = f"{random.getrandbits(128):032x}"
    return given


def refusal(error: RegistryError, identity: str, *, extra: tuple[tuple[bytes, bytes], ...] = ()) -> Answer:
    """Return the answer that tells of an error."""
    headers = list(extra)
    if isinstance(error, UnauthenticatedError):
        headers.append((b"www-authenticate", b'Bearer realm="herdbook"'))
    if isinstance(error, UnavailableError):
        headers.append((b"retry-after", str(RETRY_AFTER_S).encode()))
    if isinstance(error, RateLimitedError):
        headers.append((b"retry-after", str(error.details.get("retry_after_s", RETRY_AFTER_S)).encode()))
    if isinstance(error, InternalError):
        _LOG.error("request %s failed: %s", identity, error, exc_info=error, extra={"request_id": identity})
    body = render(to_problem(error, identity))
    return Answer(error.http_status, body, MEDIA_TYPE.encode(), tuple(headers))


def failure(error: Exception, identity: str) -> Answer:
    """Return the answer for an exception that nobody meant to raise; its text goes to the log alone."""
    _LOG.error("request %s failed: %s", identity, error, exc_info=error, extra={"request_id": identity})
    return Answer(500, render(to_problem(InternalError("unexpected"), identity)), MEDIA_TYPE.encode())


def wrong_method(method: str, allowed: Iterable[str], identity: str) -> Answer:
    """Return the answer to a method that a path does not have."""
    can = ", ".join(sorted(allowed))
    problem = to_problem(UnsupportedError(f"{method} is not what can be done here.", hint=f"Use {can}."), identity)
    body = render({**problem, "status": NOT_ALLOWED})
    return Answer(NOT_ALLOWED, body, MEDIA_TYPE.encode(), ((b"allow", can.encode()),))


def render(plain: Any) -> bytes:
    """Return plain data as JSON."""
    try:
        return msgspec.json.encode(plain)
    except UnicodeEncodeError:
        # What is no Unicode was sent so, and is told of as it was written.
        return json.dumps(plain).encode()


async def send_answer(send: Send, answer: Answer, identity: str, whole: Whole | None = None) -> None:
    """Send an answer whole.

    Args:
        send: Takes messages.
        answer: The answer.
        identity: The request's id.
        whole: Tried first.
    """
    if whole is not None and send_at_once(whole, answer, identity):
        return
    await send({"type": "http.response.start", "status": answer.status, "headers": _headers(answer, identity)})
    await send({"type": "http.response.body", "body": answer.body})


def send_at_once(whole: Whole, answer: Answer, identity: str) -> bool:
    """Send an answer whole, without waiting; False where it is to be sent by messages."""
    return whole(answer.status, _headers(answer, identity), answer.body)


def _headers(answer: Answer, identity: str) -> Headers:
    headers = [(b"x-request-id", identity.encode()), *answer.headers]
    if answer.body:
        headers += [(b"content-type", answer.content_type), (b"content-length", str(len(answer.body)).encode())]
    return headers


async def read_body(
    receive: Receive, headers: dict[str, str], limit: int, hold: Callable[[int], None] | None = None
) -> bytes:
    """Return a request's body.

    Args:
        receive: Where its messages come from.
        headers: The request's headers.
        limit: Bytes that it may have.
        hold: Told how many bytes have come, each time; what it raises is raised.

    Raises:
        TooLargeError: it has more bytes than the limit.
        UnavailableError: the client went away.
    """
    announced = headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise UnavailableError("The client went away before its request was whole.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise _too_large(limit)
        if hold is not None:
            hold(len(parts[-1]))
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _too_large(limit: int) -> TooLargeError:
    return TooLargeError(f"The body of this request is over {limit} bytes.", hint="Send less at once.", limit=limit)
