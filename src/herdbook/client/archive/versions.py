"""Importing one version under its number, with its bytes, or saying why not."""

from __future__ import annotations

import time
from contextlib import ExitStack
from operator import attrgetter

from attrs import evolve

from herdbook.client.archive.contents import Contents, Step
from herdbook.client.archive.placing import Place
from herdbook.client.archive.reading import Archive
from herdbook.client.archive.things import Things, first_tags, left_alone
from herdbook.entities import (
    FileEntry,
    FileStat,
    ImportedFrom,
    Lineage,
    Manifest,
    ModelVersion,
    SlotNeed,
    VersionStatus,
)
from herdbook.entities.archives import ImportItem, ImportOutcome
from herdbook.entities.batches import in_batches
from herdbook.errors import ConcurrentUpdateError, ConflictError, NotFoundError, RuleViolationError
from herdbook.names import ModelName, VersionRef
from herdbook.ports.artifacts import Progress
from herdbook.ports.registry import FileUpload, Registry

_O = ImportOutcome
BATCH_FILES = 200
BATCH_BYTES = 256 * 1024 * 1024
FINALIZE_TRIES = 45
FINALIZE_PAUSE_S = 2.0


class Versions:
    """Brings the versions of an archive into a registry, parents first.

    Args:
        registry: Where.
        archive: Where the bytes are.
        digest: SHA-256 of the archive's index.
        contents: What the archive holds.
        where: Under which names.
        things: Who sets tags, and whether anything is changed.
        progress: Called with the number of bytes that have just been taken in.
    """

    def __init__(
        self,
        registry: Registry,
        archive: Archive,
        digest: str,
        contents: Contents,
        where: Place,
        things: Things,
        progress: Progress | None,
    ) -> None:
        self._registry = registry
        self._archive = archive
        self._digest = digest
        self._contents = contents
        self._place = where
        self._things = things
        self._progress = progress
        self._ready: set[tuple[int, int]] = set()

    def bring(self, step: Step, model: ModelName) -> ImportItem:
        """Make a version of a model, unless it is there."""
        archived = self._contents.version(step)
        ref = model.version(step.number)
        if archived.status is not VersionStatus.READY:
            why = f"it is {archived.status} in the archive; its number stays unused"
            return ImportItem(what=str(ref), outcome=_O.SKIPPED, why=why)
        settled, told = self._settle(archived, ref)
        if settled in (_O.MADE, _O.PRESENT):
            self._ready.add((step.ordinal, step.number))
        return ImportItem(what=str(ref), outcome=settled, why=told)

    def _settle(self, archived: ModelVersion, ref: VersionRef) -> tuple[ImportOutcome, str | None]:
        here = self._find(ref)
        if here is None:
            return self._make(archived, ref, None)
        if not _is_same(here, archived):
            return _O.CONFLICT, _difference(here, archived)
        if here.status is VersionStatus.FAILED_REGISTRATION:
            return _O.REFUSED, here.status_reason
        if here.status is VersionStatus.PENDING_REGISTRATION:
            return self._make(archived, ref, here)
        return _O.PRESENT, left_alone(self._set_tags(archived, ref, here))

    def _find(self, ref: VersionRef) -> ModelVersion | None:
        try:
            return self._registry.get_model_version(ref)
        except NotFoundError:
            return None

    def _make(
        self, archived: ModelVersion, ref: VersionRef, begun: ModelVersion | None
    ) -> tuple[ImportOutcome, str | None]:
        manifest = self._contents.manifest(archived)
        wanted = self._wanted(ref, manifest, begun)
        lacking = {entry.sha256 for entry in wanted} & set(self._contents.lacking(manifest))
        if lacking:
            return _O.SKIPPED, f"{len(lacking)} of its files are neither in the archive nor here"
        if self._things.dry_run:
            return (_O.CONFLICT, _TAKEN) if begun is None and self._is_taken(ref) else (_O.MADE, None)
        lineage, unknown = self._lineage(archived)
        try:
            if begun is None:
                begun = self._begin(archived, ref, lineage, None if wanted else manifest)
            done = begun if begun.status is VersionStatus.READY else self._send(begun, manifest, wanted)
        except RuleViolationError as error:
            return _O.REFUSED, error.message
        except ConcurrentUpdateError:
            raise
        except ConflictError as error:
            return _O.CONFLICT, error.message
        notes = [f"made without the parents {', '.join(unknown)}, which are not in the archive"] if unknown else []
        notes += [note for note in [left_alone(self._set_tags(archived, ref, done))] if note]
        return _O.MADE, "; ".join(notes) or None

    def _wanted(self, ref: VersionRef, manifest: Manifest, begun: ModelVersion | None) -> list[FileEntry]:
        """Return the files that the registry does not hold for this caller."""
        stats = [FileStat(path=file.path, size=file.size, sha256=file.sha256) for file in manifest.files]
        try:
            plan = self._registry.upload_plan(ref.model, stats, version=None if begun is None else begun.version)
        except NotFoundError:
            if self._things.dry_run:
                return list(manifest.files)
            raise
        slots = zip(manifest.files, plan.slots, strict=True)
        return [file for file, slot in slots if slot.need is not SlotNeed.HELD]

    def _begin(
        self, archived: ModelVersion, ref: VersionRef, lineage: Lineage, manifest: Manifest | None
    ) -> ModelVersion:
        return self._registry.create_model_version(
            ref.model,
            manifest=manifest,
            comment=archived.comment,
            tags=first_tags(archived.tags) or None,
            lineage=lineage,
            number=ref.version,
        )

    def _send(self, version: ModelVersion, manifest: Manifest, wanted: list[FileEntry]) -> ModelVersion:
        for batch in in_batches(wanted, attrgetter("size"), most=BATCH_FILES, most_bytes=BATCH_BYTES):
            with ExitStack() as stack:
                uploads = [
                    FileUpload(
                        file=FileStat(path=entry.path, size=entry.size, sha256=entry.sha256),
                        source=stack.enter_context(self._archive.open_blob(entry.sha256)),
                    )
                    for entry in batch
                ]
                self._registry.upload_model_version_files(version.ref, uploads, progress=self._progress)
        return self._finalize(version.ref, manifest)

    def _finalize(self, ref: VersionRef, manifest: Manifest) -> ModelVersion:
        """Finalize, and wait for the lease of an import that died in the midst of it."""
        for _ in range(FINALIZE_TRIES - 1):
            try:
                return self._registry.finalize_model_version(ref, manifest)
            except ConcurrentUpdateError:
                time.sleep(FINALIZE_PAUSE_S)
        return self._registry.finalize_model_version(ref, manifest)

    def _lineage(self, archived: ModelVersion) -> tuple[Lineage, list[str]]:
        """Return the lineage that can be vouched for here, and the parents that cannot."""
        told, parents, unknown = archived.lineage, [], []
        for parent in told.parents:
            ordinal = self._contents.models.get(parent.model)
            if ordinal is not None and (ordinal, parent.version) in self._ready:
                parents.append(self._place.model(parent.model).version(parent.version))
            else:
                unknown.append(str(parent))
        origin = ImportedFrom(
            ref=str(archived.ref),
            version_id=archived.id,
            registry=self._contents.facts.registry,
            author=archived.author,
            created_at=archived.created_at,
            parents=tuple(map(str, told.parents)),
            archive=self._digest,
        )
        if told.hidden_parents:
            unknown.append(f"{told.hidden_parents} that were not shown to who exported")
        known = evolve(told, parents=tuple(parents), hidden_parents=0, imported=(*told.imported, origin))
        return known, unknown

    def _set_tags(self, archived: ModelVersion, ref: VersionRef, here: ModelVersion) -> list[str]:
        def set_tag(key: str, value: str) -> None:
            self._registry.set_model_version_tag(ref, key, value, reason="imported")

        kept = self._things.tags(archived.tags, here.tags, set_tag)
        return kept if here.comment == archived.comment else ["the comment", *kept]

    def _is_taken(self, ref: VersionRef) -> bool:
        try:
            highest = self._registry.list_model_versions(ref.model, max_results=1).items
        except NotFoundError:
            return False
        return bool(highest) and highest[0].version >= ref.version


_TAKEN = "the model has had higher numbers here already"


def _is_same(here: ModelVersion, archived: ModelVersion) -> bool:
    if here.manifest_sha256 not in (None, archived.manifest_sha256):
        return False
    imported = here.lineage.imported
    return here.id == archived.id or (bool(imported) and imported[-1].version_id == archived.id)


def _difference(here: ModelVersion, archived: ModelVersion) -> str:
    if here.manifest_sha256 == archived.manifest_sha256:
        return "the version here has the same bytes and did not come from the one in the archive"
    return "the version here is another one, with other bytes"
