"""Several servers over one registry, and a client whose requests go to them in turns."""

from __future__ import annotations

import itertools
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any, Self

from attrs import evolve

from herdbook.adapters.http_registry.streams import Streams
from herdbook.adapters.http_registry.transport import Query, Transport
from herdbook.server.serving import Listening, serve_registry
from herdbook.settings import Settings

_PRELOADED = (
    "herdbook.adapters.sql.postgres_store",
    "herdbook.bootstrap",
    "herdbook.server.serving",
    "herdbook.testing.many_servers",
    "httptools",
    "sqlalchemy.dialects.postgresql.psycopg",
    "uvloop",
)
_STARTED_WITHIN_S = 60


class ForkedServer:
    """What `herdbook serve` runs, in a process of its own, forked from one that has imported everything already.

    Args:
        registry: What it serves.
        settings: As which settings it is started.
        then: Called there once it listens, before anybody is told where.
    """

    def __init__(self, registry: str, settings: Settings, *, then: Callable[[], object] | None = None) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(list(_PRELOADED))
        self._told, telling = context.Pipe(duplex=False)
        self._process = context.Process(target=_serve, args=(registry, settings, then, telling), daemon=True)
        self._process.start()
        telling.close()
        self._url: str | None = None

    @property
    def url(self) -> str:
        """Where it answers; waits until it does."""
        if self._url is None:
            if not self._told.poll(_STARTED_WITHIN_S):
                raise TimeoutError("the server does not come up")
            self._url = self._told.recv()
        return self._url

    def __enter__(self) -> Self:
        return self

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._process.join()

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.is_alive()

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._process.close()
        self._told.close()


class InTurns(Transport):
    """Sends each request to the next of several servers."""

    def __init__(self, transports: Sequence[Transport]) -> None:
        self._transports = tuple(transports)
        self._turns = itertools.cycle(self._transports)

    @property
    def server(self) -> str:
        """The first server's URL."""
        return self._transports[0].server

    def close(self) -> None:
        """Close the connections to all."""
        for transport in self._transports:
            transport.close()

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        repeatable: bool,
    ) -> Any:
        """Ask the next server."""
        return next(self._turns).ask(method, path, query=query, headers=headers, content=content, repeatable=repeatable)

    @property
    def streams(self) -> Streams:  # type: ignore[override]  # read each time that bytes are moved, from the next one
        """The next server's streams."""
        return next(self._turns).streams


def _serve(registry: str, settings: Settings, then: Callable[[], object] | None, telling: Connection) -> None:
    def listening(at: Listening) -> None:
        if then is not None:
            then()
        telling.send(at.url)

    served = evolve(settings, server=evolve(settings.server, port=0))
    serve_registry(registry, served, on_listening=listening)
