"""Exporting: what the caller may read of a catalog, schema or model, written to an archive."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from herdbook import __version__
from herdbook.client.archive import layout
from herdbook.client.archive.writing import ArchiveWriter
from herdbook.client.notebook import use
from herdbook.entities import AliasAssignment, Catalog, FileEntry, Manifest, ModelVersion, Page, RegisteredModel, Schema
from herdbook.entities import VersionStatus as Status
from herdbook.entities.archives import ArchiveFacts, ArchiveHeader, ExportReport
from herdbook.errors import IntegrityError, InvalidArgumentError, NotFoundError, PermissionDeniedError
from herdbook.names import CatalogName, ModelName, SchemaName, parse_securable
from herdbook.ports.artifacts import Progress
from herdbook.ports.registry import Registry, SecurableLike
from herdbook.wire import to_json

T = TypeVar("T")
PAGE = 1000


def export_archive(
    name: SecurableLike,
    target: str | os.PathLike[str],
    *,
    registry: Registry | None = None,
    registry_label: str | None = None,
    metadata_only: bool = False,
    progress: Progress | None = None,
) -> ExportReport:
    """Write a catalog, schema or registered model to one file: metadata, history, and every file's bytes once.

    An interrupted export leaves `TARGET.partial`; the same call again goes on with it.

    Args:
        name: The catalog, schema or registered model.
        target: The file to write; nothing may be there.
        registry: From where; None uses the default one (see `connect`).
        registry_label: What the archive calls the registry, for people; None leaves it out.
        metadata_only: Leave out the bytes.
        progress: Called with the number of bytes that have just been written.

    Returns:
        What was written, and what was left out because the caller may not read it.

    Raises:
        InvalidArgumentError: the name is that of none of these, or the target's folder is missing.
        NotFoundError: there is no such thing that the caller may know of.
        PermissionDeniedError: the caller may read a version but lacks EXECUTE on it, and `metadata_only` is not set.
        AlreadyExistsError: something is at the target.
        ConflictError: another export is writing there.
        IntegrityError: stored bytes do not have their digest.

    Example:
        >>> import herdbook
        >>> herdbook.export_archive("prod.fraud", "fraud.tar").models  # doctest: +SKIP
        3
    """
    wanted = parse_securable(name) if isinstance(name, str) else name
    if not isinstance(wanted, CatalogName | SchemaName | ModelName):
        raise InvalidArgumentError(f"{wanted} cannot be exported.", hint="Name a catalog, schema or registered model.")
    with use(registry) as opened:
        job = _Export(opened, wanted, Path(target).expanduser().absolute(), metadata_only, progress)
        return job.run(registry_label)


class _Export:
    def __init__(
        self,
        registry: Registry,
        name: CatalogName | SchemaName | ModelName,
        target: Path,
        metadata_only: bool,  # noqa: FBT001 named where export_archive is called
        progress: Progress | None,
    ) -> None:
        self._registry = registry
        self._top = _get(registry, name)
        self._metadata_only = metadata_only
        self._progress = progress
        self._target = target
        first = ArchiveHeader(
            format=layout.FORMAT, kind=name.kind, name=str(self._top.name), metadata_only=metadata_only
        )
        self._writer = ArchiveWriter(target, first)
        self._begin()

    def _begin(self) -> None:
        self._schemas = self._models = self._versions = 0
        self._manifests: set[str] = set()
        self._left_out: list[str] = []

    def run(self, label: str | None) -> ExportReport:
        try:
            self._everything()
            if self._writer.drop_unused():
                self._begin()
                self._everything()
            facts = ArchiveFacts(
                exported_at=datetime.now(UTC),
                exported_by=str(self._registry.get_current_principal().name),
                registry=label,
                herdbook=__version__,
                left_out=tuple(self._left_out),
            )
            self._writer.document(layout.FACTS, to_json(facts))
            archive, size = self._writer.finish()
        finally:
            self._writer.close()
        return ExportReport(
            name=str(self._top.name),
            path=str(self._target),
            archive=archive,
            models=self._models,
            versions=self._versions,
            blobs=self._writer.blobs,
            size=size,
            resumed=self._writer.resumed,
            left_out=tuple(self._left_out),
        )

    def _everything(self) -> None:
        top = self._top
        if isinstance(top, Catalog):
            self._writer.document(layout.CATALOG, to_json(top))
            for schema in _pages(
                lambda token: self._registry.list_schemas(top.name, max_results=PAGE, page_token=token)
            ):
                self._schema(schema)
        elif isinstance(top, Schema):
            self._schema(top)
        else:
            self._model(top)

    def _schema(self, schema: Schema) -> None:
        self._schemas += 1
        self._writer.document(layout.schema(self._schemas), to_json(schema))
        for listed in _pages(
            lambda token: self._registry.list_registered_models(schema.name, max_results=PAGE, page_token=token)
        ):
            try:
                model = self._registry.get_registered_model(listed.name)
            except (PermissionDeniedError, NotFoundError):
                self._left_out.append(str(listed.name))
            else:
                self._model(model)

    def _model(self, model: RegisteredModel) -> None:
        self._models += 1
        ordinal = self._models
        self._writer.document(layout.model(ordinal), to_json(model))
        # Read before the versions, so that what an alias points to is among those unless it was deleted since.
        for part, assignments in enumerate(self._history(model.name), start=1):
            self._writer.document(layout.assignments(ordinal, part), to_json(assignments))
        for version in _pages(
            lambda token: self._registry.list_model_versions(model.name, max_results=PAGE, page_token=token)
        ):
            try:
                self._bytes(version)
            except NotFoundError:
                self._left_out.append(str(version.ref))
            else:
                self._versions += 1
                self._writer.document(layout.version(ordinal, version.version), to_json(version))

    def _history(self, name: ModelName) -> Iterator[tuple[AliasAssignment, ...]]:
        for alias in self._registry.list_registered_model_aliases(name, ended=True):
            slot, token = name.alias(alias.alias), None
            while True:
                page = self._registry.list_alias_history(slot, max_results=PAGE, page_token=token)
                yield page.items
                token = page.next_page_token
                if token is None:
                    break

    def _bytes(self, version: ModelVersion) -> None:
        if version.status is not Status.READY or version.manifest_sha256 is None:
            return
        files = tuple(
            _pages(
                lambda token: self._registry.list_model_version_files(version.ref, max_results=PAGE, page_token=token)
            )
        )
        manifest = to_json(Manifest.of(files))
        if hashlib.sha256(manifest).hexdigest() != version.manifest_sha256:
            raise IntegrityError(
                f"The files of {version.ref} are not those of its manifest.", hint="Repeat the export."
            )
        if not self._metadata_only:
            self._contents(version, files)
        if version.manifest_sha256 not in self._manifests:
            self._manifests.add(version.manifest_sha256)
            self._writer.document(layout.manifest(version.manifest_sha256), manifest)

    def _contents(self, version: ModelVersion, files: tuple[FileEntry, ...]) -> None:
        wanted = [entry for entry in files if not self._writer.holds(entry.sha256)]
        try:
            for entry in wanted:
                # Two paths of one version may have one content.
                if not self._writer.holds(entry.sha256):
                    with _reading(self._registry, version, entry.path) as blocks:
                        self._writer.blob(entry.sha256, entry.size, blocks, self._progress)
            if not wanted:
                # The archive had all of it already; whether the caller may have it is asked all the same.
                with _reading(self._registry, version, files[0].path, length=0) as blocks:
                    list(blocks)
        except PermissionDeniedError as error:
            raise PermissionDeniedError(
                f"{version.ref} cannot be exported with its bytes: {error.message}",
                hint="Ask for EXECUTE, export what you may execute, or export the metadata only.",
                decision=error.decision,
            ) from error


@contextmanager
def _reading(
    registry: Registry, version: ModelVersion, path: str, *, length: int | None = None
) -> Iterator[Iterator[bytes]]:
    blocks = registry.read_model_version_file(version.ref, path, length=length)
    try:
        yield blocks
    finally:
        # A generator that is not read to its end holds a file, or a connection.
        if isinstance(blocks, Generator):
            blocks.close()


def _get(registry: Registry, name: CatalogName | SchemaName | ModelName) -> Catalog | Schema | RegisteredModel:
    if isinstance(name, CatalogName):
        return registry.get_catalog(name)
    if isinstance(name, SchemaName):
        return registry.get_schema(name)
    return registry.get_registered_model(name)


def _pages(fetch: Callable[[str | None], Page[T]]) -> Iterator[T]:
    token = None
    while True:
        page = fetch(token)
        yield from page.items
        token = page.next_page_token
        if token is None:
            return
