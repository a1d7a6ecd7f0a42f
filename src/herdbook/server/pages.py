"""What stands beside the faces: health, figures, the service document, and the description of the interface."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from herdbook.api import PREFIX
from herdbook.errors import NotFoundError, RegistryError, UnavailableError
from herdbook.server.figures import CONTENT_TYPE, Board
from herdbook.server.messages import Answer, read_headers, refusal, render, request_id, wrong_method
from herdbook.server.native.face import NativeFace, service_document
from herdbook.server.openapi import openapi
from herdbook.service import Metastore

# What the page may load: itself, its own script and style, and the document.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_AS_IT_IS = {"x-content-type-options": "nosniff"}
_PAGE = {
    **_AS_IT_IS,
    "content-security-policy": _PAGE_POLICY,
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
FIGURES = "/metrics"
PROBES = frozenset({"/health", "/ready"})
"""What balancers ask, most of them by address and not by name; it acts as nobody, so it answers to any Host."""
_ASSETS = {"docs.js": "text/javascript", "docs.css": "text/css"}
PUBLIC = (
    "/health",
    "/ready",
    f"{PREFIX}/openapi.json",
    f"{PREFIX}/docs",
    *(f"{PREFIX}/{name}" for name in _ASSETS),
)
"""What answers without saying who asks; it shows nothing of the registry."""
READY_S = 5
"""Seconds in which whatever a request needs has to answer."""
_NO_BLOB = "0" * 64


def own_routes(native: NativeFace, metastore: Metastore, board: Board) -> list[Route]:
    """Return the routes that Starlette answers."""

    async def alive(_: Request) -> Response:
        return Response(render({"status": "ok"}), media_type="application/json")

    async def ready(request: Request) -> Response:
        async def look() -> Answer:
            try:
                async with asyncio.timeout(READY_S):
                    await native.in_thread(lambda: check_ready(metastore))
            except TimeoutError:
                raise UnavailableError(f"Nothing answered within {READY_S} seconds.") from None
            return Answer(200, render({"status": "ready"}))

        return await _guarded(request, look)

    async def figures(request: Request) -> Response:
        headers = read_headers(request.scope)
        identity = request_id(headers)
        public = request.scope.get("herdbook.figures") is True

        def tell() -> Answer:
            if not public:
                metastore.admit_to_figures(native.caller(headers, identity))
            return Answer(200, board.text(), CONTENT_TYPE.encode())

        return await _guarded(request, lambda: native.in_thread(tell))

    async def service(request: Request) -> Response:
        headers = read_headers(request.scope)
        identity = request_id(headers)

        def tell() -> Answer:
            told = service_document(native.registry(headers, identity), metastore.core.direct.from_bytes)
            return Answer(200, render(told))

        return await _guarded(request, lambda: native.in_thread(tell))

    return [
        Route("/health", alive, methods=["GET"]),
        Route("/ready", ready, methods=["GET"]),
        Route(FIGURES, figures, methods=["GET"]),
        Route(f"{PREFIX}/", service, methods=["GET"]),
        Route(f"{PREFIX}/openapi.json", _document, methods=["GET"]),
        Route(f"{PREFIX}/docs", _docs, methods=["GET"]),
        *(Route(f"{PREFIX}/{name}", _asset(name, sort), methods=["GET"]) for name, sort in _ASSETS.items()),
    ]


def check_ready(metastore: Metastore) -> None:
    """Ask the parts that requests need.

    Raises:
        UnavailableError: one does not answer, or is not what this version needs; nothing is named.
    """
    core = metastore.core
    try:
        with core.store.read() as tx:
            tx.revision()
        current = core.store.has_current_schema()
    except RegistryError as error:
        raise UnavailableError("The database does not answer.") from error
    if not current:
        raise UnavailableError(
            "The database has another schema than this Herdbook works with.",
            hint="Run `herdbook db upgrade`, or use the Herdbook that did.",
        )
    try:
        core.artifacts.size(_NO_BLOB)
    except (RegistryError, OSError) as error:
        raise UnavailableError("The artifact store does not answer.") from error


async def nothing_there(request: Request, _: Exception) -> Response:
    """Answer for a path that nothing is at."""
    identity = request_id(read_headers(request.scope))
    return _response(refusal(NotFoundError("There is nothing at this path."), identity), identity)


async def no_such_method(request: Request, error: Exception) -> Response:
    """Answer for a method that a path does not have."""
    identity = request_id(read_headers(request.scope))
    allowed = getattr(error, "headers", None) or {}
    methods = [method.strip() for method in allowed.get("Allow", "GET").split(",") if method.strip() != "HEAD"]
    return _response(wrong_method(request.method, methods, identity), identity)


async def _guarded(request: Request, work: Callable[[], Awaitable[Answer]]) -> Response:
    identity = request_id(read_headers(request.scope))
    try:
        answer = await work()
    except RegistryError as error:
        answer = refusal(error, identity)
    return _response(answer, identity)


def _response(answer: Answer, identity: str) -> Response:
    made = Response(answer.body, answer.status, media_type=answer.content_type.decode())
    made.headers["x-request-id"] = identity
    for name, value in answer.headers:
        made.headers[name.decode()] = value.decode()
    return made


@cache
def _rendered() -> bytes:
    return render(openapi())


async def _document(_: Request) -> Response:
    return Response(_rendered(), media_type="application/json")


async def _docs(_: Request) -> Response:
    return Response(_read("docs.html"), media_type="text/html", headers=_PAGE)


def _asset(name: str, sort: str) -> Callable[[Request], Awaitable[Response]]:
    async def asset(_: Request) -> Response:
        return Response(_read(name), media_type=sort, headers=_AS_IT_IS)

    return asset


@cache
def _read(name: str) -> bytes:
    return (files("herdbook.server") / "page" / name).read_bytes()
