"""Writing an archive: beside its place first, whole before it is seen, and continued where it was interrupted."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from herdbook.client.archive import layout
from herdbook.client.archive.blocks import BLOCK, END, header, padding, parse
from herdbook.errors import AlreadyExistsError, ConflictError, IntegrityError, InvalidArgumentError
from herdbook.ports.artifacts import Progress
from herdbook.wire import to_json

_STEP = 1024 * 1024


class ArchiveWriter:
    """One archive on its way to its place.

    Contents go straight into `FILE.partial`; documents wait in a nameless file and follow them, so that what an
    interrupted export leaves is a row of contents, each of which proves itself by its digest.

    Args:
        target: Where the archive is to be; nothing may be there.
        first: The archive's header.
    """

    def __init__(self, target: Path, first: Any) -> None:
        self._target = target
        self._partial = target.with_name(f"{target.name}.partial")
        self._first = to_json(first)
        self._index: list[bytes] = []
        self._kept: set[bytes] = set()
        self._written: set[bytes] = set()
        self._used: set[bytes] = set()
        if not target.parent.is_dir():
            raise InvalidArgumentError(f"There is no folder {target.parent}.", hint="Make it first.")
        self._refuse_taken()
        self._stream = self._open()
        self._documents: BinaryIO = tempfile.TemporaryFile(dir=target.parent)  # noqa: SIM115 closed by `close`
        self._document_lines: list[bytes] = []
        self._resume()

    @property
    def resumed(self) -> int:
        """How many contents an interrupted export had written."""
        return len(self._kept & self._used)

    @property
    def blobs(self) -> int:
        """How many contents are in the archive."""
        return len(self._used)

    def holds(self, sha256: str) -> bool:
        """Return whether a content is in the archive already, and count it as wanted."""
        digest = bytes.fromhex(sha256)
        if digest in self._kept or digest in self._written:
            self._used.add(digest)
            return True
        return False

    def blob(self, sha256: str, size: int, blocks: Iterable[bytes], progress: Progress | None = None) -> None:
        """Append a content; raises IntegrityError where it is not what its digest says, and forgets it."""
        start, name = self._stream.tell(), layout.blob(sha256)
        digest, came = hashlib.sha256(), 0
        self._stream.write(header(name, size))
        for block in blocks:
            came += len(block)
            if came > size:
                break
            digest.update(block)
            self._stream.write(block)
            if progress is not None:
                progress(len(block))
        if came != size or digest.hexdigest() != sha256:
            self._cut(start)
            raise IntegrityError(f"The registry sent other bytes than those of {sha256}.", hint="Repeat the export.")
        self._stream.write(bytes(padding(size)))
        self._index.append(layout.index_line(sha256, size, name))
        self._written.add(bytes.fromhex(sha256))
        self._used.add(bytes.fromhex(sha256))

    def document(self, name: str, data: bytes) -> None:
        """Add a document; raises InvalidArgumentError where it is larger than documents may be."""
        limit = layout.size_limit(name)
        if limit is None or len(data) > limit:
            raise InvalidArgumentError(f"{name} would have {len(data):,} bytes; at most {limit:,}.")
        self._documents.write(header(name, len(data)) + data + bytes(padding(len(data))))
        self._document_lines.append(layout.index_line(hashlib.sha256(data).hexdigest(), len(data), name))

    def drop_unused(self) -> bool:
        """Empty the archive where it holds contents that nothing wants any more; returns whether it did."""
        if self._kept <= self._used:
            return False
        self._kept.clear()
        self._written.clear()
        self._used.clear()
        self._documents.truncate(0)
        self._documents.seek(0)
        self._document_lines.clear()
        self._begin()
        return True

    def finish(self) -> tuple[str, int]:
        """Put the archive in its place; returns the SHA-256 of its index, and its size in bytes."""
        self._documents.seek(0)
        while block := self._documents.read(_STEP):
            self._stream.write(block)
        lines = b"".join((*self._index, *self._document_lines))
        self._stream.write(header(layout.INDEX, len(lines)) + lines + bytes(padding(len(lines))) + END)
        self._stream.flush()
        size = self._stream.tell()
        os.fsync(self._stream.fileno())
        self._refuse_taken()
        self._partial.rename(self._target)
        _sync_folder(self._target.parent)
        return hashlib.sha256(lines).hexdigest(), size

    def close(self) -> None:
        """Release the files; what was written stays for the next export, unless it is of no use to one."""
        self._documents.close()
        if not self._kept and not self._written and _is_here(self._stream, self._partial):
            self._partial.unlink()
        self._stream.close()

    def _refuse_taken(self) -> None:
        if os.path.lexists(self._target):
            raise AlreadyExistsError(f"{self._target} exists.", hint="Name another file, or remove it first.")

    def _open(self) -> BinaryIO:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        stream = os.fdopen(os.open(self._partial, flags, 0o666), "r+b")
        if _lock(stream) and _is_here(stream, self._partial):
            return stream
        stream.close()
        raise ConflictError(f"Another export is writing {self._partial}.", hint="Wait for it to end.")

    def _begin(self) -> None:
        self._cut(0)
        data = self._first
        self._stream.write(header(layout.HEADER, len(data)) + data + bytes(padding(len(data))))
        self._index = [layout.index_line(hashlib.sha256(data).hexdigest(), len(data), layout.HEADER)]

    def _resume(self) -> None:
        """Keep the header, where it is ours, and the whole contents after it; cut off everything else."""
        expected = header(layout.HEADER, len(self._first)) + self._first + bytes(padding(len(self._first)))
        if self._stream.read(len(expected)) != expected:
            self._begin()
            return
        self._index = [layout.index_line(hashlib.sha256(self._first).hexdigest(), len(self._first), layout.HEADER)]
        end = self._stream.tell()
        while (found := self._whole_blob()) is not None:
            sha256, size = found
            self._kept.add(bytes.fromhex(sha256))
            self._index.append(layout.index_line(sha256, size, layout.blob(sha256)))
            end = self._stream.tell()
        self._cut(end)

    def _whole_blob(self) -> tuple[str, int] | None:
        try:
            name, size = parse(self._stream.read(BLOCK))
        except InvalidArgumentError:
            return None
        sha256 = name.removeprefix(layout.BLOBS)
        if layout.blob(sha256) != name or layout.size_limit(name) is None or bytes.fromhex(sha256) in self._kept:
            return None
        digest, left = hashlib.sha256(), size
        while left and (block := self._stream.read(min(left, _STEP))):
            digest.update(block)
            left -= len(block)
        whole = not left and digest.hexdigest() == sha256
        return (sha256, size) if whole and self._stream.read(padding(size)) == bytes(padding(size)) else None

    def _cut(self, position: int) -> None:
        self._stream.seek(position)
        self._stream.truncate()


def _is_here(stream: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), os.lstat(path))
    except FileNotFoundError:
        return False


def _lock(stream: BinaryIO) -> bool:
    if sys.platform == "win32":
        return True
    import fcntl  # noqa: PLC0415 it is not there on Windows

    try:
        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
