"""The ASGI application: the native face, and beside it what Starlette routes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Route

from herdbook.api import PREFIX
from herdbook.errors import RegistryError
from herdbook.server.guard import LOOPBACK, Guard
from herdbook.server.identity import Authenticator
from herdbook.server.messages import Receive, Scope, Send, read_headers, refusal, request_id, send_answer
from herdbook.server.native.face import NativeFace
from herdbook.server.pages import no_such_method, nothing_there, own_routes
from herdbook.service import Metastore

THREADS = 16
MOVERS = 32
"""Uploads that are taken in at once; each holds a thread and a few blocks for as long as its client takes."""
_NATIVE = f"{PREFIX}/"


class App:
    """Guards the door, then sends a request to the native face or to Starlette."""

    def __init__(self, native: NativeFace, beside: Starlette, guard: Guard) -> None:
        self.native = native
        self.beside = beside
        self._guard = guard
        self._own = {route.path for route in beside.routes if isinstance(route, Route)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live through one lifespan."""
        if scope["type"] != "http":
            await self.beside(scope, receive, send)
            return
        headers = read_headers(scope)
        try:
            self._guard.check(headers)
        except RegistryError as error:
            identity = request_id(headers)
            await send_answer(send, refusal(error, identity), identity)
            return
        path = scope["path"]
        if path.startswith(_NATIVE) and path not in self._own:
            await self.native(scope, receive, send)
        else:
            await self.beside(scope, receive, send)


def build_app(
    metastore: Metastore,
    authenticator: Authenticator,
    *,
    hosts: Iterable[str] = LOOPBACK,
) -> App:
    """Return the application over an opened metastore.

    Args:
        metastore: The metastore; the caller closes it afterwards.
        authenticator: Says who is asking.
        hosts: The names that the server answers to.
    """
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="herdbook")
    movers = ThreadPoolExecutor(MOVERS, thread_name_prefix="herdbook-bytes")
    native = NativeFace(metastore, authenticator, pool, movers)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            movers.shutdown(wait=True)
            pool.shutdown(wait=True)

    beside = Starlette(
        routes=own_routes(native, metastore),
        exception_handlers={404: nothing_there, 405: no_such_method},
        lifespan=lifespan,
    )
    beside.router.redirect_slashes = False
    return App(native, beside, Guard(hosts))
