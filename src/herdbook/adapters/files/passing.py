"""Large files pass through the memory that the kernel keeps files in, instead of taking all of it."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import BinaryIO

from herdbook.adapters.files.copying import start_write_out, wait_for_write_out
from herdbook.errors import IntegrityError
from herdbook.ports.artifacts import BLOCK

LARGE = 32 * 1024 * 1024
"""From how many bytes on what is written or read once does not stay in memory: it would push out what is read often,
and memory that nobody had before costs more than the copy into it."""
WINDOW = 8 * 1024 * 1024
"""Bytes that are written to the disk while the next ones come in: two of these are in memory, and no more."""
REMEMBERED = 1024
"""How many parts that were read from the disk are remembered."""
PART = 64 * 1024 * 1024
"""Bytes that count as one part."""
_AT_ONCE = 32 * 1024 * 1024
_IN_SOCKET = 16 * 1024 * 1024
_CAN_FORGET = hasattr(os, "posix_fadvise")


class Drain:
    """Brings to the disk what is written to a file in order, window by window, and then lets it go from memory.

    Args:
        descriptor: The file.
        offset: Where writing begins.
        keeps: Whether it stays in memory, to be read again.
    """

    def __init__(self, descriptor: int, *, offset: int = 0, keeps: bool = False) -> None:
        self._descriptor = descriptor
        self._least = offset + LARGE
        self._begun = offset
        self._gone = offset
        self._keeps = keeps

    def advance(self, size: int) -> None:
        """Take note that the file has so many bytes now; waits for the disk where it is two windows behind."""
        if size - self._begun < WINDOW:
            return
        start_write_out(self._descriptor, self._begun, size - self._begun)
        if size >= self._least and not self._keeps:
            wait_for_write_out(self._descriptor, self._gone, self._begun - self._gone)
            forget(self._descriptor, self._gone, self._begun - self._gone)
            self._gone = self._begun
        self._begun = size

    def end(self) -> None:
        """Let go of the rest, which is durable."""
        if self._gone:
            forget(self._descriptor, self._gone, 0)


class Once:
    """Remembers which parts of large files were read from the disk: what is asked for again stays. Thread-safe."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, int], None] = OrderedDict()
        self._lock = threading.Lock()

    def passes(self, descriptor: int, name: str, offset: int, length: int) -> bool:
        """Return whether a part should leave no trace: it is large, not in memory, and was not asked for lately.

        Args:
            descriptor: The open file.
            name: What it is known by.
            offset: The first byte that will be read.
            length: How many will be.
        """
        if length < LARGE or not _is_cold(descriptor, offset):
            return False
        key = (name, offset // PART)
        with self._lock:
            if key in self._seen:
                self._seen.move_to_end(key)
                return False
            self._seen[key] = None
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        return True


def blocks(descriptor: int, offset: int, end: int, *, passing: bool) -> Iterator[bytes]:
    """Yield the blocks of an open file, the disk reading ahead; ends early where the file does.

    Args:
        descriptor: The file.
        offset: The first byte.
        end: The byte after the last one.
        passing: Whether to let go of what was read.
    """
    position = offset
    while position < end:
        if passing:
            os.posix_fadvise(descriptor, position, min(2 * BLOCK, end - position), os.POSIX_FADV_WILLNEED)
        block = os.pread(descriptor, min(BLOCK, end - position), position)
        if not block:
            return
        yield block
        if passing:
            forget(descriptor, position, len(block))
        position += len(block)


def forget(descriptor: int, offset: int, count: int) -> None:
    """Let the kernel drop pages that are on the disk; 0 bytes are all up to the end."""
    if _CAN_FORGET:
        os.posix_fadvise(descriptor, offset, count, os.POSIX_FADV_DONTNEED)


def _is_cold(descriptor: int, offset: int) -> bool:
    """Whether a byte would have to be read from the disk; False where the system does not say."""
    if not (_CAN_FORGET and hasattr(os, "RWF_NOWAIT")):
        return False
    try:
        os.preadv(descriptor, [bytearray(1)], offset, os.RWF_NOWAIT)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


class FileSender:
    """Sends a part of a file by the kernel.

    Args:
        stream: The file; closed with this.
        sha256: What it is known by.
        offset: The first byte.
        end: The byte after the last one.
        passing: Whether to let go of what was sent.
    """

    def __init__(self, stream: BinaryIO, sha256: str, offset: int, end: int, *, passing: bool) -> None:
        self._stream = stream
        self._sha256 = sha256
        self._position = self._gone = offset
        self._end = end
        self._passing = passing

    @property
    def left(self) -> int:
        """How many bytes are still to be sent."""
        return self._end - self._position

    def send(self, descriptor: int) -> int:
        """Send what a socket takes now, and no more than keeps a thread for a moment."""
        source, begun = self._stream.fileno(), self._position
        most = min(self._end, begun + _AT_ONCE)
        while self._position < most:
            if self._passing:
                os.posix_fadvise(source, self._position, min(2 * BLOCK, self.left), os.POSIX_FADV_WILLNEED)
            try:
                count = os.sendfile(descriptor, source, self._position, min(BLOCK, most - self._position))
            except BlockingIOError:
                break
            if not count:
                raise damaged(self._sha256)
            self._position += count
        self._let_go()
        return self._position - begun

    def close(self) -> None:
        """Close the file."""
        if self._passing and not self._stream.closed:
            forget(self._stream.fileno(), self._gone, self._position - self._gone)
        self._stream.close()

    def _let_go(self) -> None:
        # What the socket has not sent yet is in use, and would stay.
        if self._passing and self._position - self._gone > 2 * _IN_SOCKET:
            forget(self._stream.fileno(), self._gone, self._position - _IN_SOCKET - self._gone)
            self._gone = self._position - _IN_SOCKET


def damaged(sha256: str) -> IntegrityError:
    """Return the error for a file that has changed on the disk."""
    return IntegrityError(
        f"The stored file {sha256} does not have its digest: the disk or somebody changed it.",
        hint="Restore that file from a backup.",
    )
