"""Lists that are short are read where they are asked for; which are long is remembered for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any

REMEMBERED_S = 60
"""Seconds for which a list that was broken off is read by a thread at once."""
KEPT = 1024


class Brief:
    """Does jobs in the event loop, as long as they are brief.

    A thread costs a short list more than the list itself: two threads that read row by row take the interpreter from
    each other and from the event loop at every row.

    Args:
        briefly: Does a job or breaks it off; see `MetadataStore.briefly`.
        now_s: The time, in seconds.
    """

    def __init__(
        self, briefly: Callable[[Callable[[], Any]], Any], now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._briefly = briefly
        self._now_s = now_s
        self._long: dict[Hashable, float] = {}

    def do(self, asked: Hashable, job: Callable[[], Any]) -> Any:
        """Return what a job returns; None where it is long, or was when the same was asked lately.

        Args:
            asked: What is the same for jobs that read the same.
            job: What to do; where it is broken off, it is to be done elsewhere, from its beginning.
        """
        until = self._long.get(asked)
        if until is not None and self._now_s() < until:
            return None
        done = self._briefly(job)
        if done is None:
            if len(self._long) >= KEPT:
                self._long.clear()
            self._long[asked] = self._now_s() + REMEMBERED_S
        return done
