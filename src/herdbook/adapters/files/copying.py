"""Copying between open files by the kernel, while a second thread hashes what has been copied."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import sys
import threading
from collections.abc import Callable

STEP = 32 * 1024 * 1024
_HASH_STEP = 1024 * 1024
_WRITE_OUT = 2  # SYNC_FILE_RANGE_WRITE, linux/fs.h
_WRITE_OUT_AND_WAIT = 7  # SYNC_FILE_RANGE_WAIT_BEFORE | _WRITE | _WAIT_AFTER
_NO_WRITE_OUT = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ESPIPE}
_NO_KERNEL_COPY = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM, errno.EISDIR}


def _libc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    return ctypes.CDLL(None, use_errno=True)


_LIBC = _libc()
_HERE = -100  # AT_FDCWD, fcntl.h
_NO_REPLACE = 1  # RENAME_NOREPLACE, linux/fs.h


class _Progress:
    """How far the copier has come, for the hasher that follows it."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._copied = 0
        self._ended = False

    def advance(self, count: int) -> None:
        with self._condition:
            self._copied += count
            self._condition.notify()

    def end(self) -> None:
        with self._condition:
            self._ended = True
            self._condition.notify()

    def wait_past(self, position: int) -> tuple[int, bool]:
        with self._condition:
            self._condition.wait_for(lambda: self._copied > position or self._ended)
            return self._copied, self._ended


def copy_hashed(
    source: int,
    target: int,
    *,
    written: int,
    limit: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[int, str]:
    """Copy an open file, from its current position to its end, and hash it meanwhile.

    Args:
        source: File descriptor to read from.
        target: File descriptor to write to, which stands at its beginning.
        written: File descriptor to read back from its beginning what was copied, and to hash that.
        limit: Stop once more bytes than this were copied.
        progress: Called with the number of bytes that have just been copied.

    Returns:
        How many bytes were copied, and their SHA-256.
    """
    state, digest = _Progress(), hashlib.sha256()
    failures: list[BaseException] = []

    def follow() -> None:
        try:
            _hash_behind(written, state, digest.update)
        except BaseException as error:  # noqa: BLE001 handed to the caller's thread
            failures.append(error)

    hasher = threading.Thread(target=follow, name="herdbook-hash")
    hasher.start()
    total = 0
    try:
        for count in _Steps(source, target):
            total += count
            start_write_out(target, total - count, count)
            state.advance(count)
            if progress is not None:
                progress(count)
            if limit is not None and total > limit:
                break
    finally:
        state.end()
        hasher.join()
    if failures:
        raise failures[0]
    return total, digest.hexdigest()


def start_write_out(descriptor: int, offset: int, count: int) -> None:
    """Ask the kernel to begin writing to the disk, so that the fsync at the end finds little to do."""
    if _LIBC is not None:
        _LIBC.sync_file_range(descriptor, ctypes.c_int64(offset), ctypes.c_int64(count), _WRITE_OUT)


def wait_for_write_out(descriptor: int, offset: int, count: int) -> None:
    """Wait until bytes are written to the disk; raises OSError where they could not be, since fsync may not tell again.

    It makes nothing durable: what the file system notes of them is still to be written.
    """
    if _LIBC is None:
        return
    done = _LIBC.sync_file_range(descriptor, ctypes.c_int64(offset), ctypes.c_int64(count), _WRITE_OUT_AND_WAIT)
    if done != 0 and (number := ctypes.get_errno()) not in _NO_WRITE_OUT:
        raise OSError(number, os.strerror(number))


def rename_unless_there(source: str, target: str) -> bool | None:
    """Rename a file in one step, unless the target exists.

    Returns:
        True: done. False: the target exists. None: this platform or file system cannot.
    """
    if _LIBC is None or not hasattr(_LIBC, "renameat2"):
        return None
    if _LIBC.renameat2(_HERE, os.fsencode(source), _HERE, os.fsencode(target), _NO_REPLACE) == 0:
        return True
    return False if ctypes.get_errno() == errno.EEXIST else None


def can_sync_file_system() -> bool:
    """Return whether this platform can make a whole file system durable in one call."""
    return _LIBC is not None and hasattr(_LIBC, "syncfs")


def sync_file_system(descriptor: int) -> None:
    """Make everything on a file system durable.

    Args:
        descriptor: Of any file there, opened before what matters was written: the kernel then reports its errors too.
    """
    if _LIBC is not None and _LIBC.syncfs(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _hash_behind(descriptor: int, state: _Progress, update: Callable[[memoryview], None]) -> None:
    buffer, position = memoryview(bytearray(_HASH_STEP)), 0
    while True:
        copied, ended = state.wait_past(position)
        while position < copied:
            count = os.preadv(descriptor, [buffer[: min(_HASH_STEP, copied - position)]], position)
            if count == 0:
                raise OSError(errno.EIO, "the file became shorter while it was hashed")
            update(buffer[:count])
            position += count
        if ended:
            return


class _Steps:
    """Copies step by step: by the kernel where it can, through memory where it cannot."""

    def __init__(self, source: int, target: int) -> None:
        self._source = source
        self._target = target
        self._by_kernel = hasattr(os, "copy_file_range")

    def __iter__(self) -> _Steps:
        return self

    def __next__(self) -> int:
        count = self._kernel_step() if self._by_kernel else None
        if count is None:
            count = self._memory_step()
        if count == 0:
            raise StopIteration
        return count

    def _kernel_step(self) -> int | None:
        try:
            count = os.copy_file_range(self._source, self._target, STEP)
        except OSError as error:
            if error.errno not in _NO_KERNEL_COPY:
                raise
            self._by_kernel = False
            return None
        if count == 0:
            # Files of /proc and the like have no size, and the kernel copies nothing of them.
            self._by_kernel = False
            return None
        return count

    def _memory_step(self) -> int:
        block = os.read(self._source, _HASH_STEP)
        left = memoryview(block)
        while left:
            left = left[os.write(self._target, left) :]
        return len(block)
