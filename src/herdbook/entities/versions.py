"""Model versions, their lineage and their aliases' history."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from attrs import field, frozen

from herdbook.entities.models import ModelDescription
from herdbook.names import ModelName, VersionRef
from herdbook.verdicts import Rejection


class VersionStatus(StrEnum):
    """Where a version is on its way into the registry."""

    PENDING_REGISTRATION = "PENDING_REGISTRATION"
    READY = "READY"
    FAILED_REGISTRATION = "FAILED_REGISTRATION"
    QUARANTINED = "QUARANTINED"


@frozen(kw_only=True)
class DatasetRef:
    """A data set that a version was made from.

    Args:
        name: Its name.
        digest: Its digest, as the tracking side gave it.
        source: Where it came from (a URI or a table's name).
        context: What it was used for: `training`, `evaluation`.
    """

    name: str
    digest: str | None = None
    source: str | None = None
    context: str | None = None


@frozen(kw_only=True)
class ImportedFrom:
    """What an archive said of a version that was imported from it; the registry cannot know whether it is true.

    Args:
        ref: The version as the archive named it, `CATALOG.SCHEMA.MODEL/NUMBER`.
        version_id: Its id there.
        registry: What the archive called its registry; None where it did not say.
        author: Who registered it there.
        created_at: When it was begun there (UTC).
        parents: The versions that it was made from there, under their names there.
        archive: SHA-256 of the archive's index, which covers every byte of it.
    """

    ref: str
    version_id: str
    registry: str | None = None
    author: str
    created_at: datetime
    parents: tuple[str, ...] = ()
    archive: str


HIDDEN = "hidden"
"""What is shown instead of a name that the reader may not know (R28)."""


@frozen(kw_only=True)
class Lineage:
    """Where a version came from; every field is optional.

    Args:
        source: What was registered, in the client's words (a path or URI); never read by the registry. Where it is a
            `models:/` URI and a parent is hidden, it reads `hidden` (R28).
        run_id: The tracking run.
        experiment_id: The experiment of that run.
        logged_model_id: The logged model (`m-...`).
        notebook: The notebook that ran.
        job: The job that ran.
        code_commit: The commit of the code.
        code_repository: Where that code lives.
        datasets: What data went in.
        environment: Name -> version of what it was trained with (`python`, `mlflow`, ...).
        parents: Registered versions that it was made from; the caller needs EXECUTE on each (R26). They are shown under
            their names of now.
        hidden_parents: How many parents are not shown: purged, in the trash, or not for this reader to know (R28).
        imported: Where it was imported from, one entry for each registry that it went through, the last one last.
    """

    source: str | None = None
    run_id: str | None = None
    experiment_id: str | None = None
    logged_model_id: str | None = None
    notebook: str | None = None
    job: str | None = None
    code_commit: str | None = None
    code_repository: str | None = None
    datasets: tuple[DatasetRef, ...] = ()
    environment: dict[str, str] = field(factory=dict)
    parents: tuple[VersionRef, ...] = ()
    hidden_parents: int = 0
    imported: tuple[ImportedFrom, ...] = ()


# As for registered models.
@frozen(kw_only=True, slots=False)
class ModelVersion:
    """A version of a registered model.

    Args:
        id: Its immutable id.
        name: The model's name.
        version: Its number, from 1 up, never reused; numbers may be skipped where versions were imported.
        status: Where it is on its way in.
        status_reason: Why, where it is not READY.
        comment: Markdown; None where there is none.
        author: The name of the principal that registered it.
        created_at: When it was begun (UTC).
        updated_at: When it was changed last (UTC).
        updated_by: Who changed it last.
        row_version: Grows by one with each change.
        tags: Its tags.
        aliases: The aliases that point to it, in order.
        lineage: Where it came from.
        model: What its files say of it (flavors, signature, ...); None before it is finalized.
        manifest_sha256: SHA-256 of its canonical manifest; None before it is known.
        total_size: Bytes of its files; None before that is known.
        file_count: How many files it has; None before that is known.
        rejections: Why rules and checks refused it.
    """

    id: str
    name: ModelName
    version: int
    status: VersionStatus
    status_reason: str | None = None
    comment: str | None = None
    author: str
    created_at: datetime
    updated_at: datetime
    updated_by: str
    row_version: int = 1
    tags: dict[str, str] = field(factory=dict)
    aliases: tuple[str, ...] = ()
    lineage: Lineage = field(factory=Lineage)
    model: ModelDescription | None = None
    manifest_sha256: str | None = None
    total_size: int | None = None
    file_count: int | None = None
    rejections: tuple[Rejection, ...] = ()

    @property
    def ref(self) -> VersionRef:
        """The reference to it."""
        return VersionRef(model=self.name, version=self.version)


@frozen(kw_only=True)
class AliasAssignment:
    """That an alias points (or pointed) to a version.

    Args:
        alias: The alias as written.
        version: The version's number.
        valid_from: Since when (UTC).
        valid_to: Until when (UTC); None while it holds.
        set_by: The name of the principal that set it.
        reason: Why, in that principal's words.
        ended_by: The name of the principal that moved or deleted it.
    """

    alias: str
    version: int
    valid_from: datetime
    valid_to: datetime | None = None
    set_by: str
    reason: str | None = None
    ended_by: str | None = None
