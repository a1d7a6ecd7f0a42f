"""The body of one large file: exactly as many bytes as were announced, and their digest."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import Self

from herdbook.adapters.http_registry.stretches import HashBehind, Stretch
from herdbook.entities.files import FileStat
from herdbook.errors import IntegrityError
from herdbook.ports.artifacts import BLOCK, Progress
from herdbook.ports.registry import FileUpload


class StreamBody:
    """A body that is read from anything, and hashed block by block.

    Args:
        upload: The file.
        start: Where it begins in its source; None: wherever that stands.
        tell: Called with how many bytes of it were sent in all.
    """

    def __init__(self, upload: FileUpload, start: int | None, tell: Progress) -> None:
        self._upload = upload
        self._start = start
        self._tell = tell
        self._digest = hashlib.sha256()

    def blocks(self) -> Iterator[bytes | memoryview]:
        """Yield its bytes; the memory is used again for the next block."""
        source, file, sent = self._upload.source, self._upload.file, 0
        if self._start is not None:
            source.seek(self._start)
        buffer = memoryview(bytearray(min(BLOCK, file.size + 1)))
        readinto = getattr(source, "readinto", None)
        while True:
            block: bytes | memoryview = buffer[: readinto(buffer)] if readinto is not None else source.read(len(buffer))
            sent += len(block)
            if sent > file.size or (not block and sent < file.size):
                raise changed(file, sent)
            if not block:
                return
            if file.sha256 is None:
                self._digest.update(block)
            yield block
            self._tell(sent)

    def hexdigest(self) -> str:
        """Return the SHA-256 of what was sent; the announced one, which the server holds what comes against."""
        return self._upload.file.sha256 or self._digest.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


class FileBody:
    """A body that the kernel sends from a real file, hashed beside that; arguments as of `StreamBody`."""

    def __init__(self, upload: FileUpload, start: int, tell: Progress) -> None:
        self._upload = upload
        self._start = start
        self._tell = tell
        self._behind = HashBehind(upload.source, start) if upload.file.sha256 is None else None

    def blocks(self) -> Iterator[Stretch]:
        """Yield the stretches that it consists of."""
        source, file, sent = self._upload.source, self._upload.file, 0
        while sent < file.size:
            here = os.fstat(source.fileno()).st_size - self._start
            if here != file.size:
                raise changed(file, here)
            count = min(BLOCK, file.size - sent)
            yield Stretch(file=source, offset=self._start + sent, count=count)
            sent += count
            if self._behind is not None:
                self._behind.advance(count)
            self._tell(sent)

    def hexdigest(self) -> str:
        """Return what `StreamBody` does."""
        return self._upload.file.sha256 or ("" if self._behind is None else self._behind.hexdigest())

    def __enter__(self) -> Self:
        if self._behind is not None:
            self._behind.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._behind is not None:
            self._behind.stop()


def changed(file: FileStat, came: int) -> IntegrityError:
    """Return the error for a source that has another size than was announced."""
    told = "more" if came > file.size else f"{came:,}"
    return IntegrityError(
        f"{file.path} was announced with {file.size:,} bytes, and {told} came.", hint="Did it change? Send it again."
    )
