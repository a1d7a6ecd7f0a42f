"""A file on its way from a caller into the registry, or out of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Protocol

from attrs import frozen

from herdbook.entities.files import FileEntry, FileStat
from herdbook.ports.artifacts import BlobSender


@frozen(kw_only=True)
class FileUpload:
    """An open file and what is expected of it.

    Args:
        file: Its path in the version, its size in bytes, and its digest where that is known.
        source: Opened for binary reading at its beginning; a real file may be copied by the kernel.
    """

    file: FileStat
    source: BinaryIO


class ReadBytes(Protocol):
    """Yields the bytes of one file, or a part of them."""

    def __call__(self, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield blocks; raises as `Artifacts.read_model_version_file`."""
        ...


class SendBytes(Protocol):
    """Begins to send the bytes of one file, or a part of them."""

    def __call__(self, *, offset: int = 0, length: int | None = None) -> BlobSender:
        """Return what sends them; raises as `Artifacts.read_model_version_file`."""
        ...


@frozen(kw_only=True)
class OpenedFile:
    """A file of a version that may be read.

    Args:
        entry: What it is.
        read: Yields its bytes; whether they may be read has been decided.
        sender: Begins to send its bytes to a socket, unverified; None where they are not files of this machine.
    """

    entry: FileEntry
    read: ReadBytes
    sender: SendBytes | None = None
