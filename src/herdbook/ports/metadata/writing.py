"""Writing, and the store itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

from herdbook.entities import FileEntry, Manifest, ModelDescription, Principal, VersionStatus
from herdbook.entities.ledger import (
    AppliedPolicy,
    AuditRow,
    BoundName,
    Event,
    IdempotencyRecord,
    Membership,
    NameDeny,
    PolicyLine,
)
from herdbook.errors import RegistryError
from herdbook.names import CatalogName, ModelName, SchemaName
from herdbook.ports.metadata.life import LifeWrites
from herdbook.ports.metadata.reading import ReadTransaction, Resolver
from herdbook.ports.metadata.records import Lease, NewVersion, Stamp, VersionRow
from herdbook.ports.metadata.rights import RightsWrites
from herdbook.ports.metadata.tokens import TokenWrites
from herdbook.verdicts import Rejection, SecurableKind

R = TypeVar("R")


class WriteTransaction(ReadTransaction, LifeWrites, RightsWrites, TokenWrites):
    """A read-write transaction; all of it is committed, or nothing is.

    While it is open no exclusive one is (see `MetadataStore.write`), so neither the policy revision nor names and
    owners move under it.
    """

    serial: bool = False
    """Whether no other change runs beside it, so that all that it has read stays true until its end."""

    @abstractmethod
    def lock(self, kind: SecurableKind, securable_id: str) -> None:
        """Keep other changes to a securable and to what hangs on it waiting until this transaction is over.

        What is read of it afterwards is what is true when this transaction writes. A transaction locks one securable.
        """

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
    def allocate_version(self, model_id: str, stamp: Stamp, *, number: int | None = None, ready: bool = False) -> int:
        """Return the model's next version number, which nobody else will get.

        Args:
            model_id: The model.
            stamp: Who takes it, and when.
            number: The number to take, above every number that the model has had; None: the next one.
            ready: Whether the version is inserted as READY: it is then the model's latest, and the next event of the
                model that this transaction emits is counted already, so there must be one.

        Raises:
            ConflictError: the number, or one above it, was taken before.
        """

    @abstractmethod
    def insert_version(self, new: NewVersion) -> VersionRow:
        """Insert a version; returns it as it is read from now on, while it has no tags."""

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
        end: Sequence[PolicyLine | Membership] = (),
        names: Sequence[BoundName] = (),
        denies: Sequence[NameDeny] = (),
        reason: str | None,
        stamp: Stamp,
    ) -> int:
        """Begin a new policy revision with these files; returns it. Only in an exclusive transaction.

        Args:
            files: The files; nothing else of it is looked at.
            add: Lines and memberships that begin.
            end: Those that end.
            names: What the names in the files stand for, instead of all that were bound before.
            denies: Denies by name, instead of all that there were: whenever a catalog, schema or model comes to bear
                such a name (made, renamed or restored, also with what it is in), it gets the line in that transaction.
            reason: Why.
            stamp: Who applies them, and when.
        """


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
    def write(self, *, exclusive: bool = False) -> AbstractContextManager[WriteTransaction]:
        """Open a write transaction: commits on leaving, rolls back on an exception.

        Args:
            exclusive: Whether no other write may run beside it: for what changes rights, names, owners or containers,
                and for what removes bytes that nothing refers to.

        Raises:
            UnavailableError: the database is locked, full or gone; nothing was changed.
        """

    def together(
        self, jobs: Sequence[Callable[[], R]], meanwhile: Callable[[], None] | None = None
    ) -> list[R | RegistryError]:
        """Do jobs one after the other in this thread; a store may commit what they change at once.

        Args:
            jobs: What to do; each may read and write as always, in transactions of its own, and returns what came of
                it: one that raises is the end of all that follow.
            meanwhile: Called by this thread, once or more, before it waits: for the disk, or for somebody else who
                writes. What it wakes has the interpreter for so long.

        Returns:
            What each job returned; where its changes could not be committed, the error. What was returned is true from
            now on, and not before.
        """
        if meanwhile is not None:
            meanwhile()
        return [job() for job in jobs]

    def briefly(self, job: Callable[[], R]) -> R | None:
        """Do a job that reads and returns something, unless it turns out to read much: a server's event loop waits.

        Args:
            job: What to do; it is broken off in the middle, and may be done again elsewhere.

        Returns:
            What the job returned; None where it was broken off, or would have had to wait.
        """
        del job
        return None

    @abstractmethod
    def metastore_id(self) -> str | None:
        """Return the metastore's id; None where the database holds none yet."""

    @abstractmethod
    def create_metastore(self, metastore_id: str, *, seal_key: bytes, at_ms: int) -> bool:
        """Make the metastore's row; returns False where another process was first."""

    def has_current_schema(self) -> bool:
        """Return whether the tables are still those that this version works with; another may have upgraded them."""
        return True

    @abstractmethod
    def close(self) -> None:
        """Release all connections."""
