"""Fetching files: large ones in parts over several connections, small ones many to a request; all verified here."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from herdbook.adapters.http_registry.repeating import repeated
from herdbook.adapters.http_registry.sources import Source, damaged
from herdbook.adapters.http_registry.streams import Reply, Streams
from herdbook.api.files import Bundle
from herdbook.entities import FileEntry
from herdbook.errors import IntegrityError, UnavailableError
from herdbook.ports.artifacts import BLOCK, Progress
from herdbook.wire import to_json

CONNECTIONS = 2
"""Parts of one file that are fetched at once."""
PART = 64 * 1024 * 1024
"""Bytes that one request fetches of a large file; where it breaks off, it goes on from there."""
_HASHED = 1024 * 1024


def fetch_many(
    streams: Streams, path: str, files: Sequence[FileEntry], folder: Path, progress: Progress | None
) -> None:
    """Fetch small files with one request and write them below a folder.

    Args:
        streams: Connections to the server.
        path: Where many files are read.
        files: Which; together they fit into one answer.
        folder: Where they are written.
        progress: Called with the number of bytes that have just been written.
    """
    body = to_json({"paths": [file.path for file in files]})
    headers = {"content-type": "application/json"}

    def attempt() -> None:
        with streams.request("POST", path, headers, [body], length=len(body)) as reply:
            came = Bundle(reply.read)
            if len(came.files) != len(files):
                raise IntegrityError(f"{len(files)} files were asked for, and {len(came.files)} came.")
            for file, told, content in zip(files, came.files, came.contents(), strict=True):
                if told.path != file.path or hashlib.sha256(content).hexdigest() != file.sha256:
                    raise damaged(file)
                _write(folder / file.path, content)

    repeated(attempt)
    if progress is not None:
        progress(sum(file.size for file in files))


def fetch_one(source: Source, file: FileEntry, target: BinaryIO, progress: Progress | None) -> None:
    """Fetch a large file into an open, empty, real file, and verify what stands there.

    Args:
        source: Where it comes from.
        file: What it is.
        target: Opened for binary reading and writing.
        progress: Called with the number of bytes that have just been written, from several threads.
    """
    descriptor = target.fileno()
    starts = range(0, file.size, PART)
    state = _Progress([min(PART, file.size - start) for start in starts])
    digest = hashlib.sha256()

    def fetch(number: int) -> None:
        part = _Part(source, file, starts[number], state.lengths[number])
        part.fetch(descriptor, lambda count: _tell(state, number, count, progress))

    with ThreadPoolExecutor(max_workers=CONNECTIONS + 1) as pool:
        follower = pool.submit(_hash_behind, descriptor, state, digest.update)
        jobs = [pool.submit(fetch, number) for number in range(len(starts))]
        try:
            for job in jobs:
                job.result()
        except BaseException:
            for job in jobs:
                job.cancel()
            state.fail()
            raise
        follower.result()
    if digest.hexdigest() != file.sha256:
        raise damaged(file)


def is_real_file(target: BinaryIO) -> bool:
    """Whether parts of it can be written, and read back, at their place."""
    raw = getattr(target, "raw", target)
    if not hasattr(os, "preadv") or not isinstance(raw, io.FileIO) or not raw.readable():
        return False
    target.flush()
    return stat.S_ISREG(os.fstat(target.fileno()).st_mode)


class _Part:
    """A part of a file that is fetched with one request, or with more where it breaks off."""

    def __init__(self, source: Source, file: FileEntry, start: int, length: int) -> None:
        self._source = source
        self._file = file
        self._position = start
        self._end = start + length

    def fetch(self, descriptor: int, tell: Callable[[int], None]) -> None:
        """Write it where it belongs in an open file."""
        buffer = memoryview(bytearray(min(BLOCK, self._end - self._position)))
        repeated(lambda: self._attempt(descriptor, buffer, tell))

    def _attempt(self, descriptor: int, buffer: memoryview, tell: Callable[[int], None]) -> None:
        with self._source.open(self._position, self._end) as reply:
            try:
                self._take(reply, descriptor, buffer, tell)
            except UnavailableError:
                self._source.broke_off()
                raise

    def _take(self, reply: Reply, descriptor: int, buffer: memoryview, tell: Callable[[int], None]) -> None:
        while self._position < self._end:
            count = reply.readinto(buffer[: min(len(buffer), self._end - self._position)])
            if not count:
                raise damaged(self._file)
            _write_at(descriptor, buffer[:count], self._position)
            self._position += count
            tell(count)


class _Progress:
    """How far each part has come, for the one that hashes the file from its beginning."""

    def __init__(self, lengths: list[int]) -> None:
        self.lengths = lengths
        self._done = [0] * len(lengths)
        self._first = 0
        self._whole = 0
        self._failed = False
        self._condition = threading.Condition()

    def advance(self, number: int, count: int) -> None:
        with self._condition:
            self._done[number] += count
            self._condition.notify()

    def fail(self) -> None:
        with self._condition:
            self._failed = True
            self._condition.notify()

    def wait_past(self, position: int) -> int:
        """Return up to where the file has no gap, once that is past a position; 0 where it will not come to that."""
        with self._condition:
            self._condition.wait_for(lambda: self._failed or self._without_gap() > position)
            return 0 if self._failed else self._without_gap()

    def _without_gap(self) -> int:
        while self._first < len(self.lengths) and self._done[self._first] == self.lengths[self._first]:
            self._whole += self.lengths[self._first]
            self._first += 1
        return self._whole + (self._done[self._first] if self._first < len(self.lengths) else 0)


def _tell(state: _Progress, number: int, count: int, progress: Progress | None) -> None:
    state.advance(number, count)
    if progress is not None:
        progress(count)


def _hash_behind(descriptor: int, state: _Progress, update: Callable[[memoryview], None]) -> None:
    buffer, position, size = memoryview(bytearray(_HASHED)), 0, sum(state.lengths)
    while position < size:
        written = state.wait_past(position)
        if not written:
            return
        while position < written:
            count = os.preadv(descriptor, [buffer[: min(_HASHED, written - position)]], position)
            if not count:
                raise IntegrityError("The file became shorter while it was written.", hint="Fetch it again.")
            update(buffer[:count])
            position += count


def _write_at(descriptor: int, block: memoryview, position: int) -> None:
    while block:
        count = os.pwrite(descriptor, block, position)
        block, position = block[count:], position + count


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
