"""Sending one large file part by part: only what the server does not hold, and over one connection or several."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from urllib.parse import urlencode

from attrs import evolve, frozen

from herdbook.adapters.http_registry.bodies import changed
from herdbook.adapters.http_registry.repeating import AGAIN, TRIES, pause
from herdbook.adapters.http_registry.streams import Blocks, Streams
from herdbook.adapters.http_registry.stretches import HashBehind, Stretch, is_sendable
from herdbook.api.files import CONTENT_DIGEST_HEADER, FILE_SIZE, OFFSET, digest_value
from herdbook.entities import FileEntry, FileStat, StagedParts
from herdbook.errors import ConflictError, IntegrityError, UnsupportedError
from herdbook.ports.artifacts import BLOCK, Progress
from herdbook.ports.parts import PartRun, part_count, part_length
from herdbook.ports.registry import FileUpload
from herdbook.wire import structure

CONNECTIONS = 4
"""Parts that are sent at once where one connection is slow."""
FAST = 100_000_000
"""Bytes a second from which on one connection is enough: two ends that hash in order are then what limits."""
_HASHED = 1024 * 1024


@frozen(kw_only=True)
class PartSending:
    """How parts of one version's files get to the server.

    Args:
        ask: Returns how far a file has come; None where it is sent whole.
        path: Returns where parts of a file are sent to.
        take_in: Has a file taken in whose parts are all held.
    """

    ask: Callable[[FileStat], StagedParts | None]
    path: Callable[[str], str]
    take_in: Callable[[FileStat], FileEntry]


def put_parts(streams: Streams, path: str, run: PartRun, blocks: Blocks) -> StagedParts:
    """Send parts with one request, once; returns what the server holds then.

    Args:
        streams: Connections to the server.
        path: Where parts of this file are sent to.
        run: Which parts.
        blocks: Their bytes.
    """
    headers = {"content-type": "application/octet-stream"}
    if run.sha256 is not None:
        headers[CONTENT_DIGEST_HEADER] = digest_value(run.sha256)
    query = urlencode({OFFSET: run.offset, FILE_SIZE: run.size})
    with streams.request("PUT", f"{path}?{query}", headers, blocks, length=run.length) as reply:
        staged: StagedParts = structure(json.loads(reply.read(BLOCK)), StagedParts, what="the answer")
    return staged


def send_in_parts(
    ways: PartSending, streams: Streams, upload: FileUpload, progress: Progress | None
) -> FileEntry | None:
    """Send a real file part by part, have it taken in, and return what was stored; None: it is sent whole.

    Args:
        ways: Where parts go.
        streams: Connections to the server.
        upload: The file; it stands at its beginning.
        progress: Called with the number of bytes that have just been sent; what is sent again does not count twice.

    Raises:
        IntegrityError: the file has changed meanwhile.
        RegistryError: the server refuses it, or cannot be reached.
    """
    staged = ways.ask(upload.file) if is_sendable(upload.source) else None
    if staged is None:
        return None
    before, start = bool(staged.held), upload.source.tell()
    try:
        return _Parts(ways, streams, upload, start, progress, staged).send()
    except UnsupportedError:
        return None
    except IntegrityError:
        staged = ways.ask(upload.file) if before else None
        if staged is None or staged.held:
            raise
        # What was held is of a file that has changed since, and the server has dropped it.
        return _Parts(ways, streams, upload, start, progress, staged).send()


class _Parts:
    def __init__(
        self,
        ways: PartSending,
        streams: Streams,
        upload: FileUpload,
        start: int,
        progress: Progress | None,
        staged: StagedParts,
    ) -> None:
        self._ways = ways
        self._streams = streams
        self._upload = upload
        self._file = upload.file
        self._part = staged.part_bytes
        self._start = start
        self._held = frozenset(staged.held)
        self._rate: float | None = None
        self._sent = _Sent(upload, progress, start)

    def send(self) -> FileEntry:
        with self._sent:
            self._sent.advance(sum(self._length(number) for number in self._held))
            self._send_all()
            sha256 = self._sent.hexdigest()
        entry = self._ways.take_in(evolve(self._file, sha256=sha256))
        if (entry.path, entry.size, entry.sha256) != (self._file.path, self._file.size, sha256):
            raise IntegrityError(f"{self._file.path} was sent, and something else was stored.", hint="Send it again.")
        return entry

    def _send_all(self) -> None:
        """Send what is missing, until nothing is; gives up where it comes no further."""
        failures = 0
        while missing := [number for number in range(self._count) if number not in self._held]:
            try:
                self._round(missing)
            except (*AGAIN, ConflictError) as error:
                failures += 1
                if failures == TRIES:
                    raise
                time.sleep(pause(failures - 1, error.details.get("retry_after_s")))
                if self._ask_again():
                    failures = 0

    @property
    def _count(self) -> int:
        return part_count(self._file.size, self._part)

    def _ask_again(self) -> bool:
        """Ask what is held; returns whether it is more than was known, which is never less."""
        try:
            staged = self._ways.ask(self._file)
        except AGAIN:
            return False
        held = frozenset(() if staged is None else staged.held)
        more, self._held = bool(held - self._held), held
        return more

    def _round(self, missing: Sequence[int]) -> None:
        """Send some of the missing parts, or all."""
        if self._rate is None:
            # One part shows how fast a connection is.
            begun = time.monotonic()
            self._held |= self._put(missing[:1])
            self._rate = self._length(missing[0]) / max(time.monotonic() - begun, 1e-9)
        elif self._rate >= FAST:
            for run in _runs(missing):
                self._held |= self._put(run)
        else:
            with ThreadPoolExecutor(max_workers=min(CONNECTIONS, len(missing))) as pool:
                jobs = [pool.submit(self._put, [number], proved=True) for number in missing]
                try:
                    for job in jobs:
                        self._held |= job.result()
                except BaseException:
                    for job in jobs:
                        job.cancel()
                    raise

    def _put(self, parts: Sequence[int], *, proved: bool = False) -> frozenset[int]:
        """Send parts that follow one another with one request, and return which ones the server holds then."""
        offset = parts[0] * self._part
        length = sum(self._length(number) for number in parts)
        run = PartRun(
            size=self._file.size,
            offset=offset,
            length=length,
            sha256=self._digest(offset, length) if proved else None,
        )
        path = self._ways.path(self._file.path)
        return frozenset(put_parts(self._streams, path, run, self._blocks(offset, length)).held)

    def _blocks(self, offset: int, length: int) -> Blocks:
        source, position, end = self._upload.source, offset, offset + length
        buffer = None if self._streams.by_kernel else memoryview(bytearray(min(BLOCK, length)))
        while position < end:
            here = os.fstat(source.fileno()).st_size - self._start
            if here != self._file.size:
                raise changed(self._file, here)
            # No block is of two parts, which are counted one by one.
            count = min(BLOCK, end - position, self._part - position % self._part)
            if buffer is None:
                yield Stretch(file=source, offset=self._start + position, count=count)
            else:
                yield from _read(source.fileno(), buffer[:count], self._start + position)
            position += count
            self._sent.tell(position, self._part)

    def _digest(self, offset: int, length: int) -> str:
        digest, buffer = hashlib.sha256(), memoryview(bytearray(min(_HASHED, length)))
        position, end = self._start + offset, self._start + offset + length
        while position < end:
            for block in _read(self._upload.source.fileno(), buffer[: min(len(buffer), end - position)], position):
                digest.update(block)
                position += len(block)
        return digest.hexdigest()

    def _length(self, number: int) -> int:
        return part_length(self._file.size, self._part, number)


class _Sent:
    """What was sent of a file: told to whoever follows the progress, and hashed behind that. Thread-safe."""

    def __init__(self, upload: FileUpload, progress: Progress | None, start: int) -> None:
        self._size = upload.file.size
        self._progress = progress
        self._known = upload.file.sha256
        self._behind = None if self._known is not None else HashBehind(upload.source, start)
        self._lock = threading.Lock()
        self._reached: dict[int, int] = {}
        self._dealt_with = 0

    def advance(self, count: int) -> None:
        """Take note of so many bytes that need not be sent any more."""
        self._dealt_with += count
        if self._behind is not None:
            self._behind.advance(count)

    def tell(self, position: int, part_bytes: int) -> None:
        """Take note that a part has been sent up to a byte of the file."""
        part = (position - 1) // part_bytes
        with self._lock:
            new = position - self._reached.get(part, part * part_bytes)
            if new <= 0:
                return
            self._reached[part] = position
            self.advance(new)
            if self._progress is not None:
                self._progress(new)

    def hexdigest(self) -> str:
        """Return the SHA-256 of the whole file, all of which is held: a part of it may have come from elsewhere."""
        self.advance(self._size - self._dealt_with)
        return self._known or ("" if self._behind is None else self._behind.hexdigest())

    def __enter__(self) -> None:
        if self._behind is not None:
            self._behind.start()

    def __exit__(self, *_: object) -> None:
        if self._behind is not None:
            self._behind.stop()


def _runs(numbers: Sequence[int]) -> Iterator[list[int]]:
    """Yield the numbers that follow one another, together."""
    for _, group in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        yield [number for _, number in group]


def _read(descriptor: int, buffer: memoryview, position: int) -> Iterator[memoryview]:
    """Yield what stands in a file, in memory that is used again; ends early where the file does."""
    while buffer:
        count = os.preadv(descriptor, [buffer], position)
        if not count:
            return
        yield buffer[:count]
        buffer, position = buffer[count:], position + count
