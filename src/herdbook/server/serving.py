"""Puts a server together from settings: which registry, at which address, and as whom requests act."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from herdbook.bootstrap import open_for_serving
from herdbook.errors import UnauthenticatedError
from herdbook.names import PrincipalName
from herdbook.server.app import build_app
from herdbook.server.guard import LOOPBACK
from herdbook.server.identity import LocalPrincipal
from herdbook.server.running import HttpServer, is_loopback, listen, url_of
from herdbook.settings import Settings, os_principal


@frozen(kw_only=True)
class Listening:
    """That a server is ready.

    Args:
        url: Where.
        registry: What it serves, as it was asked for.
        principal: As whom requests act.
    """

    url: str
    registry: str
    principal: str


def serve_registry(
    uri: str | None,
    settings: Settings,
    *,
    host: str | None = None,
    port: int | None = None,
    local_principal: str | None = None,
    on_listening: Callable[[Listening], None],
) -> None:
    """Serve an embedded registry until a signal ends it.

    Args:
        uri: As `open_registry` takes it.
        settings: The settings; what is None below comes from their `[server]`.
        host: The address to listen at.
        port: The port; 0 takes a free one.
        local_principal: As whom requests act.
        on_listening: Called once it is ready.

    Raises:
        InvalidArgumentError: the URI, the address or the principal is none.
        UnauthenticatedError: the address is beyond loopback, and there is nothing to authenticate with; or the
            principal cannot act.
        UnavailableError: the port is taken.
    """
    own = settings.server
    named = local_principal if local_principal is not None else own.local_principal
    principal = os_principal() if named is None else PrincipalName.parse(named)
    socket = listen(host if host is not None else own.host, port if port is not None else own.port)
    try:
        if not is_loopback(socket):
            raise UnauthenticatedError(
                f"{url_of(socket)} can be reached from other machines, and there is nothing to authenticate them with.",
                hint="Listen at 127.0.0.1.",
            )
        metastore = open_for_serving(uri, settings)
        try:
            authenticator = LocalPrincipal(metastore, principal)
            # A principal that cannot act is told of now, and not to each request.
            authenticator.authenticate({})
            app = build_app(metastore, authenticator, hosts=(*LOOPBACK, *own.hosts))
            told = Listening(url=url_of(socket), registry=uri or settings.registry_uri, principal=str(principal))
            HttpServer(app, [socket], lambda: on_listening(told)).run_to_its_end()
        finally:
            metastore.close()
    finally:
        socket.close()
