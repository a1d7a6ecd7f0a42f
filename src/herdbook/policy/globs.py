"""Anchored patterns with `*`, matched without regular expressions, so that no pattern can blow up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from herdbook.errors import InvalidArgumentError

P = TypeVar("P")
V = TypeVar("V")

MAX_PATTERN = 500
"""Characters of one pattern."""
_RESERVED = frozenset("?[]{}\\")


def check_pattern(pattern: str, what: str) -> None:
    """Refuse a pattern that is empty, too long, or has characters that other glob languages give a meaning.

    Args:
        pattern: The pattern.
        what: What it is, for the error.
    """
    if not 1 <= len(pattern) <= MAX_PATTERN:
        raise InvalidArgumentError(f"{what} has 1 to {MAX_PATTERN} characters, not {len(pattern)}.")
    strange = sorted(_RESERVED & set(pattern))
    if strange or not pattern.isprintable():
        raise InvalidArgumentError(
            f"{pattern!r} is not {what}: it has {' '.join(strange) or 'characters that cannot be printed'}.",
            hint="The only special character is '*'.",
        )


def glob(pattern: str, text: str) -> bool:
    """Tell whether a whole text matches a pattern in which `*` stands for any characters, also none.

    Example:
        >>> glob("*.pkl", "model.pkl"), glob("*.pkl", "model.pkl.txt")
        (True, False)
    """
    return covers(pattern, text, "*", str.__eq__)


def covers(pattern: Sequence[P], items: Sequence[V], star: P, one: Callable[[P, V], bool]) -> bool:
    """Tell whether a pattern covers all items, in time proportional to the product of their lengths.

    Args:
        pattern: What is wanted at each place.
        items: What is there.
        star: The element that stands for any number of items.
        one: Whether another element covers one item.
    """
    at = place = 0
    resume: tuple[int, int] | None = None
    while place < len(items):
        if at < len(pattern) and pattern[at] == star:
            resume = (at + 1, place)
            at += 1
        elif at < len(pattern) and one(pattern[at], items[place]):
            at, place = at + 1, place + 1
        elif resume is not None:
            # The last star takes one item more; no earlier one has to, because whatever follows it was covered.
            at, place = resume[0], resume[1] + 1
            resume = (at, place)
        else:
            return False
    return all(element == star for element in pattern[at:])
