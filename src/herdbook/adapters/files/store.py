"""Blobs as files of a folder: content-addressed, published atomically and durably, verified when read."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from herdbook.adapters.files.copying import can_sync_file_system, copy_hashed, sync_file_system
from herdbook.adapters.files.parted import CAN_LOCK
from herdbook.adapters.files.parts import Parts
from herdbook.adapters.files.passing import FileSender, Once, blocks, damaged
from herdbook.adapters.files.refusals import plainly
from herdbook.adapters.files.shelves import Shelves, make_folder
from herdbook.adapters.files.staging import Staged, StagedWriter
from herdbook.errors import InvalidArgumentError, NotFoundError
from herdbook.ports.artifacts import (
    ArtifactStore,
    BlobInfo,
    BlobWriter,
    FileExpectation,
    Progress,
    StoredBlob,
    one_at_a_time,
)
from herdbook.ports.parts import PART_BYTES, PartRun
from herdbook.ports.presigning import StagedSlot

TOGETHER = 16
"""From this many files on, one wait for the whole file system is faster than one a file."""

CHUNK = 1024 * 1024
"""Small files go to a thread in groups of about this many bytes."""


class FileStore(ArtifactStore):
    """Keeps blobs under `root/blobs/sha256/ab/<digest>`, and what is on its way in under `root/staging`.

    A blob is durable before it is visible, so a crash at any point leaves nothing among the blobs that is not whole.

    Args:
        root: The folder; made where it is missing.
        workers: How many files are taken in at once.
        part_bytes: Bytes of a part of a file that comes in parts.
    """

    def __init__(self, root: Path, *, workers: int = 4, part_bytes: int = PART_BYTES) -> None:
        self._root = root
        self._staging = root / "staging"
        self._workers = workers
        self._once = Once()
        with plainly(f"open the artifact store in {root}"):
            self._shelves = Shelves(root / "blobs" / "sha256")
            make_folder(self._staging)
        self.part_bytes = part_bytes
        self._parts = Parts(self._staging, self._shelves, part_bytes)

    def writer(self, *, sha256: str | None = None, size: int | None = None) -> BlobWriter:
        """Begin a blob."""
        expected = FileExpectation(sha256=sha256, size=size)
        with plainly("begin a file"):
            return StagedWriter(self, Staged.create(self._staging), expected)

    def put_many(
        self, sources: Sequence[tuple[BinaryIO, FileExpectation]], *, progress: Progress | None = None
    ) -> tuple[StoredBlob, ...]:
        """Take in many blobs with few waits for the disk."""
        together = len(sources) >= TOGETHER and can_sync_file_system()
        expectations = [expected for _, expected in sources]
        tell = None if progress is None else one_at_a_time(progress)
        with plainly("store the files"), ExitStack() as stack:
            # Opened before the first byte is written: the kernel then reports every error of the disk to it.
            disk = os.open(self._root, os.O_RDONLY)
            stack.callback(os.close, disk)
            name, begun = uuid.uuid4().hex, list[Staged]()
            stack.callback(_discard, begun)

            def take(number: int) -> tuple[Staged, StoredBlob]:
                mine = Staged.create(self._staging, f"{name}.{number}")
                begun.append(mine)
                blob = mine.fill(sources[number][0], expectations[number], tell)
                mine.seal(sync=not together)
                return mine, blob

            with ThreadPoolExecutor(max_workers=self._workers) as pool:
                chunks = pool.map(lambda numbers: [(number, take(number)) for number in numbers], _chunks(expectations))
                by_number = dict(chain.from_iterable(chunks))
            taken = [by_number[number] for number in range(len(sources))]
            if together:
                self._sync_all(disk)
            shelves = {self._placed(mine, blob) for mine, blob in taken}
            if together:
                self._sync_all(disk)
                self._shelves.durable(shelves)
            else:
                self._shelves.sync(shelves)
        return tuple(blob for _, blob in taken)

    def publish(self, staged: Staged, blob: StoredBlob) -> None:
        """Make a staged file durable, then visible, then its folder durable."""
        staged.seal(sync=True)
        self._shelves.sync([self._placed(staged, blob)])

    def size(self, sha256: str) -> int | None:
        """Return the size of a blob; None where it is not held."""
        path = self._shelves.text(sha256)
        try:
            return os.stat(path).st_size  # noqa: PTH116 thousands in a call, as in Shelves.place
        except FileNotFoundError:
            return None
        except OSError:
            with plainly("look for a file"):
                raise

    def read(self, sha256: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield a blob's bytes, verified where all of them are asked for."""
        stream, size, end = self._open_part(sha256, offset, length)
        passing = self._once.passes(stream.fileno(), sha256, offset, end - offset)
        whole = (offset, end) == (0, size)
        return (_verified if whole else _part)(stream, offset, end, sha256, passing=passing)

    def sender(self, sha256: str, *, offset: int = 0, length: int | None = None) -> FileSender:
        """Begin to send a blob, or a part of it, unverified."""
        stream, _, end = self._open_part(sha256, offset, length)
        passing = self._once.passes(stream.fileno(), sha256, offset, end - offset)
        return FileSender(stream, sha256, offset, end, passing=passing)

    def blobs(self) -> Iterator[BlobInfo]:
        """Yield every published blob, in order of digest."""
        with plainly("list the files"):
            yield from self._shelves

    def remove(self, sha256: str) -> int:
        """Remove a blob and return the bytes freed."""
        path = self._shelves.path(sha256)
        with plainly("remove a file"):
            try:
                size = path.stat().st_size
                path.unlink()
            except FileNotFoundError:
                return 0
        return size

    def remove_staging(self, *, before_ms: int, dry_run: bool = False) -> int:
        """Remove what was begun and not committed."""
        count = 0
        with plainly("tidy up"), os.scandir(self._staging) as entries:
            for entry in entries:
                try:
                    if entry.stat(follow_symlinks=False).st_mtime_ns // 1_000_000 >= before_ms:
                        continue
                    if not dry_run:
                        Path(entry.path).unlink()
                except FileNotFoundError:
                    continue
                count += 1
        return count

    @property
    def takes_parts(self) -> bool:
        """Whether this system can keep two from writing one part."""
        return CAN_LOCK

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
        """Make a file whose parts are all held a blob, and empty the slot."""
        return self._parts.publish(slot, expected)

    def local_path(self, sha256: str) -> Path:
        """Return the file that holds a blob."""
        path = self._shelves.path(sha256)
        if not path.is_file():
            raise _not_held(sha256)
        return path

    def copy_to(self, sha256: str, target: BinaryIO, *, progress: Progress | None = None) -> None:
        """Write a whole blob to an open, empty, real file, and verify what stands there."""
        with plainly("copy a file"), self._open(sha256) as source, ExitStack() as stack:
            target.flush()
            written = _reader(target.fileno())
            if written is None:
                written = source.fileno()
            else:
                stack.callback(os.close, written)
            _, found = copy_hashed(source.fileno(), target.fileno(), written=written, progress=progress)
        if found != sha256:
            raise damaged(sha256)

    def _open_part(self, sha256: str, offset: int, length: int | None) -> tuple[BinaryIO, int, int]:
        """Return an open blob, its size, and where a part of it ends."""
        stream = self._open(sha256)
        size = os.fstat(stream.fileno()).st_size
        end = size if length is None else offset + length
        if offset < 0 or end < offset or end > size:
            stream.close()
            raise InvalidArgumentError(f"The range {offset}-{end} does not lie in a file of {size:,} bytes.")
        return stream, size, end

    def _open(self, sha256: str) -> BinaryIO:
        path = self._shelves.path(sha256)
        with plainly("open a file"):
            try:
                return path.open("rb", buffering=0)
            except FileNotFoundError:
                raise _not_held(sha256) from None

    def _placed(self, staged: Staged, blob: StoredBlob) -> str:
        """Make a staged file a blob, and return the name of its shelf."""
        shelf = self._shelves.place(staged.path, blob.sha256)
        staged.placed()
        return shelf

    def _sync_all(self, disk: int) -> None:
        sync_file_system(disk)


def _discard(staged: Sequence[Staged]) -> None:
    for each in staged:
        each.discard()


def _chunks(expectations: Sequence[FileExpectation]) -> Iterator[list[int]]:
    """Put all that is known to be small into one chunk: making files in one folder gains nothing by a second thread."""
    small = [number for number, expected in enumerate(expectations) if (expected.size or CHUNK) < CHUNK]
    if small:
        yield small
    yield from ([number] for number, expected in enumerate(expectations) if (expected.size or CHUNK) >= CHUNK)


def _reader(descriptor: int) -> int | None:
    """Open for reading what another descriptor writes; None where the platform has no way to."""
    try:
        return os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY)
    except OSError:
        return None


def _verified(stream: BinaryIO, offset: int, end: int, sha256: str, *, passing: bool) -> Iterator[bytes]:
    digest, size, held = hashlib.sha256(), 0, b""
    with stream, plainly("read a file"):
        for block in blocks(stream.fileno(), offset, end, passing=passing):
            digest.update(block)
            size += len(block)
            # The last one is handed out only once all of them are known to be right.
            if held:
                yield held
            held = block
        if size != end or digest.hexdigest() != sha256:
            raise damaged(sha256)
        if held:
            yield held


def _part(stream: BinaryIO, offset: int, end: int, sha256: str, *, passing: bool) -> Iterator[bytes]:
    with stream, plainly("read a file"):
        left = end - offset
        for block in blocks(stream.fileno(), offset, end, passing=passing):
            yield block
            left -= len(block)
        if left:
            raise damaged(sha256)


def _not_held(sha256: str) -> NotFoundError:
    return NotFoundError(f"The store holds no file with the SHA-256 {sha256}.")
