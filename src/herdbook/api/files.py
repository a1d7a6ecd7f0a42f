"""How files travel: the headers that go with one file's bytes, and the frames that carry many in one body."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator

from herdbook.entities.files import MAX_PATH, FileEntry, FileStat
from herdbook.errors import InvalidArgumentError, TooLargeError
from herdbook.wire import from_json, to_json

SIZE_HEADER = "herdbook-file-size"
"""How many bytes a file should have, as its sender announced them."""
DIGEST_HEADER = "repr-digest"
"""What a file's SHA-256 is, or should be, as RFC 9530 writes it."""
CONTENT_DIGEST_HEADER = "content-digest"
"""What the SHA-256 of the body of this request is, as RFC 9530 writes it."""
OFFSET = "offset"
"""In the query of a request that sends parts of a file: where they begin in it, in bytes."""
FILE_SIZE = "size"
"""In the query of a request that sends parts of a file: how many bytes the whole file has."""
BUNDLE_TYPE = "application/vnd.herdbook.files"
"""The media type of many files in one body."""
BUNDLE_FILES = 1000
"""Files that one body may carry."""
BUNDLE_BYTES = 32 * 1024 * 1024
"""Bytes of files that one body may carry."""
SMALL_FILE = 1024 * 1024
"""Files under this many bytes travel many to a request."""
BUNDLE_FORMAT = """\
Each file is a frame: 4 bytes, the length of the header as an unsigned big-endian number; the header, JSON with `path`,
`size` in bytes and `sha256` in lower-case hexadecimal; then as many bytes as `size` says. Four zero bytes end the
body."""

_LENGTH = 4
_END = bytes(_LENGTH)
_HEADER_LIMIT = 6 * MAX_PATH + 256
"""A path may be escaped in JSON, six bytes for each character."""
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):", re.ASCII)

Read = Callable[[int], bytes]
"""Returns at most so many bytes of a body; none at its end."""


def digest_value(sha256: str) -> str:
    """Return a digest as the header has it; takes 64 hexadecimal digits."""
    return f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:"


def read_digest(text: str, header: str = DIGEST_HEADER) -> str:
    """Return the 64 hexadecimal digits that a digest header has; raises InvalidArgumentError where it has none."""
    found = _DIGEST.fullmatch(text)
    try:
        if found is not None:
            return base64.b64decode(found.group(1), validate=True).hex()
    except binascii.Error:
        pass
    raise InvalidArgumentError(f"{text!r} is not a digest.", hint=f"Send {header}: sha-256=:BASE64:")


def frame_header(file: FileStat | FileEntry) -> bytes:
    """Return what stands before the bytes of a file in a bundle."""
    header = to_json({"path": file.path, "size": file.size, "sha256": file.sha256})
    return len(header).to_bytes(_LENGTH, "big") + header


def bundle_end() -> bytes:
    """Return what ends a bundle."""
    return _END


def read_bundle(read: Read) -> Iterator[tuple[FileStat, bytes]]:
    """Yield the files of a bundle, each with its bytes; nothing is larger in memory than what the bounds allow.

    Args:
        read: Reads the body.

    Raises:
        InvalidArgumentError: the body ends early, goes on after its end, or a header is none.
        TooLargeError: there are more files, or more bytes, than one body may carry.
    """
    files = size = 0
    while (mark := _exactly(read, _LENGTH)) != _END:
        length = int.from_bytes(mark, "big")
        if length > _HEADER_LIMIT:
            raise TooLargeError(
                f"The header of file {files + 1} has {length:,} bytes.", hint=f"It has at most {_HEADER_LIMIT}."
            )
        what = f"the header of file {files + 1}"
        stat: FileStat = from_json(_exactly(read, length), FileStat, what=what)
        files, size = files + 1, size + stat.size
        if files > BUNDLE_FILES or size > BUNDLE_BYTES:
            raise TooLargeError(
                f"One request carries at most {BUNDLE_FILES} files with {BUNDLE_BYTES:,} bytes.",
                hint="Send several, and large files one by one.",
                limit=BUNDLE_BYTES,
            )
        yield stat, _exactly(read, stat.size)
    if read(1):
        raise InvalidArgumentError("This body goes on after its end.", hint=BUNDLE_FORMAT)


def _exactly(read: Read, count: int) -> bytes:
    parts = []
    while count:
        part = read(count)
        if not part:
            raise InvalidArgumentError("This body ends before its last file does.", hint=BUNDLE_FORMAT)
        parts.append(part)
        count -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
