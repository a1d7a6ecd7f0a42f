"""What the file store does with disks, descriptors and memory."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import os
import resource
import subprocess
import sys
import tracemalloc

import pytest

from herdbook.adapters.files import copying, shelves
from herdbook.adapters.files.store import FileStore
from herdbook.errors import IntegrityError, UnavailableError
from herdbook.ports.artifacts import FileExpectation

MIB = 1024 * 1024
CONTENT = os.urandom(3 * MIB + 5)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path / "store")


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    with path.open("rb") as stream:
        yield stream


def staged(tmp_path):
    return list((tmp_path / "store" / "staging").iterdir())


def refuse(number, *, after=0):
    """Make a system call that fails with an errno, once it has worked `after` times."""

    def wrap(call):
        calls = 0

        def refusing(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls > after:
                raise OSError(number, os.strerror(number))
            return call(*args, **kwargs)

        return refusing

    return wrap


def test_layout(tmp_path, store, source):
    """A blob stands under the first two digits of its digest, and nobody may write it."""
    store.put_many([(source, FileExpectation())])
    path = tmp_path / "store" / "blobs" / "sha256" / SHA256[:2] / SHA256
    assert path.read_bytes() == CONTENT
    assert path.stat().st_mode & 0o333 == 0
    assert store.local_path(SHA256) == path


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF])
@pytest.mark.parametrize("after", [0, 1])
def test_copies_without_the_kernel(tmp_path, store, source, monkeypatch, number, after):
    """Where the kernel will not copy between two files, from the start or halfway, the bytes go through memory."""
    monkeypatch.setattr(copying, "STEP", MIB)
    monkeypatch.setattr(os, "copy_file_range", refuse(number, after=after)(os.copy_file_range))
    (blob,) = store.put_many([(source, FileExpectation(size=len(CONTENT), sha256=SHA256))])
    with (tmp_path / "target").open("xb") as target:
        store.copy_to(blob.sha256, target)
    assert (tmp_path / "target").read_bytes() == CONTENT


def test_copies_on_a_platform_without_the_call(store, source, monkeypatch):
    """A platform that has no copy_file_range, sync_file_range or syncfs stores the same bytes."""
    monkeypatch.delattr(os, "copy_file_range")
    monkeypatch.setattr(copying, "_LIBC", None)
    sources = [(source, FileExpectation()), *((io.BytesIO(bytes([n])), FileExpectation()) for n in range(20))]
    assert store.put_many(sources)[0].sha256 == SHA256
    assert sum(1 for _ in store.blobs()) == 21


def test_the_digest_is_of_what_was_written(store, source, monkeypatch):
    """Bytes that change on their way are stored under the digest of what stands in the store."""
    real = os.copy_file_range

    def corrupting(src, dst, count):
        copied = real(src, dst, count)
        os.pwrite(dst, b"!", 1_000_000)
        return copied

    monkeypatch.setattr(os, "copy_file_range", corrupting)
    (blob,) = store.put_many([(source, FileExpectation())])
    written = store.local_path(blob.sha256).read_bytes()
    assert written != CONTENT
    assert hashlib.sha256(written).hexdigest() == blob.sha256


def test_a_copy_is_verified_where_it_stands(tmp_path, store, source, monkeypatch):
    """`copy_to` hashes what it wrote, not what it read, also into a file that was opened for writing only."""
    store.put_many([(source, FileExpectation())])
    real = os.copy_file_range

    def corrupting(src, dst, count):
        copied = real(src, dst, count)
        os.pwrite(dst, b"!", 1_000_000)
        return copied

    monkeypatch.setattr(os, "copy_file_range", corrupting)
    with (tmp_path / "target").open("xb") as target, pytest.raises(IntegrityError, match=SHA256):
        store.copy_to(SHA256, target)


def test_a_decompressor_is_no_file(tmp_path, store):
    """A stream that has a descriptor but yields other bytes than the file behind it is read, not copied."""
    with gzip.open(tmp_path / "packed", "wb") as packed:
        packed.write(CONTENT)
    with gzip.open(tmp_path / "packed", "rb") as unpacked:
        (blob,) = store.put_many([(unpacked, FileExpectation())])
    assert blob.sha256 == SHA256


def test_a_pipe_is_read_to_its_end(store):
    """A pipe is a source like any other."""
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdout.buffer.write(b'p' * 3_000_000)"], stdout=subprocess.PIPE
    ) as child:
        (blob,) = store.put_many([(child.stdout, FileExpectation(size=3_000_000))])
    assert blob.sha256 == hashlib.sha256(b"p" * 3_000_000).hexdigest()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("call", ["copy_file_range", "write", "fsync", "link"])
@pytest.mark.parametrize("way", ["one", "many", "writer"])
def test_a_full_disk(tmp_path, store, monkeypatch, number, call, way):
    """A full disk is named as what it is, may be repeated later, and nothing is left of the attempt."""
    if (way, call) in {("writer", "copy_file_range"), ("many", "fsync")}:
        pytest.skip("this way does not make that call")
    for n in range(20):
        (tmp_path / str(n)).write_bytes(CONTENT[n:] if n % 5 == 0 else CONTENT[:n])
    monkeypatch.setattr(os, call, refuse(number)(getattr(os, call)))
    if call == "link":
        # The one-step rename is refused by the same disk, and leaves it to the link to say why.
        monkeypatch.setattr(shelves, "rename_unless_there", lambda *_: None)

    def attempt():
        if way == "writer":
            with store.writer() as writer:
                writer.write(b"x")
                writer.commit()
            return
        streams = [(tmp_path / str(n)).open("rb") for n in ([0, 3] if way == "one" else range(20))]
        try:
            store.put_many([(stream, FileExpectation(size=os.fstat(stream.fileno()).st_size)) for stream in streams])
        finally:
            for stream in streams:
                stream.close()

    with pytest.raises(UnavailableError, match=r"no room on the disk.*Free some space"):
        attempt()
    assert staged(tmp_path) == []
    assert list(store.blobs()) == []
    monkeypatch.undo()
    attempt()
    assert list(store.blobs()) != []


def test_many_files_need_few_descriptors(tmp_path, store):
    """How many files are stored at once is not bounded by how many the store may have open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (128, hard))
    try:
        store.put_many([(io.BytesIO(str(n).encode()), FileExpectation()) for n in range(400)])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert sum(1 for _ in store.blobs()) == 400


def test_a_root_that_cannot_be_made(tmp_path):
    """A store that cannot be opened says which and why."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnavailableError, match=r"refused to open the artifact store.*Not a directory"):
        FileStore(tmp_path / "file" / "store")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else")
def test_a_root_that_may_not_be_written(tmp_path, store):
    """A user without the right to write is told so, in a class that the faces know."""
    store.put_many([(io.BytesIO(b"held"), FileExpectation())])
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setuid(65534)
            store.writer()
        except UnavailableError as error:
            code = 0 if "Permission denied" in str(error) else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_files_of_others_are_passed_over(tmp_path, store):
    """What somebody left among the blobs is neither listed nor in the way."""
    (blob,) = store.put_many([(io.BytesIO(b"mine"), FileExpectation())])
    blobs = tmp_path / "store" / "blobs" / "sha256"
    (blobs / ".DS_Store").write_bytes(b"")
    (blobs / blob.sha256[:2] / "README").write_bytes(b"")
    assert [held.sha256 for held in store.blobs()] == [blob.sha256]


def test_a_sweep_meets_a_listing(tmp_path, store):
    """A blob that is removed while the blobs are listed is not an error."""
    numbers = (str(n).encode() for n in range(10_000))
    pair = [n for n in numbers if hashlib.sha256(n).hexdigest().startswith("00")][:2]
    assert len(pair) == 2
    blobs = store.put_many([(io.BytesIO(content), FileExpectation()) for content in pair])
    first, second = sorted(blob.sha256 for blob in blobs)
    listing = store.blobs()
    assert next(listing).sha256 == first
    store.remove(second)
    assert [blob.sha256 for blob in listing] in ([], [second])


def test_publishing_again_moves_the_time(store):
    """A blob that is published again is out of a sweep's reach for as long as a new one."""
    (blob,) = store.put_many([(io.BytesIO(b"old"), FileExpectation())])
    os.utime(store.local_path(blob.sha256), (1_000, 1_000))
    assert [held.modified_ms for held in store.blobs()] == [1_000_000]
    store.put_many([(io.BytesIO(b"old"), FileExpectation())])
    assert [held.modified_ms > 1_000_000 for held in store.blobs()] == [True]


def test_publishing_races_a_sweep(store, monkeypatch):
    """A blob that a sweep removes between two writers' steps is published after all."""
    (blob,) = store.put_many([(io.BytesIO(b"swept"), FileExpectation())])
    real = os.utime

    def sweep_first(path, *args):
        monkeypatch.setattr(os, "utime", real)
        store.remove(blob.sha256)
        return real(path, *args)

    monkeypatch.setattr(os, "utime", sweep_first)
    store.put_many([(io.BytesIO(b"swept"), FileExpectation())])
    assert b"".join(store.read(blob.sha256)) == b"swept"


def test_memory_is_flat(tmp_path, store):
    """A file of 200 MiB goes in and out in a few blocks of memory, by each way there is."""
    path = tmp_path / "large"
    with path.open("wb") as stream:
        for _ in range(200):
            stream.write(os.urandom(MIB))
    tracemalloc.start()
    try:
        with path.open("rb") as source:
            (blob,) = store.put_many([(source, FileExpectation())])
        assert sum(map(len, store.read(blob.sha256))) == 200 * MIB
        with (tmp_path / "copy").open("xb") as target:
            store.copy_to(blob.sha256, target)
        store.remove(blob.sha256)
        with path.open("rb") as source, store.writer(sha256=blob.sha256) as writer:
            while block := source.read(MIB):
                writer.write(block)
            writer.commit()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 24 * MIB
