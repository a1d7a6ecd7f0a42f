"""The test of whether a row's name lies in ranges, for searches that read along another order's index."""

from __future__ import annotations

import json
from functools import lru_cache

from herdbook.adapters.sql.search_where import Parameters
from herdbook.policy.ranges import EVERYTHING, Pieces, Spans

WRITTEN_OUT = 16
"""Up to how many spans are written out as comparisons; more are looked through, which takes longer for each row."""

_RANGES = "r(low, high) AS MATERIALIZED (SELECT value->>0, value->>1 FROM [[pairs {0}]]),\n    "
_IN_RANGES = "EXISTS (SELECT 1 FROM r WHERE m.key >= r.low AND m.key < r.high)"
_WHOLE = (
    "m.catalog_id IN (SELECT c.id FROM catalogs c WHERE c.deleted_at IS NULL AND c.key IN ({0}))",
    "m.schema_id IN (SELECT s.id FROM schemas s WHERE s.deleted_at IS NULL AND s.key IN ({0}))",
)
"""By how many dots the name of the container has."""


def name_test(given: Parameters, pieces: Pieces) -> tuple[str, str]:
    """Return the CTE that a test of `m` refers to, if any, and the test.

    Args:
        given: Takes the parameters.
        pieces: The names.
    """
    # PostgreSQL would begin with a subquery that is a condition by itself.
    tests, ranges = ["1 = 0"], ""
    if pieces.names:
        tests.append(f"m.key IN ({_items(given, pieces.names)})")
    if pieces.wide:
        wide, ranges = _wide_test(given, pieces.wide)
        holes = f" AND m.key NOT IN ({_items(given, pieces.holes)})" if pieces.holes else ""
        tests.append(f"(({wide}){holes})")
    return ranges, f"({' OR '.join(tests)})"


def toil(pieces: Pieces) -> int:
    """Return about how many times as long a test takes as one of few ranges."""
    left = len(pieces.wide) if len(pieces.wide) <= WRITTEN_OUT else len(_apart(pieces.wide)[1])
    return 1 + left // WRITTEN_OUT


def between(given: Parameters, span: tuple[str, str]) -> list[str]:
    """Return the conditions that a name lies in a span."""
    low, high = span
    bounds = [f"m.key >= :{given.add(low)}"] if low else []
    return bounds + ([f"m.key < :{given.add(high)}"] if high != EVERYTHING.spans[0][1] else [])


def _wide_test(given: Parameters, spans: Spans) -> tuple[str, str]:
    tests: list[str] = []
    if len(spans) > WRITTEN_OUT:
        whole, spans = _apart(spans)
        for form, keys in zip(_WHOLE, whole, strict=True):
            if keys:
                tests.append(form.format(_items(given, keys)))
    if len(spans) > WRITTEN_OUT:
        ranges = _RANGES.format(given.add(json.dumps(spans)))
        return " OR ".join([*tests, _IN_RANGES]), ranges
    tests += [" AND ".join(between(given, span) or ["1 = 1"]) for span in spans]
    return " OR ".join(tests), ""


def _apart(spans: Spans) -> tuple[tuple[list[str], list[str]], Spans]:
    """Return the catalogs and the schemas that spans hold as a whole, by name, and the other spans."""
    whole: tuple[list[str], list[str]] = ([], [])
    left: list[tuple[str, str]] = []
    for low, high in spans:
        key = low[:-1]
        if low.endswith(".") and high == f"{key}/" and key.count(".") < len(whole):
            whole[key.count(".")].append(key)
        else:
            left.append((low, high))
    return whole, tuple(left)


def _items(given: Parameters, names: tuple[str, ...] | list[str]) -> str:
    return f"SELECT value FROM [[each {given.add(_written(tuple(names)))}]]"


# Page after page asks for the same names, and writing thousands of them takes a good part of a page's time.
@lru_cache(maxsize=16)
def _written(names: tuple[str, ...]) -> str:
    return json.dumps(names)
