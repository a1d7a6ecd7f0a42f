"""Filters: what is written parses back, and whatever else is typed is refused and nothing more."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from herdbook.errors import InvalidArgumentError
from herdbook.formats.filter_fields import FIELDS, Noun, names_of
from herdbook.formats.filter_tokens import MAX_LENGTH
from herdbook.formats.filters import (
    MAX_CLAUSES,
    MAX_DEPTH,
    And,
    Not,
    Or,
    clauses,
    format_filter,
    is_conjunction,
    parse_filter,
    required,
)
from herdbook.formats.orders import format_orders, parse_orders
from herdbook.testing.filter_strategies import filters

NOUNS = st.sampled_from(Noun)
WORDS = st.sampled_from(
    [
        *("AND", "or", "Not", "(", ")", "=", "!=", "<", ">=", "LIKE", "iLike", "IN", "IS", "NULL", ","),
        *("name", "tags.a", 'tags."b c"', "tag.`d`", "attribute.name", "status", "version", "run_id", "created_at"),
        *("'x'", '"y"', "'%'", "''", "'2026-01-01T00:00:00Z'", "'READY'", "3", "-1", "'4'", "1.5", "tags.", "'", "`"),
    ]
)


@given(st.text(), NOUNS)
@example("name = '\ud800'", Noun.MODEL)
@example("version = " + "9" * 5000, Noun.VERSION)
@example("version = ٣", Noun.VERSION)
@example("(" * 5000, Noun.MODEL)
@example("NOT " * 2000, Noun.MODEL)
@example("created_at > '9999-12-31T23:59:59-23:59'", Noun.MODEL)
@example("tags." + '"' * 4001 + " = ''", Noun.MODEL)
def test_any_text_parses_or_is_refused(text: str, noun: Noun) -> None:
    """Whatever is typed, the answer is a filter or InvalidArgumentError."""
    try:
        parse_filter(text, noun)
    except InvalidArgumentError as error:
        assert error.message


@given(st.lists(WORDS, max_size=20).map(" ".join), NOUNS)
def test_any_words_parse_to_what_is_written_back(text: str, noun: Noun) -> None:
    """What parses is written so that it parses to the same; what does not points at a column of the text."""
    try:
        tree = parse_filter(text, noun)
    except InvalidArgumentError as error:
        assert 1 <= error.details["column"] <= len(text) + 1
        return
    assert tree is None or parse_filter(format_filter(tree), noun) == tree


@given(NOUNS.flatmap(lambda noun: st.tuples(st.just(noun), filters(noun))))
def test_what_is_written_parses_back(pair: tuple[Noun, object]) -> None:
    """Every filter, written and parsed, is itself."""
    noun, tree = pair
    assert parse_filter(format_filter(tree), noun) == tree


@given(filters(Noun.VERSION))
def test_a_conjunction_is_clauses_and_nothing_else(tree: object) -> None:
    """Only clauses and their AND are MLflow's dialect, and what each result meets is among the clauses."""
    plain = not isinstance(tree, Not | Or) and not (
        isinstance(tree, And) and any(isinstance(part, Not | Or) for part in tree.parts)
    )
    assert is_conjunction(tree) is plain
    assert set(map(id, required(tree))) <= set(map(id, clauses(tree)))


@given(st.lists(st.text(max_size=30), max_size=6), NOUNS)
def test_any_order_parses_or_is_refused(items: list[str], noun: Noun) -> None:
    """Whatever is asked for, the answer is an order or InvalidArgumentError."""
    try:
        orders = parse_orders(items, noun)
    except InvalidArgumentError:
        return
    assert parse_orders(format_orders(orders), noun) == orders


@given(NOUNS, st.data())
def test_orders_are_total_and_parse_back(noun: Noun, data: st.DataObject) -> None:
    """A field under any of its names is ordered by once; the name (and version) always end the order."""
    known = names_of(noun, orders=True)
    names = data.draw(st.lists(st.sampled_from(sorted(known)), max_size=4, unique_by=lambda name: known[name].name))
    directions = data.draw(st.lists(st.sampled_from(["", " ASC", " desc"]), min_size=4, max_size=4))
    items = [name + direction for name, direction in zip(names, directions, strict=False)]
    orders = parse_orders(items, noun)
    fields = [order.field for order in orders]
    assert fields[: len(names)] == [known[name].name for name in names]
    assert len(set(fields)) == len(fields)
    assert {"name"} <= set(fields)
    assert noun is Noun.MODEL or "version" in fields
    assert [order.descending for order in orders[: len(names)]] == [item.endswith("desc") for item in items]


def test_limits() -> None:
    """Length, depth and the number of clauses end where they are said to."""
    deepest = "(" * MAX_DEPTH + "name = 'x'" + ")" * MAX_DEPTH
    assert parse_filter(deepest, Noun.MODEL) == parse_filter("name = 'x'", Noun.MODEL)
    most = " AND ".join(["name = 'x'"] * MAX_CLAUSES)
    assert len(clauses(parse_filter(most, Noun.MODEL))) == MAX_CLAUSES
    longest = f"name = '{'x' * (MAX_LENGTH - 9)}'"
    assert parse_filter(longest, Noun.MODEL) is not None
    items = ", ".join(["'x'"] * 1001)
    for text in (f"({deepest})", f"{most} OR name = 'x'", f"{longest} ", f"name IN ({items})"):
        with pytest.raises(InvalidArgumentError):
            parse_filter(text, Noun.MODEL)


def test_every_field_has_a_type_and_operators() -> None:
    """No name stands for two fields, and what orders is never missing from a row."""
    for noun in Noun:
        names = [name for field in FIELDS[noun].values() for name in (field.name, *field.also)]
        assert len(names) == len(set(names))
        for field in FIELDS[noun].values():
            assert field.operators
            assert not (field.order and any(operator.value == "IS NULL" for operator in field.operators))
