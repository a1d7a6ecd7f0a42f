"""JSON from archives: strict, with a limit to its depth, and no key twice."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from herdbook.client.archive.layout import MAX_DEPTH
from herdbook.errors import InvalidArgumentError
from herdbook.wire import structure

T = TypeVar("T")


def read_document(data: bytes, kind: type[T], *, what: str) -> T:
    """Make a value of JSON that nobody vouches for.

    Args:
        data: UTF-8.
        kind: The type wanted.
        what: What it is, for errors.

    Raises:
        InvalidArgumentError: it is no JSON, nested too deep, has a key twice, or is not of that type.
    """
    try:
        plain = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
        _check_depth(plain)
        return structure(plain, kind, what=what)
    except RecursionError as error:
        raise InvalidArgumentError(f"{what} is nested too deep.") from error
    except ValueError as error:
        raise InvalidArgumentError(f"{what} is not acceptable JSON: {error}.") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands in an object twice")
    return made


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _check_depth(plain: Any) -> None:
    level, depth = [plain], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
        level = [
            item
            for value in level
            if isinstance(value, dict | list)
            for item in (value.values() if isinstance(value, dict) else value)
        ]
