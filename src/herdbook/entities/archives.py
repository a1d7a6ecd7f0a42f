"""Archives of catalogs, schemas and models: what one says of itself, and what exporting and importing did."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import frozen

from herdbook.verdicts import SecurableKind


@frozen(kw_only=True)
class ArchiveHeader:
    """The first member of an archive.

    Args:
        format: The version of the format.
        kind: What was exported: CATALOG, SCHEMA or REGISTERED_MODEL.
        name: Its name.
        metadata_only: Whether the bytes were left out.
    """

    format: int
    kind: SecurableKind
    name: str
    metadata_only: bool = False


@frozen(kw_only=True)
class ArchiveFacts:
    """Who made an archive, when and from where, in the archive's own words.

    Args:
        exported_at: When (UTC).
        exported_by: Who.
        registry: What they call the registry; None where they did not say.
        herdbook: The Herdbook that wrote it.
        left_out: What could not be read by who exported, by name.
    """

    exported_at: datetime
    exported_by: str
    registry: str | None = None
    herdbook: str
    left_out: tuple[str, ...] = ()


@frozen(kw_only=True)
class ExportReport:
    """What an export wrote.

    Args:
        name: What was exported.
        path: The archive's file.
        archive: SHA-256 of the archive's index, which covers every byte of it.
        models: How many registered models are in it.
        versions: How many versions, of every status.
        blobs: How many files, each distinct content once.
        size: Bytes of the archive.
        resumed: How many of the blobs an interrupted export had written before.
        left_out: What the caller knows of but may not read, by name.
    """

    name: str
    path: str
    archive: str
    models: int
    versions: int
    blobs: int
    size: int
    resumed: int = 0
    left_out: tuple[str, ...] = ()


class ImportOutcome(StrEnum):
    """What became of one thing of an archive."""

    MADE = "MADE"
    PRESENT = "PRESENT"
    SKIPPED = "SKIPPED"
    REFUSED = "REFUSED"
    CONFLICT = "CONFLICT"


@frozen(kw_only=True)
class ImportItem:
    """What became of one thing of an archive.

    Args:
        what: Its name in the registry that it was imported into.
        outcome: MADE: it was made, or with `dry_run` would be. PRESENT: it was there. SKIPPED: the archive has too
            little of it. REFUSED: a rule refuses it. CONFLICT: something else has its place, which was left alone.
        why: More about it.
    """

    what: str
    outcome: ImportOutcome
    why: str | None = None


@frozen(kw_only=True)
class ImportReport:
    """What an import did, or with `dry_run` would do.

    Args:
        archive: SHA-256 of the archive's index.
        header: What the archive says it holds.
        facts: Who made it, in its own words.
        dry_run: Whether nothing was changed.
        items: What became of each thing.
    """

    archive: str
    header: ArchiveHeader
    facts: ArchiveFacts
    dry_run: bool
    items: tuple[ImportItem, ...]

    def count(self, outcome: ImportOutcome) -> int:
        """Return how many things ended so."""
        return sum(item.outcome is outcome for item in self.items)
