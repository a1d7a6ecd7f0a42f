"""Files in groups, so that small ones share a request or a wait for the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def in_batches(items: Iterable[T], size_of: Callable[[T], int], *, most: int, most_bytes: int) -> Iterator[list[T]]:
    """Yield items in order, in groups of at most so many, with at most so many bytes; a larger one goes alone.

    Args:
        items: What is grouped.
        size_of: How many bytes an item has.
        most: How many a group may have.
        most_bytes: How many bytes those of a group may have together.
    """
    batch: list[T] = []
    held = 0
    for item in items:
        size = size_of(item)
        if batch and (len(batch) >= most or held + size > most_bytes):
            yield batch
            batch, held = [], 0
        batch.append(item)
        held += size
    if batch:
        yield batch
