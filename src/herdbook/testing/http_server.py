"""A real server over a metastore, in a thread of the test's process, on a free port of the loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import uvicorn

from herdbook.entities import Caller
from herdbook.errors import UnauthenticatedError
from herdbook.names import PrincipalName
from herdbook.server import Authenticator, build_app
from herdbook.service import Metastore

_BEARER = "Bearer "


class NamedByToken:
    """Takes the bearer token for the principal's name; for tests alone, where nothing has to be proved."""

    def __init__(self, metastore: Metastore) -> None:
        self._metastore = metastore

    def authenticate(self, headers: Mapping[str, str]) -> Caller:
        """Return the caller for the principal that the token names."""
        told = headers.get("authorization", "")
        if not told.startswith(_BEARER):
            raise UnauthenticatedError("This request has no bearer token.", hint="Send Authorization: Bearer NAME.")
        return self._metastore.asserted(PrincipalName.parse(told.removeprefix(_BEARER)), client="http")


class _Server(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        await super().startup(sockets)
        self.listening.set()


class ServedMetastore:
    """A server while its `with` block lasts; the metastore stays open."""

    def __init__(self, metastore: Metastore, authenticator: Authenticator | None = None) -> None:
        self._app = build_app(metastore, authenticator or NamedByToken(metastore))
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        config = uvicorn.Config(self._app, loop="uvloop", http="httptools", log_config=None, access_log=False)
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._server.listening.wait(30):
            raise TimeoutError("the server does not come up")
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._server.should_exit = True
        self._thread.join(30)
        self._socket.close()
