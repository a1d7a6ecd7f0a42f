"""What the core needs of a store that takes in a large file part by part, in any order, and over several attempts."""

from __future__ import annotations

from typing import BinaryIO, Protocol, runtime_checkable

from attrs import Attribute, field, frozen

from herdbook.errors import InvalidArgumentError
from herdbook.ports.artifacts import FileExpectation, Progress, StoredBlob, checked_sha256
from herdbook.ports.presigning import StagedSlot

__all__ = ["PART_BYTES", "PartRun", "SupportsParts", "part_count", "part_length"]

PART_BYTES = 64 * 1024 * 1024
"""Bytes of a part, unless a store says otherwise; the last one of a file may have fewer."""


def _is_count(_: object, attribute: Attribute[int], value: int) -> None:
    if type(value) is not int or not 0 <= value < 2**62:
        raise InvalidArgumentError(f"{attribute.name} is {value!r}; it is a number of bytes.")


def _is_optional_sha256(_: object, __: Attribute[str | None], value: str | None) -> None:
    if value is not None:
        checked_sha256(value)


@frozen(kw_only=True)
class PartRun:
    """Parts of a file that follow one another.

    Args:
        size: Bytes of the whole file.
        offset: Where the first part begins.
        length: Bytes of all these parts.
        sha256: The SHA-256 of these bytes, where they are proved now; None: the whole file is, when it is published.
    """

    size: int = field(validator=_is_count)
    offset: int = field(validator=_is_count)
    length: int = field(validator=_is_count)
    sha256: str | None = field(default=None, validator=_is_optional_sha256)

    @property
    def end(self) -> int:
        """The byte after the last one."""
        return self.offset + self.length

    def parts(self, part_bytes: int) -> range:
        """Return the numbers of the parts; raises InvalidArgumentError where it does not consist of whole ones."""
        if self.offset % part_bytes or not self.length or (self.end % part_bytes and self.end != self.size):
            raise InvalidArgumentError(
                f"The bytes {self.offset} to {self.end} are no whole parts of {part_bytes:,} bytes.",
                hint="Begin where a part begins, and end where one ends.",
            )
        if self.end > self.size:
            raise InvalidArgumentError(f"The bytes {self.offset} to {self.end} are not all in {self.size:,} bytes.")
        return range(self.offset // part_bytes, part_count(self.end, part_bytes))


def part_count(size: int, part_bytes: int) -> int:
    """Return how many parts a file of this size has."""
    return -(-size // part_bytes)


def part_length(size: int, part_bytes: int, number: int) -> int:
    """Return how many bytes a part of a file of this size has."""
    return min(part_bytes, size - number * part_bytes)


@runtime_checkable
class SupportsParts(Protocol):
    """A store whose slots take parts. What is held of a file is kept until it is published, or swept."""

    @property
    def part_bytes(self) -> int:
        """Bytes of a part."""
        ...

    @property
    def takes_parts(self) -> bool:
        """Whether it does so where it runs."""
        ...

    def stage(self, slot: StagedSlot, run: PartRun, source: BinaryIO, *, progress: Progress | None = None) -> None:
        """Take in parts that nobody holds; those that are whole when the source breaks off are held.

        Args:
            slot: The place of the file.
            run: Which parts.
            source: Has exactly these bytes.
            progress: Called with the number of bytes that have just been taken in.

        Raises:
            InvalidArgumentError: the run does not consist of whole parts.
            ConflictError: one of the parts is held.
            UnavailableError: one of the parts is being sent by somebody else, or there is no room.
            IntegrityError: the source has more or fewer bytes, or another digest; with one given, none of it is held.
        """
        ...

    def staged(self, slot: StagedSlot, size: int) -> tuple[int, ...]:
        """Return which parts of a file of this size are held at a slot, by number from 0."""
        ...

    def staged_bytes(self, session: str) -> dict[int, int]:
        """Return how large the files are whose parts a session has sent, by the number of their slot."""
        ...

    def publish_parts(self, slot: StagedSlot, expected: FileExpectation) -> StoredBlob:
        """Make a file whose parts are all held a blob, and empty the slot.

        Args:
            slot: The place of the file.
            expected: Its size, and its digest.

        Raises:
            NotFoundError: nothing was sent to the slot.
            ConflictError: parts are missing.
            UnavailableError: a part is being sent.
            IntegrityError: the file has another digest: nothing was published, and the slot is empty.
        """
        ...
