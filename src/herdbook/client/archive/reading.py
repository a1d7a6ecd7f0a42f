"""Reading an archive: nothing in it is believed before it was checked, and nothing is ever written to a path."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from attrs import frozen

from herdbook.client.archive import layout
from herdbook.client.archive.blocks import BLOCK, END, padding, parse
from herdbook.client.archive.documents import read_document
from herdbook.errors import IntegrityError, InvalidArgumentError, RegistryError
from herdbook.ports.artifacts import Progress

T = TypeVar("T")
_STEP = 1024 * 1024


@frozen
class Member:
    """Where a member's content lies in the file, in bytes."""

    offset: int
    size: int


class Slice(io.RawIOBase):
    """A part of an open file, read without moving the file's own position."""

    def __init__(self, descriptor: int, member: Member) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._member = member
        self._position = 0

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what comes next; 0 at the end of the part, or of a file that has become shorter."""
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), self._member.size - self._position)
        count = os.preadv(self._descriptor, [view[:wanted]], self._member.offset + self._position) if wanted else 0
        self._position += count
        return count


class Archive:
    """An open archive: its members by name.

    Args:
        path: The file.

    Raises:
        InvalidArgumentError: it is no archive, damaged, cut off, or holds what archives do not hold.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
        except FileNotFoundError as error:
            raise InvalidArgumentError(f"There is no file {path}.", hint="Check its name.") from error
        try:
            self.members = dict(self._scan())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Release the file."""
        os.close(self._descriptor)

    def verify(self, progress: Progress | None = None) -> str:
        """Read the whole archive and compare it with its index.

        Args:
            progress: Called with the number of bytes that have just been read.

        Returns:
            The SHA-256 of the index.

        Raises:
            IntegrityError: a member is not what the index, or its own name, says.
        """
        computed, written = hashlib.sha256(), ""
        for name, member in self.members.items():
            sha256 = self._digest(member, progress)
            if name == layout.INDEX:
                written = sha256
                continue
            if name.startswith(layout.BLOBS) and name != layout.blob(sha256):
                raise IntegrityError(f"{self._path}: {name} has other bytes.", hint="Get the archive again.")
            computed.update(layout.index_line(sha256, member.size, name))
        if computed.hexdigest() != written:
            raise IntegrityError(
                f"{self._path} is not what its index says: it was changed or damaged.", hint="Get the archive again."
            )
        return written

    def document(self, name: str, kind: type[T]) -> T:
        """Return a document; raises InvalidArgumentError where it is missing, or not what it should be."""
        return read_document(self.raw(name), kind, what=f"{name} in {self._path}")

    def raw(self, name: str) -> bytes:
        """Return a document's bytes; raises InvalidArgumentError where it is missing."""
        member = self.members.get(name)
        if member is None:
            raise InvalidArgumentError(f"{self._path} lacks {name}.", hint="Get the archive again.")
        return self._at(member.offset, member.size)

    def blob_size(self, sha256: str) -> int | None:
        """Return the size in bytes of a content; None where the archive does not hold it."""
        member = self.members.get(layout.blob(sha256))
        return None if member is None else member.size

    def open_blob(self, sha256: str) -> BinaryIO:
        """Open a content that the archive holds."""
        return io.BufferedReader(Slice(self._descriptor, self.members[layout.blob(sha256)]), _STEP)

    def _scan(self) -> Iterator[tuple[str, Member]]:
        found = os.fstat(self._descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise InvalidArgumentError(f"{self._path} is not a file.", hint="Name the archive's file.")
        seen: set[str] = set()
        position, end, last = 0, found.st_size - len(END), ""
        while position < end:
            name, member = self._member(position, end)
            if name in seen or len(seen) >= layout.MAX_MEMBERS:
                raise self._wrong(f"{name} is in it twice" if name in seen else "it has too many members")
            if (name == layout.HEADER) != (position == 0):
                raise self._wrong(f"it does not begin with {layout.HEADER}")
            seen.add(name)
            last = name
            yield name, member
            position = member.offset + member.size + padding(member.size)
        if position != end or last != layout.INDEX or self._at(end, len(END)) != END:
            raise self._wrong("it does not end with its index: it was cut off or changed")

    def _member(self, position: int, end: int) -> tuple[str, Member]:
        try:
            name, size = parse(self._at(position, BLOCK))
        except RegistryError as error:
            raise self._wrong(f"at byte {position} is no member") from error
        limit = layout.size_limit(name)
        if limit is None:
            raise self._wrong(f"archives have no member {name!r}")
        offset = position + BLOCK
        if size > limit or offset + size + padding(size) > end:
            raise self._wrong(f"{name} is said to have {size:,} bytes, which is too much or more than there is")
        if self._at(offset + size, padding(size)).strip(b"\0"):
            raise self._wrong(f"something is hidden behind {name}")
        return name, Member(offset, size)

    def _digest(self, member: Member, progress: Progress | None) -> str:
        digest = hashlib.sha256()
        for position in range(0, member.size, _STEP):
            block = self._at(member.offset + position, min(_STEP, member.size - position))
            digest.update(block)
            if progress is not None:
                progress(len(block))
        return digest.hexdigest()

    def _at(self, offset: int, size: int) -> bytes:
        data = b""
        # One read returns at most 2 GiB on Linux, and documents are smaller.
        while len(data) < size:
            block = os.pread(self._descriptor, size - len(data), offset + len(data))
            if not block:
                raise self._wrong("it is shorter than it was")
            data += block
        return data

    def _wrong(self, what: str) -> InvalidArgumentError:
        return InvalidArgumentError(f"{self._path} is no archive of Herdbook: {what}.", hint="Get the archive again.")
