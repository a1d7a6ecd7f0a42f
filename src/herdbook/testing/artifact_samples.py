"""Bytes and short-hands that the artifact store contract works with."""

from __future__ import annotations

import hashlib
import io

from herdbook.ports.artifacts import BLOCK, ArtifactStore, FileExpectation, StoredBlob

ABSENT = hashlib.sha256(b"never stored").hexdigest()
END_OF_TIME_MS = 2**52
LARGE = bytes(range(251)) * (2 * BLOCK // 251 + 7)
"""More than two blocks, and no whole number of them."""

NO_DIGESTS = ["", "ab", ABSENT.upper(), ABSENT + "0", ABSENT[:-1] + "g", "../" * 20 + "etc", ABSENT[:-1] + "\n"]


def digest(content: bytes) -> str:
    """Return the SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def put(store: ArtifactStore, *contents: bytes) -> tuple[StoredBlob, ...]:
    """Store some bytes at once."""
    return store.put_many([(io.BytesIO(content), FileExpectation()) for content in contents])


def whole(store: ArtifactStore, sha256: str) -> bytes:
    """Read a blob from end to end."""
    return b"".join(store.read(sha256))


def assert_holds(store: ArtifactStore, *contents: bytes) -> None:
    """Assert that these are the blobs, and that nothing else is lying about."""
    assert [blob.sha256 for blob in store.blobs()] == sorted({digest(content) for content in contents})
    assert store.remove_staging(before_ms=END_OF_TIME_MS, dry_run=True) == 0
