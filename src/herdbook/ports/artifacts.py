"""What the core needs of a place that keeps bytes by their SHA-256."""

from __future__ import annotations

import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, Self, runtime_checkable

from attrs import Attribute, field, frozen

from herdbook.errors import InvalidArgumentError

BLOCK = 4 * 1024 * 1024
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)

Progress = Callable[[int], None]
"""Called with the number of bytes that have just been moved; may be called from several threads."""


@frozen(kw_only=True)
class StoredBlob:
    """Bytes that are in the store.

    Args:
        sha256: Their SHA-256, computed by the store from what it wrote.
        size: How many they are.
    """

    sha256: str
    size: int


@frozen(kw_only=True)
class BlobInfo:
    """A blob as a sweep sees it.

    Args:
        sha256: Its SHA-256.
        size: Bytes.
        modified_ms: When it was published or published again, in milliseconds since 1970 (UTC).
    """

    sha256: str
    size: int
    modified_ms: int


class BlobWriter(ABC):
    """One blob on its way in: write, then commit or abort. Not visible before it is committed.

    Used as a context manager it aborts unless it was committed.
    """

    @abstractmethod
    def write(self, block: bytes | memoryview) -> None:
        """Append bytes, hashing them.

        Raises:
            TooLargeError: more bytes came than the announced size.
        """

    @abstractmethod
    def commit(self) -> StoredBlob:
        """Make the blob durable (fsync), then visible, in one step.

        Returns:
            What is stored now. A blob that was there already is kept and touched, and this copy dropped.

        Raises:
            IntegrityError: size or digest is not what was announced; nothing was published.
        """

    @abstractmethod
    def abort(self) -> None:
        """Drop what was written; harmless after commit or abort."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.abort()


class ArtifactStore(ABC):
    """Bytes kept once under their SHA-256. Thread-safe; every read is verified."""

    @abstractmethod
    def writer(self, *, sha256: str | None = None, size: int | None = None) -> BlobWriter:
        """Begin a blob.

        Args:
            sha256: The digest that it must have; None takes what comes.
            size: The size in bytes that it must have; None takes what comes.
        """

    @abstractmethod
    def put_many(
        self, sources: Sequence[tuple[BinaryIO, FileExpectation]], *, progress: Progress | None = None
    ) -> tuple[StoredBlob, ...]:
        """Take in many blobs with few waits for the disk; all are durable and visible when it returns.

        Args:
            sources: Open binary files, each read from its current position to its end, and what is expected of it.
                A source that is a real file may be copied by the kernel.
            progress: Called as bytes are taken in.

        Returns:
            One result a source, in order.

        Raises:
            IntegrityError: a source is not what was expected; the ones before it may have been published, which
                harms nothing, since nobody refers to them.
        """

    @abstractmethod
    def size(self, sha256: str) -> int | None:
        """Return the size in bytes of a blob; None where it is not held."""

    @abstractmethod
    def read(self, sha256: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield a blob's bytes in blocks of at most `BLOCK`.

        Args:
            sha256: Which blob.
            offset: The first byte wanted.
            length: How many bytes; None means to the end.

        Raises:
            NotFoundError: the blob is not held.
            IntegrityError: a read of the whole blob does not have its digest (raised before the last block is
                yielded), or the blob is shorter than it was.
            InvalidArgumentError: the range does not lie in the blob.
        """

    @abstractmethod
    def blobs(self) -> Iterator[BlobInfo]:
        """Yield every published blob, in order of digest."""

    @abstractmethod
    def remove(self, sha256: str) -> int:
        """Remove a blob and return the bytes freed; 0 where it was gone already."""

    def remove_many(self, digests: Sequence[str]) -> None:
        """Remove many blobs; harmless where some are gone already.

        A sweep calls this while nobody else can write: a store where each request takes long overrides it.

        Args:
            digests: Which blobs, by SHA-256.

        Raises:
            InvalidArgumentError: one of them is no digest.
            UnavailableError: some may be removed and others not; repeat it.
        """
        for sha256 in digests:
            self.remove(sha256)

    @abstractmethod
    def remove_staging(self, *, before_ms: int, dry_run: bool = False) -> int:
        """Remove what was begun and not committed before a time.

        Args:
            before_ms: Milliseconds since 1970 (UTC).
            dry_run: Count only.

        Returns:
            How many were (or would be) removed.
        """

    def close(self) -> None:  # noqa: B027 most stores hold nothing to close
        """Release what is held; the store is not used afterwards."""


def checked_sha256(sha256: str) -> str:
    """Return a digest as it is; raises InvalidArgumentError for what is none, before it becomes a path or key."""
    if not isinstance(sha256, str) or _SHA256.fullmatch(sha256) is None:
        raise InvalidArgumentError(f"{sha256!r} is not a SHA-256: it is 64 lower-case hexadecimal digits.")
    return sha256


def _check_size(_: object, __: Attribute[int | None], value: int | None) -> None:
    if value is not None and value < 0:
        raise InvalidArgumentError(f"{value} is not the size of a file: it is 0 bytes or more.")


def _check_sha256(_: object, __: Attribute[str | None], value: str | None) -> None:
    if value is not None:
        checked_sha256(value)


@frozen(kw_only=True)
class FileExpectation:
    """What a source must turn out to be.

    Args:
        size: Bytes; None takes what comes.
        sha256: Digest; None takes what comes.

    Raises:
        InvalidArgumentError: there is no such size or digest.
    """

    size: int | None = field(default=None, validator=_check_size)
    sha256: str | None = field(default=None, validator=_check_sha256)


def one_at_a_time(progress: Progress) -> Progress:
    """Return a progress that several threads may call, and that calls the given one in turns."""
    lock = threading.Lock()

    def tell(count: int) -> None:
        with lock:
            progress(count)

    return tell


@runtime_checkable
class SupportsLocalPath(Protocol):
    """A store whose blobs are files on this machine."""

    def local_path(self, sha256: str) -> Path:
        """Return the file that holds a blob, which must never be written; raises NotFoundError where it is not held."""
        ...


class BlobSender(Protocol):
    """Bytes of a blob that the kernel sends from the disk to a socket. Used by one thread at a time."""

    @property
    def left(self) -> int:
        """How many are still to be sent."""
        ...

    def send(self, descriptor: int) -> int:
        """Send what a socket takes now, and return how many bytes; 0 where it takes none.

        Args:
            descriptor: Of a connected socket that does not block.

        Raises:
            OSError: the connection broke.
            IntegrityError: the blob is shorter than it was.
        """
        ...

    def close(self) -> None:
        """Release the blob; harmless when repeated."""
        ...


@runtime_checkable
class SupportsSend(Protocol):
    """A store whose blobs the kernel can send; who gets them has to verify them, as with any part of a blob."""

    def sender(self, sha256: str, *, offset: int = 0, length: int | None = None) -> BlobSender:
        """Begin to send a blob, or a part of it; raises as `ArtifactStore.read`."""
        ...


@runtime_checkable
class SupportsCopyTo(Protocol):
    """A store that can hand a whole blob to a file faster than block by block."""

    def copy_to(self, sha256: str, target: BinaryIO, *, progress: Progress | None = None) -> None:
        """Write a whole blob to an open, empty, real file and verify it; raises as `ArtifactStore.read`."""
        ...
