"""Hypothesis strategies for search filters, and a plain evaluator of them; imported by tests only."""

from __future__ import annotations

import operator as operators
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from herdbook.entities import ModelVersion, RegisteredModel, VersionStatus
from herdbook.formats.filter_fields import FIELDS, TAGS, Field, FieldType, Noun, Operator
from herdbook.formats.filters import And, Clause, Filter, Not, Or
from herdbook.names import PrincipalName, fold

_TEXT = st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=12)
_WHOLE = st.integers(-(2**63), 2**63 - 1)
_LISTS = (Operator.IN, Operator.NOT_IN)
_SIGNS: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: operators.eq,
    Operator.NE: operators.ne,
    Operator.LT: operators.lt,
    Operator.LE: operators.le,
    Operator.GT: operators.gt,
    Operator.GE: operators.ge,
}
_PATTERNS = (Operator.LIKE, Operator.ILIKE)


def filters(
    noun: Noun, *, values: Mapping[str, Sequence[Any]] | None = None, keys: Sequence[str] | None = None
) -> SearchStrategy[Filter]:
    """Filters over a noun, as the parser makes them.

    Args:
        noun: What is searched.
        values: Field -> the values to draw from; any of its type unless given.
        keys: The keys of tags to draw from; any unless given.
    """
    one = st.sampled_from(sorted(FIELDS[noun])).flatmap(
        lambda name: _clauses(FIELDS[noun][name], (values or {}).get(name), keys)
    )
    return st.recursive(one, _joined, max_leaves=6)


def _joined(parts: SearchStrategy[Filter]) -> SearchStrategy[Filter]:
    some = st.lists(parts, min_size=2, max_size=3)
    return st.one_of(
        parts.map(Not),
        some.map(lambda found: And(_flat(And, found))),
        some.map(lambda found: Or(_flat(Or, found))),
    )


def _flat(kind: type[And | Or], parts: list[Filter]) -> tuple[Filter, ...]:
    return tuple(inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,)))


def _clauses(field: Field, values: Sequence[Any] | None, keys: Sequence[str] | None) -> SearchStrategy[Clause]:
    key: SearchStrategy[str | None] = st.none()
    if field.name == TAGS:
        key = st.sampled_from(keys) if keys else _TEXT.filter(bool)

    def with_value(operator: Operator) -> SearchStrategy[Clause]:
        value = _values(field, operator, values)
        if operator in _LISTS:
            value = st.lists(value, min_size=1, max_size=3).map(tuple)
        elif operator in (Operator.IS_NULL, Operator.IS_NOT_NULL):
            value = st.none()
        return st.builds(Clause, field=st.just(field.name), key=key, operator=st.just(operator), value=value)

    return st.sampled_from(field.operators).flatmap(with_value)


def _values(field: Field, operator: Operator, values: Sequence[Any] | None) -> SearchStrategy[Any]:
    if values is not None:
        exact = st.sampled_from(values)
        return st.one_of(exact, exact.flatmap(_patterns)) if operator in _PATTERNS else exact
    if field.type in (FieldType.NUMBER, FieldType.TIME):
        return _WHOLE
    if field.type is FieldType.STATUS:
        return st.sampled_from([status.value for status in VersionStatus])
    if field.type is FieldType.PRINCIPAL and operator not in _PATTERNS:
        return st.from_regex(r"(user:|group:okta/)[a-zA-Z.]{1,5}", fullmatch=True)
    return _TEXT


def _patterns(value: str) -> SearchStrategy[str]:
    """Patterns near a value: a part of it replaced by a wildcard, in some case."""

    def pattern(start: int, length: int, wild: str, swap: bool) -> str:  # noqa: FBT001 drawn by Hypothesis
        made = value[:start] + wild + value[start + length :]
        return made.swapcase() if swap else made

    places = st.integers(0, max(len(value) - 1, 0))
    return st.builds(pattern, places, st.integers(0, 3), st.sampled_from(["%", "_", "%%", "%_"]), st.booleans())


def holds(tree: Filter, model: RegisteredModel, version: ModelVersion | None = None) -> bool:
    """Tell whether a model, or a version of it, meets a filter; written to be read, not to be fast."""
    if isinstance(tree, And):
        return all(holds(part, model, version) for part in tree.parts)
    if isinstance(tree, Or):
        return any(holds(part, model, version) for part in tree.parts)
    if isinstance(tree, Not):
        return not holds(tree.part, model, version)
    found = _found(tree, model, version)
    if tree.operator is Operator.IS_NULL:
        return not found
    if tree.operator is Operator.IS_NOT_NULL:
        return bool(found)
    return any(_compared(tree, value) for value in found)


def _found(clause: Clause, model: RegisteredModel, version: ModelVersion | None) -> list[Any]:
    """Return what a row has in a field: nothing, one value, or (aliases) several."""
    row: Any = model if version is None else version
    field = clause.field
    if field == TAGS:
        return [row.tags[clause.key]] if clause.key in row.tags else []
    if field == "alias":
        return list(row.aliases)
    if field in ("run_id", "experiment_id", "logged_model_id", "source"):
        value = getattr(row.lineage, field)
    else:
        special: dict[str, Callable[[], Any]] = {
            "name": lambda: str(model.name),
            "catalog": lambda: model.name.catalog,
            "schema": lambda: str(model.name.parent),
            "owner": lambda: model.owner,
            "created_at": lambda: _ms(row.created_at),
            "last_updated_at": lambda: _ms(row.updated_at),
            "status": lambda: row.status.value,
        }
        value = special[field]() if field in special else getattr(row, field)
    return [] if value is None else [value]


def _compared(clause: Clause, value: Any) -> bool:
    operator, wanted = clause.operator, clause.value
    if operator in _PATTERNS:
        return _like(str(wanted), value, sensitive=operator is Operator.LIKE)
    folding = {"name", "catalog", "schema", "alias", "owner", "author"}
    plain: Callable[[Any], Any] = fold if clause.field in folding else lambda same: same
    if clause.field in ("owner", "author"):
        value = str(PrincipalName.parse(value))
    value = plain(value)
    if isinstance(wanted, tuple):
        return (value in map(plain, wanted)) is (operator is Operator.IN)
    wanted = plain(wanted)
    return _SIGNS[operator](value, wanted)


def _like(pattern: str, value: str, *, sensitive: bool) -> bool:
    wild = {"%": ".*", "_": "."}
    expression = "".join(wild.get(letter) or re.escape(letter) for letter in pattern)
    flags = re.DOTALL if sensitive else re.DOTALL | re.ASCII | re.IGNORECASE
    return re.fullmatch(expression, value, flags) is not None


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
