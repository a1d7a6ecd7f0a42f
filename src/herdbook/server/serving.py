"""Puts a server together from settings: which registry, at which address, and as whom requests act."""

from __future__ import annotations

import gc
import io
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import socket

from attrs import evolve, frozen

from herdbook.bootstrap import open_for_serving
from herdbook.errors import InvalidArgumentError, RegistryError, UnauthenticatedError, UnsupportedError
from herdbook.locations import shown
from herdbook.names import PrincipalName
from herdbook.server.app import App, build_app
from herdbook.server.connections import Bounds
from herdbook.server.figures import Board
from herdbook.server.guard import LOOPBACK
from herdbook.server.identity import Credentials, LocalPrincipal
from herdbook.server.limits import Buckets
from herdbook.server.logs import Log, ToLog, open_log
from herdbook.server.running import (
    HttpServer,
    Running,
    is_loopback,
    listen,
    listen_all,
    load_certificate,
    tls_context,
    url_of,
)
from herdbook.server.watching import Watch
from herdbook.server.workers import Supervisor
from herdbook.service import Authentication, Metastore
from herdbook.settings import LimitSettings, ServerSettings, Settings, os_principal

MOST_WORKERS = 64
_STDERR = 2
_COLLECTED_AFTER = (20_000, 50, 100)
"""How many more objects there are when the collector looks for cycles, which requests leave few of: Python's own 700
come together while one page is made, and took a tenth of its time."""


@frozen(kw_only=True)
class Listening:
    """That a server is ready.

    Args:
        url: Where.
        registry: What it serves, as it was asked for, less what may be secret of it.
        principal: As whom requests without a token act; None where every request needs one.
    """

    url: str
    registry: str
    principal: str | None


def serve_registry(
    uri: str | None,
    settings: Settings,
    *,
    on_listening: Callable[[Listening], None],
) -> None:
    """Serve an embedded registry until a signal ends it.

    Args:
        uri: As `open_registry` takes it.
        settings: The settings; its `server` says how.
        on_listening: Called once it is ready.

    Raises:
        InvalidArgumentError: the URI, the address, the principal or a setting of the server is none.
        UnauthenticatedError: the address is beyond loopback, where nobody acts without a token, and a local principal
            is given; or that one cannot act.
        UnavailableError: the port is taken.
        UnsupportedError: several workers are asked for where there is no fork.
    """
    own = settings.server
    _check(own)
    log = open_log(own.log_level.value, io.FileIO(_STDERR, "wb", closefd=False))
    sockets = listen_all(own.host, own.port, own.workers)
    opened = [*sockets]
    try:
        principal = _local_principal(own, sockets[0])
        figures = None if own.metrics_port is None else listen("127.0.0.1", own.metrics_port)
        opened += [] if figures is None else [figures]
        told = Listening(
            url=url_of(sockets[0], "https" if own.tls_cert is not None else "http"),
            registry=shown(uri or settings.registry_uri),
            principal=None if principal is None else str(principal),
        )
        _Service(uri, settings, sockets, figures, principal, log).run(lambda: on_listening(told))
    finally:
        for each in opened:
            each.close()


class _Service:
    """A registry at the sockets that it is served at, by one process or several."""

    def __init__(
        self,
        uri: str | None,
        settings: Settings,
        sockets: list[socket],
        figures: socket | None,
        principal: PrincipalName | None,
        log: Log,
    ) -> None:
        self._uri = uri
        self._settings = settings
        self._own = settings.server
        self._sockets = sockets
        self._figures = figures
        self._principal = principal
        self._log = log
        self._board = Board(self._own.workers)
        self._running = self._how()

    def run(self, on_listening: Callable[[], None]) -> None:
        """Serve until a signal."""
        try:
            if self._own.workers == 1:
                self._work(0, self._running, on_listening)
                return
            supervisor = Supervisor(
                self._own.workers,
                lambda post: self._work(post.worker, evolve(self._running, lifeline=post.lifeline), post.ready),
                grace_s=self._own.shutdown_grace_s,
                log=self._log,
                hangup=self._running.on_hangup is not None,
            )
            supervisor.run(on_listening, self._close)
        finally:
            self._close()

    def _close(self) -> None:
        for each in (*self._sockets, *(() if self._figures is None else (self._figures,))):
            each.close()

    def _work(self, worker: int, running: Running, ready: Callable[[], None]) -> None:
        """Be one worker, from opening the registry to its end."""
        sockets = [self._sockets[worker]]
        for each in self._sockets:
            if each is not sockets[0]:
                # What waits at the socket of another is its own.
                each.close()
        with _logging(self._log):
            metastore, authentication = open_for_serving(self._uri, self._settings)
            # What every request would otherwise wait for now and then: a look at all that was loaded took 70 ms.
            gc.collect()
            gc.freeze()
            gc.set_threshold(*_COLLECTED_AFTER)
            gc.enable()
            try:
                HttpServer(self._app(worker, metastore, authentication), sockets, ready, running).run_to_its_end()
            finally:
                authentication.close()
                metastore.close()

    def _app(self, worker: int, metastore: Metastore, authentication: Authentication) -> App:
        local = None if self._principal is None else LocalPrincipal(metastore, self._principal)
        if local is not None:
            # A principal that cannot act is told of now, and not to each request.
            local.authenticate({})
        limits = self._own.limits
        return build_app(
            metastore,
            Credentials(authentication, local),
            hosts=(*LOOPBACK, *self._own.hosts),
            watch=Watch(self._board, self._board.slot(worker), self._log),
            requests=None if limits.requests_per_s is None else Buckets(limits.requests_per_s, limits.burst),
            failures=Buckets(limits.failures_per_minute / 60, limits.failures_per_minute),
            figures_port=None if self._figures is None else self._figures.getsockname()[1],
        )

    def _how(self) -> Running:
        own, limits = self._own, self._own.limits
        running = Running(
            grace_s=own.shutdown_grace_s,
            bounds=Bounds(
                url_bytes=limits.url_bytes,
                headers=limits.headers,
                header_bytes=limits.header_bytes,
                header_s=limits.header_s,
                stall_s=limits.stall_s,
            ),
            connections=limits.connections,
            plain=self._figures,
            trusted_proxies=own.trusted_proxies,
        )
        if own.tls_cert is None or own.tls_key is None:
            return running
        cert, key = own.tls_cert, own.tls_key
        tls = tls_context(cert, key)

        def load_again() -> None:
            try:
                load_certificate(tls, cert, key)
            except RegistryError as error:
                self._log.error("the certificate is not replaced", error=str(error))
            else:
                self._log.info("the certificate was read again")

        return evolve(running, tls=tls, on_hangup=None if sys.platform == "win32" else load_again)


def _check(own: ServerSettings) -> None:
    """Refuse settings that no server could run with."""
    if not 1 <= own.workers <= MOST_WORKERS:
        raise InvalidArgumentError(f"{own.workers} workers are asked for; 1 to {MOST_WORKERS} can be.")
    if own.workers > 1 and sys.platform == "win32":
        raise UnsupportedError("This system does not fork, so there is one worker.", hint="Leave out workers.")
    if (own.tls_cert is None) != (own.tls_key is None):
        raise InvalidArgumentError("A certificate and its key go together.", hint="Set tls_cert and tls_key.")
    if own.shutdown_grace_s < 0:
        raise InvalidArgumentError(f"shutdown_grace_s is {own.shutdown_grace_s}; it is 0 or more.")
    for name in LimitSettings.__attrs_attrs__:
        value = getattr(own.limits, name.name)
        if value is not None and value < 1:
            raise InvalidArgumentError(f"[server.limits] {name.name} is {value}; it is 1 or more.")


@contextmanager
def _logging(log: Log) -> Iterator[None]:
    """Send what the standard library's loggers say to the log."""
    handler, root = ToLog(log), logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


def _local_principal(own: ServerSettings, listening: socket) -> PrincipalName | None:
    """Return as whom requests without a credential act: nobody, where other machines can send them (R35)."""
    named = own.local_principal
    if is_loopback(listening):
        if named is not None:
            return PrincipalName.parse(named)
        # What a proxy passes on comes over loopback too: nobody on the network becomes this user by default.
        return None if own.hosts or own.trusted_proxies else os_principal()
    if named is not None:
        raise UnauthenticatedError(
            f"{url_of(listening)} can be reached from other machines, and they would all act as {named}.",
            hint="Listen at 127.0.0.1, or leave out the local principal: then every request needs a token.",
        )
    return None
