"""A file on its way from a caller into the registry."""

from __future__ import annotations

from typing import BinaryIO

from attrs import frozen

from herdbook.entities.files import FileStat


@frozen(kw_only=True)
class FileUpload:
    """An open file and what is expected of it.

    Args:
        file: Its path in the version, its size in bytes, and its digest where that is known.
        source: Opened for binary reading at its beginning; a real file may be copied by the kernel.
    """

    file: FileStat
    source: BinaryIO
