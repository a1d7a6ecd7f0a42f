"""What policy files and their effects ask: who bears names, what still exists, the chains of many things at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection

from herdbook.entities import Chain
from herdbook.names import PrincipalName


class NameReads(ABC):
    """Questions about many names or ids at once."""

    @abstractmethod
    def bearers(self, keys: Collection[str]) -> dict[str, str]:
        """Return the ids of live catalogs, schemas and models by their folded names, of those that there are."""

    @abstractmethod
    def principals_named(self, keys: Collection[str]) -> dict[str, str]:
        """Return the ids of principals that were not deleted by their folded names, of those that there are."""

    @abstractmethod
    def principal_names(self, ids: Collection[str]) -> dict[str, PrincipalName]:
        """Return the names of principals by id, deleted ones too."""

    @abstractmethod
    def existing(self, ids: Collection[str]) -> frozenset[str]:
        """Return which ids are of principals that were not deleted, or of securables that were not purged."""

    @abstractmethod
    def chains(self, *, ids: Collection[str] = (), owner_ids: Collection[str] = ()) -> tuple[Chain, ...]:
        """Return the chains of live catalogs, schemas and models that have such an id or owner, outer ones first."""
