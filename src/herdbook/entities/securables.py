"""Catalogs, schemas, registered models, and the chain from one of them up to the metastore."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

from attrs import field, frozen

from herdbook.names import CatalogName, ModelName, SchemaName
from herdbook.verdicts import SecurableKind

T = TypeVar("T")


@frozen(kw_only=True)
class Link:
    """One securable on the way up.

    Args:
        id: Its immutable id; a slot of an alias has `MODEL_ID@folded-alias`.
        kind: Its kind.
        name: Its full name as written.
        owner_id: The principal that owns it; None where nobody does (alias slots, the metastore).
    """

    id: str
    kind: SecurableKind
    name: str
    owner_id: str | None = None


@frozen(kw_only=True)
class Chain:
    """A securable and everything that it lies in, the object first and the metastore last.

    Args:
        links: The securables.
        policy_revision: The policy revision at which they were read.
    """

    links: tuple[Link, ...]
    policy_revision: int

    @property
    def object(self) -> Link:
        """The securable itself."""
        return self.links[0]

    def find(self, kind: SecurableKind) -> int | None:
        """Return the position of the level of that kind; None where the chain has none."""
        for position, link in enumerate(self.links):
            if link.kind is kind:
                return position
        return None

    def link(self, kind: SecurableKind) -> Link:
        """Return the level of that kind; raises LookupError where the chain has none."""
        position = self.find(kind)
        if position is None:
            raise LookupError(kind)
        return self.links[position]

    def upward_from(self, kind: SecurableKind) -> Chain:
        """Return the chain that begins at the level of that kind."""
        position = self.find(kind)
        if position is None:
            raise LookupError(kind)
        return Chain(links=self.links[position:], policy_revision=self.policy_revision)

    def above(self) -> Chain:
        """Return the chain of what the object lies in; raises LookupError for the metastore, which lies in nothing."""
        if len(self.links) == 1:
            raise LookupError(self.object.kind)
        return Chain(links=self.links[1:], policy_revision=self.policy_revision)


@frozen(kw_only=True)
class Catalog:
    """A catalog.

    Args:
        id: Its immutable id.
        name: Its name.
        comment: Markdown; None where there is none.
        owner: The owning principal's name; this and what follows is None where the reader may not see it (R7).
        created_at: When (UTC).
        created_by: The name of the principal that made it.
        updated_at: When it was changed last (UTC).
        updated_by: Who changed it last.
        row_version: Grows by one with each change; what `expected_version` compares with.
    """

    id: str
    name: CatalogName
    comment: str | None = None
    owner: str | None = None
    created_at: datetime | None = None
    created_by: str | None = None
    updated_at: datetime | None = None
    updated_by: str | None = None
    row_version: int = 1


@frozen(kw_only=True)
class Schema:
    """A schema in a catalog; the fields are those of a catalog."""

    id: str
    name: SchemaName
    comment: str | None = None
    owner: str | None = None
    created_at: datetime | None = None
    created_by: str | None = None
    updated_at: datetime | None = None
    updated_by: str | None = None
    row_version: int = 1


# Lists make very many of them, and without slots one is made in half the time.
@frozen(kw_only=True, slots=False)
class RegisteredModel:
    """A registered model.

    Args:
        tags: Its tags.
        aliases: Alias as written -> version number.
        latest_version: The highest READY version's number; None where there is none.

    The other fields are those of a catalog.
    """

    id: str
    name: ModelName
    comment: str | None = None
    owner: str | None = None
    created_at: datetime | None = None
    created_by: str | None = None
    updated_at: datetime | None = None
    updated_by: str | None = None
    row_version: int = 1
    tags: dict[str, str] = field(factory=dict)
    aliases: dict[str, int] = field(factory=dict)
    latest_version: int | None = None


@frozen(kw_only=True)
class Page(Generic[T]):
    """One page of a list.

    Args:
        items: What is on it, in order.
        next_page_token: What to ask the next page with; None on the last.
    """

    items: tuple[T, ...]
    next_page_token: str | None = None
