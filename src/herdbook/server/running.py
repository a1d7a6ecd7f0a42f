"""Runs the application: listens, tells where, and ends when it is told to, with what is under way done."""

from __future__ import annotations

import ipaddress
import signal
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn

from herdbook.errors import InvalidArgumentError, UnavailableError
from herdbook.server.app import App

LAST_REQUESTS_S = 60
"""Seconds that requests have to end once the server was told to stop."""
IDLE_S = 75
"""Seconds that an idle connection is kept: longer than clients keep theirs, so that none is closed under a request."""
BACKLOG = 2048


class HttpServer(uvicorn.Server):
    """A server that tells when it listens."""

    def __init__(self, app: App, sockets: list[socket.socket], on_listening: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http="httptools",
                ws="none",
                lifespan="on",
                # Logging is the application's own; who asks is known to the face alone.
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=IDLE_S,
                timeout_graceful_shutdown=LAST_REQUESTS_S,
            )
        )
        self._sockets = sockets
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and tell."""
        await super().startup(sockets)
        if self.started:
            self._on_listening()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 the signature is uvicorn's
        """End in order on a signal, and at once on a second interrupt; whoever started us goes on and closes."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    def run_to_its_end(self) -> None:
        """Serve until a signal or `should_exit`."""
        self.run(sockets=self._sockets)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Args:
        host: An address, or a name of this machine.
        port: The port; 0 takes a free one.

    Raises:
        InvalidArgumentError: the host is none of this machine's, or the port is no port.
        UnavailableError: the port is taken, or not for this user.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (socket.gaierror, OverflowError, UnicodeError) as error:
        raise InvalidArgumentError(f"{host!r}, port {port}, is no address to listen at: {error}.") from error
    try:
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        raise UnavailableError(
            f"Cannot listen at {host} port {port}: {error.strerror}.", hint="Is it taken? `--port 0` takes a free one."
        ) from error
    except OverflowError as error:
        raise InvalidArgumentError(f"{port} is no port.", hint="A port is 0 to 65535.") from error


def url_of(listening: socket.socket, scheme: str = "http") -> str:
    """Return the URL of a socket that listens."""
    host, port = listening.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def is_loopback(listening: socket.socket) -> bool:
    """Whether only this machine can reach it."""
    return ipaddress.ip_address(listening.getsockname()[0]).is_loopback
