"""Which key everything has: blobs, what is younger than its blob, and what is on its way in."""

from __future__ import annotations

import re
import uuid

from herdbook.errors import InvalidArgumentError
from herdbook.ports.artifacts import checked_sha256
from herdbook.ports.presigning import StagedSlot

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PREFIX = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9_.=-]*(/[A-Za-z0-9_=-][A-Za-z0-9_.=-]*)*", re.ASCII)
_TOUCHED = ".touched"


class Keys:
    """The keys below one prefix: `blobs/sha256/ab/<digest>`, `<digest>.touched` beside it, and `staging/...`.

    Objects cannot be touched, and S3 refuses to copy one onto itself. So a blob that is published again gets an empty
    object beside it, whose age counts where it is younger. It follows its blob in a listing, so one pass sees both.

    Args:
        prefix: Letters, digits and `_ . = -`, in folders; empty is the whole bucket.
    """

    def __init__(self, prefix: str) -> None:
        if prefix and _PREFIX.fullmatch(prefix) is None:
            raise InvalidArgumentError(
                f"{prefix!r} is no prefix for an artifact store.", hint="Use letters, digits and _ . = - between /."
            )
        begin = f"{prefix}/" if prefix else ""
        self.blobs = f"{begin}blobs/sha256"
        self.staging = f"{begin}staging"

    def blob(self, sha256: str) -> str:
        """Return a blob's key; raises InvalidArgumentError for what is no digest."""
        return f"{self.blobs}/{checked_sha256(sha256)[:2]}/{sha256}"

    def touched(self, sha256: str) -> str:
        """Return the key of what says that a blob was published again."""
        return f"{self.blob(sha256)}{_TOUCHED}"

    def own_staging(self) -> str:
        """Return a new key for what this process brings in; no URL is ever signed for it."""
        return f"{self.staging}/own/{uuid.uuid4().hex}"

    def slot(self, slot: StagedSlot) -> str:
        """Return the key that somebody else is to put a file to."""
        return f"{self.staging}/sessions/{slot.session}/{slot.number}"

    def session_parts(self, session: str) -> str:
        """Return what the keys of all parts begin with that a session has sent."""
        return f"{self.staging}/parts/{session}"

    def parts(self, slot: StagedSlot, size: int) -> str:
        """Return what the keys of the parts of a file begin with."""
        return f"{self.session_parts(slot.session)}/{slot.number}-{size}"

    def part(self, slot: StagedSlot, size: int, number: int) -> str:
        """Return the key of a part of a file of that size."""
        return f"{self.parts(slot, size)}/{number}"

    @staticmethod
    def read_parted(key: str) -> tuple[int, int]:
        """Return the number of the slot, and the size of the file, that the key of a part has."""
        number, _, size = key.split("/")[-2].partition("-")
        return int(number), int(size)


def read_part(key: str) -> int | None:
    """Return the number of a part by its key; None where it is the key of none."""
    name = key.rpartition("/")[2]
    return int(name) if name.isascii() and name.isdigit() else None


def read_name(key: str) -> tuple[str, bool] | None:
    """Return the digest that a key below `blobs` is about, and whether it is the blob; None: it is neither."""
    name = key.rpartition("/")[2]
    sha256 = name.removesuffix(_TOUCHED)
    return (sha256, sha256 == name) if _SHA256.fullmatch(sha256) else None
