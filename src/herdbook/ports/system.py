"""Time and fresh ids, so that what depends on them can be tested."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now_ms(self) -> int:
        """Return milliseconds since 1970 (UTC)."""
        ...


class Ids(Protocol):
    """Makes ids."""

    def new(self) -> str:
        """Return a fresh UUIDv7 as 32 hexadecimal digits; later ids sort after earlier ones of the same process."""
        ...
