"""From a request's texts to the arguments of a verb: each endpoint's reader is put together once, at start-up."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Union, get_args, get_origin
from urllib.parse import parse_qsl

from attrs import fields

from herdbook.api import IDEMPOTENCY_HEADER, Argument, Endpoint, Place
from herdbook.errors import InvalidArgumentError
from herdbook.names import parse_time
from herdbook.wire import from_json, structure

_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_BETWEEN = {"version": "/", "alias": "@"}
_NOT_IN_PARTS = frozenset("/@?")
MAX_PARAMETERS = 1000


class Reader:
    """Reads the arguments of one endpoint."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._path = [_path_reader(argument) for argument in endpoint.at(Place.PATH)]
        self._query = {argument.name: _QueryReader(argument) for argument in endpoint.at(Place.QUERY)}
        self._required = [argument.name for argument in endpoint.at(Place.QUERY) if argument.required]
        self._has_key = bool(endpoint.at(Place.HEADER))
        self._body = endpoint.body
        self._members = [] if endpoint.body is None else [field.name for field in fields(endpoint.body)]

    def read(self, values: list[str], query: bytes, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """Return the arguments by name.

        Args:
            values: The values of the path's placeholders, in order.
            query: The raw query.
            headers: The headers, their names in lower case.
            body: The body.

        Raises:
            InvalidArgumentError: one of them is missing, unknown, given twice, or not what it should be.
        """
        arguments: dict[str, Any] = {}
        position = 0
        for name, count, put_together in self._path:
            arguments[name] = put_together(values[position : position + count])
            position += count
        if query or self._required:
            self._read_query(query, arguments)
        if self._has_key and IDEMPOTENCY_HEADER in headers:
            arguments["idempotency_key"] = headers[IDEMPOTENCY_HEADER]
        if self._body is not None:
            self._read_body(self._body, headers, body, arguments)
        elif body:
            raise InvalidArgumentError("This request takes no body.", hint="Its arguments go into path and query.")
        return arguments

    def _read_query(self, query: bytes, arguments: dict[str, Any]) -> None:
        try:
            pairs = parse_qsl(
                query.decode("ascii"),
                keep_blank_values=True,
                strict_parsing=bool(query),
                errors="strict",
                max_num_fields=MAX_PARAMETERS,
            )
        except ValueError as error:
            raise InvalidArgumentError(f"The query of this request cannot be read: {error}.") from None
        given: dict[str, list[str]] = {}
        for name, text in pairs:
            given.setdefault(name, []).append(text)
        for name, texts in given.items():
            reader = self._query.get(name)
            if reader is None:
                known = ", ".join(self._query) or "none"
                raise InvalidArgumentError(f"There is no parameter {name!r} here.", hint=f"Known: {known}.")
            arguments[name] = reader(texts)
        for name in self._required:
            if name not in given:
                raise InvalidArgumentError(f"The parameter {name!r} is missing.", hint=f"Add ?{name}=...")

    def _read_body(self, kind: type, headers: Mapping[str, str], body: bytes, arguments: dict[str, Any]) -> None:
        if body:
            sort = headers.get("content-type", "").partition(";")[0].strip().lower()
            # A form of a foreign page cannot claim this type without the browser asking first.
            if sort != "application/json":
                raise InvalidArgumentError(
                    f"The body of this request is {sort or 'of no type'}.", hint="Send application/json."
                )
        made: Any = from_json(body or b"{}", kind, what="the body")
        for name in self._members:
            arguments[name] = getattr(made, name)


def _path_reader(argument: Argument) -> tuple[str, int, Callable[[list[str]], str]]:
    if not argument.parts:
        return argument.name, 1, lambda texts: texts[0]
    between = _BETWEEN[argument.parts[1]]

    def put_together(texts: list[str]) -> str:
        for text in texts:
            if not _NOT_IN_PARTS.isdisjoint(text):
                raise InvalidArgumentError(f"{text!r} is not a part of {' and '.join(argument.parts)}.")
        return between.join(texts)

    return argument.name, len(argument.parts), put_together


class _QueryReader:
    """Reads one parameter of the query."""

    def __init__(self, argument: Argument) -> None:
        self._name = argument.name
        self._many = get_origin(argument.kind) is tuple
        self._read = _text_reader(argument.kind)

    def __call__(self, texts: list[str]) -> Any:
        if self._many:
            return tuple(texts)
        if len(texts) > 1:
            raise InvalidArgumentError(f"The parameter {self._name!r} is given {len(texts)} times.", hint="Give one.")
        try:
            return self._read(texts[0])
        except InvalidArgumentError as error:
            raise InvalidArgumentError(
                f"The parameter {self._name!r} is not acceptable: {error.message}", hint=error.hint
            ) from None


def _text_reader(kind: Any) -> Callable[[str], Any]:
    if get_origin(kind) in (Union, types.UnionType):
        (kind,) = (member for member in get_args(kind) if member is not type(None))
    readers: dict[Any, Callable[[str], Any]] = {str: str, int: _whole, bool: _truth, datetime: parse_time}
    return readers.get(kind) or (lambda text: structure(text, kind))


def _whole(text: str) -> int:
    if _WHOLE.fullmatch(text) is None:
        raise InvalidArgumentError(f"expected a whole number, not {text!r}.")
    return int(text)


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise InvalidArgumentError(f"expected true or false, not {text!r}.")
    return text == "true"
