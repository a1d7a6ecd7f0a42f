"""Puts a server together from settings: which registry, at which address, and as whom requests act."""

from __future__ import annotations

from collections.abc import Callable
from socket import socket

from attrs import frozen

from herdbook.bootstrap import open_for_serving
from herdbook.errors import UnauthenticatedError
from herdbook.names import PrincipalName
from herdbook.server.app import build_app
from herdbook.server.guard import LOOPBACK
from herdbook.server.identity import Credentials, LocalPrincipal
from herdbook.server.running import HttpServer, is_loopback, listen, url_of
from herdbook.settings import Settings, os_principal


@frozen(kw_only=True)
class Listening:
    """That a server is ready.

    Args:
        url: Where.
        registry: What it serves, as it was asked for.
        principal: As whom requests without a token act; None where every request needs one.
    """

    url: str
    registry: str
    principal: str | None


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
        local_principal: As whom requests without a token act, on loopback.
        on_listening: Called once it is ready.

    Raises:
        InvalidArgumentError: the URI, the address or the principal is none.
        UnauthenticatedError: the address is beyond loopback, where nobody acts without a token, and a local principal
            is given; or that one cannot act.
        UnavailableError: the port is taken.
    """
    own = settings.server
    named = local_principal if local_principal is not None else own.local_principal
    listening = listen(host if host is not None else own.host, port if port is not None else own.port)
    try:
        principal = _local_principal(named, listening)
        metastore, authentication = open_for_serving(uri, settings)
        try:
            local = None if principal is None else LocalPrincipal(metastore, principal)
            if local is not None:
                # A principal that cannot act is told of now, and not to each request.
                local.authenticate({})
            app = build_app(metastore, Credentials(authentication, local), hosts=(*LOOPBACK, *own.hosts))
            told = Listening(
                url=url_of(listening),
                registry=uri or settings.registry_uri,
                principal=None if principal is None else str(principal),
            )
            HttpServer(app, [listening], lambda: on_listening(told)).run_to_its_end()
        finally:
            authentication.close()
            metastore.close()
    finally:
        listening.close()


def _local_principal(named: str | None, listening: socket) -> PrincipalName | None:
    """Return as whom requests without a credential act: nobody, where other machines can send them (R35)."""
    if is_loopback(listening):
        return os_principal() if named is None else PrincipalName.parse(named)
    if named is not None:
        raise UnauthenticatedError(
            f"{url_of(listening)} can be reached from other machines, and they would all act as {named}.",
            hint="Listen at 127.0.0.1, or leave out the local principal: then every request needs a token.",
        )
    return None
