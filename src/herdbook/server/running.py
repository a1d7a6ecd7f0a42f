"""Runs the application: listens, tells where, and ends when it is told to, with what is under way done."""

from __future__ import annotations

import asyncio
import ipaddress
import math
import signal
import socket
import ssl
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, cast

import uvicorn
from attrs import field, frozen
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from herdbook.errors import InvalidArgumentError, UnavailableError
from herdbook.server.app import App
from herdbook.server.connections import BoundedConfig, BoundedProtocol, Bounds
from herdbook.server.messages import Application, Receive, Scope, Send

IDLE_S = 75
"""Seconds that an idle connection is kept: longer than clients keep theirs, so that none is closed under a request."""
BACKLOG = 2048
_TICKS_A_LOOK = 10
_LAST_WORDS_S = 5
_ASLEEP_S = 5
"""After so many seconds without a look it was this process that stood still, and no client."""
_QUIET = 40


@frozen(kw_only=True)
class Running:
    """How a server runs.

    Args:
        grace_s: Seconds that requests have to end once the server was told to stop.
        bounds: What a connection is held to.
        connections: Open connections, and requests under way, beyond which requests are answered 503; None is any
            number.
        tls: With it the server speaks HTTPS.
        plain: A socket at which it speaks HTTP, whatever `tls` is; None is none.
        trusted_proxies: Addresses or networks whose forwarded headers are believed.
        lifeline: A file descriptor that ends when the process that this one works for does; None works for itself.
        on_hangup: Called on SIGHUP; None leaves that signal alone.
    """

    grace_s: int = 60
    bounds: Bounds = field(factory=Bounds)
    connections: int | None = None
    tls: ssl.SSLContext | None = None
    plain: socket.socket | None = None
    trusted_proxies: tuple[str, ...] = ()
    lifeline: int | None = None
    on_hangup: Callable[[], None] | None = None


class HttpServer(uvicorn.Server):
    """A server that tells when it listens."""

    def __init__(
        self,
        app: App,
        sockets: list[socket.socket],
        on_listening: Callable[[], None],
        running: Running | None = None,
    ) -> None:
        self._running = running or Running()
        tls = self._running.tls
        super().__init__(
            BoundedConfig(
                app,
                bounds=self._running.bounds,
                # uvloop wherever it can be installed.
                loop="auto",
                http=BoundedProtocol,
                ws="none",
                lifespan="on",
                # Logging is the application's own; who asks is known to the face alone.
                log_config=None,
                log_level=_QUIET,
                access_log=False,
                proxy_headers=bool(self._running.trusted_proxies),
                forwarded_allow_ips=list(self._running.trusted_proxies),
                server_header=False,
                connections=self._running.connections,
                refused=app.refused,
                begin=_behind(self._running.trusted_proxies, app),
                ssl_context_factory=None if tls is None else lambda *_: tls,
                timeout_keep_alive=IDLE_S,
                timeout_graceful_shutdown=self._running.grace_s + _LAST_WORDS_S,
            )
        )
        self._sockets = sockets
        self._on_listening = on_listening
        self._looked = math.inf

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and tell."""
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        if self.started and self._running.plain is not None:
            self.servers.append(await loop.create_server(self._plain_protocol, sock=self._running.plain))
        if self._running.lifeline is not None:
            loop.add_reader(self._running.lifeline, self._orphaned)
        if self._running.on_hangup is not None:
            loop.add_signal_handler(signal.SIGHUP, self._running.on_hangup)
        if self.started:
            self._on_listening()

    async def on_tick(self, counter: int) -> bool:
        """Break off the connections that take too long."""
        if counter % _TICKS_A_LOOK == 0:
            now = asyncio.get_running_loop().time()
            slept = now - self._looked > _ASLEEP_S
            for connection in tuple(self.server_state.connections):
                if isinstance(connection, BoundedProtocol):
                    connection.look(now, slept=slept)
            self._looked = now
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and end once requests are answered, or their time is over."""
        asyncio.get_running_loop().call_later(self._running.grace_s, self._break_off)
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 the signature is uvicorn's
        """End in order on a signal, and at once on a second interrupt; whoever started us goes on and closes."""
        if self._running.lifeline is not None and sig == signal.SIGINT:
            # A terminal interrupts the whole group; whom this one works for decides.
            return
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    def run_to_its_end(self) -> None:
        """Serve until a signal or `should_exit`."""
        self.run(sockets=self._sockets)

    def _plain_protocol(self) -> BoundedProtocol:
        return BoundedProtocol(self.config, self.server_state, self.lifespan.state)

    def _orphaned(self) -> None:
        asyncio.get_running_loop().remove_reader(self._running.lifeline or 0)
        self.should_exit = True

    def _break_off(self) -> None:
        # Threads that wait for the rest of a body come to know that there is none.
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; as `listen_all`."""
    return listen_all(host, port, 1)[0]


def listen_all(host: str, port: int, workers: int) -> list[socket.socket]:
    """Return the sockets that workers listen at: one each where the system shares connections out among them.

    Args:
        host: An address, or a name of this machine.
        port: The port; 0 takes a free one.
        workers: How many accept connections.

    Returns:
        A socket for each worker; all the same one where the system has no better way.

    Raises:
        InvalidArgumentError: the host is none of this machine's, or the port is no port.
        UnavailableError: the port is taken, or not for this user.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (socket.gaierror, OverflowError, UnicodeError) as error:
        raise InvalidArgumentError(f"{host!r}, port {port}, is no address to listen at: {error}.") from error
    made: list[socket.socket] = []
    try:
        # The first one is alone at its port, so that a server which is there already is noticed.
        made.append(_bound(family, address))
        if workers > 1 and sys.platform == "linux":
            made[0].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            made += [_bound(family, made[0].getsockname(), shared=True) for _ in range(workers - 1)]
        for each in made:
            each.listen(BACKLOG)
    except OSError as error:
        for each in made:
            each.close()
        raise UnavailableError(
            f"Cannot listen at {host} port {port}: {error.strerror}.", hint="Is it taken? `--port 0` takes a free one."
        ) from error
    except OverflowError as error:
        raise InvalidArgumentError(f"{port} is no port.", hint="A port is 0 to 65535.") from error
    return made if len(made) == workers else made * workers


def tls_context(cert: str, key: str) -> ssl.SSLContext:
    """Return what a server proves itself with.

    Args:
        cert: The certificate chain, a PEM file.
        key: Its key, a PEM file.

    Raises:
        InvalidArgumentError: they cannot be read, or do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_certificate(context, cert, key)
    return context


def load_certificate(context: ssl.SSLContext, cert: str, key: str) -> None:
    """Load a certificate for the connections to come; where it raises, as `tls_context` does, nothing changes."""
    try:
        # A context keeps the half of a pair that it took before it came to the half that does not fit.
        for each in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), context):
            # A key with a passphrase is refused, instead of asked for at the terminal.
            each.load_cert_chain(cert, key, password=lambda: b"")
    except (OSError, ssl.SSLError) as error:
        raise InvalidArgumentError(
            f"The certificate {cert} with the key {key} cannot be used: {error}.",
            hint="Both are PEM files, the key without a passphrase.",
        ) from error


def url_of(listening: socket.socket, scheme: str = "http") -> str:
    """Return the URL of a socket that listens."""
    host, port = listening.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def is_loopback(listening: socket.socket) -> bool:
    """Whether only this machine can reach it."""
    return ipaddress.ip_address(listening.getsockname()[0]).is_loopback


def _behind(proxies: tuple[str, ...], app: App) -> Callable[[Scope], Application | None]:
    """Return `app.begin`, told what trusted proxies forward."""
    if not proxies:
        return app.begin

    async def begin(scope: Scope, _: Receive, __: Send) -> Any:
        return app.begin(scope)

    believing: Any = ProxyHeadersMiddleware(cast("Any", begin), trusted_hosts=list(proxies))

    def begin_believing(scope: Scope) -> Application | None:
        try:
            # It reads headers and calls; nothing is waited for, so that its first step is its last.
            believing(scope, None, None).send(None)
        except StopIteration as done:
            left: Application | None = done.value
            return left
        raise AssertionError(believing)

    return begin_believing


def _bound(family: int, address: tuple[object, ...], *, shared: bool = False) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(address)
    except BaseException:
        made.close()
        raise
    return made
