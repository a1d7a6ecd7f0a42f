"""The machine's clock, and ids from it."""

from __future__ import annotations

import secrets
import threading
import time


class SystemClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970 (UTC)."""
        return time.time_ns() // 1_000_000


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
                self._last_ms, self._counter = now, secrets.randbits(11)
            else:
                self._counter += 1
                if self._counter >= 1 << 12:
                    self._last_ms, self._counter = self._last_ms + 1, 0
            stamp, counter = self._last_ms, self._counter
        value = (stamp & ((1 << 48) - 1)) << 80 | 0x7 << 76 | counter << 64 | 0x2 << 62 | secrets.randbits(62)
        return f"{value:032x}"
