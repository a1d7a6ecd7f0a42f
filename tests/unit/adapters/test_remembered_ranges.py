"""Remembered ranges are few, and the last that were asked for."""

from __future__ import annotations

from herdbook.adapters.sql.remembered_ranges import RememberedRanges
from herdbook.policy.ranges import compile_ranges


def test_what_was_not_asked_for_the_longest_is_forgotten() -> None:
    """The bound holds for all spans together; what is asked for again stays."""
    remembered = RememberedRanges(most=60)
    parts = {name: compile_ranges([name]) for name in "abcd"}
    for name in "abc":
        remembered.put(name, parts[name])
    assert remembered.get("a") == parts["a"]
    remembered.put("d", parts["d"])
    assert [name for name in "abcd" if remembered.get(name) is not None] == ["a", "c", "d"]
