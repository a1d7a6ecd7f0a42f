"""What stands beside the faces: health, the service document, and the description of the interface."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from herdbook.api import PREFIX
from herdbook.errors import NotFoundError, RegistryError
from herdbook.server.messages import Answer, read_headers, refusal, render, request_id, wrong_method
from herdbook.server.native.face import NativeFace, service_document
from herdbook.server.openapi import openapi
from herdbook.service import Metastore

# What the page may load: itself, its own script and style, and the document.
_PAGE_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'"
_ASSETS = {"docs.js": "text/javascript", "docs.css": "text/css"}
PUBLIC = (
    "/health",
    "/ready",
    f"{PREFIX}/openapi.json",
    f"{PREFIX}/docs",
    *(f"{PREFIX}/{name}" for name in _ASSETS),
)
"""What answers without saying who asks; it shows nothing of the registry."""


def own_routes(native: NativeFace, metastore: Metastore) -> list[Route]:
    """Return the routes that Starlette answers."""

    async def alive(_: Request) -> Response:
        return Response(render({"status": "ok"}), media_type="application/json")

    async def ready(request: Request) -> Response:
        def look() -> Answer:
            with metastore.core.store.read() as tx:
                tx.revision()
            return Answer(200, render({"status": "ready"}))

        return await _guarded(request, lambda: native.in_thread(look))

    async def service(request: Request) -> Response:
        headers = read_headers(request.scope)
        identity = request_id(headers)

        def tell() -> Answer:
            return Answer(200, render(service_document(native.registry(headers, identity))))

        return await _guarded(request, lambda: native.in_thread(tell))

    return [
        Route("/health", alive, methods=["GET"]),
        Route("/ready", ready, methods=["GET"]),
        Route(f"{PREFIX}/", service, methods=["GET"]),
        Route(f"{PREFIX}/openapi.json", _document, methods=["GET"]),
        Route(f"{PREFIX}/docs", _docs, methods=["GET"]),
        *(Route(f"{PREFIX}/{name}", _asset(name, sort), methods=["GET"]) for name, sort in _ASSETS.items()),
    ]


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
    return Response(_read("docs.html"), media_type="text/html", headers={"content-security-policy": _PAGE_POLICY})


def _asset(name: str, sort: str) -> Callable[[Request], Awaitable[Response]]:
    async def asset(_: Request) -> Response:
        return Response(_read(name), media_type=sort)

    return asset


@cache
def _read(name: str) -> bytes:
    return (files("herdbook.server") / "page" / name).read_bytes()
