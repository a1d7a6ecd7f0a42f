"""A file on its way into the store: written beside the blobs, never among them, until it is whole and durable."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from herdbook.adapters.files.copying import copy_hashed, rename_unless_there
from herdbook.adapters.files.passing import Drain
from herdbook.adapters.files.refusals import plainly
from herdbook.errors import IntegrityError, TooLargeError
from herdbook.ports.artifacts import BlobWriter, FileExpectation, Progress, StoredBlob

SMALL = 1024 * 1024
"""Up to this size a file is read at once; a second thread to hash it would cost more than it saves."""


class Staged:
    """One file in the staging folder."""

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._size = 0
        self._drain: Drain | None = None
        self._has_name = True

    @classmethod
    def create(cls, folder: Path, name: str | None = None) -> Staged:
        """Make an empty one, which nobody else can open for writing.

        Args:
            folder: The staging folder.
            name: One that nobody else makes up.
        """
        path = f"{folder}/{name or uuid.uuid4().hex}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        return cls(path, os.open(path, flags, 0o444))

    @property
    def descriptor(self) -> int:
        """What it is written through."""
        return self._descriptor

    def fill(self, stream: BinaryIO, expected: FileExpectation, progress: Progress | None) -> StoredBlob:
        """Take in a stream to its end; raises IntegrityError where it is not as expected."""
        if expected.size is not None and expected.size <= SMALL:
            blob = self._write_small(stream, expected.size, progress)
            check(blob, expected)
            return blob
        source = _real_file(stream)
        if source is None or _left(source, stream) <= SMALL:
            blob = self._pour(stream, expected, progress)
        else:
            blob = self._copy(source, stream, expected, progress)
        check(blob, expected)
        return blob

    def write(self, block: bytes | memoryview) -> None:
        """Append bytes."""
        left = memoryview(block)
        self._size += len(left)
        while left:
            left = left[os.write(self._descriptor, left) :]
        if self._drain is None:
            self._drain = Drain(self._descriptor)
        self._drain.advance(self._size)

    def seal(self, *, sync: bool) -> None:
        """End writing; `sync` makes the content durable."""
        if sync:
            os.fsync(self._descriptor)
            if self._drain is not None:
                self._drain.end()
        self._close()

    def link(self, path: str) -> bool:
        """Give it another name in the staging folder; False where that is taken."""
        renamed = rename_unless_there(self.path, path)
        if renamed is None:
            try:
                os.link(self.path, path)
            except FileExistsError:
                return False
        return renamed is not False

    def placed(self) -> None:
        """Take note that it is a blob now, and has no name in staging."""
        self._has_name = False

    def discard(self) -> None:
        """Remove the staging name; a published blob keeps its own. Harmless when repeated."""
        self._close()
        if self._has_name:
            with suppress(FileNotFoundError):
                os.unlink(self.path)  # noqa: PTH108 thousands in a call, as in Shelves.place

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _write_small(self, stream: BinaryIO, size: int, progress: Progress | None) -> StoredBlob:
        """Take in a stream at once; of one that is larger than was announced, a byte more than that."""
        content = stream.read(size + 1)
        while len(content) <= size and (more := stream.read(size + 1 - len(content))):
            content += more
        left = memoryview(content)
        while left:
            left = left[os.write(self._descriptor, left) :]
        if progress is not None:
            progress(len(content))
        return StoredBlob(sha256=hashlib.sha256(content).hexdigest(), size=len(content))

    def _copy(self, source: int, stream: BinaryIO, expected: FileExpectation, progress: Progress | None) -> StoredBlob:
        # The stream may have read ahead of where its reader is.
        os.lseek(source, stream.tell(), os.SEEK_SET)
        try:
            size, sha256 = copy_hashed(
                source, self._descriptor, written=self._descriptor, limit=expected.size, progress=progress
            )
        finally:
            stream.seek(0, os.SEEK_END)
        return StoredBlob(sha256=sha256, size=size)

    def _pour(self, stream: BinaryIO, expected: FileExpectation, progress: Progress | None) -> StoredBlob:
        digest, size = hashlib.sha256(), 0
        # One byte more than was announced is asked for, to see whether it comes.
        step = SMALL if expected.size is None else min(SMALL, expected.size + 1)
        for block in _blocks(stream, step):
            size += len(block)
            if expected.size is not None and size > expected.size:
                break
            digest.update(block)
            self.write(block)
            if progress is not None:
                progress(len(block))
        return StoredBlob(sha256=digest.hexdigest(), size=size)


class Publisher(Protocol):
    """Who makes a staged file a blob."""

    def publish(self, staged: Staged, blob: StoredBlob) -> None:
        """Make it durable, then visible."""
        ...


class StagedWriter(BlobWriter):
    """Writes one blob block by block."""

    def __init__(self, publisher: Publisher, staged: Staged, expected: FileExpectation) -> None:
        self._publisher = publisher
        self._staged = staged
        self._expected = expected
        self._digest = hashlib.sha256()
        self._size = 0

    def write(self, block: bytes | memoryview) -> None:
        """Append bytes, hashing them."""
        self._size += memoryview(block).nbytes
        if self._expected.size is not None and self._size > self._expected.size:
            raise TooLargeError(
                f"More bytes came than the {self._expected.size:,} announced.", hint="Did it change? Send it again."
            )
        self._digest.update(block)
        with plainly("write a file"):
            self._staged.write(block)

    def commit(self) -> StoredBlob:
        """Make the blob durable, then visible."""
        blob = StoredBlob(sha256=self._digest.hexdigest(), size=self._size)
        with plainly("store a file"):
            try:
                check(blob, self._expected)
                self._publisher.publish(self._staged, blob)
            finally:
                self.abort()
        return blob

    def abort(self) -> None:
        """Drop what was written."""
        with plainly("drop a file"):
            self._staged.discard()


def check(blob: StoredBlob, expected: FileExpectation) -> None:
    """Raise IntegrityError where a blob is not what was announced."""
    if expected.size is not None and blob.size != expected.size:
        came = "more" if blob.size > expected.size else f"{blob.size:,}"
        raise IntegrityError(
            f"A file was announced with {expected.size:,} bytes, and {came} came.", hint="Did it change? Send it again."
        )
    if expected.sha256 is not None and blob.sha256 != expected.sha256:
        raise IntegrityError(
            f"A file was announced with the SHA-256 {expected.sha256}, and has {blob.sha256}.",
            hint="Did it change? Send it again.",
        )


def _blocks(stream: BinaryIO, step: int) -> Iterator[bytes | memoryview]:
    """Yield a stream's blocks, the next one in the memory of the one before."""
    readinto = getattr(stream, "readinto", None)
    if readinto is None:
        while block := stream.read(step):
            yield block
        return
    buffer = memoryview(bytearray(step))
    while count := readinto(buffer):
        yield buffer[:count]


def _real_file(stream: BinaryIO) -> int | None:
    """Return the descriptor of a stream that is plainly a file: a decompressor has one too, with other bytes."""
    raw = getattr(stream, "raw", stream)
    if type(stream) not in {io.BufferedReader, io.BufferedRandom, io.FileIO} or type(raw) is not io.FileIO:
        return None
    descriptor = stream.fileno()
    return descriptor if stat.S_ISREG(os.fstat(descriptor).st_mode) else None


def _left(descriptor: int, stream: BinaryIO) -> int:
    stream.flush()
    return os.fstat(descriptor).st_size - stream.tell()
