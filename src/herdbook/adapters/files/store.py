"""Blobs as files of a folder: content-addressed, published atomically and durably, verified when read."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from herdbook.adapters.files.copying import copy_hashed, sync_file_system
from herdbook.adapters.files.staging import Staged, StagedWriter
from herdbook.errors import IntegrityError, InvalidArgumentError, NotFoundError, RegistryError, UnavailableError
from herdbook.ports.artifacts import (
    BLOCK,
    ArtifactStore,
    BlobInfo,
    BlobWriter,
    FileExpectation,
    Progress,
    StoredBlob,
)

TOGETHER = 16
"""From this many files on, one wait for the whole file system is faster than one a file."""

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_FULL = {errno.ENOSPC, errno.EDQUOT}


class FileStore(ArtifactStore):
    """Keeps blobs under `root/blobs/sha256/ab/<digest>`, and what is on its way in under `root/staging`.

    Args:
        root: The folder; made where it is missing.
        workers: How many files are taken in at once.
    """

    def __init__(self, root: Path, *, workers: int = 4) -> None:
        self._root = root
        self._blobs = root / "blobs" / "sha256"
        self._staging = root / "staging"
        self._workers = workers
        self._shards: set[str] = set()
        with _plainly("open the artifact store"):
            for folder in (self._blobs, self._staging):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def writer(self, *, sha256: str | None = None, size: int | None = None) -> BlobWriter:
        """Begin a blob."""
        expected = FileExpectation(sha256=None if sha256 is None else _checked(sha256), size=size)
        with _plainly("begin a file"):
            return StagedWriter(self, Staged.create(self._staging), expected)

    def put_many(
        self, sources: Sequence[tuple[BinaryIO, FileExpectation]], *, progress: Progress | None = None
    ) -> tuple[StoredBlob, ...]:
        """Take in many blobs with few waits for the disk."""
        staged: list[Staged] = []
        with _plainly("store the files"), ExitStack() as stack:

            def take(source: tuple[BinaryIO, FileExpectation]) -> tuple[Staged, StoredBlob]:
                mine = Staged.create(self._staging)
                stack.callback(mine.discard)
                stream, expected = source
                return mine, mine.fill(stream, expected, progress)

            with ThreadPoolExecutor(max_workers=self._workers) as pool:
                taken = list(pool.map(take, sources))
            staged = [mine for mine, _ in taken]
            self.publish(staged, [blob for _, blob in taken])
        return tuple(blob for _, blob in taken)

    def publish(self, staged: Sequence[Staged], blobs: Sequence[StoredBlob]) -> None:
        """Make staged files durable, then visible, then their folders durable: in this order a crash harms nothing."""
        together = len(staged) >= TOGETHER and self._sync_all()
        if not together:
            for mine in staged:
                mine.sync()
        folders = {self._place(mine, blob.sha256) for mine, blob in zip(staged, blobs, strict=True)}
        if not (together and self._sync_all()):
            for folder in folders:
                _sync_folder(folder)

    def size(self, sha256: str) -> int | None:
        """Return the size of a blob; None where it is not held."""
        try:
            return self._path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def read(self, sha256: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield a blob's bytes, verified where all of them are asked for."""
        with _plainly("open a file"):
            try:
                stream = self._path(sha256).open("rb", buffering=0)
            except FileNotFoundError:
                raise _not_held(sha256) from None
        size = os.fstat(stream.fileno()).st_size
        end = size if length is None else offset + length
        if offset < 0 or end < offset or end > size:
            stream.close()
            raise InvalidArgumentError(f"The range {offset}-{end} does not lie in a file of {size:,} bytes.")
        return _verified(stream, sha256) if (offset, end) == (0, size) else _part(stream, offset, end, sha256)

    def blobs(self) -> Iterator[BlobInfo]:
        """Yield every published blob, in order of digest."""
        for shard in sorted(path.name for path in self._blobs.iterdir()):
            with os.scandir(self._blobs / shard) as entries:
                found = sorted((entry.name, entry.stat()) for entry in entries if _SHA256.fullmatch(entry.name))
            for name, stat in found:
                yield BlobInfo(sha256=name, size=stat.st_size, modified_ms=stat.st_mtime_ns // 1_000_000)

    def remove(self, sha256: str) -> int:
        """Remove a blob and return the bytes freed."""
        path = self._path(sha256)
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return 0
        return size

    def remove_staging(self, *, before_ms: int, dry_run: bool = False) -> int:
        """Remove what was begun and not committed."""
        count = 0
        for entry in os.scandir(self._staging):
            try:
                if entry.stat(follow_symlinks=False).st_mtime_ns // 1_000_000 < before_ms:
                    count += 1
                    if not dry_run:
                        Path(entry.path).unlink()
            except FileNotFoundError:
                continue
        return count

    def local_path(self, sha256: str) -> Path:
        """Return the file that holds a blob."""
        path = self._path(sha256)
        if not path.is_file():
            raise _not_held(sha256)
        return path

    def copy_to(self, sha256: str, target: BinaryIO, *, progress: Progress | None = None) -> None:
        """Write a whole blob to an open, empty, real file, and verify it."""
        target.flush()
        with _plainly("copy a file"), self.local_path(sha256).open("rb", buffering=0) as source:
            _, found = copy_hashed(source.fileno(), target.fileno(), hash_target=False, progress=progress)
        if found != sha256:
            raise _damaged(sha256)

    def _place(self, staged: Staged, sha256: str) -> Path:
        path = self._path(sha256)
        if path.parent.name not in self._shards:
            try:
                path.parent.mkdir(mode=0o700)
                _sync_folder(self._blobs)
            except FileExistsError:
                pass
            self._shards.add(path.parent.name)
        try:
            os.link(staged.path, path)
        except FileExistsError:
            # A sweep that looks now finds it fresh, and leaves it for whoever is about to refer to it.
            os.utime(path)
        return path.parent

    def _sync_all(self) -> bool:
        descriptor = os.open(self._root, os.O_RDONLY)
        try:
            return sync_file_system(descriptor)
        finally:
            os.close(descriptor)

    def _path(self, sha256: str) -> Path:
        return self._blobs / _checked(sha256)[:2] / sha256


def _checked(sha256: str) -> str:
    if not isinstance(sha256, str) or _SHA256.fullmatch(sha256) is None:
        raise InvalidArgumentError(f"{sha256!r} is not a SHA-256: it is 64 lower-case hexadecimal digits.")
    return sha256


def _verified(stream: BinaryIO, sha256: str) -> Iterator[bytes]:
    digest = hashlib.sha256()
    with stream:
        block = stream.read(BLOCK)
        while True:
            digest.update(block)
            following = stream.read(BLOCK) if block else b""
            if not following:
                break
            yield block
            block = following
    if digest.hexdigest() != sha256:
        raise _damaged(sha256)
    if block:
        yield block


def _part(stream: BinaryIO, offset: int, end: int, sha256: str) -> Iterator[bytes]:
    with stream:
        stream.seek(offset)
        left = end - offset
        while left > 0:
            block = stream.read(min(BLOCK, left))
            if not block:
                raise _damaged(sha256)
            left -= len(block)
            yield block


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _not_held(sha256: str) -> NotFoundError:
    return NotFoundError(f"The store holds no file with the SHA-256 {sha256}.")


def _damaged(sha256: str) -> IntegrityError:
    return IntegrityError(
        f"The stored file {sha256} does not have its digest: the disk or somebody changed it.",
        hint="Restore it from a backup, or register the model again.",
    )


@contextmanager
def _plainly(doing: str) -> Iterator[None]:
    """Turn the operating system's refusals into ours."""
    try:
        yield
    except RegistryError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise UnavailableError(
                f"There is no room on the disk to {doing}; nothing was kept.", hint="Free some space, then repeat."
            ) from error
        raise UnavailableError(f"The operating system refused to {doing}: {error.strerror}.") from error
