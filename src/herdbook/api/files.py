"""How files travel: the headers that go with one file's bytes, and the frames that carry many in one body."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from herdbook.entities.files import MAX_PATH, FileEntry, FileStat
from herdbook.errors import InvalidArgumentError, TooLargeError
from herdbook.wire import canonical, from_json

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
First 4 bytes, the length of the list as an unsigned big-endian number; then the list, a JSON array with one object a
file: `path`, `size` in bytes, and `sha256` in lower-case hexadecimal, or null where it is not known. Then the bytes
of the files in this order, and nothing after them."""

_LENGTH = 4
_LIST_LIMIT = BUNDLE_FILES * (6 * MAX_PATH + 256)
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


def bundle_head(files: Sequence[FileStat | FileEntry]) -> bytes:
    """Return what stands before the bytes of the files in a bundle."""
    told = canonical([{"path": file.path, "size": file.size, "sha256": file.sha256} for file in files])
    return len(told).to_bytes(_LENGTH, "big") + told


class Bundle:
    """Many files in one body; nothing is larger in memory than what the bounds allow.

    Args:
        read: Reads the body; its list is read now.

    Raises:
        InvalidArgumentError: the body ends early, or its list is none.
        TooLargeError: there are more files, or more bytes, than one body may carry.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        length = int.from_bytes(_exactly(read, _LENGTH), "big")
        if length > _LIST_LIMIT:
            raise TooLargeError(f"The list of files has {length:,} bytes.", hint=f"It has at most {_LIST_LIMIT}.")
        self.files: tuple[FileStat, ...] = from_json(
            _exactly(read, length), tuple[FileStat, ...], what="the list of files"
        )
        if len(self.files) > BUNDLE_FILES or sum(file.size for file in self.files) > BUNDLE_BYTES:
            raise TooLargeError(
                f"One request carries at most {BUNDLE_FILES} files with {BUNDLE_BYTES:,} bytes.",
                hint="Send several, and large files one by one.",
                limit=BUNDLE_BYTES,
            )

    def contents(self) -> Iterator[bytes]:
        """Yield the bytes of each file, read when they are asked for, the last ones once nothing follows them.

        Raises:
            InvalidArgumentError: the body ends early, or goes on after its end.
        """
        for number, file in enumerate(self.files, start=1):
            content = _exactly(self._read, file.size)
            if number == len(self.files):
                self._check_end()
            yield content
        if not self.files:
            self._check_end()

    def _check_end(self) -> None:
        if self._read(1):
            raise InvalidArgumentError("This body goes on after its end.", hint=BUNDLE_FORMAT)


def gathered(parts: Iterable[bytes], least: int) -> Iterator[bytes]:
    """Yield parts put together to so many bytes or more: each that is sent costs more than its bytes."""
    held: list[bytes] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= least:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _exactly(read: Read, count: int) -> bytes:
    parts = []
    while count:
        part = read(count)
        if not part:
            raise InvalidArgumentError("This body ends before its last file does.", hint=BUNDLE_FORMAT)
        parts.append(part)
        count -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
