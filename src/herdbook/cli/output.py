"""Answers: tables for people, JSON for programs."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from attrs import fields, has
from rich.console import Console
from rich.table import Table

from herdbook.cli.options import Options
from herdbook.wire import unstructure

PIPED = 100_000
"""Columns where no terminal sets a limit, so that programs find each row on one line."""

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def show(options: Options, value: Any) -> None:
    """Print one value: its fields in two columns, or as a JSON object."""
    if options.json:
        _json(value)
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for field in fields(type(value)):
        table.add_row(field.name, text(getattr(value, field.name)))
    _print(table)


def show_list(options: Options, values: Sequence[Any], columns: Sequence[str]) -> None:
    """Print values: a table with some of their fields, or all of them as a JSON list."""
    if options.json:
        _json(list(values))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for value in values:
        table.add_row(*(text(getattr(value, column)) for column in columns))
    _print(table)


def say(options: Options, sentence: str, **facts: Any) -> None:
    """Print that something was done: a sentence, or as JSON the facts."""
    if options.json:
        _json(facts)
        return
    sys.stdout.write(printable(sentence) + "\n")


def text(value: Any) -> str:
    """Return a field as people read it."""
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    if isinstance(value, dict):
        return ", ".join(f"{printable(str(key))}={text(item)}" for key, item in value.items()) or "-"
    if isinstance(value, tuple):
        return ", ".join(text(item) for item in value) or "-"
    if has(type(value)) and "__str__" not in vars(type(value)):
        plain = unstructure(value)
        return printable(json.dumps({key: item for key, item in plain.items() if item}, ensure_ascii=False))
    return printable(str(value))


def printable(words: str) -> str:
    """Return text without the control characters that could steer the reader's terminal."""
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", words)


def console(*, stderr: bool = False) -> Console:
    """Return a console on the current standard output or error."""
    made = Console(stderr=stderr, soft_wrap=False, emoji=False, markup=False)
    if not made.is_terminal:
        made.width = PIPED
    return made


def _print(table: Table) -> None:
    out = console()
    if out.is_terminal:
        out.print(table)
        return
    with out.capture() as captured:
        out.print(table)
    sys.stdout.write("".join(line.rstrip() + "\n" for line in captured.get().splitlines()))


def _json(value: Any) -> None:
    plain = [unstructure(item) for item in value] if isinstance(value, list) else unstructure(value)
    sys.stdout.write(json.dumps(plain, ensure_ascii=False, indent=2, sort_keys=True) + "\n")
