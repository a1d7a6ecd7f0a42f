"""Sending files: large ones one by one, small ones many to a request, several requests at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from herdbook.adapters.http_registry.bodies import FileBody, StreamBody, changed
from herdbook.adapters.http_registry.repeating import repeated
from herdbook.adapters.http_registry.streams import Streams
from herdbook.adapters.http_registry.stretches import is_sendable
from herdbook.api.files import (
    BUNDLE_FILES,
    BUNDLE_TYPE,
    DIGEST_HEADER,
    SIZE_HEADER,
    SMALL_FILE,
    bundle_end,
    digest_value,
    frame_header,
)
from herdbook.entities import FileEntry
from herdbook.entities.batches import in_batches
from herdbook.entities.files import FileStat
from herdbook.errors import IntegrityError
from herdbook.ports.artifacts import BLOCK, Progress
from herdbook.ports.registry import FileUpload
from herdbook.wire import structure

CONNECTIONS = 4
"""Requests under way at once."""
BUNDLE_SENT = 16 * 1024 * 1024
"""Bytes of small files that one request carries; they are in memory while it is sent."""

Numbered = tuple[int, FileUpload]


class Sending:
    """Sends files of one version.

    Args:
        streams: Connections to the server.
        bundle_path: Where many files are sent to.
        file_path: Returns where one file is sent to.
        progress: Called with the number of bytes that have just been sent; what is sent again does not count twice.
    """

    def __init__(
        self, streams: Streams, bundle_path: str, file_path: Callable[[str], str], progress: Progress | None
    ) -> None:
        self._streams = streams
        self._bundle_path = bundle_path
        self._file_path = file_path
        self._progress = progress

    def send(self, files: Sequence[FileUpload]) -> tuple[FileEntry, ...]:
        """Send files, and return what the registry stored, in order; raises IntegrityError where that differs."""
        jobs = list(_jobs(files))
        if len(jobs) == 1:
            done = [self._job(jobs[0])]
        else:
            with ThreadPoolExecutor(max_workers=min(CONNECTIONS, len(jobs) or 1)) as pool:
                done = list(pool.map(self._job, jobs))
        by_number = {number: entry for entries in done for number, entry in entries}
        return tuple(by_number[number] for number in range(len(files)))

    def _job(self, job: list[Numbered]) -> list[tuple[int, FileEntry]]:
        numbers = [number for number, _ in job]
        uploads = [upload for _, upload in job]
        alone = len(job) == 1 and uploads[0].file.size >= SMALL_FILE
        entries = [self._one(uploads[0])] if alone else self._many(uploads)
        return list(zip(numbers, entries, strict=True))

    def _one(self, upload: FileUpload) -> FileEntry:
        headers = {SIZE_HEADER: str(upload.file.size), "content-type": "application/octet-stream"}
        if upload.file.sha256 is not None:
            headers[DIGEST_HEADER] = digest_value(upload.file.sha256)
        start = upload.source.tell() if upload.source.seekable() else None
        told = 0

        def tell(sent: int) -> None:
            nonlocal told
            if self._progress is not None and sent > told:
                self._progress(sent - told)
            told = max(told, sent)

        by_kernel = start is not None and self._streams.by_kernel and is_sendable(upload.source)
        path = self._file_path(upload.file.path)

        def attempt() -> FileEntry:
            body = FileBody(upload, start, tell) if by_kernel and start is not None else StreamBody(upload, start, tell)
            with body, self._streams.request("PUT", path, headers, body.blocks(), length=upload.file.size) as reply:
                (entry,) = _entries(reply.read(BLOCK))
                return _checked(entry, upload.file, body.hexdigest())

        return repeated(attempt, tries=None if start is not None else 1)

    def _many(self, uploads: Sequence[FileUpload]) -> list[FileEntry]:
        contents = [_whole(upload) for upload in uploads]
        digests = [hashlib.sha256(content).hexdigest() for content in contents]
        stats = [
            FileStat(path=upload.file.path, size=upload.file.size, sha256=upload.file.sha256 or sha256)
            for upload, sha256 in zip(uploads, digests, strict=True)
        ]
        parts = [part for stat, content in zip(stats, contents, strict=True) for part in (frame_header(stat), content)]
        body = b"".join([*parts, bundle_end()])
        del contents, parts

        def attempt() -> list[FileEntry]:
            headers = {"content-type": BUNDLE_TYPE}
            with self._streams.request("POST", self._bundle_path, headers, [body], length=len(body)) as reply:
                told = _entries(reply.read(BLOCK))
            return [_checked(*each) for each in zip(told, stats, digests, strict=True)]

        entries = repeated(attempt)
        if self._progress is not None:
            self._progress(sum(stat.size for stat in stats))
        return entries


def _jobs(files: Sequence[FileUpload]) -> Iterator[list[Numbered]]:
    """Yield what goes into one request: each large file alone, the small ones together."""
    numbered = list(enumerate(files))
    yield from ([one] for one in numbered if _size(one) >= SMALL_FILE)
    small = (one for one in numbered if _size(one) < SMALL_FILE)
    yield from in_batches(small, _size, most=BUNDLE_FILES, most_bytes=BUNDLE_SENT)


def _size(numbered: Numbered) -> int:
    return numbered[1].file.size


def _whole(upload: FileUpload) -> bytes:
    content = upload.source.read(upload.file.size + 1)
    if len(content) != upload.file.size:
        raise changed(upload.file, len(content))
    return content


def _checked(entry: FileEntry, file: FileStat, sha256: str) -> FileEntry:
    """Return what the registry stored, where it is what was sent."""
    if (entry.path, entry.size, entry.sha256) != (file.path, file.size, sha256):
        raise IntegrityError(
            f"{file.path} was sent with the SHA-256 {sha256}, and {entry.sha256} arrived.", hint="Send it again."
        )
    return entry


def _entries(body: bytes) -> tuple[FileEntry, ...]:
    entries: tuple[FileEntry, ...] = structure(json.loads(body), tuple[FileEntry, ...], what="the answer")
    return entries
