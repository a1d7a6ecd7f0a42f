"""Files on their way: what the registry wants of them, and URLs that move one straight to or from its store."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from herdbook.entities.files import FileEntry, FileStat


@frozen(kw_only=True)
class SignedUrl:
    """What lets its holder do one thing for a while, without the store's credentials.

    Args:
        method: `GET` or `PUT`.
        url: Where; whoever has it may do it, so it is never logged.
        headers: What has to be sent along.
        expires_at: When it ends.
    """

    method: str
    url: str = field(repr=False)
    headers: dict[str, str] = field(factory=dict)
    expires_at: datetime


@frozen(kw_only=True)
class LocatedFile:
    """A file of a version that may be read, and how it is fetched.

    Args:
        entry: What it is; whoever fetches it by its URL has to verify that this is what came.
        url: Fetches it from where it is kept; None: it is read through the registry.
    """

    entry: FileEntry
    url: SignedUrl | None = None


@frozen(kw_only=True)
class StagedParts:
    """How far a large file that is sent part by part has come.

    Args:
        part_bytes: Bytes of a part; the last one of a file may have fewer.
        held: The parts that are held, by number from 0.
    """

    part_bytes: int
    held: tuple[int, ...] = ()


class SlotNeed(StrEnum):
    """What the registry wants of a file."""

    HELD = "held"
    DIGEST = "digest"
    BYTES = "bytes"


@frozen(kw_only=True)
class UploadSlot:
    """What the registry wants of one file.

    Args:
        file: The file as announced.
        need: HELD: nothing, a version that the caller may execute holds it. DIGEST: a file of this size is held, so
            say its digest before sending it. BYTES: send it.
        via: Puts its bytes straight to where they are kept, for `take_in_model_version_file` to take in; None: they are
            sent with `upload_model_version_files`.
        parts: How far it has come, where it can be sent part by part with `stage_model_version_file`, for
            `take_in_model_version_file` to take in; None: it is sent whole.
    """

    file: FileStat
    need: SlotNeed
    via: SignedUrl | None = None
    parts: StagedParts | None = None


@frozen(kw_only=True)
class UploadPlan:
    """What the registry wants of each announced file, in the order asked.

    Args:
        slots: One for each file.
    """

    slots: tuple[UploadSlot, ...]
