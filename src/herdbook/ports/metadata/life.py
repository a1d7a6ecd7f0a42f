"""What happens to securables after they were made: names and owners change, things go to the trash and come back."""

from __future__ import annotations

from abc import ABC, abstractmethod

from herdbook.entities import Chain, Link
from herdbook.entities.governance import DeletedSecurable
from herdbook.names import CatalogName, ModelName, SchemaName, VersionRef
from herdbook.ports.metadata.records import Aliased, Found, Stamp, Trashed, VersionRow
from herdbook.verdicts import SecurableKind

ContainedName = CatalogName | SchemaName | ModelName


class TrashResolver(ABC):
    """What is in the trash, one statement each."""

    @abstractmethod
    def trashed(self, kind: SecurableKind, securable_id: str) -> Found[Trashed]:
        """Resolve a catalog, schema or registered model in the trash; its chain is of where it was."""

    @abstractmethod
    def trashed_version(self, ref: VersionRef) -> Found[VersionRow]:
        """Resolve a version of a live model: the row is there only where the version is in the trash."""


class LifeReads(ABC):
    """What a deletion and a look into the trash ask."""

    @abstractmethod
    def is_empty(self, on: Link) -> bool:
        """Return whether a catalog, schema or model holds nothing live; versions that failed do not count."""

    @abstractmethod
    def inside(self, on: Link, *, after: str, limit: int) -> tuple[Chain, ...]:
        """Return the chains of live schemas and models inside a catalog or schema.

        Args:
            on: The container.
            after: Only those whose folded full name is greater.
            limit: How many at most, the least folded full names first.
        """

    @abstractmethod
    def aliased_versions(self, on: Link) -> tuple[Aliased, ...]:
        """Return the versions in a securable that an alias points to, by model and number."""

    @abstractmethod
    def list_deleted(self, on: Link, *, before: tuple[int, str] | None, limit: int) -> tuple[DeletedSecurable, ...]:
        """Return what was deleted by itself from a live container, at any depth, the newest first.

        Args:
            on: The container, the metastore or a model (then: its versions).
            before: Only what is older than this (deleted at, in milliseconds since 1970 (UTC); id).
            limit: How many at most.
        """


class LifeWrites(ABC):
    """The changes; each moves the tree revision. They need a transaction that is alone (`write(exclusive=True)`)."""

    @abstractmethod
    def rename(self, on: Link, new: ContainedName, stamp: Stamp) -> None:
        """Give a securable another last level, and what lies inside the names that follow from it."""

    @abstractmethod
    def set_owner(self, on: Link, owner_id: str, stamp: Stamp) -> None:
        """Give a securable another owner."""

    @abstractmethod
    def delete(self, on: Link, stamp: Stamp) -> None:
        """Move a securable and all that is live inside to the trash."""

    @abstractmethod
    def restore(self, on: Link, stamp: Stamp) -> None:
        """Bring a securable back, and what went to the trash with it."""

    @abstractmethod
    def purge(self, on: Link) -> None:
        """Remove a securable in the trash with all that is inside, for good."""

    @abstractmethod
    def delete_version(self, version_id: str, stamp: Stamp) -> None:
        """Move a version to the trash and end the aliases that point to it."""

    @abstractmethod
    def restore_version(self, version_id: str, stamp: Stamp) -> None:
        """Bring a version back."""

    @abstractmethod
    def purge_version(self, version_id: str, stamp: Stamp) -> None:
        """Remove all that a version in the trash says and holds; its row and number stay."""
