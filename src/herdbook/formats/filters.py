"""Search filters: text to a tree of clauses and back; the one grammar over models and versions."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import attrs
from attrs import frozen

from herdbook.entities import VersionStatus
from herdbook.errors import InvalidArgumentError
from herdbook.formats.filter_fields import FIELDS, TAGS, Field, FieldType, Noun, Operator, names_of
from herdbook.formats.filter_tokens import Token, TokenKind, nearest, quoted, quoted_key, tokens, wrong
from herdbook.names import PrincipalName, parse_time

MAX_DEPTH = 32
"""How deep parentheses and NOT may nest."""
MAX_CLAUSES = 100
MAX_ITEMS = 1_000
"""How many values IN may name."""

Value = str | int
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_TOP = 2**63
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SIGNS = {"==": "=", "<>": "!=", "=<": "<=", "=>": ">=", "=~": "LIKE", "~": "LIKE", "!": "!=", "!==": "!="}
_WORDS = {Operator.LIKE, Operator.ILIKE}
_JOINING = ("AND", "OR")


@frozen(kw_only=True)
class Clause:
    """One comparison.

    Args:
        field: The field, under its first name.
        key: The tag's key; None for all other fields.
        operator: How it is compared.
        value: With what; a tuple for IN and NOT IN, None for IS NULL and IS NOT NULL. Times are milliseconds since
            1970 (UTC).
        written: The field's name as it was written.
        column: Where it begins, from 1.
    """

    field: str
    key: str | None = None
    operator: Operator
    value: Value | tuple[Value, ...] | None = None
    written: str = attrs.field(default="", eq=False)
    column: int = attrs.field(default=0, eq=False)


@frozen
class And:
    """All of these; none of them is an And."""

    parts: tuple[Filter, ...]


@frozen
class Or:
    """At least one of these; none of them is an Or."""

    parts: tuple[Filter, ...]


@frozen
class Not:
    """Not this."""

    part: Filter


Filter = Clause | And | Or | Not


def parse_filter(text: str, noun: Noun) -> Filter | None:
    """Parse a filter over models or versions.

    Args:
        text: The filter; None is returned where it is empty or blank.
        noun: What is searched.

    Raises:
        InvalidArgumentError: it is none; the message points at the column and names the nearest right word.

    Example:
        >>> parse_filter("tags.team = 'risk' AND name LIKE 'prod.%'", Noun.MODEL).parts[0].value
        'risk'
    """
    parser = _Parser(tokens(text), noun)
    if parser.here.kind is TokenKind.END:
        return None
    found = parser.either(0)
    parser.expect_end()
    return found


def format_filter(tree: Filter) -> str:
    """Write a filter so that parsing it gives an equal tree."""
    if isinstance(tree, And):
        return " AND ".join(_inside(part, (Or,)) for part in tree.parts)
    if isinstance(tree, Or):
        return " OR ".join(format_filter(part) for part in tree.parts)
    if isinstance(tree, Not):
        return f"NOT {_inside(tree.part, (And, Or))}"
    name = tree.field if tree.key is None else f"{TAGS}.{quoted_key(tree.key)}"
    if tree.value is None:
        return f"{name} {tree.operator}"
    return f"{name} {tree.operator} {_written(tree.value)}"


def clauses(tree: Filter | None) -> tuple[Clause, ...]:
    """Return every clause of a filter, in order."""
    if tree is None:
        return ()
    if isinstance(tree, Clause):
        return (tree,)
    parts = (tree.part,) if isinstance(tree, Not) else tree.parts
    return tuple(clause for part in parts for clause in clauses(part))


def required(tree: Filter | None) -> tuple[Clause, ...]:
    """Return the clauses that each result meets: those that are ANDed at the top."""
    parts = tree.parts if isinstance(tree, And) else (tree,)
    return tuple(part for part in parts if isinstance(part, Clause))


def without(tree: Filter | None, clause: Clause) -> Filter | None:
    """Return what is left to be met where one of the clauses that each result meets is met."""
    parts = tuple(part for part in tree.parts if part is not clause) if isinstance(tree, And) else ()
    return And(parts) if len(parts) > 1 else next(iter(parts), None)


def is_conjunction(tree: Filter | None) -> bool:
    """Return whether a filter is clauses joined by AND alone, which is all that MLflow's dialect has."""
    return required(tree) == clauses(tree)


def _inside(part: Filter, looser: tuple[type, ...]) -> str:
    return f"({format_filter(part)})" if isinstance(part, looser) else format_filter(part)


def _written(value: Value | tuple[Value, ...]) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(_written(item) for item in value)})"
    return quoted(value) if isinstance(value, str) else str(value)


def _joined(kind: type[And | Or], parts: list[Filter]) -> Filter:
    if len(parts) == 1:
        return parts[0]
    flat: list[Filter] = []
    for part in parts:
        flat += part.parts if isinstance(part, kind) else (part,)
    return kind(tuple(flat))


class _Parser:
    """Walks the tokens once, by recursive descent."""

    def __init__(self, found: tuple[Token, ...], noun: Noun) -> None:
        self._tokens = found
        self._noun = noun
        self._position = 0
        self._clauses = 0

    @property
    def here(self) -> Token:
        return self._tokens[self._position]

    def take(self) -> Token:
        taken = self.here
        if taken.kind is not TokenKind.END:
            self._position += 1
        return taken

    def either(self, depth: int) -> Filter:
        parts = [self._both(depth)]
        while self.here.keyword == "OR":
            self.take()
            parts.append(self._both(depth))
        return _joined(Or, parts)

    def expect_end(self) -> None:
        if self.here.kind is TokenKind.END:
            return
        if self.here.written == ")":
            raise wrong(self.here.column, "')' closes nothing", hint="Remove it, or open it before.")
        guess = nearest(self.here.written, [word.lower() for word in _JOINING])
        hint = f"Did you mean {guess.upper()}?" if guess else "Join clauses with AND or OR."
        raise wrong(self.here.column, f"{self.here.written!r} follows a whole clause", hint=hint)

    def _both(self, depth: int) -> Filter:
        parts = [self._one(depth)]
        while self.here.keyword == "AND":
            self.take()
            parts.append(self._one(depth))
        return _joined(And, parts)

    def _one(self, depth: int) -> Filter:
        opening = self.here
        if depth > MAX_DEPTH:
            raise wrong(opening.column, f"it is nested more than {MAX_DEPTH} deep", hint="Write it flatter.")
        if opening.keyword == "NOT":
            self.take()
            return Not(self._one(depth + 1))
        if opening.written != "(":
            return self._clause()
        self.take()
        inner = self.either(depth + 1)
        if self.take().written != ")":
            raise wrong(opening.column, "this '(' is not closed", hint="Write ')' after the clauses inside.")
        return inner

    def _clause(self) -> Clause:
        token = self.take()
        self._clauses += 1
        if self._clauses > MAX_CLAUSES:
            raise wrong(token.column, f"it has more than {MAX_CLAUSES} clauses", hint="Ask in several searches.")
        known, key = _field(token, self._noun)
        operator = self._operator(token.written, known)
        value = self._value(known, operator)
        return Clause(
            field=known.name, key=key, operator=operator, value=value, written=token.written, column=token.column
        )

    def _operator(self, written: str, known: Field) -> Operator:
        token = self.take()
        words = token.keyword or token.written
        if words == "IS":
            words = f"IS {self._word('NULL', 'NOT')}"
            words = f"IS NOT {self._word('NULL')}" if words == "IS NOT" else words
        elif words == "NOT":
            words = f"NOT {self._word('IN')}"
        found = next((operator for operator in Operator if operator.value == words), None)
        if found in known.operators:
            return found
        allowed = [operator.value for operator in known.operators]
        if found is not None:
            raise wrong(token.column, f"{written} has no {found}", hint=f"It can be compared by {', '.join(allowed)}.")
        guess = _SIGNS.get(words) or nearest(words, [word.lower() for word in allowed])
        hint = f"Did you mean {guess.upper()}?" if guess else f"It can be compared by {', '.join(allowed)}."
        raise wrong(token.column, _expected(f"a comparison after {written}", token), hint=hint)

    def _word(self, *expected: str) -> str:
        token = self.take()
        if token.keyword not in expected:
            hint = "Put NOT before the clause: NOT name LIKE 'x'." if token.keyword in _WORDS else None
            raise wrong(token.column, _expected(" or ".join(expected), token), hint=hint)
        return token.keyword

    def _value(self, known: Field, operator: Operator) -> Value | tuple[Value, ...] | None:
        if operator in (Operator.IS_NULL, Operator.IS_NOT_NULL):
            return None
        if operator not in (Operator.IN, Operator.NOT_IN):
            return _value(self.take(), known, operator)
        opening = self.take()
        if opening.written != "(":
            raise wrong(opening.column, _expected("a list after IN", opening), hint="Write it like ('a', 'b').")
        items = [_value(self.take(), known, operator)]
        while self.here.written == ",":
            self.take()
            items.append(_value(self.take(), known, operator))
        closing = self.take()
        if closing.written != ")":
            raise wrong(closing.column, _expected("',' or ')' in the list", closing))
        if len(items) > MAX_ITEMS:
            raise wrong(opening.column, f"the list has {len(items):,} values; at most {MAX_ITEMS:,}")
        return tuple(items)


def _field(token: Token, noun: Noun) -> tuple[Field, str | None]:
    """Return the field that a token names, and the key where it is a tag."""
    if token.kind not in (TokenKind.WORD, TokenKind.TICKED):
        hint = "A clause is FIELD OPERATOR VALUE, such as name = 'prod.fraud.scorer'."
        raise wrong(token.column, _expected("a field", token), hint=hint)
    entity, dot, rest = token.value.partition(".")
    if dot and entity in (TAGS, "tag"):
        if not rest:
            raise wrong(token.column, f"{token.written} names no tag", hint='Write tags.team or tags."a key".')
        return FIELDS[noun][TAGS], rest
    name = rest if dot and entity == "attribute" else token.value
    known = names_of(noun)
    if name in known:
        return known[name], None
    raise _unknown(token, name, noun)


def _unknown(token: Token, name: str, noun: Noun) -> InvalidArgumentError:
    other = Noun.MODEL if noun is Noun.VERSION else Noun.VERSION
    if name in names_of(other):
        return wrong(token.column, f"{token.written} is a field of {other}s", hint=f"Search {other}s by it.")
    guess = nearest(name, [*names_of(noun), TAGS])
    hint = f"Did you mean {guess}?" if guess else f"Its fields are {', '.join(FIELDS[noun])}."
    return wrong(token.column, f"a {noun} has no field {token.written}", hint=hint)


def _value(token: Token, known: Field, operator: Operator) -> Value:
    if known.type in (FieldType.NUMBER, FieldType.TIME):
        return _whole(token, known)
    if token.kind is not TokenKind.TEXT:
        raise wrong(token.column, _expected(f"a text for {known.name}", token), hint="Put it into quotes, like 'x'.")
    if known.type is FieldType.STATUS:
        return _status(token)
    if known.type is FieldType.PRINCIPAL and operator not in _WORDS:
        try:
            return str(PrincipalName.parse(token.value))
        except InvalidArgumentError as error:
            raise wrong(token.column, error.message.rstrip("."), hint=error.hint) from error
    return token.value


def _status(token: Token) -> str:
    word = token.value.upper()
    if word in set(VersionStatus):
        return word
    guess = nearest(token.value, [status.lower() for status in VersionStatus])
    hint = f"Did you mean {guess.upper()}?" if guess else f"It is one of {', '.join(VersionStatus)}."
    raise wrong(token.column, f"{token.written} is no status", hint=hint)


def _whole(token: Token, known: Field) -> int:
    if token.kind in (TokenKind.TEXT, TokenKind.NUMBER) and _INTEGER.fullmatch(token.value):
        number = int(token.value)
        if -_TOP <= number < _TOP:
            return number
    if known.type is FieldType.NUMBER:
        raise wrong(token.column, _expected("a whole number", token))
    hint = "Write it like '2026-11-01T00:00:00Z', or as milliseconds since 1970."
    if token.kind is not TokenKind.TEXT:
        raise wrong(token.column, _expected("a time in quotes", token), hint=hint)
    try:
        moment = parse_time(token.value)
    except InvalidArgumentError as error:
        raise wrong(token.column, error.message.rstrip("."), hint=hint) from error
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def _expected(what: str, token: Token) -> str:
    found = "the filter ends" if token.kind is TokenKind.END else f"{token.written} stands"
    return f"{found} where {what} belongs"
