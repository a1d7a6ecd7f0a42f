"""A TCP proxy on the loopback that lets traffic through, breaks it off, or leaves it waiting, as it is told."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Self

_BLOCK = 64 * 1024


class TcpProxy:
    """Stands before one server.

    Args:
        host: The server's address.
        port: Its port.

    Example:
        with TcpProxy("127.0.0.1", 8333) as proxy, proxy.cut():
            ...  # whoever comes now is sent away
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open = threading.Event()
        self._open.set()
        self._cut = threading.Event()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._carriers: list[threading.Thread] = []
        self._left: int | None = None
        self.broken_off = 0
        self.sent = 0
        """Bytes that clients have sent, all connections together."""
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        number: int = self._listening.getsockname()[1]
        return number

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._open.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listening.close()
        self.break_off()
        for carrier in self._carriers:
            carrier.join()

    @contextlib.contextmanager
    def cut(self) -> Iterator[None]:
        """Break off every connection, and whatever comes meanwhile."""
        self._cut.set()
        self.break_off()
        try:
            yield
        finally:
            self._cut.clear()

    @contextlib.contextmanager
    def silent(self) -> Iterator[None]:
        """Let nothing through meanwhile; it arrives afterwards, unless somebody has lost patience."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def cut_after(self, sent: int) -> None:
        """Break off every connection once, after so many further bytes were sent to the server."""
        with self._lock:
            self._left = sent

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            if self._cut.is_set():
                client.close()
                continue
            try:
                server = socket.create_connection(self._target)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._pairs.append((client, server))
            carrier = threading.Thread(target=self._carry, args=(client, server), daemon=True)
            self._carriers.append(carrier)
            carrier.start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        """Carry both ways until both are ended, and close."""
        back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
        back.start()
        self._pump(client, server)
        back.join()
        with self._lock:
            if (client, server) in self._pairs:
                self._pairs.remove((client, server))
        client.close()
        server.close()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while block := source.recv(_BLOCK):
                self._open.wait()
                if self._used_up(source, len(block)):
                    self.break_off()
                sink.sendall(block)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                # Whoever waits for more, the other way too, is told that there is none.
                each.shutdown(socket.SHUT_RDWR)

    def _used_up(self, source: socket.socket, size: int) -> bool:
        """Count what clients send; returns whether it is time to break off."""
        with self._lock:
            if all(source is not client for client, _ in self._pairs):
                return False
            self.sent += size
            if self._left is None:
                return False
            self._left -= size
            if self._left > 0:
                return False
            self._left = None
            return True

    def break_off(self) -> None:
        """Break off every connection, once."""
        with self._lock:
            pairs = tuple(self._pairs)
        self.broken_off += len(pairs)
        for pair in pairs:
            for each in pair:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
