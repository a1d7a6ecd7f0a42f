"""Allowed and denied subtrees of names, compiled into sorted, disjoint ranges of folded full names."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable
from functools import cached_property

from attrs import frozen

TOP = "\x7f"
"""Greater than every folded name."""
_ABOVE_TOP = TOP + TOP
_NEXT = "\x01"
"""Behind a name, and before all that is longer."""
_DOTS = 2
"""How many a registered model's name has."""

Spans = tuple[tuple[str, str], ...]


@frozen(kw_only=True)
class Pieces:
    """Ranges of names of models, put so that few comparisons tell whether they hold one.

    Args:
        names: Single names, sorted.
        wide: Spans of more than one name, sorted and disjoint.
        holes: Single names in the wide spans that are not held, sorted.
    """

    names: tuple[str, ...]
    wide: Spans
    holes: tuple[str, ...]


@frozen(kw_only=True)
class Ranges:
    """Sorted, disjoint, half-open ranges `[low, high)` of folded full names.

    Args:
        spans: The ranges.
    """

    spans: Spans = ()

    def __contains__(self, key: str) -> bool:
        position = bisect(self.spans, (key, _ABOVE_TOP)) - 1
        return position >= 0 and key < self.spans[position][1]

    @cached_property
    def of_models(self) -> Ranges:
        """The same without what holds no model's name: a catalog's or schema's own, and what lies in a model."""
        left = tuple(span for span in self.spans if _may_hold_models(span))
        return self if len(left) == len(self.spans) else Ranges(spans=left)

    @cached_property
    def pieces(self) -> Pieces:
        """The names of models in these ranges, as names alone, wide spans and holes in them."""
        names: list[str] = []
        wide: list[tuple[str, str]] = []
        holes: list[str] = []
        for low, high in self.of_models.spans:
            if _single((low, high)):
                names.append(low)
            elif wide and low == wide[-1][1] + _NEXT:
                start, hole = wide.pop()
                wide.append((start, high))
                if _is_model(hole):
                    holes.append(hole)
            else:
                wide.append((low, high))
        return Pieces(names=tuple(names), wide=tuple(wide), holes=tuple(holes))

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
    return ((key, key + _NEXT), (key + ".", key + "/"))


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


def _single(span: tuple[str, str]) -> bool:
    return span[1] == span[0] + _NEXT


def _may_hold_models(span: tuple[str, str]) -> bool:
    low, high = span
    if _single(span):
        return _is_model(low)
    return not (low.endswith(".") and low.count(".") > _DOTS and high == f"{low[:-1]}/")


def _is_model(name: str) -> bool:
    return name.count(".") == _DOTS


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
