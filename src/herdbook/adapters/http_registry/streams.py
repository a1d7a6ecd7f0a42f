"""Connections that move bytes: blocks go from a file to the socket and back without being copied on the way."""

from __future__ import annotations

import http.client
import select
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Self
from urllib.parse import urlsplit

from herdbook.adapters.http_registry.stretches import Stretch
from herdbook.errors import RegistryError, UnavailableError

IDLE_S = 30.0
"""Seconds after which an idle connection is not used again; the server keeps them longer."""
_REFUSED = 300
_PROBLEM_LIMIT = 1024 * 1024

Blocks = Iterable[bytes | memoryview | Stretch]
Refused = Callable[[int, Mapping[str, str], bytes], RegistryError]
"""Makes our error of an answer's status, headers and body."""


class Reply:
    """An answer whose bytes are still to come; to be closed."""

    def __init__(self, streams: Streams, connection: _Connection, response: http.client.HTTPResponse) -> None:
        self._streams = streams
        self._connection = connection
        self._response = response
        self.status = response.status

    def header(self, name: str) -> str:
        """Return a header; empty where there is none."""
        return self._response.headers.get(name, "")

    def readinto(self, buffer: memoryview) -> int:
        """Fill a buffer, and less of it only at the end; raises UnavailableError where the connection breaks."""
        with self._streams.reached():
            count = self._response.readinto(buffer)
            if count < len(buffer) and self._response.length:
                raise http.client.IncompleteRead(b"", self._response.length)
        return count

    def read(self, count: int) -> bytes:
        """Return at most so many bytes, and fewer only at the end; raises as `readinto`."""
        with self._streams.reached():
            block = self._response.read(count)
            if len(block) < count and self._response.length:
                raise http.client.IncompleteRead(b"", self._response.length)
        return block

    def close(self) -> None:
        """Give the connection back where everything was read, and close it where not."""
        whole = self._response.isclosed() or self._response.length == 0
        keep = whole and not self._response.will_close and not self._connection.broken_off
        self._response.close()
        self._streams.give_back(self._connection, keep=keep)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Connection:
    """One connection, and since when it is idle."""

    def __init__(self, made: http.client.HTTPConnection) -> None:
        self.made = made
        self.idle_since = 0.0
        self.broken_off = False

    def send(self, blocks: Blocks) -> None:
        """Send a body; stops where the server has answered before it is whole."""
        sock = self.made.sock
        plain = not isinstance(sock, ssl.SSLSocket)
        for block in blocks:
            # TLS sends of its own accord, so there it cannot be seen whether this is an answer.
            if plain and select.select([sock], [], [], 0)[0]:
                self.broken_off = True
                return
            if isinstance(block, Stretch):
                block.send(sock)
            else:
                sock.sendall(block)


class Streams:
    """A pool of connections to one server. Thread-safe.

    Args:
        server: The server's URL, with what stands before every path.
        headers: What goes with every request.
        trust: For https.
        refused: Makes our error of a refusal.
        connect_s: Seconds to wait for a connection.
        read_s: Seconds to wait for the next bytes.
    """

    def __init__(
        self,
        server: str,
        headers: Mapping[str, str],
        trust: ssl.SSLContext | None,
        refused: Refused,
        *,
        connect_s: float,
        read_s: float,
    ) -> None:
        parts = urlsplit(server)
        self._server, self._host, self._prefix = server, parts.hostname or "", parts.path
        self._port, self._secure = parts.port, parts.scheme == "https"
        self._headers, self._trust, self._refused = dict(headers), trust, refused
        self._connect_s, self._read_s = connect_s, read_s
        self._idle: list[_Connection] = []
        self._lock = threading.Lock()

    @property
    def by_kernel(self) -> bool:
        """Whether the kernel can send a file by itself: what goes over TLS has to be encrypted here."""
        return not self._secure

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.made.close()

    def request(
        self, method: str, path: str, headers: Mapping[str, str], blocks: Blocks = (), *, length: int = 0
    ) -> Reply:
        """Send a request and return its answer.

        Args:
            method: The HTTP method.
            path: The path below the server's URL, percent-encoded.
            headers: Further headers.
            blocks: The body; each is sent before the next one is asked for, so they may share memory.
            length: How many bytes that is.

        Raises:
            UnavailableError: the server cannot be reached, or the connection broke.
            RegistryError: what the server answered, or what `blocks` raises.
        """
        connection = self._take()
        try:
            reply = self._exchange(connection, method, path, headers, blocks, length)
            if reply.status >= _REFUSED:
                self._raise(reply)
        except BaseException:
            connection.made.close()
            raise
        return reply

    def give_back(self, connection: _Connection, *, keep: bool) -> None:
        """Take back a connection that is free again."""
        if not keep:
            connection.made.close()
            return
        connection.idle_since = time.monotonic()
        with self._lock:
            self._idle.append(connection)

    @contextmanager
    def reached(self) -> Iterator[None]:
        """Tell what the network does in our words."""
        try:
            yield
        except TimeoutError as error:
            raise UnavailableError(
                f"The server {self._server} did not answer in time.", hint="Try again in a while."
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise UnavailableError(
                f"The connection to {self._server} broke: {error or type(error).__name__}.",
                hint="Is the URL right, and does `herdbook serve` run there?",
            ) from error

    def _exchange(
        self,
        connection: _Connection,
        method: str,
        path: str,
        headers: Mapping[str, str],
        blocks: Blocks,
        length: int,
    ) -> Reply:
        made = connection.made
        with self.reached():
            made.putrequest(method, self._prefix + path, skip_accept_encoding=True)
            for name, value in {**self._headers, **headers, "content-length": str(length)}.items():
                made.putheader(name, value)
            made.endheaders()
        sending: OSError | None = None
        try:
            connection.send(blocks)
        except OSError as error:
            # A server that refuses may have closed before all was sent: its answer says more than this does.
            sending = error
        with self.reached():
            try:
                response = made.getresponse()
            except (OSError, http.client.HTTPException):
                if sending is not None:
                    raise sending from None
                raise
        return Reply(self, connection, response)

    def _raise(self, reply: Reply) -> None:
        headers = {"retry-after": reply.header("retry-after")}
        body = reply.read(_PROBLEM_LIMIT) if reply.header("content-length") else b""
        raise self._refused(reply.status, headers, body)

    def _take(self) -> _Connection:
        now = time.monotonic()
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._connect()
            if now - connection.idle_since < IDLE_S and not _stale(connection.made):
                return connection
            connection.made.close()

    def _connect(self) -> _Connection:
        made: http.client.HTTPConnection
        if self._secure:
            made = http.client.HTTPSConnection(
                self._host, self._port, timeout=self._connect_s, context=self._trust or ssl.create_default_context()
            )
        else:
            made = http.client.HTTPConnection(self._host, self._port, timeout=self._connect_s)
        with self.reached():
            made.connect()
            made.sock.settimeout(self._read_s)
        return _Connection(made)


def _stale(made: http.client.HTTPConnection) -> bool:
    """Whether the server has closed an idle connection, or sent what nobody asked for."""
    with suppress(OSError, ValueError):
        return bool(select.select([made.sock], [], [], 0)[0])
    return True
