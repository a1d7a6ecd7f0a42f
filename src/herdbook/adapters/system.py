"""The machine's clock, and ids from it."""

from __future__ import annotations

import os
import threading
import time


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970 (UTC)."""
        return time.time_ns() // 1_000_000


# Random numbers of 64 bits, drawn from the system many at once; a child process must not use its parent's.
_drawn: list[int] = []
_AT_ONCE = 64

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drawn.clear)


def _random() -> int:
    while True:
        try:
            return _drawn.pop()
        except IndexError:
            _drawn.extend(memoryview(os.urandom(8 * _AT_ONCE)).cast("Q").tolist())


class Uuid7Ids:
    """UUIDv7 (RFC 9562, section 5.7): 48 bits of milliseconds, then a counter and random bits.

    Ids of one process grow even within a millisecond and when the clock steps back.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ms = 0
        self._counter = 0

    def new(self) -> str:
        """Return a fresh id as 32 hexadecimal digits."""
        with self._lock:
            now = time.time_ns() // 1_000_000
            if now > self._last_ms:
                self._last_ms, self._counter = now, _random() >> 53
            else:
                self._counter += 1
                if self._counter >= 1 << 12:
                    self._last_ms, self._counter = self._last_ms + 1, 0
            stamp, counter = self._last_ms, self._counter
        value = (stamp & ((1 << 48) - 1)) << 80 | 0x7 << 76 | counter << 64 | 0x2 << 62 | _random() >> 2
        return f"{value:032x}"
