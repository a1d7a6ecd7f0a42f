"""From the arguments of a verb to a request: each endpoint's writer is put together once, when the class is made."""

from __future__ import annotations

import inspect
import re
import uuid
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from typing import Any, get_origin
from urllib.parse import quote

from attrs import field, frozen

from herdbook.adapters.http_registry.transport import Query
from herdbook.api import IDEMPOTENCY_HEADER, Argument, Endpoint, Place
from herdbook.errors import InvalidArgumentError
from herdbook.names import AliasRef, LatestRef, ModelUri, VersionRef, format_time
from herdbook.policy.limits import check_idempotency_key
from herdbook.ports.registry import Registry
from herdbook.wire import converter, structure, to_json

_PLACEHOLDER = re.compile(r"\{(\w+)(?:\.(\w+))?(\.\.\.)?\}")
_DOTS = {".": "%2E", "..": "%2E%2E"}


@frozen(kw_only=True)
class Call:
    """A request, ready to be sent.

    Args:
        method: The HTTP method.
        path: The path below the prefix, percent-encoded.
        query: Parameters.
        headers: Further headers.
        content: A JSON body; None where there is none.
        repeatable: Whether it may be sent again where it is not known to have been answered.
    """

    method: str
    path: str
    query: Query = field(factory=list)
    headers: dict[str, str] = field(factory=dict)
    content: bytes | None = None
    repeatable: bool = False


class Writer:
    """Writes the requests of one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._signature = inspect.signature(getattr(Registry, endpoint.route.verb))
        self._has_key = bool(endpoint.at(Place.HEADER))

    def write(self, *arguments: Any, **named: Any) -> Call:
        """Return the request for a call of the verb; raises TypeError for arguments that the port does not have."""
        bound = self._signature.bind(None, *arguments, **named)
        given = {
            name: value
            for name, value in bound.arguments.items()
            if name != "self" and value is not self._signature.parameters[name].default
        }
        endpoint = self._endpoint
        headers = {}
        if self._has_key:
            # With a key of our own a create that is repeated makes one thing.
            key = given.get("idempotency_key", uuid.uuid4().hex)
            check_idempotency_key(key)
            headers[IDEMPOTENCY_HEADER] = key
        content = None
        if endpoint.body is not None:
            body = {arg.name: _plain(given[arg.name]) for arg in endpoint.at(Place.BODY) if arg.name in given}
            content = _json(body)
        return Call(
            method=endpoint.route.method,
            path=write_path(endpoint, given),
            query=_query(endpoint.at(Place.QUERY), given),
            headers=headers,
            content=content,
            repeatable=endpoint.route.method == "GET" or self._has_key,
        )

    def read(self, plain: Any) -> Any:
        """Return the answer of the verb; raises InvalidArgumentError for what is none."""
        return None if self._endpoint.answer is None else structure(plain, self._endpoint.answer, what="the answer")


def write_path(endpoint: Endpoint, given: Mapping[str, Any]) -> str:
    """Return the path of a call, percent-encoded; raises InvalidArgumentError for what is no such name."""
    spelled = {argument.name: _spelled(argument, given[argument.name]) for argument in endpoint.at(Place.PATH)}

    def put_in(found: re.Match[str]) -> str:
        name, part, rest = found.groups()
        text = spelled[name][part]
        return _DOTS.get(text) or quote(text, safe="/" if rest else "")

    return _PLACEHOLDER.sub(put_in, endpoint.route.path)


def _spelled(argument: Argument, value: Any) -> dict[str | None, str]:
    """Return the texts that an argument has in the path, by part."""
    if not argument.parts:
        if not isinstance(value, (str, *argument.names)):
            raise InvalidArgumentError(f"{argument.name} is {value!r}, which is not text.")
        return {None: str(value)}
    ref = _reference(argument, value)
    last = "latest" if isinstance(ref, LatestRef) else str(getattr(ref, argument.parts[1]))
    return {argument.parts[0]: str(ref.model), argument.parts[1]: last}


def _reference(argument: Argument, value: Any) -> VersionRef | AliasRef | LatestRef:
    if isinstance(value, argument.names) and isinstance(value, VersionRef | AliasRef | LatestRef):
        return value
    if LatestRef not in argument.names:
        return AliasRef.parse(value) if AliasRef in argument.names else VersionRef.parse(value)
    ref = ModelUri.parse(value).ref
    if not isinstance(ref, VersionRef | LatestRef):
        raise InvalidArgumentError(
            f"{value!r} does not name a version.",
            hint="Write CATALOG.SCHEMA.MODEL/NUMBER; an alias is resolved by get_model_version_by_alias.",
        )
    return ref


def _json(body: dict[str, Any]) -> bytes:
    try:
        return to_json(body)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"An argument cannot be sent: {error}.") from error


def _query(arguments: tuple[Argument, ...], given: Mapping[str, Any]) -> Query:
    pairs: Query = []
    for argument in arguments:
        value = given.get(argument.name)
        if value is None:
            continue
        if get_origin(argument.kind) is not tuple:
            pairs.append((argument.name, _text(value)))
        elif isinstance(value, list | tuple):
            pairs += [(argument.name, _text(item)) for item in value]
        else:
            raise InvalidArgumentError(f"{argument.name} is {value!r}, which is no list.")
    return pairs


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidArgumentError(f"{value!r} is not a time with an offset.", hint="Give a UTC datetime.")
        return format_time(value)
    return str(value)


def _plain(value: Any) -> Any:
    """Return a value as JSON data; keys that are no text are refused, and not turned into some."""
    if isinstance(value, Mapping):
        if wrong := [key for key in value if not isinstance(key, str)]:
            raise InvalidArgumentError(f"{wrong[0]!r} is not text, as a key is.")
        return {key: _plain(item) for key, item in value.items()}
    return converter.unstructure(value)
