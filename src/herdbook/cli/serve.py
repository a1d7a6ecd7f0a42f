"""`herdbook serve`: a registry over HTTP."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from attrs import evolve
from cyclopts import Parameter, validators

from herdbook.cli.options import DEFAULT, Options
from herdbook.cli.output import say
from herdbook.errors import InvalidArgumentError, PluginLoadError

Port = Annotated[int | None, Parameter(validator=validators.Number(gte=0, lte=65535))]
Workers = Annotated[int | None, Parameter(validator=validators.Number(gte=1))]


def serve(
    uri: str | None = None,
    *,
    host: str | None = None,
    port: Port = None,
    local_principal: str | None = None,
    workers: Workers = None,
    tls_cert: str | None = None,
    tls_key: str | None = None,
    options: Options = DEFAULT,
) -> None:
    """Serve a registry over HTTP until interrupted; prints its URL once it listens.

    Args:
        uri: A folder, a database URI, or a name from herdbook.toml; what --registry names unless said.
        host: The address to listen at; that of [server] unless said, 127.0.0.1 unless set.
        port: The port, 0 for a free one; that of [server] unless said, 8420 unless set.
        local_principal: As whom requests without a token act, on loopback; that of [server] unless said; unless set,
            the operating system's user, or nobody where [server] tells of a proxy.
        workers: Processes that share the port; that of [server] unless said, 1 unless set.
        tls_cert: The certificate chain, a PEM file, to speak HTTPS; that of [server] unless said.
        tls_key: The certificate's key, a PEM file; that of [server] unless said.
    """
    if uri is not None and options.registry is not None:
        raise InvalidArgumentError("The registry is named twice.", hint="Leave out --registry.")
    if options.as_principal is not None:
        raise InvalidArgumentError("A server acts as whoever asks it.", hint="Use --local-principal.")
    said: dict[str, Any] = {
        "host": host,
        "port": port,
        "local_principal": local_principal,
        "workers": workers,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
    }
    with _uncollected():
        _serve(uri if uri is not None else options.registry, said, options)


def _serve(uri: str | None, said: dict[str, Any], options: Options) -> None:
    try:
        from herdbook.server.serving import Listening, serve_registry  # noqa: PLC0415 `--help` needs no web framework
    except ImportError as error:
        raise PluginLoadError(
            f"The server needs a package that is not installed: {error}.", hint="pip install 'herdbook[server]'"
        ) from error

    def listening(at: Listening) -> None:
        who = (
            "every request needs a token" if at.principal is None else f"requests without a token act as {at.principal}"
        )
        sentence = f"Herdbook listens at {at.url} and serves {at.registry}; {who}."
        say(options, sentence, url=at.url, registry=at.registry, principal=at.principal)

    settings = options.settings()
    server = evolve(settings.server, **{name: value for name, value in said.items() if value is not None})
    serve_registry(uri, evolve(settings, server=server), on_listening=listening)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the collector from its work until a worker is ready and has it work again.

    Nothing of what is loaded until then goes away, and looking for it took a tenth of the start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
