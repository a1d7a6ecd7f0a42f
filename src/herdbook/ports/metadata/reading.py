"""Reading: resolve names, list, and what the policy says, in one consistent view."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from herdbook.entities import (
    AliasAssignment,
    Catalog,
    Chain,
    FileEntry,
    Manifest,
    ModelDescription,
    Principal,
    RegisteredModel,
    Schema,
)
from herdbook.entities.ledger import AppliedPolicy, BoundName, IdempotencyRecord, PolicyChange, PolicySnapshot
from herdbook.names import AliasRef, CatalogName, ModelName, PrincipalName, SchemaName, VersionRef
from herdbook.policy.ranges import Ranges
from herdbook.ports.authorizer import Visible
from herdbook.ports.metadata.life import LifeReads, TrashResolver
from herdbook.ports.metadata.naming import NameReads
from herdbook.ports.metadata.records import Found, Hits, Search, VersionRow
from herdbook.ports.metadata.rights import RightsReads
from herdbook.ports.metadata.tokens import CredentialResolver, TokenReads
from herdbook.verdicts import SecurableKind


class PolicyLog(ABC):
    """Where the authorizer's truth comes from: committed lines and memberships, by revision."""

    @abstractmethod
    def revision(self) -> int:
        """Return the policy revision."""

    @abstractmethod
    def changes(self, since: int) -> tuple[PolicyChange, ...] | None:
        """Return the steps after a revision, in order; None where the log no longer reaches back that far."""

    @abstractmethod
    def snapshot(self) -> PolicySnapshot:
        """Return everything in force."""

    @abstractmethod
    def applied(self) -> AppliedPolicy:
        """Return the policy files in force."""

    @abstractmethod
    def applied_revision(self) -> int:
        """Return the policy revision of the files in force; 0 where there are none."""

    @abstractmethod
    def bound_names(self) -> tuple[BoundName, ...]:
        """Return what the names in the files in force stand for."""

    @property
    @abstractmethod
    def moved(self) -> bool:
        """Whether this transaction itself has begun a policy revision, which may still come to nothing."""


class Resolver(TrashResolver, CredentialResolver):
    """Names to rows and chains: one statement each.

    But for `trashed` ones only what is live (not in the trash) is found. A version's chain is its model's.
    """

    @abstractmethod
    def metastore(self) -> Chain:
        """Return the chain of the metastore alone."""

    @abstractmethod
    def catalog(self, name: CatalogName) -> Found[Catalog]:
        """Resolve a catalog."""

    @abstractmethod
    def schema(self, name: SchemaName) -> Found[Schema]:
        """Resolve a schema."""

    @abstractmethod
    def model(self, name: ModelName) -> Found[RegisteredModel]:
        """Resolve a registered model."""

    @abstractmethod
    def version(self, ref: VersionRef) -> Found[VersionRow]:
        """Resolve a version of any status."""

    @abstractmethod
    def version_by_id(self, version_id: str) -> Found[VersionRow]:
        """Resolve a version of any status by its id."""

    @abstractmethod
    def latest(self, name: ModelName) -> Found[VersionRow]:
        """Resolve the highest READY version."""

    @abstractmethod
    def alias(self, ref: AliasRef, *, as_of_ms: int | None = None) -> Found[VersionRow]:
        """Resolve an alias; the chain begins at the slot, whether it is set or not.

        Args:
            ref: The slot.
            as_of_ms: Milliseconds since 1970 (UTC) as of which it is resolved; None is now.
        """


class ReadTransaction(Resolver, PolicyLog, LifeReads, RightsReads, NameReads, TokenReads):
    """A consistent view of the database."""

    @abstractmethod
    def model_by_id(self, model_id: str) -> Found[RegisteredModel]:
        """Resolve a registered model by its id."""

    @abstractmethod
    def visible_ranges(self, visible: Visible, kind: SecurableKind) -> Ranges:
        """Return the name ranges of the securables of a kind that may be seen, compiled in this transaction."""

    @abstractmethod
    def list_catalogs(self, ranges: Ranges, *, after: str, limit: int) -> tuple[Catalog, ...]:
        """Return catalogs in ranges, ordered by folded name, whose folded full name is greater than `after`."""

    @abstractmethod
    def list_schemas(self, catalog_id: str, ranges: Ranges, *, after: str, limit: int) -> tuple[Schema, ...]:
        """Return a catalog's schemas, as `list_catalogs` does."""

    @abstractmethod
    def list_models(self, schema_id: str, ranges: Ranges, *, after: str, limit: int) -> tuple[RegisteredModel, ...]:
        """Return a schema's registered models, as `list_catalogs` does."""

    @abstractmethod
    def list_versions(
        self, model_id: str, *, reader_id: str | None, before: int | None, limit: int
    ) -> tuple[VersionRow, ...]:
        """Return a model's versions, highest first.

        Args:
            model_id: The model.
            reader_id: READY ones and those of this author; None: all.
            before: Only numbers below this.
            limit: How many at most.
        """

    @abstractmethod
    def search_models(self, search: Search, ranges: Ranges) -> Hits[RegisteredModel]:
        """Return one page of a search over registered models.

        Args:
            search: The filter, order, position and size.
            ranges: The names among which it may find any: those that may be read, or, where filter and order name only
                what BROWSE shows, those that may be seen (R7).
        """

    @abstractmethod
    def search_versions(
        self, search: Search, ranges: Ranges, *, reader_id: str, managed: Ranges, known: Ranges
    ) -> Hits[VersionRow]:
        """Return one page of a search over model versions.

        Args:
            search: The filter, order, position and size.
            ranges: The names of the models whose versions may be read.
            reader_id: READY versions are found, and those of this author.
            managed: The names of the models of which versions of any status are found.
            known: The names of the models that may be known of: a filter on the source leaves out versions whose source
                is a `models:/` URI and that have a parent which is not live or not among these (R28).
        """

    @abstractmethod
    def list_files(self, manifest_id: str, *, after: str, limit: int) -> tuple[FileEntry, ...]:
        """Return a manifest's files whose path is greater than `after`, ordered by path."""

    @abstractmethod
    def file(self, manifest_id: str, path: str) -> FileEntry | None:
        """Return one file of a manifest."""

    @abstractmethod
    def manifest(self, manifest_id: str) -> Manifest:
        """Return a whole manifest."""

    @abstractmethod
    def description(self, manifest_id: str) -> ModelDescription | None:
        """Return what a READY version with this manifest was read to say; None where none was."""

    @abstractmethod
    def aliases(self, model_id: str, *, ended: bool = False) -> tuple[AliasAssignment, ...]:
        """Return the aliases of a model that are set, ordered by folded alias.

        Args:
            model_id: The model.
            ended: Also the last assignment of every alias that is no longer set.
        """

    @abstractmethod
    def alias_history(
        self, model_id: str, alias_key: str, *, before_ms: int | None, limit: int
    ) -> tuple[AliasAssignment, ...]:
        """Return the assignments of a slot, the newest first, that began before a time."""

    @abstractmethod
    def held_by(self, model_id: str, files: Iterable[FileEntry]) -> frozenset[tuple[str, int]]:
        """Return of which of the files a READY version of a model holds the SHA-256 with that very size in bytes."""

    @abstractmethod
    def holds_manifest(self, model_id: str, sha256: str) -> bool:
        """Return whether a READY version of a model has the files of the manifest with a SHA-256, all of them."""

    @abstractmethod
    def sizes_held_by(self, model_id: str, sizes: Iterable[int]) -> frozenset[int]:
        """Return of which of the sizes in bytes a READY version of a model holds a file."""

    @abstractmethod
    def holders(self, sha256: str, size: int, *, limit: int = 64) -> tuple[str, ...]:
        """Return the ids of models with a READY version that holds a SHA-256 of a size, at most `limit` of them."""

    @abstractmethod
    def size_holders(self, size: int, *, limit: int = 64) -> tuple[str, ...]:
        """Return the ids of models with a READY version that holds a file of a size in bytes, at most `limit`."""

    @abstractmethod
    def uploads(self, version_id: str) -> tuple[FileEntry, ...]:
        """Return the files sent so far for a pending version, ordered by path."""

    @abstractmethod
    def principal(self, name: PrincipalName) -> Principal | None:
        """Return a principal by name."""

    @abstractmethod
    def principal_by_id(self, principal_id: str) -> Principal | None:
        """Return a principal by id."""

    @abstractmethod
    def idempotent(self, principal_id: str, operation: str, key: str, *, now_ms: int) -> IdempotencyRecord | None:
        """Return the answer kept for a key, unless it has expired.

        In a write transaction, whoever asks for the same key at the same time waits until the first is over.
        """

    @abstractmethod
    def live_digests(self, digests: Sequence[str], *, without: Sequence[str] = ()) -> frozenset[str]:
        """Return those of the digests that something refers to: an upload, or a version that did not fail.

        Args:
            digests: SHA-256s.
            without: Ids of versions that are left out of account. Versions in the trash count.
        """

    @abstractmethod
    def abandoned(self, *, before_ms: int, now_ms: int, limit: int) -> tuple[VersionRow, ...]:
        """Return pending versions not touched after a time and under no lease that still holds."""

    @abstractmethod
    def seal_key(self) -> bytes:
        """Return the metastore's key for sealing page tokens."""
