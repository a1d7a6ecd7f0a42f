"""Filters and orders cut into words, texts, numbers and signs, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from enum import Enum

from attrs import frozen

from herdbook.errors import InvalidArgumentError

MAX_LENGTH = 10_000
"""Characters of a filter."""

# A quoted name follows a word that ends in a dot: tags."a b", tags.`a b`. A quote inside quotes is doubled.
_TOKEN = re.compile(
    r"""(?P<word>[^\W\d][\w./:-]*(?:(?<=\.)(?:"(?:[^"]|"")*"|`(?:[^`]|``)*`))?)
    |(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")
    |(?P<ticked>`(?:[^`]|``)*`)
    |(?P<number>[+-]?[0-9][\w.:+-]*)
    |(?P<sign>[<>=!~]+)
    |(?P<mark>[(),])""",
    re.VERBOSE,
)
_SPACE = re.compile(r"\s*")
_NO_VALUE = re.compile("[\0\ud800-\udfff]")
_QUOTED_TAIL = re.compile(r"""(?<=\.)["`].*\Z""", re.DOTALL)


class TokenKind(Enum):
    """What a token is."""

    WORD = "word"
    TEXT = "text"
    TICKED = "ticked"
    NUMBER = "number"
    SIGN = "sign"
    MARK = "mark"
    END = "end"


_KINDS: dict[str | None, TokenKind] = {kind.value: kind for kind in TokenKind}


@frozen(kw_only=True)
class Token:
    """One token.

    Args:
        kind: What it is.
        written: How it stands in the text.
        value: Without quotes around it, or around its last part.
        column: Where it begins, from 1.
    """

    kind: TokenKind
    written: str
    value: str
    column: int

    @property
    def keyword(self) -> str:
        """It in capitals, where it is a word; empty otherwise."""
        return self.written.upper() if self.kind is TokenKind.WORD else ""


def tokens(text: str) -> tuple[Token, ...]:
    """Cut a text into tokens; the last one is END.

    Raises:
        InvalidArgumentError: it is too long, or something in it is no token; the message says where.
    """
    _check_text(text)
    found = []
    position = _after_space(text, 0)
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _no_token(text, position)
        kind = _KINDS[match.lastgroup]
        found.append(Token(kind=kind, written=match[0], value=_value(kind, match[0]), column=position + 1))
        position = _after_space(text, match.end())
    return (*found, Token(kind=TokenKind.END, written="", value="", column=len(text) + 1))


def quoted(text: str) -> str:
    """Write a value as the grammar reads it."""
    return "'" + text.replace("'", "''") + "'"


def quoted_key(text: str) -> str:
    """Write a tag's key as the grammar reads it."""
    return '"' + text.replace('"', '""') + '"'


def wrong(column: int, what: str, *, hint: str | None = None) -> InvalidArgumentError:
    """Return the error that points at a place of a filter."""
    return InvalidArgumentError(f"The filter is wrong at column {column}: {what}.", hint=hint, column=column)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant; None where none is near."""
    found = get_close_matches(word[:100].lower(), list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def _check_text(text: str) -> None:
    if not isinstance(text, str):
        raise InvalidArgumentError(f"A filter is text, not {type(text).__name__}.")
    if len(text) > MAX_LENGTH:
        raise InvalidArgumentError(
            f"The filter has {len(text):,} characters; at most {MAX_LENGTH:,}.", hint="Ask in several searches."
        )
    bad = _NO_VALUE.search(text)
    if bad is not None:
        raise wrong(bad.start() + 1, "a character that no value can have", hint="Remove it.")


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return position if found is None else found.end()


def _value(kind: TokenKind, written: str) -> str:
    if kind in (TokenKind.TEXT, TokenKind.TICKED):
        return _unquoted(written)
    if kind is TokenKind.WORD:
        return _QUOTED_TAIL.sub(lambda found: _unquoted(found[0]), written)
    return written


def _unquoted(written: str) -> str:
    quote = written[0]
    return written[1:-1].replace(quote * 2, quote)


def _no_token(text: str, position: int) -> InvalidArgumentError:
    letter = text[position]
    if letter in "'\"`":
        return wrong(position + 1, f"the quote {letter} is not closed", hint="A quote inside quotes is doubled.")
    hint = "A search is one filter; write no ';' after it." if letter == ";" else "Put texts into quotes."
    return wrong(position + 1, f"{letter!r} means nothing here", hint=hint)
