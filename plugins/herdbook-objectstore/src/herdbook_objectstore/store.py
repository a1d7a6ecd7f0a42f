"""The artifact store over a bucket: content-addressed, published atomically, verified when read."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

from attrs import evolve
from obstore.store import ObjectStore

from herdbook.errors import IntegrityError, NotFoundError
from herdbook.ports.artifacts import (
    ArtifactStore,
    BlobInfo,
    BlobWriter,
    FileExpectation,
    Progress,
    StoredBlob,
    one_at_a_time,
)
from herdbook.ports.parts import PartRun
from herdbook.ports.presigning import SignedUrl, StagedSlot
from herdbook_objectstore.blobs import Blobs
from herdbook_objectstore.keys import Keys
from herdbook_objectstore.parts import Parts
from herdbook_objectstore.reading import Reader, check_range, not_held
from herdbook_objectstore.signing import Signer
from herdbook_objectstore.writing import PART, ObjectWriter

_STEP = 1024 * 1024
_LARGE_AT_ONCE = 2


class BucketStore(ArtifactStore):
    """Keeps blobs in a bucket. What a crash leaves is staged, or parts that nobody completes: never half a blob.

    Args:
        objects: The bucket.
        prefix: What keys begin with; empty is the whole bucket.
        concurrency: How many transfers run at once.
        read_ahead: How many blocks are fetched ahead of a reader.
        signing: The bucket as others reach it; None is as we do.
    """

    def __init__(
        self,
        objects: ObjectStore,
        *,
        prefix: str = "",
        concurrency: int = 8,
        read_ahead: int = 3,
        signing: ObjectStore | None = None,
    ) -> None:
        self._keys = Keys(prefix)
        self._blobs = Blobs(objects=objects, keys=self._keys)
        self._workers = concurrency
        self._fetching = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="herdbook-fetch")
        self._reader = Reader(objects=objects, pool=self._fetching, ahead=read_ahead)
        self._signer = Signer(objects=signing or objects, keys=self._keys)
        self._parts = Parts(blobs=self._blobs, reader=self._reader)
        self._large = threading.BoundedSemaphore(_LARGE_AT_ONCE)

    def writer(self, *, sha256: str | None = None, size: int | None = None) -> BlobWriter:
        """Begin a blob."""
        return self._writer(FileExpectation(sha256=sha256, size=size))

    def put_many(
        self, sources: Sequence[tuple[BinaryIO, FileExpectation]], *, progress: Progress | None = None
    ) -> tuple[StoredBlob, ...]:
        """Take in many blobs, several at once, large ones two at once."""
        tell = None if progress is None else one_at_a_time(progress)

        def take(source: tuple[BinaryIO, FileExpectation]) -> StoredBlob:
            stream, expected = source
            size = _left(stream) if expected.size is None else expected.size
            if size is not None and size <= PART:
                return self._take(stream, expected, tell)
            with self._large:
                return self._take(stream, _foreseen(stream, expected), tell)

        if len(sources) <= 1:
            return tuple(map(take, sources))
        with ThreadPoolExecutor(max_workers=min(self._workers, len(sources))) as pool:
            return tuple(pool.map(take, sources))

    def size(self, sha256: str) -> int | None:
        """Return the size of a blob; None where it is not held."""
        return self._blobs.size(sha256)

    def read(self, sha256: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield a blob's bytes, verified where all of them are asked for."""
        key = self._keys.blob(sha256)
        if offset == 0 and length is None:
            return self._reader.whole(key, sha256)
        size = self.size(sha256)
        if size is None:
            raise not_held(sha256)
        end = check_range(offset, length, size)
        return self._reader.whole(key, sha256) if (offset, end) == (0, size) else self._reader.blocks(key, offset, end)

    def blobs(self) -> Iterator[BlobInfo]:
        """Yield every published blob, in order of digest."""
        return iter(self._blobs)

    def remove(self, sha256: str) -> int:
        """Remove a blob and return the bytes freed."""
        return self._blobs.remove(sha256)

    def remove_many(self, digests: Sequence[str]) -> None:
        """Remove many blobs in few requests, where the store can do that."""
        self._blobs.remove_many(digests)

    def remove_staging(self, *, before_ms: int, dry_run: bool = False) -> int:
        """Remove what was staged and not published. Parts of uploads that broke off are the bucket's to expire."""
        return self._blobs.remove_staging(before_ms=before_ms, dry_run=dry_run)

    def presign_put(self, slot: StagedSlot, *, expires_s: float) -> SignedUrl:
        """Return what lets its holder put one file to a slot."""
        return self._signer.put(slot, expires_s)

    def presign_get(self, sha256: str, *, expires_s: float) -> SignedUrl:
        """Return what lets its holder fetch a blob."""
        return self._signer.get(sha256, expires_s)

    def publish_staged(self, slot: StagedSlot, expected: FileExpectation) -> StoredBlob:
        """Read what was put to a slot once, and publish what was read."""
        key = self._keys.slot(slot)
        size = self._blobs.object_size(key, "look for a file")
        if size is None:
            raise NotFoundError("Nothing was sent to this place.", hint="Send the file first.")
        if expected.size not in {None, size}:
            raise IntegrityError(
                f"A file was announced with {expected.size:,} bytes, and {size:,} came.",
                hint="Did it change? Send it again.",
            )
        with self._writer(evolve(expected, size=size)) as writer:
            for block in self._reader.blocks(key, 0, size):
                writer.write(block)
            blob = writer.commit()
        self._blobs.discard(key)
        return blob

    @property
    def part_bytes(self) -> int:
        """Bytes of a part of a file that comes in parts."""
        return self._parts.part_bytes

    @property
    def takes_parts(self) -> bool:
        """It does."""
        return True

    def stage(self, slot: StagedSlot, run: PartRun, source: BinaryIO, *, progress: Progress | None = None) -> None:
        """Take in parts that nobody holds."""
        self._parts.stage(slot, run, source, progress)

    def staged(self, slot: StagedSlot, size: int) -> tuple[int, ...]:
        """Return which parts of a file are held at a slot."""
        return self._parts.staged(slot, size)

    def staged_bytes(self, session: str) -> dict[int, int]:
        """Return how large the files are whose parts a session has sent."""
        return self._parts.staged_bytes(session)

    def publish_parts(self, slot: StagedSlot, expected: FileExpectation) -> StoredBlob:
        """Make a file whose parts are all held a blob, and remove the parts."""
        return self._parts.publish(slot, expected)

    def close(self) -> None:
        """End the threads that fetch."""
        self._fetching.shutdown(cancel_futures=True)

    def _writer(self, expected: FileExpectation) -> ObjectWriter:
        return ObjectWriter(self._blobs, self._reader, expected)

    def _take(self, stream: BinaryIO, expected: FileExpectation, tell: Progress | None) -> StoredBlob:
        with self._writer(expected) as writer:
            size = 0
            # One byte more than was announced is asked for, to see whether it comes.
            step = _STEP if expected.size is None else min(_STEP, expected.size + 1)
            while block := stream.read(step):
                size += len(block)
                if expected.size is not None and size > expected.size:
                    raise IntegrityError(
                        f"A file was announced with {expected.size:,} bytes, and more came.",
                        hint="Did it change? Send it again.",
                    )
                writer.write(block)
                if tell is not None:
                    tell(len(block))
            return writer.commit()


def _foreseen(stream: BinaryIO, expected: FileExpectation) -> FileExpectation:
    """Hash a large source before it is sent: if it is held it is not sent, and if not it needs no staging."""
    if expected.sha256 is not None or not stream.seekable():
        return expected
    start, digest, size = stream.tell(), hashlib.sha256(), 0
    while block := stream.read(_STEP):
        digest.update(block)
        size += len(block)
    stream.seek(start)
    return evolve(expected, sha256=digest.hexdigest(), size=size if expected.size is None else expected.size)


def _left(stream: BinaryIO) -> int | None:
    """Return how many bytes a source still has; None where that cannot be known."""
    if not stream.seekable():
        return None
    start = stream.tell()
    end = stream.seek(0, io.SEEK_END)
    stream.seek(start)
    return end - start
