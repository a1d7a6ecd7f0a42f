"""Where a large file is fetched from, part by part: through the server, or from the object store while that works."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from herdbook.adapters.http_registry.direct import DirectWay
from herdbook.adapters.http_registry.streams import Reply, Streams
from herdbook.entities import FileEntry, LocatedFile, SignedUrl
from herdbook.errors import IntegrityError, UnavailableError, UnsupportedError

_PARTIAL = 206
_BREAKS = 2
"""Answers of the object store that may break off before the rest comes through the server."""


class Source(Protocol):
    """Where a file comes from."""

    def open(self, start: int, end: int) -> Reply:
        """Return the answer that has the bytes from `start` to before `end`."""
        ...

    def broke_off(self) -> None:
        """Be told that an answer broke off."""
        ...


class ThroughServer:
    """A file that is read through the server.

    Args:
        streams: Connections to the server.
        path: Where the file is read.
        file: What it is.
    """

    def __init__(self, streams: Streams, path: str, file: FileEntry) -> None:
        self._streams = streams
        self._path = path
        self._file = file

    def open(self, start: int, end: int) -> Reply:
        """Return the answer that has a part of the file."""
        headers = {"range": f"bytes={start}-{end - 1}", "if-range": f'"{self._file.sha256}"'}
        reply = self._streams.request("GET", self._path, headers)
        if reply.status != _PARTIAL:
            reply.close()
            raise damaged(self._file)
        return reply

    def broke_off(self) -> None:
        """It is tried again."""


class FromStore:
    """A file that is fetched straight from the object store, and through the server where that fails.

    Args:
        way: Connections to object stores.
        located: The file, and its first URL.
        locate: Asks the server for another URL.
        otherwise: Where it comes from else.
    """

    def __init__(
        self, way: DirectWay, located: LocatedFile, locate: Callable[[], LocatedFile], otherwise: Source
    ) -> None:
        self._way = way
        self._entry = located.entry
        self._locate = locate
        self._otherwise = otherwise
        self._lock = threading.Lock()
        self._url = located.url
        self._worked = False
        self._breaks = 0

    def open(self, start: int, end: int) -> Reply:
        """Return the answer that has a part of the file."""
        while (url := self._url) is not None and self._way.is_open(url):
            try:
                reply = self._way.get(url, start, end)
            except UnsupportedError:
                self._replace(url)
            except UnavailableError:
                self._way.avoid(url)
            else:
                self._worked = True
                return reply
        return self._otherwise.open(start, end)

    def broke_off(self) -> None:
        """Go through the server where that happens again and again."""
        with self._lock:
            self._breaks += 1
            if self._breaks >= _BREAKS:
                self._url = None

    def _replace(self, refused: SignedUrl) -> None:
        """Ask for another URL in place of one that has ended; one that was refused at once is not replaced."""
        with self._lock:
            if self._url is not refused:
                return
            if not self._worked:
                self._way.avoid(refused)
                return
            located = self._locate()
            self._url = located.url if located.entry == self._entry else None
            self._worked = False


def damaged(file: FileEntry) -> IntegrityError:
    """Return the error for a file that does not have its digest."""
    return IntegrityError(f"What came of {file.path} does not have the SHA-256 {file.sha256}.", hint="Fetch it again.")
