"""A file on its way into the store: written beside the blobs, never among them, until it is whole and durable."""

from __future__ import annotations

import hashlib
import io
import os
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from herdbook.adapters.files.copying import copy_hashed
from herdbook.errors import IntegrityError, TooLargeError
from herdbook.ports.artifacts import BlobWriter, FileExpectation, Progress, StoredBlob

SMALL = 1024 * 1024
"""Up to this size a file is read at once; a second thread to hash it would cost more than it saves."""


class Staged:
    """One file in the staging folder."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor

    @classmethod
    def create(cls, folder: Path) -> Staged:
        """Make an empty one, which only its maker can write."""
        path = folder / uuid.uuid4().hex
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        return cls(path, os.open(path, flags, 0o444))

    def fill(self, stream: BinaryIO, expected: FileExpectation, progress: Progress | None) -> StoredBlob:
        """Take in a stream to its end; raises IntegrityError where it is not as expected."""
        source = _descriptor(stream)
        if source is None or (expected.size is not None and expected.size <= SMALL):
            blob = self._pour(stream, expected, progress)
        else:
            # A buffered reader may have read ahead of where its user stands.
            os.lseek(source, stream.tell(), os.SEEK_SET)
            size, sha256 = copy_hashed(
                source, self.descriptor, hash_target=True, limit=expected.size, progress=progress
            )
            blob = StoredBlob(sha256=sha256, size=size)
        check(blob, expected)
        return blob

    def write(self, block: bytes | memoryview) -> None:
        """Append bytes."""
        left = memoryview(block)
        while left:
            left = left[os.write(self.descriptor, left) :]

    def sync(self) -> None:
        """Make the content durable."""
        os.fsync(self.descriptor)

    def discard(self) -> None:
        """Remove the staging name; a published blob keeps its own. Harmless when repeated."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
            self.path.unlink(missing_ok=True)

    def _pour(self, stream: BinaryIO, expected: FileExpectation, progress: Progress | None) -> StoredBlob:
        digest, size = hashlib.sha256(), 0
        while block := stream.read(SMALL):
            size += len(block)
            if expected.size is not None and size > expected.size:
                break
            digest.update(block)
            self.write(block)
            if progress is not None:
                progress(len(block))
        return StoredBlob(sha256=digest.hexdigest(), size=size)


class Publisher(Protocol):
    """Who makes staged files blobs."""

    def publish(self, staged: Sequence[Staged], blobs: Sequence[StoredBlob]) -> None:
        """Make them durable and visible."""
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
        self._size += len(block)
        if self._expected.size is not None and self._size > self._expected.size:
            raise TooLargeError(f"More bytes came than the {self._expected.size:,} announced.")
        self._digest.update(block)
        self._staged.write(block)

    def commit(self) -> StoredBlob:
        """Make the blob durable, then visible."""
        blob = StoredBlob(sha256=self._digest.hexdigest(), size=self._size)
        try:
            check(blob, self._expected)
            self._publisher.publish([self._staged], [blob])
        finally:
            self.abort()
        return blob

    def abort(self) -> None:
        """Drop what was written."""
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


def _descriptor(stream: BinaryIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, AttributeError, io.UnsupportedOperation):
        return None
