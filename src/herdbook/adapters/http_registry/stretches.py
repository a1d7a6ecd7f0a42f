"""Parts of real files: sent by the kernel, which copies them past this process, and hashed by a thread beside that."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import socket
import stat
import threading
from typing import BinaryIO

from attrs import frozen

_HASHED = 1024 * 1024


@frozen(kw_only=True)
class Stretch:
    """Bytes of an open file, on their way into a socket.

    Args:
        file: A real file.
        offset: The first byte.
        count: How many bytes.
    """

    file: BinaryIO
    offset: int
    count: int

    def send(self, sock: socket.socket) -> None:
        """Send them; raises OSError where the connection breaks, or the file has become too short."""
        if sock.sendfile(self.file, self.offset, self.count) != self.count:
            raise OSError(errno.EIO, "the file became shorter while it was sent")


def is_sendable(source: BinaryIO) -> bool:
    """Whether a source is plainly a file, whose bytes are what its descriptor gives, and the system can send it."""
    raw = getattr(source, "raw", source)
    known = type(source) in {io.BufferedReader, io.BufferedRandom, io.FileIO} and type(raw) is io.FileIO
    able = hasattr(os, "sendfile") and hasattr(os, "preadv")
    return known and able and stat.S_ISREG(os.fstat(source.fileno()).st_mode)


class HashBehind:
    """Hashes a part of a file in a thread of its own, right behind whoever reads it: it comes from memory then.

    Args:
        file: A real file.
        offset: The first byte.
    """

    def __init__(self, file: BinaryIO, offset: int) -> None:
        self._descriptor = file.fileno()
        self._position = offset
        self._digest = hashlib.sha256()
        self._condition = threading.Condition()
        self._read_to = offset
        self._ended = False
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="herdbook-hash")

    def advance(self, count: int) -> None:
        """Take note that so many more bytes were read."""
        with self._condition:
            self._read_to += count
            self._condition.notify()

    def hexdigest(self) -> str:
        """Wait for the digest of everything that was read; raises OSError where the file could not be."""
        self._end(self._read_to)
        if self._failure is not None:
            raise self._failure
        return self._digest.hexdigest()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, also where not everything was hashed; harmless when repeated."""
        self._end(self._position)

    def _end(self, read_to: int) -> None:
        with self._condition:
            self._read_to = min(self._read_to, read_to)
            self._ended = True
            self._condition.notify()
        self._thread.join()

    def _run(self) -> None:
        buffer = memoryview(bytearray(_HASHED))
        try:
            while self._position < (read_to := self._wait()):
                count = os.preadv(self._descriptor, [buffer[: min(_HASHED, read_to - self._position)]], self._position)
                if not count:
                    self._failure = OSError(errno.EIO, "the file became shorter while it was hashed")
                    return
                self._digest.update(buffer[:count])
                self._position += count
        except OSError as error:
            self._failure = error

    def _wait(self) -> int:
        with self._condition:
            self._condition.wait_for(lambda: self._ended or self._read_to > self._position)
            return self._read_to
