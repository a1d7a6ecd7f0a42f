"""Who may write to a SQLite database: one thread of a process, and processes in turns."""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

try:
    import fcntl
except ImportError:  # on Windows, where SQLite's own lock has to do
    fcntl = None  # type: ignore[assignment]

STINT_S = 0.02
"""For how long a process may write again and again while another one waits: each finds the pages that it has read
outdated by what the other one wrote."""
_PAUSE_S = 0.0005
_LONG_S = 0.2
"""After how many seconds of waiting one asks more seldom."""
_LONG_PAUSE_S = 0.005


class Writers:
    """The lock that is held by whoever writes.

    SQLite gives its own to whoever asks when it is free, and who waits asks again after up to a tenth of a second: a
    process that writes all the time takes it again before the other one has looked, which waits for a hundred times as
    long as a change takes. So who wants to write holds one file's lock while waiting for the other's, and who has
    written for a while comes after who waits already. Both end with the process, however it ends, and no child has
    them.

    They are for order alone: nothing is wrong where there can be none, or where two stores of one process open a
    database, which have them together; SQLite's own lock is asked for in any case.

    Args:
        database: The file of the database; None is one in memory.

    Source: https://man7.org/linux/man-pages/man2/F_SETLK.2const.html
    """

    def __init__(self, database: str | None) -> None:
        self._thread = threading.RLock()
        self._since = 0.0
        self._next = self._writing = None
        if database is not None and fcntl is not None:
            with suppress(OSError):
                self._next = _FileLock(f"{database}-next")
                self._writing = _FileLock(f"{database}-writing")

    def acquire(self, seconds: float, meanwhile: Callable[[], None] | None = None) -> bool:
        """Wait until one may write; returns False where that takes too long.

        Args:
            seconds: For how long to wait.
            meanwhile: Called before anybody is waited for.
        """
        wait = _Wait(seconds, meanwhile)
        if not self._thread.acquire(blocking=False) and not self._thread.acquire(timeout=wait.left()):
            return False
        is_next = False
        try:
            is_next = self._is_next(wait)
        finally:
            if not is_next:
                self._thread.release()
        return is_next

    def release(self) -> None:
        """Let others write."""
        if self._writing is not None:
            self._writing.release()
        self._thread.release()

    def close(self) -> None:
        """Close the files."""
        for lock in (self._next, self._writing):
            if lock is not None:
                lock.close()
        self._next = self._writing = None

    def __enter__(self) -> None:
        """Keep other threads away, in memory, where there are no other processes."""
        self._thread.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.release()

    def _is_next(self, wait: _Wait) -> bool:
        if self._next is None or self._writing is None:
            return True
        if time.monotonic() - self._since < STINT_S and self._writing.take():
            return True
        if not wait.until(self._next.take):
            return False
        try:
            is_taken = wait.until(self._writing.take)
        finally:
            self._next.release()
        self._since = time.monotonic()
        return is_taken


class _Wait:
    """Waits for locks of files, of which the system would not say so after some time."""

    def __init__(self, seconds: float, meanwhile: Callable[[], None] | None) -> None:
        self._began = time.monotonic()
        self._end = self._began + seconds
        self._meanwhile = meanwhile

    def left(self) -> float:
        """Let others go on; returns the seconds that are left."""
        if self._meanwhile is not None:
            self._meanwhile()
            self._meanwhile = None
        return max(0.0, self._end - time.monotonic())

    def until(self, take: Callable[[], bool]) -> bool:
        """Wait until a lock is taken; returns False where it takes too long."""
        while not take():
            left = self.left()
            if not left:
                return False
            has_waited = self._end - left - self._began
            time.sleep(min(left, _PAUSE_S if has_waited < _LONG_S else _LONG_PAUSE_S))
        return True


class _FileLock:
    """A process's lock of a file."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        # Once, here or when nobody has this any more.
        self.close = weakref.finalize(self, os.close, self._file)

    def take(self) -> bool:
        """Return whether it is held now."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
        except OSError:
            # A file system without such locks.
            return True
        return True

    def release(self) -> None:
        """Give it back."""
        with suppress(OSError):
            fcntl.lockf(self._file, fcntl.LOCK_UN)
