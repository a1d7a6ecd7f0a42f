"""Times as text: RFC 3339, UTC, milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from herdbook.errors import InvalidArgumentError


def parse_time(text: str) -> datetime:
    """Parse an RFC 3339 time with an offset into UTC, milliseconds kept; raises InvalidArgumentError otherwise."""
    try:
        read = datetime.fromisoformat(text)
        # A naive time would be read in the zone of this machine.
        moment = None if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        moment = None
    if moment is None:
        raise InvalidArgumentError(
            f"{text!r} is not a time with an offset.", hint="Write it like 2026-11-01T00:00:00Z."
        )
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


# Writing a time takes longer than all else that a page says of a model, and the same things are read again and again.
@lru_cache(maxsize=8192)
def format_time(moment: datetime) -> str:
    """Write a UTC time as RFC 3339 with milliseconds and `Z`."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat("T", "milliseconds")[:-6] + "Z"
