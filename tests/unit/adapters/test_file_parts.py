"""What the file store does with a file that comes in parts: what is left where it fails, and what is hashed again."""

from __future__ import annotations

import hashlib
import io
import os
import threading

import pytest

from herdbook.adapters.files import hashing, parts
from herdbook.adapters.files.shelves import Shelves
from herdbook.adapters.files.store import FileStore
from herdbook.errors import IntegrityError, RegistryError, TooLargeError, UnavailableError
from herdbook.ports.artifacts import FileExpectation
from herdbook.ports.parts import PartRun
from herdbook.testing.presign_contract import slot

PART = 64 * 1024
CONTENT = os.urandom(5 * PART + 1)
COUNT = 6
EXPECTED = FileExpectation(size=len(CONTENT), sha256=hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def store(tmp_path):
    return FileStore(tmp_path, part_bytes=PART)


@pytest.fixture
def read_again(monkeypatch):
    """How many bytes were read from staging to be hashed."""
    counted = []
    plain = parts.blocks

    def blocks(descriptor, offset, end, **how):
        counted.append(end - offset)
        return plain(descriptor, offset, end, **how)

    monkeypatch.setattr(parts, "blocks", blocks)
    return counted


def send(store, place, first, last, content=CONTENT):
    offset, end = first * PART, min(last * PART, len(content))
    run = PartRun(size=len(content), offset=offset, length=end - offset)
    store.stage(place, run, io.BytesIO(content[offset:end]))


def staging(tmp_path):
    return list((tmp_path / "staging").iterdir())


def test_what_comes_in_order_is_hashed_as_it_comes(store, read_again):
    """Over several requests too: nothing is read back before it is published."""
    place = slot()
    for first, last in ((0, 1), (1, 4), (4, 6)):
        send(store, place, first, last)
    assert store.publish_parts(place, EXPECTED).sha256 == EXPECTED.sha256
    assert sum(read_again) == 0


def test_what_comes_out_of_order_is_read_back_once(store, read_again):
    """Each byte that could not be hashed in its turn, as soon as what stands before it is there."""
    place = slot()
    for number in (2, 1, 0, 4, 3, 5):
        send(store, place, number, number + 1)
    assert sum(read_again) == 3 * PART
    assert store.publish_parts(place, EXPECTED).sha256 == EXPECTED.sha256
    assert sum(read_again) == 3 * PART


def test_another_process_reads_all(tmp_path, store, read_again):
    """What a server has hashed is its own: another one proves the whole file itself."""
    place = slot()
    send(store, place, 0, COUNT)
    assert FileStore(tmp_path, part_bytes=PART).publish_parts(place, EXPECTED).sha256 == EXPECTED.sha256
    assert sum(read_again) == len(CONTENT)


def test_what_is_forgotten_is_read_again(store, read_again, monkeypatch):
    """Of more files than are remembered, some are read once more, and are right."""
    monkeypatch.setattr(hashing, "REMEMBERED", 1)
    places = [slot() for _ in range(3)]
    for place in places:
        send(store, place, 0, 3)
    for place in places:
        send(store, place, 3, COUNT)
        assert store.publish_parts(place, EXPECTED).sha256 == EXPECTED.sha256
    assert sum(read_again) > 0


def test_a_new_file_in_an_old_place(tmp_path, store):
    """What was hashed of a file that was swept is not taken for another one that takes its place."""
    place, other = slot(), bytes(len(CONTENT))
    send(store, place, 0, COUNT, other)
    store.remove_staging(before_ms=2**60)
    FileStore(tmp_path, part_bytes=PART).stage(
        place, PartRun(size=len(CONTENT), offset=0, length=len(CONTENT)), io.BytesIO(CONTENT)
    )
    with pytest.raises(IntegrityError):
        store.publish_parts(place, FileExpectation(size=len(other), sha256=hashlib.sha256(other).hexdigest()))
    assert list(store.blobs()) == []


def test_a_server_dies_while_it_publishes(tmp_path, store, monkeypatch):
    """The whole file stays where it is, and is published by whoever is asked next."""
    place = slot()
    send(store, place, 0, COUNT)

    def dies(*_):
        raise OSError("died")

    with monkeypatch.context() as patch:
        patch.setattr(Shelves, "place", dies)
        with pytest.raises(UnavailableError):
            store.publish_parts(place, EXPECTED)
    again = FileStore(tmp_path, part_bytes=PART)
    assert again.staged(place, len(CONTENT)) == tuple(range(COUNT))
    assert again.publish_parts(place, EXPECTED).sha256 == EXPECTED.sha256
    assert b"".join(again.read(EXPECTED.sha256)) == CONTENT
    assert staging(tmp_path) == []


def test_what_is_published_is_fresh_and_closed(tmp_path, store):
    """A sweep takes it for new, however long its parts lay there, and nobody may write it."""
    place = slot()
    send(store, place, 0, COUNT)
    (staged,) = staging(tmp_path)
    os.utime(staged, (1, 1))
    store.publish_parts(place, EXPECTED)
    (blob,) = store.blobs()
    assert blob.modified_ms > 1_000_000
    assert store.local_path(blob.sha256).stat().st_mode & 0o333 == 0


def test_what_brought_nothing_leaves_nothing(tmp_path, store):
    """A request of which no part is held leaves no file behind."""
    run = PartRun(size=len(CONTENT), offset=0, length=PART)
    with pytest.raises(IntegrityError):
        store.stage(slot(), run, io.BytesIO(b"short"))
    assert staging(tmp_path) == []


def test_many_send_one_file(store):
    """Eight at once, each part by two of them: each part is held once, and the file is right."""
    place, refused = slot(), []

    def send_some(numbers):
        for number in numbers:
            try:
                send(store, place, number, number + 1)
            except RegistryError as error:
                refused.append(type(error).__name__)

    threads = [threading.Thread(target=send_some, args=([n % COUNT, (n + 3) % COUNT],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(refused) <= {"ConflictError", "UnavailableError"}
    for number in set(range(COUNT)) - set(store.staged(place, len(CONTENT))):
        send(store, place, number, number + 1)
    assert store.publish_parts(place, EXPECTED).sha256 == EXPECTED.sha256


def test_a_file_that_no_disk_takes(tmp_path, store):
    """A size beyond what the file system has is refused as such."""
    size = 2**61
    with pytest.raises(TooLargeError):
        store.stage(slot(), PartRun(size=size, offset=0, length=PART), io.BytesIO(CONTENT[:PART]))
    assert staging(tmp_path) == []
