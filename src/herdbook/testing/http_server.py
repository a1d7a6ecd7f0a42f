"""A real server over a metastore, in a thread of the test's process, on a free port of the loopback."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from herdbook.entities import Caller
from herdbook.errors import UnauthenticatedError
from herdbook.names import PrincipalName
from herdbook.server import Authenticator, build_app
from herdbook.server.running import HttpServer, Running, listen, url_of
from herdbook.service import Metastore

_BEARER = "Bearer "


class NamedByToken:
    """Takes the bearer token for the principal's name; for tests alone, where nothing has to be proved."""

    def __init__(self, metastore: Metastore) -> None:
        self._metastore = metastore

    def inline(self, _headers: Mapping[str, str]) -> bool:
        """It is fast."""
        return True

    def authenticate(self, headers: Mapping[str, str], request_id: str = "") -> Caller:
        """Return the caller for the principal that the token names."""
        told = headers.get("authorization", "")
        if not told.startswith(_BEARER):
            raise UnauthenticatedError("This request has no bearer token.", hint="Send Authorization: Bearer NAME.")
        name = PrincipalName.parse(told.removeprefix(_BEARER))
        return self._metastore.asserted(name, request_id=request_id, client="http")


class ServedMetastore:
    """A server while its `with` block lasts; the metastore stays open.

    Args:
        metastore: What it serves.
        authenticator: Says who asks; None takes tokens for names.
        running: How it runs.
        app: What else `build_app` takes.
    """

    def __init__(
        self,
        metastore: Metastore,
        authenticator: Authenticator | None = None,
        *,
        running: Running | None = None,
        **app: Any,
    ) -> None:
        self._socket = listen("127.0.0.1", 0)
        self._listening = threading.Event()
        self._app = build_app(metastore, authenticator or NamedByToken(metastore), **app)
        self._server = HttpServer(self._app, [self._socket], self._listening.set, running)
        self._thread = threading.Thread(target=self._server.run_to_its_end, daemon=True)

    @property
    def connections(self) -> tuple[Any, ...]:
        """The protocols of the connections that are open."""
        return tuple(self._server.server_state.connections)

    @property
    def waiting(self) -> int:
        """How many requests are in a thread, or wait for one."""
        return self._app.native.threads.waiting

    @property
    def url(self) -> str:
        """Where it answers."""
        return url_of(self._socket)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._listening.wait(30):
            raise TimeoutError("the server does not come up")
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._server.should_exit = True
        self._thread.join(30)
        self._socket.close()
