"""The native face: finds the endpoint, reads its arguments, calls the verb as whoever asks, renders the answer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from attrs import frozen

from herdbook import __version__
from herdbook.api import PREFIX, STAGE, WAYS, Endpoint
from herdbook.api.files import FILE_SIZE, OFFSET
from herdbook.entities import Caller
from herdbook.errors import NotFoundError, RegistryError
from herdbook.policy.operations import OPERATIONS, Shape
from herdbook.ports.registry import Registry
from herdbook.server.briefly import Brief
from herdbook.server.identity import Authenticator
from herdbook.server.messages import (
    DIVERT,
    OUTLET,
    WHOLE,
    Answer,
    Receive,
    Scope,
    Send,
    failure,
    read_body,
    read_headers,
    refusal,
    render,
    request_id,
    send_answer,
    wrong_method,
)
from herdbook.server.native.answers import plain_of
from herdbook.server.native.bodies import LargeBodies, is_small, read_no_body
from herdbook.server.native.files import Exchange, receive_file, receive_files, receive_parts, send_file, send_files
from herdbook.server.native.reading import Reader
from herdbook.server.native.routing import Router
from herdbook.server.threads import Place, Threads
from herdbook.service import Metastore
from herdbook.verdicts import Operation

_PREFIX = (PREFIX + "/").encode()
_O = Operation
_BRIEF = frozenset(
    {_O.CREATE_REGISTERED_MODEL, _O.UPDATE_REGISTERED_MODEL, _O.CREATE_MODEL_VERSION, _O.UPDATE_MODEL_VERSION}
    | {_O.SET_REGISTERED_MODEL_TAG, _O.DELETE_REGISTERED_MODEL_TAG}
    | {_O.SET_MODEL_VERSION_TAG, _O.DELETE_MODEL_VERSION_TAG}
    | {_O.SET_REGISTERED_MODEL_ALIAS, _O.DELETE_REGISTERED_MODEL_ALIAS}
)
"""Changes of a few rows, which run no check, move no bytes, and ask nothing of the network."""
_LISTS = frozenset(
    {_O.LIST_MODEL_VERSIONS, _O.LIST_MODEL_VERSION_FILES, _O.LIST_REGISTERED_MODEL_ALIASES, _O.LIST_ALIAS_HISTORY}
)
"""Reads that are lists as well, of what lies in one model."""
_INLINE = frozenset({Place.LOOP, Place.LISTS})
READ_IN_LOOP = 16 * 1024
"""Bytes of a body that the event loop reads as JSON; larger ones are read in a thread that keeps no change waiting."""


@frozen
class Served:
    """An endpoint, made ready at start-up.

    Args:
        endpoint: What it is.
        read: Reads its arguments.
        place: Where its verb runs.
        plain: Makes plain data of its answer.
        verb: Its verb.
        operation: What its requests are counted and logged as.
        is_at_once: Whether one may be answered without a task, where its verb does not turn out to take long.
    """

    endpoint: Endpoint
    read: Reader
    place: Place
    plain: Callable[[Any], Any]
    verb: str
    operation: str
    is_at_once: bool


@frozen
class Request:
    """A request that is known and whole, on its way to its verb."""

    served: Served
    values: list[str]
    query: bytes
    headers: dict[str, str]
    body: bytes
    identity: str


class NativeFace:
    """The ASGI application under the prefix."""

    def __init__(self, metastore: Metastore, authenticator: Authenticator, threads: Threads) -> None:
        self._metastore = metastore
        self._authenticator = authenticator
        self.threads = threads
        self._large = LargeBodies()
        self._router: Router[Served] = Router()
        inline_reads = metastore.core.store.inline_reads
        self._short_lists = Brief(metastore.core.store.briefly) if inline_reads else None
        self._served = tuple(_served(endpoint, inline_reads=inline_reads) for endpoint in WAYS)
        for served in self._served:
            self._router.add(served.endpoint.route.method, served.endpoint.route.path, served)

    def served(self) -> tuple[Served, ...]:
        """Return everything that it answers."""
        return self._served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = read_headers(scope)
        identity = request_id(headers)
        try:
            answer = await self._answer(scope, receive, send, headers, identity)
        except RegistryError as error:
            answer = refusal(error, identity)
        except Exception as error:  # noqa: BLE001 a face's outermost handler: what nobody foresaw is a 500 and a log line
            answer = failure(error, identity)
        if answer is not None:
            await send_answer(send, answer, identity, scope.get(WHOLE))

    def at_once(self, scope: Scope, headers: dict[str, str], identity: str) -> Answer | None:
        """Answer a request without a body, where its verb is read in the event loop; None where it is not."""
        if self._short_lists is None:
            return None
        try:
            known = self._known(scope, identity)
            if isinstance(known, Answer):
                return known
            served, values = known
            if not served.is_at_once:
                return None
            request = Request(served, values, scope["query_string"], headers, b"", identity)
            return self._in_loop(request, self._place(request))
        except RegistryError as error:
            return refusal(error, identity)
        except Exception as error:  # noqa: BLE001 as above
            return failure(error, identity)

    def caller(self, headers: dict[str, str], identity: str) -> Caller:
        """Return who sent these headers; raises UnauthenticatedError for nobody."""
        return self._authenticator.authenticate(headers, identity)

    def registry(self, headers: dict[str, str], identity: str) -> Registry:
        """Return the registry as whoever sent these headers may use it; raises UnauthenticatedError for nobody."""
        return self._metastore.for_caller(self.caller(headers, identity))

    async def in_thread(self, work: Callable[[], Any]) -> Any:
        """Do work in some thread; raises UnavailableError where too much is waiting."""
        return await self.threads.do(Place.ANYWHERE, work)

    async def moving(self, caller: Caller, work: Callable[[], Any]) -> Any:
        """Do work at the pace of a caller's client, where it keeps nobody else from a thread; raises as `in_thread`."""
        return await self.threads.move(caller.principal_id, work)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[str, str], identity: str
    ) -> Answer | None:
        known = self._known(scope, identity)
        if isinstance(known, Answer):
            return known
        served, values = known
        route, query = served.endpoint.route, scope["query_string"]
        method = scope["method"]
        if route.raw:
            exchange = Exchange(self, values, headers, receive, send, identity, scope.get(DIVERT), scope.get(OUTLET))
            return await _move(exchange, served, query, only_headers=method == "HEAD")
        if served.endpoint.body is not None and not is_small(headers):
            async with self.large_body(receive, headers, route.body_limit, identity) as body:
                return await self._do(Request(served, values, query, headers, body, identity))
        if served.endpoint.body is None:
            body = await read_no_body(receive, headers)
        else:
            body = await read_body(receive, headers, route.body_limit)
        return await self._do(Request(served, values, query, headers, body, identity))

    def _known(self, scope: Scope, identity: str) -> tuple[Served, list[str]] | Answer:
        """Return what answers a request, and the values of its path's placeholders; or the answer to a wrong method."""
        found = self._router.find(scope["raw_path"].partition(b"?")[0].removeprefix(_PREFIX))
        if found is None:
            raise NotFoundError(
                f"There is nothing at this path of {PREFIX}.", hint=f"{PREFIX}/docs lists what there is."
            )
        methods, values = found
        method = scope["method"]
        served = methods.get(method)
        if served is None and method == "HEAD" and "GET" in methods and methods["GET"].endpoint.route.raw:
            served = methods["GET"]
        if served is None:
            return wrong_method(method, methods, identity)
        scope["herdbook.operation"] = served.operation
        return served, values

    def large_body(
        self, receive: Receive, headers: dict[str, str], limit: int, identity: str
    ) -> AbstractAsyncContextManager[bytes]:
        """Hold a large body while a block lasts; raises as `LargeBodies.take`, and for who does not prove who asks."""
        return self._large.take(receive, headers, limit, lambda: self.prove(headers, identity))

    async def prove(self, headers: dict[str, str], identity: str) -> Caller:
        """Return who asks, before much is read; raises UnauthenticatedError for nobody.

        When the work begins it is asked again: by then the credential may be revoked.
        """
        if self._authenticator.inline(headers):
            return self.caller(headers, identity)
        caller: Caller = await self.in_thread(lambda: self.caller(headers, identity))
        return caller

    async def _do(self, request: Request) -> Answer:
        served, headers = request.served, request.headers
        if served.place is Place.MOVERS:
            caller = await self.prove(headers, request.identity)
            moved: Answer = await self.moving(caller, lambda: self._work(request))
            return moved
        place = self._place(request)
        if place is Place.CHANGES:
            return await self._change(request)
        answer = self._in_loop(request, place)
        if answer is not None:
            return answer
        done: Answer = await self.threads.do(place, lambda: self._work(request))
        return done

    async def _change(self, request: Request) -> Answer:
        """Make a short change: the one thread that does it is spared what can be done while it makes others."""
        if len(request.body) <= READ_IN_LOOP:
            given = _given(request)
        else:
            given = await self.in_thread(lambda: _given(request))

        def change() -> Any:
            # An error of one change is none of those that are done with it; it is raised again in the event loop.
            try:
                return self._call(request, given)
            except Exception as error:  # noqa: BLE001 the face answers it as any other
                return error

        return _rendered(request.served, await self.threads.do(Place.CHANGES, change))

    def _place(self, request: Request) -> Place:
        # Who asks may have to be found out over the network, which keeps nobody else waiting.
        return request.served.place if self._authenticator.inline(request.headers) else Place.ANYWHERE

    def _in_loop(self, request: Request, place: Place) -> Answer | None:
        """Answer a request that is read in the event loop; None where it has to be done by a thread."""
        if place is Place.LOOP:
            return self._work(request)
        if place is not Place.LISTS or self._short_lists is None:
            return None
        asked = (request.served.verb, *request.values, request.query, hash(request.headers.get("authorization")))
        short: Answer | None = self._short_lists.do(asked, lambda: self._work(request))
        return short

    def _work(self, request: Request) -> Answer:
        """Call the verb and render what it answers; in the loop or in a thread."""
        return _rendered(request.served, self._call(request))

    def _call(self, request: Request, given: dict[str, Any] | RegistryError | None = None) -> Any:
        registry = self.registry(request.headers, request.identity)
        if isinstance(given, RegistryError):
            raise given
        arguments = _arguments(request) if given is None else given
        return getattr(registry, request.served.verb)(**arguments)


def _given(request: Request) -> dict[str, Any] | RegistryError:
    """Return the arguments, or what is wrong with them, which only who may ask is told."""
    try:
        return _arguments(request)
    except RegistryError as error:
        return error


def _arguments(request: Request) -> dict[str, Any]:
    return request.served.read.read(request.values, request.query, request.headers, request.body)


def _rendered(served: Served, result: Any) -> Answer:
    if served.endpoint.answer is None:
        return Answer(204)
    return Answer(served.endpoint.route.status, render(served.plain(result)))


async def _move(exchange: Exchange, served: Served, query: bytes, *, only_headers: bool) -> Answer | None:
    """Move the bytes of files; None where the answer has been sent."""
    route = served.endpoint.route
    if route == STAGE.route:
        asked = served.read.read(exchange.values, query, exchange.headers, b"")
        return await receive_parts(exchange, offset=asked[OFFSET], size=asked[FILE_SIZE])
    if route.operation is Operation.UPLOAD_MODEL_VERSION_FILES:
        return await (receive_file if route.method == "PUT" else receive_files)(exchange)
    if route.method == "POST":
        await send_files(exchange)
        return None
    body = await read_no_body(exchange.receive, exchange.headers)
    asked = served.read.read(exchange.values, query, exchange.headers, body)
    offset, length = asked.get("offset", 0), asked.get("length")
    await send_file(exchange, offset=offset, length=length, only_headers=only_headers)
    return None


def service_document(registry: Registry, direct_from_bytes: int | None) -> dict[str, Any]:
    """Return what a client learns first.

    Args:
        registry: Whose verbs it names.
        direct_from_bytes: The smallest file that may be moved straight to or from the artifact store; None: none may.
    """
    return {
        "herdbook": __version__,
        "operations": sorted(operation.value for operation in registry.supported),
        "direct_from_bytes": direct_from_bytes,
    }


def _served(endpoint: Endpoint, *, inline_reads: bool) -> Served:
    shape = OPERATIONS[endpoint.operation].shape
    answers_json = endpoint.answer is not None and not endpoint.route.raw
    plain = plain_of(endpoint.answer) if answers_json else (lambda value: value)
    route = endpoint.route
    place = Place.MOVERS if route.moves else _place(endpoint.operation, shape, inline_reads=inline_reads)
    return Served(
        endpoint=endpoint,
        read=Reader(endpoint),
        place=place,
        plain=plain,
        verb=route.verb,
        operation=endpoint.operation.value,
        is_at_once=place in _INLINE and not route.raw and endpoint.body is None,
    )


def _place(operation: Operation, shape: Shape, *, inline_reads: bool) -> Place:
    """Return where a verb runs."""
    if operation in _BRIEF and inline_reads:
        return Place.CHANGES
    if operation in _LISTS and inline_reads:
        return Place.LISTS
    point = Place.LOOP if inline_reads else Place.POINTS
    return {Shape.POINT: point, Shape.LIST: Place.LISTS}.get(shape, Place.ANYWHERE)
