"""A blob on its way in: hashed as it is sent, in parts, and published only once its digest is proved."""

from __future__ import annotations

import hashlib
from contextlib import suppress

import obstore
from attrs import field, frozen
from obstore.store import ObjectStore

from herdbook.errors import IntegrityError, TooLargeError, UnavailableError
from herdbook.ports.artifacts import BlobWriter, FileExpectation, StoredBlob
from herdbook_objectstore.blobs import SAVED_NOT_SHOWN, Blobs
from herdbook_objectstore.reading import Reader
from herdbook_objectstore.refusals import REFUSED, plainly

PART = 8 * 1024 * 1024
"""Bytes: what fits in this is one put; what does not is sent in parts of it."""

IN_FLIGHT = 4
"""Parts of one blob that are under way at once."""

_MOST_PARTS = 9_000
"""S3 takes 10,000 parts."""


@frozen(kw_only=True)
class Upload:
    """A multipart upload; nothing stands at its key before `finish`.

    Args:
        objects: The bucket.
        key: What it becomes.
        part: Bytes a part.
    """

    objects: ObjectStore = field(repr=False)
    key: str
    part: int
    _writer: obstore.WritableFile = field(init=False, repr=False)

    @_writer.default
    def _begin(self) -> obstore.WritableFile:
        return obstore.open_writer(
            self.objects, self.key, buffer_size=self.part, max_concurrency=IN_FLIGHT, attributes=SAVED_NOT_SHOWN
        )

    def send(self, block: bytes) -> None:
        """Append bytes; waits while as many parts are under way as may be."""
        with plainly("take in a file"):
            self._writer.write(block)

    def finish(self) -> None:
        """Make one object of the parts, in one step."""
        with plainly("store a file"):
            self._writer.close()

    def drop(self) -> None:
        """Take the parts back where the store can be reached; what stays is left to the bucket's own rules."""
        with suppress(*REFUSED):
            self._writer.__exit__(InterruptedError, None, None)


class ObjectWriter(BlobWriter):
    """Writes one blob block by block.

    A blob of one part is one conditional put. A larger one whose digest was announced is sent in parts to its own key,
    and completed only once what was sent has that digest: what it could replace is the same bytes. A larger one of an
    unknown digest goes to staging, and is copied by the store where nothing stands yet.

    Args:
        blobs: Where it goes.
        reader: Reads back what the store cannot copy.
        expected: What was announced.
    """

    def __init__(self, blobs: Blobs, reader: Reader, expected: FileExpectation) -> None:
        self._blobs = blobs
        self._reader = reader
        self._expected = expected
        self._digest = hashlib.sha256()
        self._size = 0
        self._waiting: list[bytes] = []
        self._upload: Upload | None = None
        self._staged: str | None = None
        self._held = False
        self._failed = False
        self._stored: StoredBlob | None = None

    def write(self, block: bytes | memoryview) -> None:
        """Append bytes, hashing them."""
        # A copy of what may change under our hands; bytes stay as they are.
        piece = bytes(block)
        self._size += len(piece)
        if self._expected.size is not None and self._size > self._expected.size:
            raise TooLargeError(
                f"More bytes came than the {self._expected.size:,} announced.", hint="Did it change? Send it again."
            )
        self._digest.update(piece)
        self._waiting.append(piece)
        if self._upload is not None or self._held or self._size > PART:
            self._send()

    def commit(self) -> StoredBlob:
        """Make the blob durable and visible in one step."""
        if self._stored is not None:
            return self._stored
        blob = StoredBlob(sha256=self._digest.hexdigest(), size=self._size)
        try:
            check(blob, self._expected)
            if self._failed:
                raise UnavailableError("A part of the file could not be sent.", hint="Send it again.")
            self._publish(blob)
            self._stored = blob
        finally:
            self.abort()
        return blob

    def abort(self) -> None:
        """Drop what was sent."""
        self._waiting.clear()
        upload, self._upload = self._upload, None
        if upload is not None:
            upload.drop()
            self._failed = True
        staged, self._staged = self._staged, None
        if staged is not None:
            # What cannot be removed now is removed by the sweep.
            with suppress(UnavailableError):
                self._blobs.discard(staged)

    def _send(self) -> None:
        try:
            if self._upload is None and not self._held:
                self._begin()
            pieces, self._waiting = self._waiting, []
            if self._upload is not None:
                for piece in pieces:
                    self._upload.send(piece)
        except BaseException:
            self._failed = True
            raise

    def _begin(self) -> None:
        announced = self._expected.sha256
        if announced is not None and self._blobs.size(announced) is not None:
            # What comes is only hashed: a digest that somebody names is no proof that they have the bytes.
            self._held = self._blobs.refresh(announced, self._expected.size)
            if self._held:
                return
        key = self._blobs.keys.own_staging() if announced is None else self._blobs.keys.blob(announced)
        part = max(PART, -(-(self._expected.size or 0) // _MOST_PARTS))
        self._upload = Upload(objects=self._blobs.objects, key=key, part=part)

    def _publish(self, blob: StoredBlob) -> None:
        if self._held:
            if not self._blobs.refresh(blob.sha256, blob.size):
                raise UnavailableError("The store lost the file while it was sent again.", hint="Send it again.")
        elif self._upload is None:
            self._blobs.put(blob.sha256, b"".join(self._waiting))
        else:
            upload, self._upload = self._upload, None
            try:
                upload.finish()
            except BaseException:
                upload.drop()
                raise
            if self._expected.sha256 is None:
                self._staged = upload.key
                self._publish_staged(upload.key, blob)
            self._blobs.confirm(blob.sha256, blob.size)

    def _publish_staged(self, key: str, blob: StoredBlob) -> None:
        if self._blobs.publish(key, blob.sha256, blob.size):
            return
        # S3 copies up to 5 GiB; what is larger is sent once more, now under its digest.
        expected = FileExpectation(sha256=blob.sha256, size=blob.size)
        with ObjectWriter(self._blobs, self._reader, expected) as again:
            for block in self._reader.blocks(key, 0, blob.size):
                again.write(block)
            again.commit()


def check(blob: StoredBlob, expected: FileExpectation) -> None:
    """Raise IntegrityError where a blob is not what was announced."""
    if expected.size is not None and blob.size != expected.size:
        came = "more" if blob.size > expected.size else f"{blob.size:,}"
        raise IntegrityError(
            f"A file was announced with {expected.size:,} bytes, and {came} came.", hint="Did it change? Send it again."
        )
    if expected.sha256 is not None and blob.sha256 != expected.sha256:
        raise IntegrityError(
            f"A file was announced with the SHA-256 {expected.sha256}, and has {blob.sha256}.",
            hint="Did it change? Send it again.",
        )
