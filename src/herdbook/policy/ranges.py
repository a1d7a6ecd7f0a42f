"""Allowed and denied subtrees of names, compiled into sorted, disjoint ranges of folded full names."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable

from attrs import frozen

TOP = "\x7f"
"""Greater than every folded name."""
_ABOVE_TOP = TOP + TOP


@frozen(kw_only=True)
class Ranges:
    """Sorted, disjoint, half-open ranges `[low, high)` of folded full names.

    Args:
        spans: The ranges.
    """

    spans: tuple[tuple[str, str], ...] = ()

    def __contains__(self, key: str) -> bool:
        position = bisect(self.spans, (key, _ABOVE_TOP)) - 1
        return position >= 0 and key < self.spans[position][1]

    def plus(self, other: Ranges) -> Ranges:
        """Return the names in either."""
        if not self.spans or not other.spans:
            return other if not self.spans else self
        return Ranges(spans=_merged(sorted((*self.spans, *other.spans))))

    def minus(self, other: Ranges) -> Ranges:
        """Return the names in this and not in the other."""
        return Ranges(spans=_subtract(self.spans, other.spans)) if other.spans else self

    def within(self, other: Ranges) -> Ranges:
        """Return the names in both."""
        return self.minus(self.minus(other))


NOTHING = Ranges()
EVERYTHING = Ranges(spans=(("", TOP),))


def subtree(key: str) -> tuple[tuple[str, str], ...]:
    """Return the ranges of a securable and all that lies in it.

    Args:
        key: The folded full name. '.' sorts directly below '/' and above '-', and no level contains either, so what
            lies inside is exactly the range from `key.` to `key/`.
    """
    return ((key, key + "\x01"), (key + ".", key + "/"))


def compile_ranges(allow: Iterable[str], deny: Iterable[str] = ()) -> Ranges:
    r"""Return the names inside allowed subtrees and outside denied ones.

    Args:
        allow: Folded full names of allowed securables.
        deny: Folded full names of denied ones; a deny wins.

    Example:
        >>> compile_ranges(["prod"], ["prod.hr"]).spans[1:]
        (('prod.', 'prod.hr'), ('prod.hr\x01', 'prod.hr.'), ('prod.hr/', 'prod/'))
    """
    return subtrees(allow).minus(subtrees(deny))


def subtrees(keys: Iterable[str]) -> Ranges:
    """Return the names of some securables and of all that lies in them."""
    return Ranges(spans=_merged(sorted(span for key in keys for span in subtree(key))))


def _merged(spans: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Join sorted spans that touch."""
    merged: list[tuple[str, str]] = []
    for low, high in spans:
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def _subtract(spans: tuple[tuple[str, str], ...], holes: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    left: list[tuple[str, str]] = []
    position = 0
    for low, high in spans:
        while position < len(holes) and holes[position][1] <= low:
            position += 1
        start, index = low, position
        while index < len(holes) and holes[index][0] < high:
            if start < holes[index][0]:
                left.append((start, holes[index][0]))
            start = max(start, holes[index][1])
            index += 1
        if start < high:
            left.append((start, high))
    return tuple(left)
