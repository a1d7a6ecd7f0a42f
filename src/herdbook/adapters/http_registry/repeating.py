"""How often, and after how long, what failed on the way is tried again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from herdbook.errors import RateLimitedError, UnavailableError

TRIES = 4
"""How often a request that may be repeated is sent."""
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
AGAIN = (RateLimitedError, UnavailableError)
"""What may have gone when it is tried again."""

T = TypeVar("T")


def repeated(attempt: Callable[[], T], *, tries: int | None = None) -> T:
    """Return what an attempt returns, which is made again where the server cannot be reached or is busy.

    Args:
        attempt: Does it.
        tries: How often at most; None: as often as any request.
    """
    most = TRIES if tries is None else tries
    for number in range(most):
        try:
            return attempt()
        except AGAIN as error:
            if number + 1 == most:
                raise
            time.sleep(pause(number, error.details.get("retry_after_s")))
    raise AssertionError("the last attempt returns or raises")


def pause(attempt: int, asked: object) -> float:
    """Return seconds to wait: what the server asked for, or twice as long each time, never together with others."""
    if isinstance(asked, int):
        return min(float(asked), LONGEST_PAUSE_S)
    wait: float = min(FIRST_PAUSE_S * 2**attempt, LONGEST_PAUSE_S)
    return wait * (0.5 + random.random() / 2)  # noqa: S311 no secret
