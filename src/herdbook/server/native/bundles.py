"""The files of one body as uploads, each read from it when its turn comes: writing begins before all has arrived."""

from __future__ import annotations

import io
import threading
from typing import Any, cast

from herdbook.api.files import Bundle
from herdbook.errors import RegistryError
from herdbook.ports.registry import FileUpload


def unbundled(bundle: Bundle) -> list[FileUpload]:
    """Return the files of a body, to be read in any order; those that come before one that is read wait in memory."""
    body = _Body(bundle)
    if not bundle.files:
        body.check()
    return [
        FileUpload(file=file, source=cast("Any", _Source(body, number))) for number, file in enumerate(bundle.files)
    ]


class _Body:
    """What has come of a body. Thread-safe."""

    def __init__(self, bundle: Bundle) -> None:
        self._contents = bundle.contents()
        self._lock = threading.Lock()
        self._come: dict[int, bytes] = {}
        self._count = 0
        self._failure: RegistryError | None = None

    def take(self, number: int) -> bytes:
        """Return the bytes of a file, once; raises as `Bundle.contents`, to everybody who still waits for some."""
        with self._lock:
            while number not in self._come:
                if self._failure is not None:
                    raise self._failure
                try:
                    self._come[self._count] = next(self._contents)
                except RegistryError as error:
                    self._failure = error
                    raise
                self._count += 1
            return self._come.pop(number)

    def check(self) -> None:
        """Refuse a body that has no files and goes on."""
        for _ in self._contents:
            pass


class _Source(io.RawIOBase):
    """One file of a body."""

    def __init__(self, body: _Body, number: int) -> None:
        super().__init__()
        self._body = body
        self._number = number
        self._stream: io.BytesIO | None = None

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, count: int | None = -1) -> bytes:
        """Return at most so many bytes."""
        if self._stream is None:
            self._stream = io.BytesIO(self._body.take(self._number))
        return self._stream.read(count)

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, and less of it only at the end."""
        if self._stream is None:
            self._stream = io.BytesIO(self._body.take(self._number))
        return self._stream.readinto(buffer)
