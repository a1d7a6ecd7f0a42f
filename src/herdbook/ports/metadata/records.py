"""Records that pass between the service and a metadata store."""

from __future__ import annotations

from typing import Generic, TypeVar

from attrs import frozen

from herdbook.entities import Chain, Lineage, ModelDescription, ModelVersion, VersionStatus
from herdbook.formats.filters import Filter
from herdbook.formats.orders import Order
from herdbook.names import CatalogName, ModelName, SchemaName, VersionRef

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
class Search:
    """One page of a search.

    Args:
        where: What results meet; None finds all.
        order: What they are ordered by; no two of them tie.
        after: The position behind which the page begins; None is the first page.
        limit: How many it holds at most.
    """

    where: Filter | None
    order: tuple[Order, ...]
    after: tuple[str | int, ...] | None = None
    limit: int


@frozen(kw_only=True)
class Hits(Generic[T]):
    """One page of what a search found.

    Args:
        rows: What is on it, in order.
        position: The last row's values of what the search is ordered by, where more follow; None on the last page.
    """

    rows: tuple[T, ...]
    position: tuple[str | int, ...] | None = None


@frozen(kw_only=True)
class VersionRow:
    """A version with what only the service looks at.

    Args:
        version: As callers see it.
        author_id: The principal that registered it.
        manifest_id: Its manifest; None before one is known.
        lease: The lease last taken; None where there was none.
        source_ids: The ids of the registered versions that it was made from, which stay when those are renamed.
    """

    version: ModelVersion
    author_id: str
    manifest_id: str | None = None
    lease: Lease | None = None
    source_ids: tuple[str, ...] = ()


@frozen(kw_only=True)
class Trashed:
    """A catalog, schema or registered model in the trash.

    Args:
        name: The name that it had, under its containers' names of now.
        in_trash_with: The container whose deletion took it along, or that is in the trash itself; None where it can be
            restored by itself.
    """

    name: CatalogName | SchemaName | ModelName
    in_trash_with: str | None = None


@frozen(kw_only=True)
class Aliased:
    """A version that aliases point to.

    Args:
        model_id: Its model.
        ref: Its name.
        aliases: Those aliases, as written.
    """

    model_id: str
    ref: VersionRef
    aliases: tuple[str, ...]


@frozen(kw_only=True)
class NewVersion:
    """A version to insert; its number was allocated, and its manifest inserted, in the same transaction.

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
