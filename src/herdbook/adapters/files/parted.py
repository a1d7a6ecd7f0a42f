"""One file that comes in part by part: written where its bytes belong, with a note behind its end of what is held."""

from __future__ import annotations

import errno
import os
import secrets
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from herdbook.adapters.files.staging import Staged
from herdbook.errors import TooLargeError, UnsupportedError
from herdbook.ports.parts import part_count

try:
    import fcntl
except ImportError:  # it is not there on Windows
    fcntl = None  # type: ignore[assignment]

CAN_LOCK = hasattr(fcntl, "F_OFD_SETLK") and sys.maxsize > 2**32
"""Whether parts can be kept from being written by two at once, also in several processes."""
_MARK = 16
_HELD = b"\x01"
_FLOCK = "hhqqi4x"  # struct flock, fcntl.h
_BUSY = {errno.EAGAIN, errno.EACCES}
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}


def _make_room(descriptor: int, size: int) -> None:
    try:
        os.ftruncate(descriptor, size)
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise
        raise TooLargeError(
            f"A file of {size:,} bytes is larger than any that can be kept here.", hint="Split it."
        ) from error


class Parted:
    """An open staged file that has `size` bytes, then one byte for each part that says whether it is held, then a mark.

    With these notes in the file itself there is nothing that could disagree with it. They are cut off when all parts
    are held and the file is about to be published; nothing in it is written any more from then on.

    Args:
        path: Where it stands.
        descriptor: Open for reading and writing; closed with this.
        size: Bytes of the file to be.
        part_bytes: Bytes of a part.
    """

    def __init__(self, path: str, descriptor: int, size: int, part_bytes: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self.size = size
        self.part_bytes = part_bytes
        self.count = part_count(size, part_bytes)

    @classmethod
    def open(cls, path: str, size: int, part_bytes: int) -> Self | None:
        """Open one; None where there is none of this size."""
        flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        try:
            descriptor = os.open(path, flags)
        except FileNotFoundError:
            return None
        return cls(path, descriptor, size, part_bytes)

    @classmethod
    def create(cls, folder: Path, path: str, size: int, part_bytes: int) -> None:
        """Make one that holds nothing, unless there is one."""
        staged = Staged.create(folder)
        try:
            made = cls(staged.path, staged.descriptor, size, part_bytes)
            os.fchmod(made.descriptor, 0o600)
            _make_room(made.descriptor, made.noted_size)
            os.pwrite(made.descriptor, secrets.token_bytes(_MARK), size + made.count)
            staged.link(path)
        finally:
            staged.discard()

    @property
    def noted_size(self) -> int:
        """How many bytes it has with its notes."""
        return self.size + self.count + _MARK

    @property
    def mark(self) -> bytes:
        """What is known of this file alone; empty once the notes are cut off."""
        return os.pread(self.descriptor, _MARK, self.size + self.count) if self.has_notes() else b""

    def has_notes(self) -> bool:
        """Whether parts may be missing."""
        return os.fstat(self.descriptor).st_size == self.noted_size

    def is_there(self) -> bool:
        """Whether it still stands at its path."""
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self.descriptor))  # noqa: PTH116 the path is text
        except FileNotFoundError:
            return False

    def lock(self, parts: Sequence[int]) -> bool:
        """Keep others from writing parts until this is closed; False where somebody else does that.

        Args:
            parts: Numbers that follow one another.

        Raises:
            UnsupportedError: this file system has no locks.
        """
        wanted = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, self.size + parts[0], len(parts), 0)
        try:
            fcntl.fcntl(self.descriptor, fcntl.F_OFD_SETLK, wanted)
        except OSError as error:
            if error.errno in _BUSY:
                return False
            if error.errno in _NO_LOCKS:
                raise UnsupportedError(
                    "The file system of this registry cannot lock parts of files.", hint="Send the file whole."
                ) from error
            raise
        return True

    def held(self) -> tuple[int, ...]:
        """Return which parts are held."""
        if not self.has_notes():
            return tuple(range(self.count))
        notes = os.pread(self.descriptor, self.count, self.size)
        return tuple(number for number, note in enumerate(notes) if note)

    def note(self, parts: Sequence[int]) -> None:
        """Note that parts are held; they are not written any more."""
        os.pwrite(self.descriptor, _HELD * len(parts), self.size + parts[0])

    def touch(self) -> None:
        """Make it look fresh, so that a sweep leaves it."""
        os.utime(self.descriptor)

    def cut_off_notes(self) -> None:
        """Make it the file that it is to be."""
        os.ftruncate(self.descriptor, self.size)
        self.touch()
        os.fchmod(self.descriptor, 0o444)

    def close(self) -> None:
        """Close it, and let others write what it has locked."""
        os.close(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
