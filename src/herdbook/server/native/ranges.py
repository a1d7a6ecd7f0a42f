"""Which bytes of a file a request asks for (RFC 9110, section 14)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import frozen

from herdbook.entities import FileEntry

_RANGE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.ASCII | re.IGNORECASE)


@frozen(kw_only=True)
class ByteRange:
    """A part of a file.

    Args:
        offset: Its first byte.
        length: How many bytes.
    """

    offset: int
    length: int


def etag(entry: FileEntry) -> str:
    """Return the entity tag of a file: its digest, so it is a strong one."""
    return f'"{entry.sha256}"'


def asked_range(headers: Mapping[str, str], entry: FileEntry) -> ByteRange | None:
    """Return the part that is asked for; None for the whole file, also where the header is none that we know.

    Args:
        headers: The request's headers, by lower-case name.
        entry: The file.

    Returns:
        The part; one with no length begins after the end of the file, and cannot be had.
    """
    found = _RANGE.fullmatch(headers.get("range", ""))
    if found is None or headers.get("if-range", etag(entry)) != etag(entry):
        return None
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:
        length = min(int(last), entry.size)
        return ByteRange(offset=entry.size - length, length=length)
    offset, end = int(first), min(int(last) + 1 if last else entry.size, entry.size)
    if last and int(last) < offset:
        return None
    return ByteRange(offset=offset, length=max(end - offset, 0))
