"""What an archive says it holds, held against itself before anything is made of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from itertools import count, takewhile
from typing import TypeVar

from attrs import frozen

from herdbook.client.archive import layout
from herdbook.client.archive.reading import Archive
from herdbook.entities import AliasAssignment, Catalog, Manifest, ModelVersion, RegisteredModel, Schema, VersionStatus
from herdbook.entities.archives import ArchiveFacts, ArchiveHeader
from herdbook.errors import InvalidArgumentError
from herdbook.names import CatalogName, ModelName, SchemaName, parse_securable
from herdbook.verdicts import SecurableKind
from herdbook.wire import to_json

T = TypeVar("T")
_VERSION = re.compile(rf"{layout.MODELS}([0-9]{{8}})/versions/([0-9]+)\.json", re.ASCII)
_ALIASES = re.compile(rf"{layout.MODELS}([0-9]{{8}})/aliases/([0-9]{{8}})\.json", re.ASCII)


@frozen(kw_only=True)
class Step:
    """A version in the order of import: its model by ordinal, and its number."""

    ordinal: int
    number: int


class Contents:
    """The things of a verified archive; making it reads and checks every document.

    Args:
        archive: An open archive.

    Raises:
        InvalidArgumentError: a document is not acceptable, or two of them contradict each other.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.header = archive.document(layout.HEADER, ArchiveHeader)
        if self.header.format != layout.FORMAT:
            raise InvalidArgumentError(
                f"The archive has format {self.header.format}; this Herdbook reads {layout.FORMAT}.",
                hint="Use the Herdbook that wrote it, or a newer one.",
            )
        self.facts = archive.document(layout.FACTS, ArchiveFacts)
        self.name = self._own_name()
        self.models: dict[ModelName, int] = {}
        self._aliases: dict[int, list[str]] = {}
        self._check_containers()
        self.steps = self._check_models()

    @property
    def catalog(self) -> Catalog | None:
        """The catalog, where one was exported."""
        if self.header.kind is not SecurableKind.CATALOG:
            return None
        return self._archive.document(layout.CATALOG, Catalog)

    def schemas(self) -> Iterator[Schema]:
        """Yield the schemas, where a catalog or schema was exported."""
        for ordinal in self._ordinals(layout.schema):
            yield self._archive.document(layout.schema(ordinal), Schema)

    def model(self, ordinal: int) -> RegisteredModel:
        """Return the n-th model."""
        return self._archive.document(layout.model(ordinal), RegisteredModel)

    def version(self, step: Step) -> ModelVersion:
        """Return a version."""
        return self._archive.document(layout.version(step.ordinal, step.number), ModelVersion)

    def manifest(self, version: ModelVersion) -> Manifest:
        """Return the manifest of a READY version."""
        return self._archive.document(layout.manifest(version.manifest_sha256 or ""), Manifest)

    def assignments(self, ordinal: int) -> list[AliasAssignment]:
        """Return the alias history of the n-th model."""
        found: list[AliasAssignment] = []
        for name in self._aliases.get(ordinal, []):
            found += self._archive.document(name, tuple[AliasAssignment, ...])
        return found

    def lacking(self, manifest: Manifest) -> list[str]:
        """Return the digests of contents that the archive does not hold."""
        return [entry.sha256 for entry in manifest.files if self._archive.blob_size(entry.sha256) is None]

    def _own_name(self) -> CatalogName | SchemaName | ModelName:
        name = parse_securable(self.header.name)
        if not isinstance(name, CatalogName | SchemaName | ModelName) or name.kind is not self.header.kind:
            raise InvalidArgumentError(
                f"The archive holds {self.header.name!r} as a {self.header.kind}, which it is not."
            )
        return name

    def _ordinals(self, spell: Callable[[int], str]) -> Iterator[int]:
        return takewhile(lambda ordinal: spell(ordinal) in self._archive.members, count(1))

    def _check_containers(self) -> None:
        if self.header.kind is SecurableKind.REGISTERED_MODEL:
            return
        catalog = self.catalog
        if catalog is not None and catalog.name != self.name:
            raise self._contradiction(f"its catalog is {catalog.name}")
        names = [schema.name for schema in self.schemas()]
        if len(set(names)) != len(names) or any(not _lies_in(name, self.name) for name in names):
            raise self._contradiction("its schemas are not those of one catalog, each once")
        if catalog is None and names != [self.name]:
            raise self._contradiction("its schema is another one")
        self._schemas = set(names)

    def _check_models(self) -> list[Step]:
        for ordinal in self._ordinals(layout.model):
            name = self.model(ordinal).name
            inside = name == self.name if isinstance(self.name, ModelName) else name.parent in self._schemas
            if name in self.models or not inside:
                raise self._contradiction(f"{name} is in it twice, or does not belong to it")
            self.models[name] = ordinal
        names = {ordinal: name for name, ordinal in self.models.items()}
        numbers: dict[int, list[int]] = {}
        for member in self._archive.members:
            if found := _VERSION.fullmatch(member):
                numbers.setdefault(int(found[1]), []).append(int(found[2]))
            elif found := _ALIASES.fullmatch(member):
                self._aliases.setdefault(int(found[1]), []).append(member)
        if sum(name.endswith("/model.json") for name in self._archive.members) != len(names):
            raise self._contradiction("its models are not numbered one by one")
        if not names.keys() >= numbers.keys() | self._aliases.keys():
            raise self._contradiction("it holds versions or aliases of a model that is not in it")
        for ordinal in self._aliases:
            self._check_aliases(ordinal, names[ordinal])
        return self._ordered(names, numbers)

    def _check_aliases(self, ordinal: int, name: ModelName) -> None:
        for assignment in self.assignments(ordinal):
            name.alias(assignment.alias)
            name.version(assignment.version)

    def _ordered(self, names: dict[int, ModelName], numbers: dict[int, list[int]]) -> list[Step]:
        """Return the versions so that parents come before what was made from them, and numbers only grow."""
        keyed = []
        for ordinal, found in numbers.items():
            since = None
            for number in sorted(found):
                step = Step(ordinal=ordinal, number=number)
                version = self._check_version(step, names[ordinal])
                since = version.created_at if since is None else max(since, version.created_at)
                keyed.append((since, ordinal, number))
        return [Step(ordinal=ordinal, number=number) for _, ordinal, number in sorted(keyed)]

    def _check_version(self, step: Step, model: ModelName) -> ModelVersion:
        version = self.version(step)
        if version.name != model or version.version != step.number:
            raise self._contradiction(f"{version.ref} stands where version {step.number} of {model} belongs")
        if version.status is not VersionStatus.READY:
            return version
        if version.manifest_sha256 is None:
            raise self._contradiction(f"{version.ref} is READY without a manifest")
        manifest = self.manifest(version)
        if hashlib.sha256(to_json(manifest)).hexdigest() != version.manifest_sha256:
            raise self._contradiction(f"the manifest of {version.ref} has another digest")
        for entry in manifest.files:
            size = self._archive.blob_size(entry.sha256)
            if size is None and self.header.metadata_only:
                continue
            if size != entry.size:
                raise self._contradiction(f"{entry.path} of {version.ref} is missing, or has another size")
        return version

    @staticmethod
    def _contradiction(what: str) -> InvalidArgumentError:
        return InvalidArgumentError(f"The archive contradicts itself: {what}.", hint="Get the archive again.")


def _lies_in(name: SchemaName, whole: CatalogName | SchemaName | ModelName) -> bool:
    return whole in (name, name.parent)
