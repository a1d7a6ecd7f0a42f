"""Large files on their way into the bucket, part by part: each part an object, read once to publish the file."""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from attrs import define, field

from herdbook.errors import ConflictError, IntegrityError, InvalidArgumentError, NotFoundError
from herdbook.ports.artifacts import FileExpectation, Progress, StoredBlob
from herdbook.ports.parts import PART_BYTES, PartRun, part_count, part_length
from herdbook.ports.presigning import StagedSlot
from herdbook_objectstore.blobs import Blobs
from herdbook_objectstore.keys import read_part
from herdbook_objectstore.reading import Reader
from herdbook_objectstore.writing import PART, ObjectWriter, Upload

_STEP = 1024 * 1024


@define(kw_only=True)
class Parts:
    """Takes in and publishes files in parts. A part is there whole or not at all, whoever else sends it.

    Args:
        blobs: The bucket.
        reader: Reads the parts.
        part_bytes: Bytes of a part.
    """

    _blobs: Blobs = field(repr=False)
    _reader: Reader = field(repr=False)
    part_bytes: int = PART_BYTES

    def stage(self, slot: StagedSlot, run: PartRun, source: BinaryIO, progress: Progress | None) -> None:
        """Take in parts that nobody holds."""
        parts = run.parts(self.part_bytes)
        if set(parts) & set(self.staged(slot, run.size)):
            raise ConflictError("A part is held already.", hint="Ask upload_plan which ones are, and send the rest.")
        proof = None if run.sha256 is None else hashlib.sha256()
        unproved: list[Upload] = []
        try:
            for part in parts:
                upload = self._upload(slot, run, part)
                unproved.append(upload)
                self._pour(source, upload, self._length(run.size, part), proof, progress)
                if proof is None:
                    unproved.pop().finish()
            if source.read(1):
                raise _other_length(run)
            if proof is not None and proof.hexdigest() != run.sha256:
                raise IntegrityError(
                    f"A part was announced with the SHA-256 {run.sha256}, and has {proof.hexdigest()}.",
                    hint="Did the file change? Send it again.",
                )
            while unproved:
                unproved.pop(0).finish()
        finally:
            for upload in unproved:
                upload.drop()

    def staged(self, slot: StagedSlot, size: int) -> tuple[int, ...]:
        """Return which parts are held."""
        found = self._blobs.listed(self._blobs.keys.parts(slot, size))
        numbers = ((read_part(each["path"]), each["size"]) for each in found)
        return tuple(sorted(n for n, length in numbers if n is not None and length == self._length(size, n)))

    def staged_bytes(self, session: str) -> dict[int, int]:
        """Return how large the files of a session are, by slot."""
        sizes: dict[int, int] = {}
        for found in self._blobs.listed(self._blobs.keys.session_parts(session)):
            number, size = self._blobs.keys.read_parted(found["path"])
            sizes[number] = max(size, sizes.get(number, 0))
        return sizes

    def publish(self, slot: StagedSlot, expected: FileExpectation) -> StoredBlob:
        """Read the parts once, and publish what was read."""
        if expected.size is None or expected.sha256 is None:
            raise InvalidArgumentError("Size and digest of a file that came in parts are given when it is published.")
        count, held = part_count(expected.size, self.part_bytes), self.staged(slot, expected.size)
        if not held:
            raise NotFoundError("Nothing was sent to this place.", hint="Send the file first.")
        if len(held) < count:
            raise ConflictError(f"{count - len(held)} parts of this file are missing.", hint="Send them first.")
        try:
            with ObjectWriter(self._blobs, self._reader, expected) as writer:
                for part in range(count):
                    key = self._blobs.keys.part(slot, expected.size, part)
                    for block in self._reader.blocks(key, 0, self._length(expected.size, part)):
                        writer.write(block)
                blob = writer.commit()
        except IntegrityError:
            # Which part is wrong is not known, and all of them are the file's own sender's.
            self._drop(slot, expected.size)
            raise
        self._drop(slot, expected.size)
        return blob

    def _drop(self, slot: StagedSlot, size: int) -> None:
        self._blobs.discard_many([found["path"] for found in self._blobs.listed(self._blobs.keys.parts(slot, size))])

    def _upload(self, slot: StagedSlot, run: PartRun, part: int) -> Upload:
        return Upload(objects=self._blobs.objects, key=self._blobs.keys.part(slot, run.size, part), part=PART)

    def _pour(
        self, source: BinaryIO, upload: Upload, length: int, proof: hashlib._Hash | None, progress: Progress | None
    ) -> None:
        left = length
        while left:
            block = source.read(min(_STEP, left))
            if not block:
                raise IntegrityError(f"A part ends {left:,} bytes early.", hint="Did it change? Send it again.")
            if proof is not None:
                proof.update(block)
            upload.send(block)
            left -= len(block)
            if progress is not None:
                progress(len(block))

    def _length(self, size: int, part: int) -> int:
        return part_length(size, self.part_bytes, part)


def _other_length(run: PartRun) -> IntegrityError:
    return IntegrityError(
        f"{run.length:,} bytes of a file were announced, and more came.", hint="Did it change? Send it again."
    )
