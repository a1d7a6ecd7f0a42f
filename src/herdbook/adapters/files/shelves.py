"""Where blobs stand, and how staged files become blobs: atomically, and never over an existing one."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from herdbook.adapters.files.copying import rename_unless_there
from herdbook.ports.artifacts import BlobInfo, checked_sha256

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SHELF = re.compile(r"[0-9a-f]{2}", re.ASCII)
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS}


class Shelves:
    """The folders `ab/<digest>` below one folder.

    Args:
        folder: The folder; made where it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._durable: set[str] = set()
        make_folder(folder)

    def path(self, sha256: str) -> Path:
        """Return where a blob stands or would stand; raises InvalidArgumentError for what is no digest."""
        return Path(self.text(sha256))

    def text(self, sha256: str) -> str:
        """Return the same as plain text: there may be thousands in a call, and a Path costs more than a look there."""
        return f"{self._folder}/{checked_sha256(sha256)[:2]}/{sha256}"

    def place(self, staged: str, sha256: str) -> str:
        """Make a staged file, whose content is durable, a blob, which has no name in staging then.

        An existing blob is kept and touched, and the staged file removed.

        Returns:
            The name of the shelf, to be made durable.
        """
        shelf = checked_sha256(sha256)[:2]
        if shelf not in self._durable:
            (self._folder / shelf).mkdir(mode=0o700, exist_ok=True)
        path = self.text(sha256)
        while True:
            moved = _link(staged, path)
            if moved is None or (not moved and _touch(path)):
                Path(staged).unlink()
                break
            if moved:
                break
            # A sweep removed the blob between the two.
        return shelf

    def sync(self, shelves: Iterable[str]) -> None:
        """Make what was placed durable, and the shelves that are new to this process."""
        touched = set(shelves)
        for shelf in touched:
            sync_folder(self._folder / shelf)
        if not touched <= self._durable:
            # Also where another process made the shelf: it may not have come to this yet.
            sync_folder(self._folder)
        self.durable(touched)

    def durable(self, shelves: Iterable[str]) -> None:
        """Remember that these shelves survive a crash."""
        self._durable.update(shelves)

    def __iter__(self) -> Iterator[BlobInfo]:
        """Yield every blob, in order of digest."""
        for shelf in _names(self._folder, _SHELF):
            for name in _names(self._folder / shelf, _SHA256):
                try:
                    stat = (self._folder / shelf / name).stat()
                except FileNotFoundError:
                    continue
                yield BlobInfo(sha256=name, size=stat.st_size, modified_ms=stat.st_mtime_ns // 1_000_000)


def make_folder(folder: Path) -> None:
    """Make a folder and what is missing above it, all durable."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(mode=0o700, exist_ok=True)
        sync_folder(new.parent)


def sync_folder(folder: Path) -> None:
    """Make a folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _names(folder: Path, pattern: re.Pattern[str]) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if pattern.fullmatch(path.name))


def _link(staged: str, path: str) -> bool | None:
    """Give a staged file its place. True: it has moved there. None: it stands in both. False: the place is taken."""
    renamed = rename_unless_there(staged, path)
    if renamed is not None:
        return renamed
    try:
        os.link(staged, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # No hard links here. Two writers may both get past the look: what the later one replaces is identical.
        if Path(path).exists():
            return False
        Path(staged).rename(path)
        return True
    return None


def _touch(path: str) -> bool:
    """Make a blob look fresh, so that a sweep leaves it for whoever is about to refer to it."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True
