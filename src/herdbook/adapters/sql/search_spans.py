"""Which spans of folded names a search has to read: those that may be seen, cut by its filter and its position."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from herdbook.formats.filter_fields import Operator
from herdbook.formats.filters import Clause, Filter, required
from herdbook.names import fold
from herdbook.policy.ranges import TOP, Ranges, Spans

_NEXT = "\x01"
"""Behind a name, and before all that is longer."""


def narrowed(ranges: Ranges, tree: Filter | None) -> Ranges:
    """Return the parts of ranges in which the names of results can lie, judged by the clauses that each one meets."""
    models = ranges.of_models
    spans = models.spans
    for clause in required(tree):
        held = _held(clause)
        if held is not None:
            spans = intersection(spans, held)
    return models if spans is models.spans else Ranges(spans=spans)


def intersection(left: Spans, right: Spans) -> Spans:
    """Return what lies in both of two sorted lists of disjoint spans."""
    found = []
    first, second = 0, 0
    while first < len(left) and second < len(right):
        low = max(left[first][0], right[second][0])
        high = min(left[first][1], right[second][1])
        if low < high:
            found.append((low, high))
        if left[first][1] <= right[second][1]:
            first += 1
        else:
            second += 1
    return tuple(found)


def behind(spans: Spans, key: str, *, descending: bool, again: bool) -> Spans:
    """Return the parts of spans that follow a name in an order by name.

    Args:
        spans: Sorted, disjoint spans.
        key: The folded name.
        descending: Whether the order is.
        again: Whether the name itself is kept.
    """
    if descending:
        return _clipped(spans, "", key + _NEXT if again else key)
    return _clipped(spans, key if again else key + _NEXT, TOP)


def _clipped(spans: Spans, low: str, high: str) -> Spans:
    """Return what of sorted, disjoint spans lies in one."""
    first = max(bisect_right(spans, (low, low)) - 1, 0)
    last = bisect_left(spans, (high, high), lo=first)
    return intersection(spans[first:last], ((low, high),))


def only_catalog(spans: Spans) -> str | None:
    """Return the key of the catalog that holds all that sorted spans do; None where there is no such one."""
    catalog, dot, _ = spans[0][0].partition(".") if spans else ("", "", "")
    return catalog if dot and spans[-1][1] <= f"{catalog}/" else None


def holds(spans: Spans, key: str) -> bool:
    """Return whether a name lies in sorted, disjoint spans."""
    position = bisect_right(spans, (key, TOP)) - 1
    return position >= 0 and spans[position][0] <= key < spans[position][1]


def _held(clause: Clause) -> Spans | None:
    """Return spans that hold the names of all results of a clause; None where it says nothing about them."""
    value, operator = clause.value, clause.operator
    words = value if isinstance(value, tuple) else (value,)
    keys = sorted({fold(word) for word in words if isinstance(word, str)})
    if operator in (Operator.EQ, Operator.IN):
        inside = {"name": ("", _NEXT), "catalog": (".", "/"), "schema": (".", "/")}.get(clause.field)
        return None if inside is None else _disjoint([(key + inside[0], key + inside[1]) for key in keys])
    if clause.field != "name" or not isinstance(value, str):
        return None
    bounds = {
        Operator.LT: ("", keys[0]),
        Operator.LE: ("", keys[0] + _NEXT),
        Operator.GT: (keys[0] + _NEXT, TOP),
        Operator.GE: (keys[0], TOP),
    }
    if operator in bounds:
        return _disjoint([bounds[operator]])
    if operator in (Operator.LIKE, Operator.ILIKE):
        return _beginning(value)
    return None


def _beginning(pattern: str) -> Spans | None:
    """Return the span of the names that begin as a pattern does; None where it begins with a wildcard."""
    whole = not set("%_") & set(pattern)
    start = fold(pattern[: min((pattern.find(wild) for wild in "%_" if wild in pattern), default=len(pattern))])
    if not start.isascii():
        return ()
    if whole:
        return _disjoint([(start, start + _NEXT)])
    return None if not start else _disjoint([(start, start + TOP)])


def _disjoint(spans: list[tuple[str, str]]) -> Spans:
    """Return spans without the empty ones; those of distinct names overlap only where one holds the other."""
    found: list[tuple[str, str]] = []
    for low, high in sorted(spans):
        if low >= high:
            continue
        if found and low < found[-1][1]:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return tuple(found)
