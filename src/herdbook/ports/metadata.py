"""What the core needs of a database: short transactions over securables, versions, aliases, tags and the ledger."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

from attrs import frozen

from herdbook.entities import (
    AliasAssignment,
    Catalog,
    Chain,
    FileEntry,
    Lineage,
    Manifest,
    ModelDescription,
    ModelVersion,
    Principal,
    RegisteredModel,
    Schema,
    VersionStatus,
)
from herdbook.entities.ledger import (
    AppliedPolicy,
    AuditRow,
    Event,
    IdempotencyRecord,
    Membership,
    PolicyChange,
    PolicyLine,
    PolicySnapshot,
)
from herdbook.names import AliasRef, CatalogName, ModelName, PrincipalName, SchemaName, VersionRef
from herdbook.policy.ranges import Ranges
from herdbook.ports.authorizer import Visible
from herdbook.verdicts import Rejection, SecurableKind

T = TypeVar("T")


@frozen(kw_only=True)
class Found(Generic[T]):
    """What a resolve found.

    Args:
        chain: From the securable up to the metastore; None where the securable does not exist.
        row: What was asked for; None where the securable exists and the thing on it (version, alias) does not.
    """

    chain: Chain | None
    row: T | None


@frozen(kw_only=True)
class Lease:
    """The right to finalize a version, fenced.

    Args:
        token: Grows with each lease that is taken.
        expires_ms: Until when it holds, milliseconds since 1970 (UTC).
    """

    token: int
    expires_ms: int


@frozen(kw_only=True)
class VersionRow:
    """A version with what only the service looks at.

    Args:
        version: As callers see it.
        author_id: The principal that registered it.
        manifest_id: Its manifest; None before one is known.
        lease: The lease last taken; None where there was none.
    """

    version: ModelVersion
    author_id: str
    manifest_id: str | None = None
    lease: Lease | None = None


@frozen(kw_only=True)
class NewVersion:
    """A version to insert; its number was allocated in the same transaction.

    Args:
        manifest_id: Its manifest where it is known already.
        description: What its files say, where they were read already.
    """

    id: str
    model_id: str
    version: int
    status: VersionStatus
    comment: str | None
    author_id: str
    at_ms: int
    lineage: Lineage
    parent_ids: tuple[tuple[str, str], ...] = ()
    """Registered sources: (version id, manifest SHA-256)."""
    manifest_id: str | None = None
    description: ModelDescription | None = None


@frozen(kw_only=True)
class Stamp:
    """Who changes something, and when.

    Args:
        at_ms: Milliseconds since 1970 (UTC).
        by: The principal's id.
    """

    at_ms: int
    by: str


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


class Resolver(ABC):
    """Names to rows and chains: one statement each.

    Only what is live (not in the trash) is found. A version's chain is its model's.
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
    def latest(self, name: ModelName) -> Found[VersionRow]:
        """Resolve the highest READY version."""

    @abstractmethod
    def alias(self, ref: AliasRef, *, as_of_ms: int | None = None) -> Found[VersionRow]:
        """Resolve an alias; the chain begins at the slot, whether it is set or not.

        Args:
            ref: The slot.
            as_of_ms: Milliseconds since 1970 (UTC) as of which it is resolved; None is now.
        """


class ReadTransaction(Resolver, PolicyLog):
    """A consistent view of the database."""

    @abstractmethod
    def model_by_id(self, model_id: str) -> Found[RegisteredModel]:
        """Resolve a registered model by its id."""

    @abstractmethod
    def version_by_id(self, version_id: str) -> Found[VersionRow]:
        """Resolve a version by its id."""

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
    ) -> tuple[ModelVersion, ...]:
        """Return a model's versions, highest first.

        Args:
            model_id: The model.
            reader_id: READY ones and those of this author; None: all.
            before: Only numbers below this.
            limit: How many at most.
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
    def aliases(self, model_id: str) -> tuple[AliasAssignment, ...]:
        """Return the aliases of a model that are set, ordered by folded alias."""

    @abstractmethod
    def alias_history(
        self, model_id: str, alias_key: str, *, before_ms: int | None, limit: int
    ) -> tuple[AliasAssignment, ...]:
        """Return the assignments of a slot, the newest first, that began before a time."""

    @abstractmethod
    def holders(self, digests: Iterable[str], *, limit: int = 64) -> dict[str, tuple[str, ...]]:
        """Return for each SHA-256 the ids of models with a READY version that holds it, at most `limit` for each."""

    @abstractmethod
    def size_holders(self, sizes: Iterable[int], *, limit: int = 64) -> dict[int, tuple[str, ...]]:
        """Return for each size in bytes the ids of models with a READY version that holds a file of it."""

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
        """Return the answer kept for a key, unless it has expired."""

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


class WriteTransaction(ReadTransaction):
    """A read-write transaction; all of it is committed, or nothing is.

    It holds the shared policy lock from its first statement on, so the policy revision cannot move under it.
    """

    @abstractmethod
    def lock_policy(self) -> None:
        """Take the policy lock exclusively, before anything that changes rights is written."""

    @abstractmethod
    def insert_catalog(
        self, catalog_id: str, name: CatalogName, *, comment: str | None, owner_id: str, stamp: Stamp
    ) -> None:
        """Insert a catalog; raises AlreadyExistsError where the name is taken."""

    @abstractmethod
    def insert_schema(
        self, schema_id: str, catalog_id: str, name: SchemaName, *, comment: str | None, owner_id: str, stamp: Stamp
    ) -> None:
        """Insert a schema; raises AlreadyExistsError where the name is taken."""

    @abstractmethod
    def insert_model(
        self, model_id: str, schema_id: str, name: ModelName, *, comment: str | None, owner_id: str, stamp: Stamp
    ) -> None:
        """Insert a registered model; raises AlreadyExistsError where the name is taken."""

    @abstractmethod
    def set_comment(self, kind: SecurableKind, securable_id: str, comment: str | None, stamp: Stamp) -> None:
        """Set the comment of a catalog, schema or registered model."""

    @abstractmethod
    def set_version_comment(self, version_id: str, comment: str | None, stamp: Stamp) -> None:
        """Set the comment of a version."""

    @abstractmethod
    def allocate_version(self, model_id: str, stamp: Stamp) -> int:
        """Return the model's next version number, which nobody else will get."""

    @abstractmethod
    def insert_version(self, new: NewVersion) -> None:
        """Insert a version."""

    @abstractmethod
    def insert_manifest(self, manifest: Manifest, sha256: str, *, new_id: str) -> str:
        """Return the id of a manifest, inserted unless an equal one (by its SHA-256) is there."""

    @abstractmethod
    def add_uploads(self, version_id: str, files: Sequence[FileEntry], stamp: Stamp) -> None:
        """Record files sent for a pending version; a path sent again replaces what was recorded."""

    @abstractmethod
    def drop_uploads(self, version_id: str) -> None:
        """Forget the files sent for a version."""

    @abstractmethod
    def take_lease(self, version_id: str, manifest_id: str, *, now_ms: int, until_ms: int) -> Lease:
        """Lease a pending version for finalizing with that manifest.

        Raises:
            ConcurrentUpdateError: another lease still holds, or the version is not pending.
        """

    @abstractmethod
    def release_lease(self, version_id: str, lease: Lease) -> None:
        """Give a lease back, if it is still the last one taken."""

    @abstractmethod
    def finish_version(
        self,
        version_id: str,
        lease: Lease,
        *,
        status: VersionStatus,
        reason: str | None,
        description: ModelDescription | None,
        rejections: tuple[Rejection, ...],
        stamp: Stamp,
    ) -> None:
        """End a pending version's registration.

        Raises:
            ConcurrentUpdateError: the lease is not the last one taken.
        """

    @abstractmethod
    def fail_abandoned(self, version_id: str, reason: str, stamp: Stamp) -> None:
        """Mark a pending version FAILED_REGISTRATION."""

    @abstractmethod
    def set_alias(
        self, model_id: str, alias: str, version_id: str, *, reason: str | None, new_id: str, stamp: Stamp
    ) -> None:
        """Point an alias to a version, ending what it pointed to before."""

    @abstractmethod
    def delete_alias(self, model_id: str, alias_key: str, *, stamp: Stamp) -> None:
        """End the current assignment of an alias."""

    @abstractmethod
    def set_tag(self, kind: str, owner_id: str, key: str, value: str, stamp: Stamp) -> None:
        """Set a tag of a registered model (`kind` `registered_model`) or version (`model_version`)."""

    @abstractmethod
    def delete_tag(self, kind: str, owner_id: str, key: str, stamp: Stamp) -> bool:
        """Delete a tag; returns whether it was there."""

    @abstractmethod
    def audit(self, row: AuditRow) -> None:
        """Write an audit row."""

    @abstractmethod
    def emit(self, event: Event) -> int:
        """Write an outbox row and return its sequence number on its securable."""

    @abstractmethod
    def remember(self, record: IdempotencyRecord) -> None:
        """Keep an answer for a key."""

    @abstractmethod
    def forget_expired(self, *, now_ms: int) -> int:
        """Drop idempotency answers that have expired; returns how many."""

    @abstractmethod
    def insert_principal(self, principal: Principal) -> None:
        """Insert a principal; raises AlreadyExistsError where the name is taken."""

    @abstractmethod
    def apply_policy(
        self,
        files: AppliedPolicy,
        *,
        add: Sequence[PolicyLine | Membership],
        reason: str | None,
        stamp: Stamp,
    ) -> int:
        """Begin a new policy revision with these files and further lines; returns it. Needs `lock_policy`."""


class MetadataStore(ABC):
    """A database that holds one metastore. Thread-safe."""

    inline_reads: bool = False
    """Whether a single-statement read is fast enough for a server's event loop."""

    @property
    @abstractmethod
    def point(self) -> Resolver:
        """Single-statement reads without a transaction around them: the hot path."""

    @abstractmethod
    def read(self) -> AbstractContextManager[ReadTransaction]:
        """Open a consistent read; blocks no writer."""

    @abstractmethod
    def write(self) -> AbstractContextManager[WriteTransaction]:
        """Open a write transaction: commits on leaving, rolls back on an exception.

        Raises:
            UnavailableError: the database is locked, full or gone; nothing was changed.
        """

    @abstractmethod
    def metastore_id(self) -> str | None:
        """Return the metastore's id; None where the database holds none yet."""

    @abstractmethod
    def create_metastore(self, metastore_id: str, *, seal_key: bytes, at_ms: int) -> bool:
        """Make the metastore's row; returns False where another process was first."""

    @abstractmethod
    def close(self) -> None:
        """Release all connections."""
