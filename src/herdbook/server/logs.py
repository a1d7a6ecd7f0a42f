"""The log of a server: one JSON object a line, from structlog and from whatever logs by the standard library."""

from __future__ import annotations

import asyncio
import json
import logging
import select
import time
from collections.abc import MutableMapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, BinaryIO, cast

import msgspec
import structlog
from structlog.typing import FilteringBoundLogger

Log = FilteringBoundLogger

WHOLE = getattr(select, "PIPE_BUF", 4096)
"""Bytes that a pipe takes in one piece, so that what several processes write to it does not mix."""
_LEVELS = {"warn": "warning", "exception": "error"}
_ENCODER = msgspec.json.Encoder(enc_hook=str)


def open_log(level: str, stream: BinaryIO) -> Log:
    """Return a log that writes to a stream.

    Args:
        level: The least that is written: debug, info, warning or error.
        stream: Where to, unbuffered, so that lines of several processes do not mix; see `Lines`.
    """
    made = structlog.wrap_logger(
        structlog.BytesLogger(cast("BinaryIO", Lines(stream))),
        # One step: there is a line for every request.
        processors=[_rendered],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    # Bound once, or each line would be begun by binding.
    return cast("Log", made.bind())


class Lines:
    """A stream before another, which gets what is written in one turn of an event loop at its end, with one call.

    A call for each line was a twentieth of the time of short requests. Who is killed in the midst of a turn takes its
    lines along; what other threads write goes through at once. For one loop at a time.

    Args:
        stream: The other one, unbuffered.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._held: list[bytes] = []
        self._size = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def write(self, line: bytes) -> int:
        """Write a line, soon."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._write(line)
            return len(line)
        if self._size + len(line) > WHOLE:
            self._pass_on()
        if not self._held or loop is not self._loop:
            loop.call_soon(self._pass_on)
            self._loop = loop
        self._held.append(line)
        self._size += len(line)
        return len(line)

    def flush(self) -> None:
        """A line is no reason to."""

    def _pass_on(self) -> None:
        held, self._held, self._size = self._held, [], 0
        if held:
            # Where the disk is full nobody can be told, and the requests are answered.
            with suppress(OSError):
                self._write(b"".join(held))

    def _write(self, text: bytes) -> None:
        rest = memoryview(text)
        # What a stream that does not wait cannot take, of which it tells by None, is lost.
        while rest and (taken := self._stream.write(rest)):
            rest = rest[taken:]


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
