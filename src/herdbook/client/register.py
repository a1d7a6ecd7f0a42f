"""Registering a model: only what the registry lacks is sent, and the version is READY when it returns."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from operator import attrgetter
from typing import Any

from herdbook.client.notebook import use
from herdbook.client.sources import SourceFile, collect, lineage_of
from herdbook.entities import FileEntry, FileStat, Lineage, Manifest, ModelVersion, SlotNeed, VersionStatus
from herdbook.entities.batches import in_batches
from herdbook.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError, RegistryError, RuleViolationError
from herdbook.names import ModelName
from herdbook.policy.limits import check_lineage
from herdbook.ports.artifacts import Progress
from herdbook.ports.registry import FileUpload, ModelLike, Registry

BATCH_FILES = 500
BATCH_BYTES = 256 * 1024 * 1024


def register_model(
    source: str | os.PathLike[str],
    name: ModelLike,
    *,
    registry: Registry | None = None,
    signature: Any = None,
    comment: str | None = None,
    tags: Mapping[str, str] | None = None,
    lineage: Lineage | None = None,
    idempotency_key: str | None = None,
    progress: Progress | None = None,
) -> ModelVersion:
    """Register a model's files as the next version of a registered model, which is made if it is missing.

    Args:
        source: The folder with the model's files (MLflow's `MLmodel` among them), or a single file.
        name: The registered model; its catalog and schema must exist.
        registry: Where; None uses the default one (see `connect`).
        signature: For a folder without MLmodel: an MLflow signature, a `ModelSignature`, or the mapping that MLmodel
            files have; an MLmodel with it is added.
        comment: Markdown.
        tags: Tags to set on the version.
        lineage: Where it came from; run and logged model are taken from the MLmodel file where it does not say.
        idempotency_key: A repeated call with the same key goes on with the same version.
        progress: Called with the number of bytes that have just been taken in.

    Returns:
        The version, READY.

    Raises:
        InvalidArgumentError: there is nothing to register, or an argument is not acceptable.
        NotFoundError: there is no such schema that the caller may know of.
        PermissionDeniedError: the caller lacks a right; the message names it.
        RuleViolationError: a rule or check refuses the version; all of them are listed.

    Example:
        >>> import herdbook
        >>> version = herdbook.register_model("./model", "main.default.iris")  # doctest: +SKIP
    """
    if not isinstance(source, str | os.PathLike):
        raise InvalidArgumentError(f"{source!r} is no path.", hint="Give the folder or file of a model.")
    if lineage is not None:
        check_lineage(lineage)
    files = collect(source, signature)
    origin = lineage_of(files, os.fspath(source), lineage)
    facts = {"comment": comment, "tags": tags, "lineage": origin, "idempotency_key": idempotency_key}
    return register_files(files, name, facts, registry=registry, progress=progress)


def register_files(
    files: tuple[SourceFile, ...],
    name: ModelLike,
    facts: dict[str, Any],
    *,
    registry: Registry | None,
    progress: Progress | None = None,
) -> ModelVersion:
    """Register files as the next version of a model, which is made if it is missing.

    Args:
        files: What the version has.
        name: The registered model.
        facts: Arguments of `create_model_version`.
        registry: Where; None uses the default one.
        progress: Called with the number of bytes that have just been taken in.
    """
    with use(registry) as opened:
        model = name if isinstance(name, ModelName) else ModelName.parse(name)
        made = _ensure_model(opened, model)
        job = _Registration(opened, model, files, progress)
        try:
            return job.run(facts, resumed=facts["idempotency_key"] is not None)
        except RuleViolationError:
            if made:
                _drop_if_bare(opened, model)
            raise


def _ensure_model(registry: Registry, name: ModelName) -> bool:
    """Make a model that is missing; returns whether it was."""
    try:
        registry.upload_plan(name, [])
    except NotFoundError:
        try:
            registry.create_registered_model(name)
        except AlreadyExistsError:
            registry.upload_plan(name, [])
        else:
            return True
    return False


def _drop_if_bare(registry: Registry, name: ModelName) -> None:
    """Delete a model that holds nothing, not even the record of a version that was refused."""
    with suppress(RegistryError):
        if not registry.list_model_versions(name, max_results=1).items:
            registry.delete_registered_model(name, reason="its first version was refused before it was begun")


class _Registration:
    def __init__(
        self, registry: Registry, name: ModelName, files: tuple[SourceFile, ...], progress: Progress | None
    ) -> None:
        self._registry = registry
        self._name = name
        self._files = files
        self._progress = progress
        self._known: dict[str, FileStat] = {}

    def run(self, arguments: dict[str, Any], *, resumed: bool) -> ModelVersion:
        if resumed:
            version = self._registry.create_model_version(self._name, **arguments)
            if version.status is VersionStatus.READY:
                return version
            return self._send(version, *self._plan(version.version))
        held, wanted = self._plan(None)
        if wanted:
            return self._send(self._registry.create_model_version(self._name, **arguments), held, wanted)
        manifest = Manifest.of(held)
        version = self._registry.create_model_version(self._name, manifest=manifest, **arguments)
        if version.status is VersionStatus.READY:
            return version
        return self._registry.finalize_model_version(version.ref, manifest)

    def _plan(self, version: int | None) -> tuple[list[FileEntry], list[SourceFile]]:
        """Return what the registry holds, and what it wants; only files that may be held are read here."""
        plan = self._registry.upload_plan(self._name, [file.stat() for file in self._files], version=version)
        unsure = [file for file, slot in zip(self._files, plan.slots, strict=True) if slot.need is SlotNeed.DIGEST]
        if not unsure:
            return [], list(self._files)
        known = _hash(unsure)
        self._known = {stat.path: stat for stat in known}
        plan = self._registry.upload_plan(self._name, known, version=version)
        held = [
            FileEntry(path=slot.file.path, size=slot.file.size, sha256=slot.file.sha256)
            for slot in plan.slots
            if slot.need is SlotNeed.HELD and slot.file.sha256 is not None
        ]
        paths = {entry.path for entry in held}
        return held, [file for file in self._files if file.path not in paths]

    def _send(self, version: ModelVersion, held: list[FileEntry], wanted: list[SourceFile]) -> ModelVersion:
        entries = list(held)
        # Those of a group share a wait for the disk, and are open at once.
        for batch in in_batches(wanted, attrgetter("size"), most=BATCH_FILES, most_bytes=BATCH_BYTES):
            with ExitStack() as stack:
                uploads = [
                    # A digest that is known already is announced, and need not be found out again on the way.
                    FileUpload(file=self._known.get(file.path) or file.stat(), source=stack.enter_context(file.open()))
                    for file in batch
                ]
                entries += self._registry.upload_model_version_files(version.ref, uploads, progress=self._progress)
        return self._registry.finalize_model_version(version.ref, Manifest.of(entries))


def _hash(files: Sequence[SourceFile]) -> list[FileStat]:
    with ThreadPoolExecutor(max_workers=4) as pool:
        digests = list(pool.map(SourceFile.sha256, files))
    return [
        FileStat(path=file.path, size=file.size, sha256=sha256) for file, sha256 in zip(files, digests, strict=True)
    ]
