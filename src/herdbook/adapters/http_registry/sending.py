"""Sending files: large ones one by one, small ones many to a request, several requests at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from attrs import evolve, frozen

from herdbook.adapters.http_registry.bodies import FileBody, StreamBody, changed
from herdbook.adapters.http_registry.direct import DirectWay
from herdbook.adapters.http_registry.parts import PartSending, send_in_parts
from herdbook.adapters.http_registry.repeating import repeated
from herdbook.adapters.http_registry.streams import Streams
from herdbook.adapters.http_registry.stretches import is_sendable
from herdbook.api.files import (
    BUNDLE_FILES,
    BUNDLE_TYPE,
    DIGEST_HEADER,
    SIZE_HEADER,
    SMALL_FILE,
    bundle_head,
    digest_value,
    gathered,
)
from herdbook.entities import FileEntry, FileStat, SignedUrl
from herdbook.entities.batches import in_batches
from herdbook.errors import ConflictError, IntegrityError, RateLimitedError, UnavailableError, UnsupportedError
from herdbook.ports.artifacts import BLOCK, Progress
from herdbook.ports.parts import PART_BYTES
from herdbook.ports.registry import FileUpload
from herdbook.wire import structure

CONNECTIONS = 4
"""Requests under way at once."""
BUNDLE_SENT = 16 * 1024 * 1024
"""Bytes of small files that one request carries; they are in memory while it is sent."""

_GATHERED = 256 * 1024

_URLS = 2
"""URLs that are asked for to send one file: the first may end before its turn comes."""

Numbered = tuple[int, FileUpload]


@frozen(kw_only=True)
class DirectSending:
    """The way of one version's large files straight to the object store.

    Args:
        way: Connections to object stores.
        ask: Returns the URL of a file; None where the file has to go through the server.
        take_in: Tells the server that a file is there, and returns what the registry stored.
    """

    way: DirectWay
    ask: Callable[[FileStat], SignedUrl | None]
    take_in: Callable[[FileStat], FileEntry]


class Sending:
    """Sends files of one version.

    Args:
        streams: Connections to the server.
        bundle_path: Where many files are sent to.
        file_path: Returns where one file is sent to.
        progress: Called with the number of bytes that have just been sent; what is sent again does not count twice.
        direct: How large files get to where they are kept without passing through the server; None: they do not.
        parts: How large files get there part by part; None: they do not.
    """

    def __init__(
        self,
        streams: Streams,
        bundle_path: str,
        file_path: Callable[[str], str],
        progress: Progress | None,
        direct: DirectSending | None = None,
        parts: PartSending | None = None,
    ) -> None:
        self._streams = streams
        self._bundle_path = bundle_path
        self._file_path = file_path
        self._progress = progress
        self._direct = direct
        self._parts = parts

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
        start = upload.source.tell() if upload.source.seekable() else None
        tell = _counting(self._progress)
        direct = self._direct
        # What cannot be read again could not go through the server where the object store fails.
        if direct is not None and start is not None:
            entry = _sent_directly(direct, upload, start, tell)
            if entry is not None:
                return entry
        if self._parts is not None and start is not None and upload.file.size > PART_BYTES:
            entry = send_in_parts(self._parts, self._streams, upload, self._progress)
            if entry is not None:
                return entry
        headers = {SIZE_HEADER: str(upload.file.size), "content-type": "application/octet-stream"}
        if upload.file.sha256 is not None:
            headers[DIGEST_HEADER] = digest_value(upload.file.sha256)

        by_kernel = start is not None and self._streams.by_kernel and is_sendable(upload.source)
        path = self._file_path(upload.file.path)

        def attempt() -> FileEntry:
            body = FileBody(upload, start, tell) if by_kernel and start is not None else StreamBody(upload, start, tell)
            with body, self._streams.request("PUT", path, headers, body.blocks(), length=upload.file.size) as reply:
                (entry,) = _entries(reply.read(BLOCK))
                return _checked(entry, upload.file, body.hexdigest())

        return repeated(attempt, tries=None if start is not None else 1)

    def _many(self, uploads: Sequence[FileUpload]) -> list[FileEntry]:
        files, body = [upload.file for upload in uploads], _BundleBody(uploads)
        head = bundle_head(files)
        length = len(head) + sum(file.size for file in files)

        def attempt() -> list[FileEntry]:
            headers = {"content-type": BUNDLE_TYPE}
            blocks = gathered(chain([head], body.contents()), _GATHERED)
            with self._streams.request("POST", self._bundle_path, headers, blocks, length=length) as reply:
                told = _entries(reply.read(BLOCK))
            return [_checked(*each) for each in zip(told, files, body.digests(), strict=True)]

        entries = repeated(attempt)
        if self._progress is not None:
            self._progress(sum(file.size for file in files))
        return entries


class _BundleBody:
    """Small files, read and hashed while they are sent; they stay in memory, to be sent again."""

    def __init__(self, uploads: Sequence[FileUpload]) -> None:
        self._uploads = uploads
        self._read: list[bytes] = []
        self._hashed: list[str] = []

    def contents(self) -> Iterator[bytes]:
        """Yield the bytes of each file."""
        for number, upload in enumerate(self._uploads):
            if number == len(self._read):
                self._read.append(_whole(upload))
                self._hashed.append(hashlib.sha256(self._read[number]).hexdigest())
            yield self._read[number]

    def digests(self) -> list[str]:
        """Return the SHA-256 of each file; what was not sent, since the answer came before, is read now."""
        for _ in self.contents():
            pass
        return self._hashed


def _sent_directly(direct: DirectSending, upload: FileUpload, start: int, tell: Progress) -> FileEntry | None:
    """Send a file straight to the object store, and have it taken in; None: it has to go through the server."""
    try:
        sha256 = _put_somewhere(direct, upload, start, tell)
        if sha256 is None or upload.file.sha256 not in {None, sha256}:
            return None
        entry = direct.take_in(evolve(upload.file, sha256=sha256))
    except (RateLimitedError, UnavailableError, ConflictError, IntegrityError, UnsupportedError):
        # The server takes the file on the usual way, or says why not; a file that has changed is found out there too.
        return None
    return _checked(entry, upload.file, sha256)


def _put_somewhere(direct: DirectSending, upload: FileUpload, start: int, tell: Progress) -> str | None:
    """Put a file where the server says, and return its SHA-256; None where it says nothing, or that is no way."""
    for _ in range(_URLS):
        url = direct.ask(upload.file)
        if url is None or not direct.way.is_open(url):
            return None
        try:
            return _put(direct.way, url, upload, start, tell)
        except UnsupportedError:
            refused = url
    direct.way.avoid(refused)
    return None


def _put(way: DirectWay, url: SignedUrl, upload: FileUpload, start: int, tell: Progress) -> str:
    """Send a file by a URL, and return its SHA-256; an object store that does not take it is left alone afterwards."""

    def attempt() -> str:
        body = StreamBody(upload, start, tell)
        way.put(url, body.blocks(), upload.file.size)
        return body.hexdigest()

    try:
        return repeated(attempt)
    except UnavailableError:
        way.avoid(url)
        raise


def _counting(progress: Progress | None) -> Progress:
    """Return what is told how much of a file was sent in all, and tells what of that is new."""
    told = 0

    def tell(sent: int) -> None:
        nonlocal told
        if progress is not None and sent > told:
            progress(sent - told)
        told = max(told, sent)

    return tell


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
