"""The Registry port over HTTP: every verb is made from the route table, but for those that move bytes."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlencode

from herdbook.adapters.http_registry.calls import Writer, write_path
from herdbook.adapters.http_registry.direct import DirectWay
from herdbook.adapters.http_registry.fetching import fetch_many, fetch_one, is_real_file
from herdbook.adapters.http_registry.parts import PartSending, put_parts
from herdbook.adapters.http_registry.repeating import repeated
from herdbook.adapters.http_registry.sending import DirectSending, Sending
from herdbook.adapters.http_registry.sources import FromStore, Source, ThroughServer
from herdbook.adapters.http_registry.streams import Reply
from herdbook.adapters.http_registry.transport import Transport
from herdbook.api import BY_OPERATION, ENDPOINTS, LOCATE, READ_MANY, STAGE, TAKE_IN, UPLOAD_MANY, Endpoint
from herdbook.api.files import (
    BUNDLE_BYTES,
    BUNDLE_FILES,
    DIGEST_HEADER,
    SMALL_FILE,
    digest_value,
    read_digest,
)
from herdbook.entities import FileEntry, FileStat, LocatedFile, SignedUrl, StagedParts
from herdbook.entities.batches import in_batches
from herdbook.errors import IntegrityError, InternalError, InvalidArgumentError
from herdbook.names import VersionRef
from herdbook.ports.artifacts import BLOCK, Progress
from herdbook.ports.parts import PartRun
from herdbook.ports.registry import AnyVersionLike, FileUpload, OpenedFile, Registry, VersionLike
from herdbook.verdicts import Operation


class HttpRegistry(Registry):
    """A registry behind a Herdbook server, as whoever the transport's token proves. Thread-safe.

    Verbs that only read, and creates, which carry an idempotency key, are repeated where the server cannot be reached
    or is busy; other changes are sent once.
    """

    def __init__(self, transport: Transport, direct: DirectWay | None = None) -> None:
        self._transport = transport
        self._direct = DirectWay(transport.server) if direct is None else direct

    def close(self) -> None:
        """Close the connections."""
        self._direct.close()
        self._transport.close()

    @functools.cached_property
    def supported(self) -> frozenset[Operation]:
        """The verbs that the server's registry can do and this version knows; asks the server once."""
        known = {operation.value: operation for operation in Operation}
        return frozenset(known[name] for name in self._told.get("operations", ()) if name in known)

    @functools.cached_property
    def _told(self) -> dict[str, Any]:
        """What the server tells of itself; asks it once."""
        told = self._transport.ask("GET", "/", repeatable=True)
        return told if isinstance(told, dict) else {}

    def _goes_directly(self, size: int) -> bool:
        """Whether a file of that size may be moved straight to or from where the registry keeps it."""
        least = self._told.get("direct_from_bytes") if size >= SMALL_FILE else None
        return isinstance(least, int) and size >= least

    def upload_model_version_files(
        self, ref: VersionLike, files: Sequence[FileUpload], *, progress: Progress | None = None
    ) -> tuple[FileEntry, ...]:
        """Send files of a pending version, the small ones many to a request."""
        endpoint = BY_OPERATION[Operation.UPLOAD_MODEL_VERSION_FILES]

        def path_of(path: str) -> str:
            return write_path(endpoint, {"ref": ref, "path": path})

        bundle = write_path(UPLOAD_MANY, {"ref": ref, "path": ""})
        direct = None
        if any(self._goes_directly(upload.file.size) for upload in files):
            direct = self._direct_sending(ref)
        parts = self._part_sending(ref)
        return Sending(self._transport.streams, bundle, path_of, progress, direct, parts).send(files)

    def stage_model_version_file(
        self,
        ref: VersionLike,
        upload: FileUpload,
        *,
        offset: int,
        length: int,
        sha256: str | None = None,
        progress: Progress | None = None,
    ) -> StagedParts:
        """Send parts of a file of a pending version, once."""
        path = write_path(STAGE, {"ref": ref, "path": upload.file.path})
        run = PartRun(size=upload.file.size, offset=offset, length=length, sha256=sha256)

        def blocks() -> Iterator[bytes]:
            left = length
            while left and (block := upload.source.read(min(BLOCK, left))):
                left -= len(block)
                yield block
                if progress is not None:
                    progress(len(block))
            if left or upload.source.read(1):
                raise IntegrityError(
                    f"{length:,} bytes of {upload.file.path} were announced, and others came.", hint="Send it again."
                )

        return put_parts(self._transport.streams, path, run, blocks())

    def _part_sending(self, ref: VersionLike) -> PartSending:
        version = ref if isinstance(ref, VersionRef) else VersionRef.parse(ref)
        streams = self._transport.streams

        def ask(file: FileStat) -> StagedParts | None:
            plan = repeated(lambda: self.upload_plan(version.model, [file], version=version.version, direct=True))
            return plan.slots[0].parts

        def take_in(file: FileStat) -> FileEntry:
            call = _TAKING_IN.write(version, file)
            content = call.content or b""

            def attempt() -> FileEntry:
                # On the connection of the last part: whoever is at its other end has hashed what came.
                headers = {"content-type": "application/json"}
                with streams.request(call.method, call.path, headers, [content], length=len(content)) as reply:
                    entry: FileEntry = _TAKING_IN.read(json.loads(reply.read(BLOCK)))
                return entry

            return repeated(attempt)

        return PartSending(ask=ask, path=lambda path: write_path(STAGE, {"ref": ref, "path": path}), take_in=take_in)

    def _direct_sending(self, ref: VersionLike) -> DirectSending:
        version = ref if isinstance(ref, VersionRef) else VersionRef.parse(ref)

        def ask(file: FileStat) -> SignedUrl | None:
            if not self._goes_directly(file.size):
                return None
            plan = repeated(lambda: self.upload_plan(version.model, [file], version=version.version, direct=True))
            return plan.slots[0].via

        def take_in(file: FileStat) -> FileEntry:
            # Asked again, the server finds the file taken in, and answers the same.
            return repeated(lambda: self.take_in_model_version_file(version, file))

        return DirectSending(way=self._direct, ask=ask, take_in=take_in)

    def read_model_version_file(
        self, ref: AnyVersionLike, path: str, *, offset: int = 0, length: int | None = None
    ) -> Iterator[bytes]:
        """Return an iterator over the bytes of a file; it is authorized now, not when it is first read."""
        call = _READING.write(ref, path, offset=offset, length=length)
        query = f"?{urlencode(call.query)}" if call.query else ""
        reply = repeated(lambda: self._transport.streams.request("GET", call.path + query, {}))
        return _blocks(reply, path, whole=not call.query)

    def open_model_version_files(self, ref: AnyVersionLike, paths: Sequence[str]) -> tuple[OpenedFile, ...]:
        """Return files with what they are, ready to be read."""
        return tuple(
            OpenedFile(entry=self._entry(ref, path), read=partial(self.read_model_version_file, ref, path))
            for path in paths
        )

    def copy_model_version_file(
        self, ref: AnyVersionLike, path: str, target: BinaryIO, *, progress: Progress | None = None
    ) -> None:
        """Write a file to an open, empty file."""
        if not is_real_file(target):
            super().copy_model_version_file(ref, path, target, progress=progress)
            return
        located = self._located(ref, path)
        through = ThroughServer(self._transport.streams, _READING.write(ref, path).path, located.entry)
        source: Source = through
        if located.url is not None:
            source = FromStore(self._direct, located, lambda: self.locate_model_version_file(ref, path), through)
        fetch_one(source, located.entry, target, progress)

    def _located(self, ref: AnyVersionLike, path: str) -> LocatedFile:
        """Return what a file is, and its URL where the registry gives any."""
        if isinstance(self._told.get("direct_from_bytes"), int):
            return self.locate_model_version_file(ref, path)
        return LocatedFile(entry=self._entry(ref, path))

    def copy_model_version_files(
        self, ref: AnyVersionLike, files: Sequence[FileEntry], folder: Path, *, progress: Progress | None = None
    ) -> None:
        """Write files below a folder, the small ones fetched many to a request."""
        streams = self._transport.streams
        bundle = write_path(READ_MANY, {"ref": ref, "path": ""})
        small = [file for file in files if file.size < SMALL_FILE]
        for batch in in_batches(small, attrgetter("size"), most=BUNDLE_FILES, most_bytes=BUNDLE_BYTES):
            fetch_many(streams, bundle, batch, folder, progress)
        super().copy_model_version_files(
            ref, [file for file in files if file.size >= SMALL_FILE], folder, progress=progress
        )

    def _entry(self, ref: AnyVersionLike, path: str) -> FileEntry:
        """Return what a file is."""
        call = _READING.write(ref, path)
        with repeated(lambda: self._transport.streams.request("HEAD", call.path, {})) as reply:
            size, digest = reply.header("content-length"), reply.header(DIGEST_HEADER)
        return FileEntry(path=path, size=int(size), sha256=read_digest(digest))


def _blocks(reply: Reply, path: str, *, whole: bool) -> Iterator[bytes]:
    """Yield the bytes of an answer; the last ones only once the whole file has been verified."""
    digest = hashlib.sha256()
    with reply:
        block = reply.read(BLOCK)
        while block:
            digest.update(block)
            following = reply.read(BLOCK)
            if whole and not following and digest_value(digest.hexdigest()) != reply.header(DIGEST_HEADER):
                raise IntegrityError(f"What came of {path} does not have its digest.", hint="Fetch it again.")
            yield block
            block = following


_READING = Writer(BY_OPERATION[Operation.READ_MODEL_VERSION_FILE])
_TAKING_IN = Writer(TAKE_IN)


def _verb(endpoint: Endpoint) -> Callable[..., Any]:
    """Make the method of an endpoint, with the port's own signature and documentation."""
    writer = Writer(endpoint)

    def verb(self: HttpRegistry, *arguments: Any, **named: Any) -> Any:
        call = writer.write(*arguments, **named)
        told = self._transport.ask(
            call.method,
            call.path,
            query=call.query,
            headers=call.headers,
            content=call.content,
            repeatable=call.repeatable,
        )
        try:
            return writer.read(told)
        except InvalidArgumentError as error:
            raise InternalError(
                f"{self._transport.server} answered {endpoint.route.verb} with something else than this version "
                "understands.",
                hint="Are client and server of one version?",
            ) from error

    functools.update_wrapper(verb, getattr(Registry, endpoint.route.verb))
    verb.__module__ = __name__
    verb.__qualname__ = f"{HttpRegistry.__name__}.{endpoint.route.verb}"
    return verb


for _endpoint in (*ENDPOINTS, TAKE_IN, LOCATE):
    if _endpoint.route.verb not in vars(HttpRegistry):
        setattr(HttpRegistry, _endpoint.route.verb, _verb(_endpoint))
