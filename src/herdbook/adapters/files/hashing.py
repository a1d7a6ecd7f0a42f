"""How far each staged file has been hashed in this process: whoever goes on with it need not read it again."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import define, field

REMEMBERED = 256
"""Files that are remembered; what is forgotten is read once more."""


@define
class Hashed:
    """The digest of the first bytes of a staged file.

    Args:
        position: How many bytes.
        digest: Their SHA-256 so far.
    """

    position: int = 0
    digest: hashlib._Hash = field(factory=hashlib.sha256)

    def copy(self) -> Hashed:
        """Return one that goes its own way."""
        return Hashed(self.position, self.digest.copy())

    def update(self, block: memoryview) -> None:
        """Take the bytes that follow."""
        self.digest.update(block)
        self.position += len(block)


class HashedSoFar:
    """What has been hashed, by the mark of the staged file, which is never used again. Thread-safe.

    Only parts that are held count: they do not change any more.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, Hashed] = OrderedDict()
        self._taken: set[bytes] = set()

    @contextmanager
    def taken(self, mark: bytes) -> Iterator[Hashed | None]:
        """Have the state of a file to oneself, and leave it as far as it has come; None: somebody else has it."""
        with self._lock:
            if mark in self._taken:
                mine = None
            else:
                self._taken.add(mark)
                mine = self._kept.pop(mark, None) or Hashed()
        try:
            yield mine
        finally:
            if mine is not None:
                self._give_back(mark, mine)

    def position(self, mark: bytes) -> int | None:
        """Return how far a file has been hashed; None while somebody is at it."""
        with self._lock:
            if mark in self._taken:
                return None
            kept = self._kept.get(mark)
            return 0 if kept is None else kept.position

    def forget(self, mark: bytes) -> None:
        """Forget a file that is gone."""
        with self._lock:
            self._kept.pop(mark, None)

    def _give_back(self, mark: bytes, mine: Hashed) -> None:
        with self._lock:
            self._taken.discard(mark)
            if mine.position:
                self._kept[mark] = mine
            if len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)
