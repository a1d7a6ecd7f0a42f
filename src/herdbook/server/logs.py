"""The log of a server: one JSON object a line, from structlog and from whatever logs by the standard library."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, BinaryIO, cast

import msgspec
import structlog
from structlog.typing import FilteringBoundLogger

Log = FilteringBoundLogger

_LEVELS = {"warn": "warning", "exception": "error"}
_ENCODER = msgspec.json.Encoder(enc_hook=str)


def open_log(level: str, stream: BinaryIO) -> Log:
    """Return a log that writes to a stream.

    Args:
        level: The least that is written: debug, info, warning or error.
        stream: Where to, unbuffered, so that a line is one write and those of several processes do not mix.
    """
    made = structlog.wrap_logger(
        structlog.BytesLogger(stream),
        # One step: there is a line for every request.
        processors=[_rendered],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    # Bound once, or each line would be begun by binding.
    return cast("Log", made.bind())


class ToLog(logging.Handler):
    """Hands what the standard library's loggers say to a log."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        told = {"logger": record.name}
        if (request_id := getattr(record, "request_id", None)) is not None:
            told["request_id"] = request_id
        if record.exc_info is not None and record.exc_info[0] is not None:
            self._log.log(record.levelno, record.getMessage(), exc_info=record.exc_info, **told)
        else:
            self._log.log(record.levelno, record.getMessage(), **told)


def _rendered(log: Any, level: str, told: MutableMapping[str, Any]) -> bytes:
    if "exc_info" in told:
        told = structlog.processors.format_exc_info(log, level, told)
    line = {"time": _time(), "level": _LEVELS.get(level, level), "event": told.pop("event"), **told}
    try:
        return _ENCODER.encode(line)
    except UnicodeEncodeError:
        # A line that cannot be written would fail the request that it tells of.
        return json.dumps(line, default=str).encode()


def _time() -> str:
    """Return the time (UTC), to the microsecond, as ISO 8601 writes it."""
    second, part = divmod(time.time_ns(), 1_000_000_000)
    return f"{_second(second)}.{part // 1000:06}Z"


@lru_cache(maxsize=2)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
