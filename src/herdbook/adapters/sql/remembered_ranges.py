"""Compiled name ranges, remembered for the tree that they were compiled in."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable

from herdbook.policy.ranges import Ranges

MOST_SPANS = 200_000
"""How many spans are remembered in all; one takes about 300 bytes."""


class RememberedRanges:
    """Keeps what was asked for last. Thread-safe.

    What is kept must depend on nothing but its key: committed rows of one tree revision, and of names that no later
    creation can change (an id is given a row before any line is on it).

    Args:
        most: How many spans are kept in all.
    """

    def __init__(self, most: int = MOST_SPANS) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, Ranges] = OrderedDict()
        self._spans = 0

    def get(self, key: Hashable) -> Ranges | None:
        """Return what was kept; None where there is nothing."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: Hashable, ranges: Ranges) -> None:
        """Keep ranges, and forget what was not asked for the longest."""
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = ranges
            self._spans += _weight(ranges)
            while self._spans > self._most:
                _, gone = self._kept.popitem(last=False)
                self._spans -= _weight(gone)


def _weight(ranges: Ranges) -> int:
    # What is asked has its own size, and is often longer than what it comes to.
    return 16 + len(ranges.spans)
