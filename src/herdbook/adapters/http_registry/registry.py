"""The Registry port over HTTP: every verb is made from the route table, but for those that move bytes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from herdbook.adapters.http_registry.calls import Writer, write_path
from herdbook.adapters.http_registry.transport import Transport
from herdbook.api import BY_OPERATION, ENDPOINTS, Endpoint
from herdbook.api.files import DIGEST_HEADER, SIZE_HEADER, digest_value
from herdbook.entities import FileEntry
from herdbook.errors import InternalError, InvalidArgumentError
from herdbook.ports.artifacts import BLOCK, Progress
from herdbook.ports.registry import AnyVersionLike, FileUpload, Registry, VersionLike
from herdbook.verdicts import Operation
from herdbook.wire import structure


class HttpRegistry(Registry):
    """A registry behind a Herdbook server, as whoever the transport's token proves. Thread-safe.

    Verbs that only read, and creates, which carry an idempotency key, are repeated where the server cannot be reached
    or is busy; other changes are sent once.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    @functools.cached_property
    def supported(self) -> frozenset[Operation]:
        """The verbs that the server's registry can do and this version knows; asks the server once."""
        told = self._transport.ask("GET", "/", repeatable=True)
        known = {operation.value: operation for operation in Operation}
        names = told.get("operations", ()) if isinstance(told, dict) else ()
        return frozenset(known[name] for name in names if name in known)

    def upload_model_version_files(
        self, ref: VersionLike, files: Sequence[FileUpload], *, progress: Progress | None = None
    ) -> tuple[FileEntry, ...]:
        """Send files of a pending version, one after another."""
        endpoint = BY_OPERATION[Operation.UPLOAD_MODEL_VERSION_FILES]
        entries: list[FileEntry] = []
        for upload in files:
            headers = {SIZE_HEADER: str(upload.file.size)}
            if upload.file.sha256 is not None:
                headers[DIGEST_HEADER] = digest_value(upload.file.sha256)
            path = write_path(endpoint, {"ref": ref, "path": upload.file.path})
            told = self._transport.upload(path, _blocks(upload, progress), headers)
            entries += structure(told, tuple[FileEntry, ...], what="the answer")
        return tuple(entries)

    def read_model_version_file(
        self, ref: AnyVersionLike, path: str, *, offset: int = 0, length: int | None = None
    ) -> Iterator[bytes]:
        """Return an iterator over the bytes of a file; it is authorized now, not when it is first read."""
        call = _READING.write(ref, path, offset=offset, length=length)
        return self._transport.download(call.path, call.query)


def _blocks(upload: FileUpload, progress: Progress | None) -> Iterator[bytes]:
    while block := upload.source.read(BLOCK):
        yield block
        if progress is not None:
            progress(len(block))


_READING = Writer(BY_OPERATION[Operation.READ_MODEL_VERSION_FILE])


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
                f"{self._transport.server} answered {endpoint.operation.value} with something else than this version "
                "understands.",
                hint="Are client and server of one version?",
            ) from error

    functools.update_wrapper(verb, getattr(Registry, endpoint.operation.value))
    verb.__module__ = __name__
    verb.__qualname__ = f"{HttpRegistry.__name__}.{endpoint.operation.value}"
    return verb


for _endpoint in ENDPOINTS:
    if _endpoint.operation.value not in vars(HttpRegistry):
        setattr(HttpRegistry, _endpoint.operation.value, _verb(_endpoint))
