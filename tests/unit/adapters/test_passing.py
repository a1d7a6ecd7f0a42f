"""Large files and the memory that the kernel keeps files in."""

from __future__ import annotations

import errno
import hashlib
import os

import pytest

from herdbook.adapters.files import copying, passing
from herdbook.adapters.files.store import FileStore
from herdbook.errors import UnavailableError

SIZE = passing.LARGE + 3 * passing.WINDOW + 5


@pytest.fixture
def store(tmp_path):
    (tmp_path / "probe").write_bytes(b"x" * 4096)
    descriptor = os.open(tmp_path / "probe", os.O_RDWR)
    os.fsync(descriptor)
    passing.forget(descriptor, 0, 0)
    cold = passing._is_cold(descriptor, 0)
    os.close(descriptor)
    if not cold:
        pytest.skip("this file system keeps everything in memory, or does not say")
    return FileStore(tmp_path / "store")


def stored(store, content):
    with store.writer() as writer:
        for start in range(0, len(content), 1_000_003):
            writer.write(content[start : start + 1_000_003])
        return writer.commit()


def is_cold(store, sha256, offset=0):
    with store.local_path(sha256).open("rb") as stream:
        return passing._is_cold(stream.fileno(), offset)


def test_a_large_file_leaves_no_trace_and_a_small_one_stays(store):
    """What was just written is not kept in memory where it is large, from its beginning to its end."""
    large = stored(store, os.urandom(SIZE))
    assert is_cold(store, large.sha256)
    assert is_cold(store, large.sha256, SIZE - 1)
    assert not is_cold(store, stored(store, b"small").sha256)


def test_what_is_read_twice_stays(store):
    """The first reader of a large file leaves no trace; after the second one it is in memory."""
    content = os.urandom(SIZE)
    blob = stored(store, content)
    for cold_afterwards in (True, False):
        assert b"".join(store.read(blob.sha256)) == content
        assert is_cold(store, blob.sha256) is cold_afterwards


def test_a_write_that_fails_late_is_told(store, monkeypatch):
    """What the disk refused while more was written is an error, even where fsync would not tell again."""
    real = copying._LIBC

    class Refusing:
        def sync_file_range(self, *arguments):
            if arguments[-1] == copying._WRITE_OUT_AND_WAIT:
                copying.ctypes.set_errno(errno.EIO)
                return -1
            return real.sync_file_range(*arguments)

    monkeypatch.setattr(copying, "_LIBC", Refusing())
    with pytest.raises(UnavailableError):
        stored(store, bytes(SIZE))
    monkeypatch.undo()
    assert list(store.blobs()) == []
    assert stored(store, bytes(SIZE)).sha256 == hashlib.sha256(bytes(SIZE)).hexdigest()
