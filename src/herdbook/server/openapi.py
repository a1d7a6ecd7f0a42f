"""The OpenAPI 3.1 document, derived from the route table; the same table gives the same text."""

from __future__ import annotations

import re
from typing import Any

from herdbook import __version__
from herdbook.api import (
    IDEMPOTENCY_HEADER,
    MEDIA_TYPE,
    PREFIX,
    READ_MANY,
    STAGE,
    UPLOAD_MANY,
    WAYS,
    Argument,
    Endpoint,
    Place,
)
from herdbook.api.files import (
    BUNDLE_FILES,
    BUNDLE_FORMAT,
    BUNDLE_TYPE,
    CONTENT_DIGEST_HEADER,
    DIGEST_HEADER,
    FILE_SIZE,
    SIZE_HEADER,
)
from herdbook.api.problems import CLASSES
from herdbook.errors import RegistryError
from herdbook.names import AliasRef, CatalogName, ModelName, PrincipalName, SchemaName, VersionRef
from herdbook.policy.operations import OPERATIONS
from herdbook.ports.registry import Registry
from herdbook.server.schemas import Schema, Schemas, arguments_of
from herdbook.verdicts import Denied, Operation, Rejection

_PLACEHOLDER = re.compile(r"\{(\w+)(?:\.(\w+))?(?:\.\.\.)?\}")
_BYTES: Schema = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_BUNDLE: Schema = {BUNDLE_TYPE: {"schema": {"type": "string", "format": "binary", "description": BUNDLE_FORMAT}}}
_SECOND_WAYS = {
    UPLOAD_MANY.route: ("_many", "Send many small files at once."),
    READ_MANY.route: ("_many", "Read many small files at once."),
}
_PATHS: Schema = {
    "type": "object",
    "properties": {"paths": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": BUNDLE_FILES}},
    "required": ["paths"],
    "additionalProperties": False,
}
_PARTS = {
    "206": {"description": "The part that `Range` asks for.", "content": _BYTES},
    "416": {"$ref": "#/components/responses/Problem400"},
}
_EXAMPLES: dict[type, str] = {
    CatalogName: "main",
    SchemaName: "main.default",
    ModelName: "main.default.iris",
    VersionRef: "main.default.iris/1",
    AliasRef: "main.default.iris@champion",
    PrincipalName: "user:ann",
}
_PART_EXAMPLES = {"model": _EXAMPLES[ModelName], "version": "1", "alias": "champion"}
_ABOUT = (
    "A governed registry for machine-learning models. Names travel as text and are percent-encoded in paths. "
    "A query parameter or a key of a body that is not listed is refused. "
    "Any request may be answered with a problem before it is looked at: 400 where it is no HTTP, 405 with `Allow` "
    "where its path has no such method, 408, 414 or 431 where its head takes too long or is too large, 403 where its "
    "Host or Origin is foreign."
)


def openapi() -> dict[str, Any]:
    """Return the document as plain data."""
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in WAYS:
        path = PREFIX + _PLACEHOLDER.sub(lambda found: f"{{{found.group(2) or found.group(1)}}}", endpoint.route.path)
        paths.setdefault(path, {})[endpoint.route.method.lower()] = _operation(endpoint, schemas)
    _problem(schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Herdbook", "version": __version__, "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "responses": _refused(),
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"bearer": []}, {}],
    }


def _operation(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    need = OPERATIONS[endpoint.operation]
    suffix, summary = _SECOND_WAYS.get(endpoint.route, ("", endpoint.summary))
    made: dict[str, Any] = {
        "operationId": endpoint.route.verb + suffix,
        "tags": [getattr(Registry, endpoint.route.verb).__qualname__.partition(".")[0]],
        "summary": summary,
        "parameters": _parameters(endpoint, schemas),
        "responses": {str(endpoint.route.status): _answer(endpoint, schemas), **_refusals(endpoint.errors)},
        "x-errors": sorted(error.code for error in endpoint.errors),
        "x-needs": {"any_of": [privilege.value for privilege in need.any_of], "on": need.on.value},
    }
    if endpoint.route.raw:
        _moves_bytes(made, endpoint)
    elif endpoint.body is not None:
        needed = any(argument.required for argument in endpoint.at(Place.BODY))
        schema = schemas.of(endpoint.body)
        _tell_names(schemas.components[endpoint.body.__name__], endpoint)
        made["requestBody"] = {"required": needed, "content": {"application/json": {"schema": schema}}}
    return made


def _moves_bytes(made: dict[str, Any], endpoint: Endpoint) -> None:
    """Tell of what travels as it is, and not as JSON."""
    if endpoint.route == UPLOAD_MANY.route:
        made["requestBody"] = {"required": True, "content": _BUNDLE}
    elif endpoint.route == READ_MANY.route:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": _PATHS}}}
    elif endpoint.route.method == "PUT":
        made["requestBody"] = {"required": True, "content": _BYTES}
    else:
        made["responses"] = dict(sorted({**made["responses"], **_PARTS}.items()))


def _tell_names(body: Schema, endpoint: Endpoint) -> None:
    """Describe the members of a body as the verb's docstring does."""
    told = arguments_of(endpoint.doc)
    for argument in endpoint.at(Place.BODY):
        member = body["properties"][argument.name]
        body["properties"][argument.name] = {**member, **_described(argument, told), **_shown(argument)}


def _parameters(endpoint: Endpoint, schemas: Schemas) -> list[dict[str, Any]]:
    told = {FILE_SIZE: "Bytes of the whole file.", **arguments_of(endpoint.doc)}
    made: list[dict[str, Any]] = []
    second = endpoint.route in _SECOND_WAYS
    for argument in endpoint.at(Place.PATH):
        if second and argument.name == "path":
            continue
        for part in argument.parts or (argument.name,):
            schema = {"type": "string", **_shown(argument, part)}
            described = _described(argument, told)
            made.append({"name": part, "in": "path", "required": True, "schema": schema, **described})
    for argument in () if second else endpoint.at(Place.QUERY):
        schema = schemas.of(argument.kind)
        if not argument.required and argument.default not in (None, ()):
            schema = {**schema, "default": argument.default}
        made.append(
            {
                "name": argument.name,
                "in": "query",
                "required": argument.required,
                "schema": {**_without_null(schema), **_shown(argument)},
                **_described(argument, told),
            }
        )
    if endpoint.at(Place.HEADER):
        made.append(_header(IDEMPOTENCY_HEADER, told.get("idempotency_key", "")))
    if endpoint.route.raw and endpoint.operation is Operation.READ_MODEL_VERSION_FILE and not second:
        made.append(_header("range", "One part of the file, `bytes=FIRST-LAST`; the answer is then 206, or 416."))
        made.append(_header("if-range", "The entity tag that the file must have for a part to be answered."))
    if endpoint.route.raw and endpoint.operation is Operation.UPLOAD_MODEL_VERSION_FILES and not second:
        if endpoint.route == STAGE.route:
            text = "The SHA-256 of this body, where it is to be proved now, `sha-256=:BASE64:` (RFC 9530)."
            return [*made, _header(CONTENT_DIGEST_HEADER, text)]
        made.append(_header(SIZE_HEADER, "How many bytes the file has; Content-Length says it as well."))
        made.append(_header(DIGEST_HEADER, "Its SHA-256 where it is known, `sha-256=:BASE64:` (RFC 9530)."))
    return made


def _header(name: str, description: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1, "maxLength": 255}
    return {"name": name, "in": "header", "required": False, "schema": schema, "description": description}


def _without_null(schema: Schema) -> Schema:
    """Return the schema of a parameter, which can only be left out."""
    members = [member for member in schema.get("anyOf", ()) if member != {"type": "null"}]
    return {**members[0], **{key: schema[key] for key in schema if key != "anyOf"}} if len(members) == 1 else schema


def _described(argument: Argument, told: dict[str, str]) -> dict[str, str]:
    names = " or ".join(sorted(kind.__name__ for kind in argument.names))
    words = " ".join(word for word in (told.get(argument.name, ""), f"({names})" if names else "") if word)
    return {"description": words} if words else {}


def _shown(argument: Argument, part: str | None = None) -> dict[str, list[str]]:
    """Return an example of a name, or of a part of one."""
    if part in argument.parts:
        return {"examples": [_PART_EXAMPLES[part]]} if part in _PART_EXAMPLES else {}
    found = [kind for kind in _EXAMPLES if kind in argument.names]
    if not found or argument.kind not in (str, str | None):
        return {}
    return {"examples": [_EXAMPLES[ModelName if ModelName in found else found[0]]]}


def _answer(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    if endpoint.answer is None:
        return {"description": "Done."}
    if endpoint.route.raw and endpoint.operation is Operation.READ_MODEL_VERSION_FILE:
        return {"description": "The bytes.", "content": _BUNDLE if endpoint.route == READ_MANY.route else _BYTES}
    return {"description": "Done.", "content": {"application/json": {"schema": schemas.of(endpoint.answer)}}}


def _refusals(errors: tuple[type[RegistryError], ...]) -> dict[str, Any]:
    statuses = sorted({error.http_status for error in errors})
    return {str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in statuses}


def _refused() -> dict[str, Any]:
    """Return the answers to refused requests, one for each status."""
    by_status: dict[int, list[str]] = {}
    for code, error in CLASSES.items():
        by_status.setdefault(error.http_status, []).append(code)
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        f"Problem{status}": {"description": ", ".join(sorted(codes)), "content": content}
        for status, codes in sorted(by_status.items())
    }


def _problem(schemas: Schemas) -> None:
    text, maybe = {"type": "string"}, {"type": ["string", "null"]}
    properties = {
        "type": {"type": "string", "format": "uri"},
        "title": text,
        "status": {"type": "integer"},
        "detail": text,
        "code": text,
        "hint": maybe,
        "details": {"type": "object"},
        "request_id": text,
        "decision": {"anyOf": [schemas.of(Denied), {"type": "null"}]},
        "rejections": {"type": "array", "items": schemas.of(Rejection)},
    }
    schemas.components["Problem"] = {
        "type": "object",
        "description": "Why a request was refused (RFC 9457).",
        "properties": properties,
        "required": ["type", "title", "status", "detail", "code", "hint", "details", "request_id"],
        "additionalProperties": False,
    }
