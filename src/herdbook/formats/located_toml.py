"""TOML that remembers on which line each key stands, so that every mistake is reported with `file:line`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any, TypeVar

import tomli
from attrs import fields, frozen, has
from cattrs import Converter
from cattrs.errors import (
    AttributeValidationNote,
    BaseValidationError,
    ForbiddenExtraKeysError,
    IterableValidationNote,
)

from herdbook.errors import InvalidArgumentError

T = TypeVar("T")
Path = tuple[str | int, ...]

_KEY = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"({_KEY}(?:\s*\.\s*{_KEY})*)"
_HEADER = re.compile(rf"^\s*(\[\[?)\s*{_DOTTED}\s*\]")
_ASSIGNMENT = re.compile(rf"^\s*{_DOTTED}\s*=")
_LONG = len('"""')
_LONG_NUMBER = re.compile(r"[0-9_]{1000,}")
_PART = re.compile(r""""((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+)""")


@frozen(kw_only=True)
class LocatedTable:
    """A parsed TOML document.

    Args:
        file: Its name, for errors.
        data: What it says, as plain data.
        lines: Key path -> line, counted from 1.
    """

    file: str
    data: dict[str, Any]
    lines: dict[Path, int]

    def line_of(self, path: Path) -> int:
        """Return the line of a key, or of the nearest thing around it that has one."""
        for length in range(len(path), 0, -1):
            line = self.lines.get(path[:length])
            if line is not None:
                return line
        return 1


def load_toml(text: str, *, file: str) -> LocatedTable:
    """Parse a TOML document.

    Raises:
        InvalidArgumentError: it is not TOML; the message has file and line.
    """
    try:
        data = tomli.loads(text)
    except RecursionError as error:
        raise InvalidArgumentError(f"{file}:1: {error}.", hint="Nest its values less deeply.") from error
    except tomli.TOMLDecodeError as error:
        line = getattr(error, "lineno", 1)
        message = getattr(error, "msg", str(error))
        raise InvalidArgumentError(f"{file}:{line}: {message}.", hint="Correct the TOML.") from error
    except ValueError as error:
        # The parser hands long decimal numbers to int(), which refuses them and knows no line.
        number = _LONG_NUMBER.search(text)
        line = 1 if number is None else text.count("\n", 0, number.start()) + 1
        raise InvalidArgumentError(f"{file}:{line}: {error}.", hint="Write a shorter number.") from error
    return LocatedTable(file=file, data=data, lines=_first_lines(text))


def structure_located(table: LocatedTable, path: Path, kind: type[T], *, converter: Converter) -> T:
    """Make a value of a part of a document.

    Args:
        table: The document.
        path: The part's key path; () is all of it.
        kind: The type wanted.
        converter: A strict converter.

    Raises:
        InvalidArgumentError: something in it is not acceptable; every mistake is listed as `file:line: ...`.
    """
    data: Any = table.data
    known: dict[Any, Any]
    for length, step in enumerate(path, start=1):
        known = data if isinstance(data, dict) else dict(enumerate(data)) if isinstance(data, list) else {}
        if step not in known:
            where = f"{table.file}:{table.line_of(path[:length])}"
            raise InvalidArgumentError(f"{where}: the key {_dotted(path[:length])} is missing.", hint="Add it.")
        data = known[step]
    try:
        return converter.structure(data, kind)
    except BaseValidationError as error:
        faults = list(_faults(error, path, table))
    except (TypeError, ValueError, InvalidArgumentError) as error:
        faults = [f"{table.file}:{table.line_of(path)}: {error}"]
    raise InvalidArgumentError("; ".join(faults) + ".", faults=faults)


def _faults(error: BaseValidationError, path: Path, table: LocatedTable) -> Iterator[str]:
    for inner in error.exceptions:
        step: Path = ()
        for note in getattr(inner, "__notes__", ()):
            if isinstance(note, IterableValidationNote):
                step = (note.index,)
            elif isinstance(note, AttributeValidationNote):
                step = (note.name,)
        where = path + step
        if isinstance(inner, BaseValidationError):
            yield from _faults(inner, where, table)
        elif isinstance(inner, ForbiddenExtraKeysError):
            yield from _unknown_keys(inner, where, table)
        elif isinstance(inner, KeyError):
            yield f"{table.file}:{table.line_of(where)}: the key {_dotted(where) or inner} is missing"
        else:
            place = f"{_dotted(where)}: " if where else ""
            yield f"{table.file}:{table.line_of(where)}: {place}{str(inner).rstrip('.')}"


def _unknown_keys(error: ForbiddenExtraKeysError, path: Path, table: LocatedTable) -> Iterator[str]:
    known = [field.name for field in fields(error.cl)] if has(error.cl) else []
    for key in sorted(error.extra_fields):
        near = difflib.get_close_matches(key, known, n=1)
        advice = f"did you mean {near[0]!r}?" if near else f"the keys are {', '.join(sorted(known))}"
        place = f" in {_dotted(path)}" if path else ""
        yield f"{table.file}:{table.line_of((*path, key))}: unknown key {key!r}{place}; {advice}"


def _dotted(path: Path) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _first_lines(text: str) -> dict[Path, int]:
    lines: dict[Path, int] = {}
    for path, line in _locate(text):
        # Dotted keys name the tables around them again and again.
        lines.setdefault(path, line)
    # A table that has no header of its own begins with the first thing in it.
    for path, line in list(lines.items()):
        for length in range(1, len(path)):
            lines.setdefault(path[:length], line)
    return lines


def _locate(text: str) -> Iterator[tuple[Path, int]]:
    """Yield the line of every table header and key; the text is known to be TOML."""
    prefix: Path = ()
    counts: dict[Path, int] = {}
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        line = lines[number]
        header = _HEADER.match(line)
        assignment = _ASSIGNMENT.match(line)
        if assignment is not None:
            path = prefix + _keys(assignment.group(1))
            for length in range(len(prefix) + 1, len(path) + 1):
                yield path[:length], number + 1
            number = _end_of_value(lines, number, assignment.end())
        elif header is not None:
            prefix = _resolved(_keys(header.group(2)), counts, appended=header.group(1) == "[[")
            yield prefix, number + 1
        number += 1


def _keys(text: str) -> tuple[str, ...]:
    """Return the parts of a dotted key; an escaped one is read by the TOML parser itself."""
    return tuple(
        next(iter(tomli.loads(f'"{double}" = 0'))) if double else single or bare
        for double, single, bare in _PART.findall(text)
    )


def _resolved(keys: tuple[str, ...], counts: dict[Path, int], *, appended: bool) -> Path:
    """Return a header's path with the positions that its arrays of tables have reached."""
    path: Path = ()
    for position, key in enumerate(keys):
        path += (key,)
        last = position == len(keys) - 1
        if last and appended:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path += (counts[path],)
    return path


def _end_of_value(lines: list[str], number: int, column: int) -> int:
    """Return the line on which the value ends that begins at a column of a line."""
    depth = 0
    quote = ""
    while number < len(lines):
        line = lines[number]
        while column < len(line):
            if quote:
                if quote[0] == '"' and line[column] == "\\":
                    column += 1
                elif line.startswith(quote, column):
                    column += len(quote) - 1
                    # Up to two quotation marks before the closing three belong to the text.
                    while len(quote) == _LONG and line.startswith(quote[0], column + 1):
                        column += 1
                    quote = ""
            elif line[column] in "\"'":
                mark = line[column]
                quote = mark * 3 if line.startswith(mark * 3, column) else mark
                column += len(quote) - 1
            elif line[column] == "#":
                break
            else:
                depth += (line[column] in "[{") - (line[column] in "]}")
            column += 1
        if depth <= 0 and len(quote) != _LONG:
            return number
        number, column = number + 1, 0
    return number
