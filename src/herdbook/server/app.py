"""The ASGI application: the native face, and beside it what Starlette routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from functools import partial

from starlette.applications import Starlette
from starlette.routing import Route

from herdbook.api import PREFIX
from herdbook.errors import NotFoundError, RegistryError, UnavailableError
from herdbook.ports.metadata.tokens import Presented
from herdbook.server.guard import LOOPBACK, Guard
from herdbook.server.identity import Authenticator
from herdbook.server.limits import Buckets, LimitedAuthenticator
from herdbook.server.messages import (
    FULL,
    OF_BODIES,
    WHOLE,
    Answer,
    Application,
    Receive,
    RequestHeaders,
    Scope,
    Send,
    forget_connection,
    read_headers,
    refusal,
    request_id,
    send_answer,
    send_at_once,
)
from herdbook.server.native.face import NativeFace
from herdbook.server.pages import FIGURES, PROBES, no_such_method, nothing_there, own_routes
from herdbook.server.threads import Threads
from herdbook.server.watching import Seen, Watch
from herdbook.service import Metastore

TICK_S = 2
"""Seconds between two looks at what is due."""
_NATIVE = f"{PREFIX}/"
_FOR_FIGURES = PROBES | {FIGURES}


class App:
    """Guards the door, then sends a request to the native face or to Starlette."""

    def __init__(
        self, native: NativeFace, beside: Starlette, guard: Guard, watch: Watch, figures_port: int | None
    ) -> None:
        self.native = native
        self.beside = beside
        self._guard = guard
        self._watch = watch
        self._figures_port = figures_port
        self._own = {route.path for route in beside.routes if isinstance(route, Route)}
        self._looked_up: dict[str, Presented] | None = None

    def begin(self, scope: Scope) -> Application | None:
        """Answer a request without a body that nothing has to be waited for; for others nothing is done yet.

        Returns:
            What is left to do, and to be awaited; None where the request is answered.
        """
        path = scope["path"]
        if scope["method"] != "GET" or FULL in scope or not self._is_native(path):
            return self
        headers = read_headers(scope)
        if not headers.keys().isdisjoint(OF_BODIES):
            return self
        seen = Seen(scope.get(WHOLE))
        try:
            self._let_in(scope, headers)
        except RegistryError:
            return self
        identity = request_id(headers)
        headers.looked_up = self._looked_up_in_turn()
        answer = self.native.at_once(scope, headers, identity)
        # A thread may come to it later.
        headers.looked_up = None
        if answer is None:
            return self
        sent = send_at_once(seen.whole, answer, identity)
        self._watch.slot.begin()
        if not sent:
            return partial(self._send_by_messages, headers, seen, answer)
        self._end(scope, headers, seen)
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or live through one lifespan."""
        if scope["type"] != "http":
            await self.beside(scope, receive, send)
            return
        headers = read_headers(scope)
        seen = Seen(scope.get(WHOLE)).by(receive, send)
        scope[WHOLE] = seen.whole
        self._watch.slot.begin()
        try:
            await self._answer(scope, headers, seen)
        finally:
            self._end(scope, headers, seen)

    async def _send_by_messages(
        self, headers: RequestHeaders, seen: Seen, answer: Answer, scope: Scope, receive: Receive, send: Send
    ) -> None:
        try:
            await send_answer(seen.by(receive, send).send, answer, request_id(headers))
        finally:
            self._end(scope, headers, seen)

    def _looked_up_in_turn(self) -> dict[str, Presented]:
        """Return what is known of tokens in this turn of the event loop.

        The requests that it begins with were sent before it, so before any of them was looked up: what is revoked
        while it lasts is refused from the next request on all the same.
        """
        if self._looked_up is None:
            self._looked_up = {}
            asyncio.get_running_loop().call_soon(self._end_turn)
        return self._looked_up

    def _end_turn(self) -> None:
        self._looked_up = None

    def _end(self, scope: Scope, headers: RequestHeaders, seen: Seen) -> None:
        self._watch.end(scope, headers, seen)
        forget_connection(scope)

    def _is_native(self, path: str) -> bool:
        return path.startswith(_NATIVE) and path not in self._own

    def refused(self, status: int, address: str) -> None:
        """Take down a request that was refused before it was one: its connection answers by itself.

        Args:
            status: With which status.
            address: From where it came.
        """
        self._watch.refused(status, address)

    async def _answer(self, scope: Scope, headers: RequestHeaders, seen: Seen) -> None:
        try:
            self._let_in(scope, headers)
        except RegistryError as error:
            identity = request_id(headers)
            # The connection of one that is one too many makes room.
            extra = ((b"connection", b"close"),) if FULL in scope else ()
            await send_answer(seen.send, refusal(error, identity, extra=extra), identity, seen.whole)
            return
        if self._is_native(scope["path"]):
            await self.native(scope, seen.receive, seen.send)
        else:
            await self.beside(scope, seen.receive, seen.send)

    def _let_in(self, scope: Scope, headers: RequestHeaders) -> None:
        """Look at what no verb is needed for; raises RegistryError for what is refused at the door."""
        path = scope["path"]
        if path not in PROBES:
            self._guard.check(headers)
        if FULL in scope:
            raise UnavailableError(
                "This server has as many connections as it may have.", hint="Ask again a little later."
            )
        if self._figures_port is not None:
            self._mark_figures(scope, path)

    def _mark_figures(self, scope: Scope, path: str) -> None:
        """Let a request to the port for figures see them without a token, and nothing else."""
        server = scope.get("server")
        if server is None or server[1] != self._figures_port:
            return
        if path not in _FOR_FIGURES:
            raise NotFoundError("There is nothing at this path.")
        scope["herdbook.figures"] = True


def build_app(
    metastore: Metastore,
    authenticator: Authenticator,
    *,
    hosts: Iterable[str] = LOOPBACK,
    watch: Watch | None = None,
    requests: Buckets | None = None,
    failures: Buckets | None = None,
    figures_port: int | None = None,
) -> App:
    """Return the application over an opened metastore.

    Args:
        metastore: The metastore; the caller closes it afterwards.
        authenticator: Says who is asking.
        hosts: The names that the server answers to.
        watch: Counts and logs; None counts for itself and logs nothing.
        requests: How often a principal may ask; None is as often as it likes.
        failures: How often an address may fail to prove who asks; None is as often as it likes.
        figures_port: The port whose requests see the figures without a token; None is no port.
    """
    threads = Threads(metastore.core.store.together)
    native = NativeFace(metastore, LimitedAuthenticator(authenticator, requests, failures), threads)
    watched = watch or Watch()

    async def look() -> None:
        while True:
            revision = metastore.core.gate.authority.revision
            watched.slot.show(pool_waiting=threads.waiting, policy_revision=max(revision, 0))
            watched.tick()
            await asyncio.sleep(TICK_S)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        looking = asyncio.create_task(look())
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
            # A thread may still have something to ask of this loop.
            await asyncio.to_thread(threads.shut_down)
            watched.close()

    beside = Starlette(
        routes=own_routes(native, metastore, watched.board),
        exception_handlers={404: nothing_there, 405: no_such_method},
        lifespan=lifespan,
    )
    beside.router.redirect_slashes = False
    return App(native, beside, Guard(hosts), watched, figures_port)
