"""What the store over a bucket keeps beyond the contract."""

from __future__ import annotations

import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import obstore
import pytest
from obstore.store import LocalStore

from herdbook.errors import IntegrityError, NotFoundError
from herdbook.ports.artifacts import BLOCK, FileExpectation, StoredBlob
from herdbook.testing.artifact_samples import LARGE, assert_holds, digest, put, whole
from herdbook_objectstore.blobs import Blobs
from herdbook_objectstore.store import BucketStore
from herdbook_objectstore.writing import PART

HUGE = LARGE + LARGE[: BLOCK + 11]
"""More than one part."""


@pytest.fixture
def store(open_root):
    return open_root()


def keys_of(store):
    return sorted(found["path"] for found in store._blobs.listed(store._keys.blobs))


def test_the_layout_is_what_the_pages_say(store, root):
    """A blob stands at PREFIX/blobs/sha256/ab/<digest>, under its own bytes."""
    (blob,) = put(store, b"laid out")
    prefix = root.partition("://")[2].partition("/")[2]
    assert keys_of(store) == [f"{prefix}/blobs/sha256/{blob.sha256[:2]}/{blob.sha256}"]


@pytest.mark.parametrize("content", [b"small", HUGE], ids=["put", "parts"])
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "unannounced"])
def test_sixteen_writers_of_one_blob(store, content, announced):
    """Sixteen writers of the same bytes all get the same answer; one blob stands, whole, and nothing is staged."""
    together = Barrier(16)

    def write(_):
        with store.writer(sha256=digest(content) if announced else None) as writer:
            writer.write(content)
            together.wait(timeout=60)
            return writer.commit()

    with ThreadPoolExecutor(max_workers=16) as pool:
        answers = set(pool.map(write, range(16)))
    assert answers == {StoredBlob(sha256=digest(content), size=len(content))}
    assert whole(store, digest(content)) == content
    assert_holds(store, content)


def test_a_conditional_put_has_one_winner(store):
    """Of sixteen that put one key at once where nothing stands, one puts and the others learn that it is taken."""
    together, key = Barrier(16), store._keys.blob(digest(b"won"))

    def attempt(_):
        together.wait(timeout=60)
        try:
            obstore.put(store._blobs.objects, key, b"won", mode="create", use_multipart=False)
        except obstore.exceptions.AlreadyExistsError:
            return 0
        return 1

    with ThreadPoolExecutor(max_workers=16) as pool:
        assert sum(pool.map(attempt, range(16))) == 1


@pytest.mark.parametrize("content", [b"small", HUGE], ids=["put", "parts"])
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "unannounced"])
def test_publishing_again_is_seen_by_a_sweep(store, content, announced):
    """A blob that is published again is as young as that, though its object is not written again."""
    (blob,) = put(store, content)
    objects, key = store._blobs.objects, store._keys.blob(blob.sha256)
    version = obstore.head(objects, key)["last_modified"]
    (before,) = store.blobs()
    while True:  # Ends once the store's clock, which counts seconds, has gone on.
        with store.writer(sha256=blob.sha256 if announced else None) as writer:
            writer.write(content)
            assert writer.commit() == blob
        (after,) = store.blobs()
        if after.modified_ms > before.modified_ms:
            break
    assert obstore.head(objects, key)["last_modified"] == version
    assert store.remove(blob.sha256) == len(content)
    assert keys_of(store) == []


def test_a_held_blob_is_not_sent_again_but_proved(store):
    """Where the announced digest is held nothing is sent; other bytes under that digest are refused all the same."""
    (blob,) = put(store, HUGE)
    with store.writer(sha256=blob.sha256, size=blob.size) as writer:
        writer.write(HUGE)
        assert writer._upload is None
        assert writer.commit() == blob
    with store.writer(sha256=blob.sha256, size=blob.size) as writer:
        writer.write(HUGE[:-1] + b"?")
        with pytest.raises(IntegrityError):
            writer.commit()
    assert whole(store, blob.sha256) == HUGE


def test_a_touch_without_its_blob_is_no_blob(store):
    """What is left of a blob that is gone shows in no listing, and the blob may come back."""
    (blob,) = put(store, b"gone")
    store._blobs.refresh(blob.sha256, blob.size)
    obstore.delete(store._blobs.objects, store._keys.blob(blob.sha256))
    assert list(store.blobs()) == []
    assert not store._blobs.refresh(blob.sha256, blob.size)
    assert keys_of(store) == []
    put(store, b"gone")
    assert_holds(store, b"gone")


@pytest.mark.parametrize("content", [b"small", HUGE], ids=["put", "parts"])
def test_a_damaged_blob_is_mended_by_who_has_its_bytes(store, content):
    """Where something of another size stands in a blob's place, publishing the blob puts it right."""
    obstore.put(store._blobs.objects, store._keys.blob(digest(content)), b"?")
    put(store, content)
    assert whole(store, digest(content)) == content


def test_what_the_store_cannot_copy_is_sent_again(store, monkeypatch):
    """A blob beyond what the store copies in one request gets there all the same, and leaves nothing in staging."""
    monkeypatch.setattr(Blobs, "publish", lambda *_: False)
    with store.writer() as writer:
        writer.write(HUGE)
        assert writer.commit() == StoredBlob(sha256=digest(HUGE), size=len(HUGE))
    assert whole(store, digest(HUGE)) == HUGE
    assert_holds(store, HUGE)


def test_buffers_may_be_used_again(store):
    """A caller that fills one buffer again and again stores what the buffer held at each write."""
    buffer = bytearray(1024 * 1024)
    with store.writer() as writer:
        for number in range(20):
            buffer[:] = bytes([number]) * len(buffer)
            writer.write(memoryview(buffer))
        blob = writer.commit()
    content = b"".join(bytes([number]) * len(buffer) for number in range(20))
    assert blob.sha256 == digest(content)
    assert whole(store, blob.sha256) == content


def test_a_stream_that_cannot_go_back_is_taken_in(store):
    """A source that can only be read forward is stored too, without anybody knowing its digest before."""

    class Pipe(io.BytesIO):
        def seekable(self):
            return False

    (blob,) = store.put_many([(Pipe(HUGE), FileExpectation())])
    assert blob == StoredBlob(sha256=digest(HUGE), size=len(HUGE))
    assert_holds(store, HUGE)


def test_many_pages_are_listed_in_order(store):
    """More blobs than a page of the listing holds come in order of digest, with what was published again among them."""
    contents = [str(number).encode() for number in range(1100)]
    put(store, *contents)
    put(store, *contents[::100])
    assert_holds(store, *contents)


def test_removal_while_it_is_read(store):
    """A blob that goes while it is read is an error, and never a short answer."""
    content = HUGE * 3
    (blob,) = put(store, content)
    blocks = store.read(blob.sha256)
    next(blocks)
    store.remove(blob.sha256)
    with pytest.raises(NotFoundError, match="while it was read"):
        list(blocks)


def test_many_go_with_their_touches(store):
    """Removing many leaves nothing of them, of those that were published again neither."""
    contents = [str(number).encode() for number in range(30)]
    put(store, *contents)
    put(store, *contents[::3])
    assert len(keys_of(store)) == 40
    store.remove_many([digest(content) for content in contents])
    assert keys_of(store) == []


def test_many_go_where_the_store_tells_what_was_gone(tmp_path):
    """A store that refuses to remove what is not there, as Google's and Azure's, loses all the others all the same."""
    store = BucketStore(LocalStore(tmp_path))
    objects, keys = store._blobs.objects, store._keys
    digests = [digest(str(number).encode()) for number in range(40)]
    for sha256 in digests[1::2]:
        obstore.put(objects, keys.blob(sha256), b"")
        obstore.put(objects, keys.touched(sha256), b"")
    with pytest.raises(FileNotFoundError):
        obstore.delete(objects, keys.blob(digests[0]))
    store.remove_many(digests)
    assert keys_of(store) == []
    store.close()


MEMORY = """
import hashlib, resource, sys
from herdbook_objectstore.opening import open_store
from herdbook_objectstore.options import ObjectStoreOptions, S3Options

uri, endpoint, keys, announced = sys.argv[1:]
s3 = S3Options(endpoint=endpoint, region="us-east-1", allow_http=True, credentials_file=keys)
options = ObjectStoreOptions(s3=s3)
store, block, count = open_store(uri, options), bytes(1024 * 1024), 300

def send(count, sha256):
    with store.writer(sha256=sha256) as writer:
        for _ in range(count):
            writer.write(block)
        return writer.commit()

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

digest = hashlib.sha256()
for _ in range(count):
    digest.update(block)
send(1, None)
before = peak()
blob = send(count, digest.hexdigest() if announced == "announced" else None)
sent = peak()
assert blob.size == count * len(block)
assert sum(map(len, store.read(blob.sha256))) == blob.size
print(before, sent, peak())
store.close()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak is counted in KiB on Linux")
@pytest.mark.parametrize("announced", ["announced", "unannounced"])
def test_memory_is_constant(root, s3, options_for, announced):
    """Sending 300 MB and reading them back takes no more memory than the parts and blocks that are under way."""
    options = options_for(s3)
    words = [root, s3.endpoint, options.s3.credentials_file, announced]
    done = subprocess.run([sys.executable, "-c", MEMORY, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    before, sent, read = map(int, done.stdout.split())
    assert sent - before < 12 * PART // 1024**2
    assert read - before < 12 * PART // 1024**2
