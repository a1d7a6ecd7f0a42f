"""Rows to values."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from herdbook.adapters.sql.statements import Row
from herdbook.entities import (
    AliasAssignment,
    Catalog,
    Chain,
    Lineage,
    Link,
    ModelDescription,
    ModelVersion,
    RegisteredModel,
    Schema,
    VersionStatus,
)
from herdbook.names import CatalogName, ModelName, SchemaName, fold
from herdbook.ports.metadata import Found, Lease, VersionRow
from herdbook.verdicts import Rejection, SecurableKind
from herdbook.wire import from_json

_K = SecurableKind
# What json.loads does once it has looked for white space, which databases do not write around their JSON.
_scanned = json.JSONDecoder().raw_decode
_bare = object.__new__
_fill = object.__setattr__
_set_catalog, _set_schema, _set_model = (vars(ModelName)[level].__set__ for level in ("catalog", "schema", "model"))
_LISTS = ("datasets", "parents", "imported")
_SMALL = 16_384
_STATUS = {status.value: status for status in VersionStatus}


# These depend on nothing but what they are given, and the same is read again and again.
@lru_cache(maxsize=8192)
def to_time(at_ms: int) -> datetime:
    """Return milliseconds since 1970 as a UTC time."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


@lru_cache(maxsize=4096)
def model_name(full: str) -> ModelName:
    """Return a model's name."""
    catalog_level, schema_level, model_level = full.split(".")
    made = _bare(ModelName)
    # Nothing but a name is kept as one, and to look at each level again took most of the time.
    _set_catalog(made, catalog_level)
    _set_schema(made, schema_level)
    _set_model(made, model_level)
    return made


def description(text: str) -> ModelDescription:
    """Return a stored description."""
    # A signature may have thousands of columns, and a thousand of such descriptions are too much to keep.
    return _small_description(text) if len(text) <= _SMALL else from_json(text, ModelDescription)


@lru_cache(maxsize=1024)
def _small_description(text: str) -> ModelDescription:
    return from_json(text, ModelDescription)


@lru_cache(maxsize=1024)
def lineage(text: str) -> Lineage:
    """Return a stored lineage."""
    said = _scanned(text)[0]
    for field in _LISTS:
        if said.pop(field, None):
            return from_json(text, Lineage)
    # Every version has a run of its own, so most texts are new; what is left of them is plain.
    return Lineage(**said)


@lru_cache(maxsize=1024)
def _by_version(aliases: str) -> dict[int, tuple[str, ...]]:
    """Return the aliases of each version of a model, by the aliases on the model's row."""
    pointing: dict[int, list[str]] = {}
    for alias, number in _scanned(aliases)[0].items():
        pointing.setdefault(number, []).append(alias)
    return {number: tuple(sorted(names, key=fold)) for number, names in pointing.items()}


def catalog(row: Row) -> Catalog:
    """Make a catalog of CATALOG_COLUMNS."""
    return Catalog(name=CatalogName(catalog=row[0]), **_container(row[1:]))


def schema(row: Row) -> Schema:
    """Make a schema of SCHEMA_COLUMNS."""
    return Schema(name=SchemaName(catalog=row[0], schema=row[1]), **_container(row[2:]))


def model(row: Row) -> RegisteredModel:
    """Make a registered model of the MODEL_COLUMNS that a row begins with."""
    return models((row,))[0]


def models(found: Sequence[Row]) -> tuple[RegisteredModel, ...]:
    """Make registered models of the MODEL_COLUMNS that rows begin with."""
    # The JSON of a whole page is read at once, in half the time.
    cards = iter(_scanned(f"[{','.join([text for row in found for text in row[9:11]])}]")[0])
    return tuple([_model(row, next(cards), next(cards)) for row in found])


def _model(row: Row, tags: dict[str, str], aliases: dict[str, int]) -> RegisteredModel:
    made = _bare(RegisteredModel)
    # What its own __init__ does, with the fields named once instead of three times; most of a page's time goes here.
    _fill(
        made,
        "__dict__",
        {
            "id": row[1],
            "name": model_name(row[0]),
            "comment": row[2],
            "owner": row[3],
            "created_at": to_time(row[4]),
            "created_by": row[5],
            "updated_at": to_time(row[6]),
            "updated_by": row[7],
            "row_version": row[8],
            "tags": tags,
            "aliases": aliases,
            "latest_version": row[11],
        },
    )
    return made


def version(row: Row) -> VersionRow:
    """Make a version of VERSION_COLUMNS."""
    (
        version_id, number, status, reason, comment, author_id, author, created_at, updated_at, updated_by, row_version,
        origin, manifest_id, sha256, total_size, file_count, described, rejections, token, expires, tags, aliases,
        sources, full_name,
    ) = row  # fmt: skip
    made = _bare(ModelVersion)
    # As in `_model`.
    _fill(
        made,
        "__dict__",
        {
            "id": version_id,
            "name": model_name(full_name),
            "version": number,
            "status": _STATUS[status],
            "status_reason": reason,
            "comment": comment,
            "author": author,
            "created_at": to_time(created_at),
            "updated_at": to_time(updated_at),
            "updated_by": updated_by,
            "row_version": row_version,
            "tags": {} if tags == "{}" else _scanned(tags)[0],
            "aliases": _by_version(aliases).get(number, ()),
            "lineage": lineage(origin),
            "model": None if described is None else description(described),
            "manifest_sha256": sha256,
            "total_size": total_size,
            "file_count": file_count,
            "rejections": () if rejections is None else from_json(rejections, tuple[Rejection, ...]),
        },
    )
    return VersionRow(
        version=made,
        author_id=author_id,
        manifest_id=manifest_id,
        lease=None if token == 0 else Lease(token=token, expires_ms=expires or 0),
        source_ids=() if sources == "{}" else _in_order(json.loads(sources)),
    )


def _in_order(sources: dict[str, str]) -> tuple[str, ...]:
    return tuple(sources[position] for position in sorted(sources, key=int))


def metastore_chain(row: Row) -> Chain:
    """Make the chain of the metastore alone."""
    return Chain(links=(_metastore(row[0]),), policy_revision=row[1])


def chain(kind: SecurableKind, row: Row) -> Chain:
    """Make the chain of CATALOG_CHAIN, SCHEMA_CHAIN or MODEL_CHAIN."""
    make, revision = _CHAINS[kind]
    return Chain(links=make(row), policy_revision=row[revision])


def found_catalog(row: Row | None) -> Found[Catalog]:
    """Make what CATALOG found."""
    if row is None:
        return Found(chain=None, row=None)
    return Found(chain=chain(_K.CATALOG, row), row=catalog(row[5:]))


def found_schema(row: Row | None) -> Found[Schema]:
    """Make what SCHEMA found."""
    if row is None:
        return Found(chain=None, row=None)
    return Found(chain=chain(_K.SCHEMA, row), row=schema(row[8:]))


def found_model(row: Row | None) -> Found[RegisteredModel]:
    """Make what MODEL found."""
    if row is None:
        return Found(chain=None, row=None)
    return Found(chain=chain(_K.REGISTERED_MODEL, row), row=model(row[11:]))


def found_version(row: Row | None) -> Found[VersionRow]:
    """Make what VERSION or LATEST found."""
    if row is None:
        return Found(chain=None, row=None)
    return Found(chain=chain(_K.REGISTERED_MODEL, row), row=None if row[11] is None else version(row[11:]))


def found_alias(row: Row | None, alias: str) -> Found[VersionRow]:
    """Make what ALIAS found; the chain begins at the slot."""
    if row is None:
        return Found(chain=None, row=None)
    links = _model_links(row)
    slot = Link(id=f"{row[0]}@{fold(alias)}", kind=_K.MODEL_ALIAS, name=f"{links[0].name}@{alias}")
    slots = Chain(links=(slot, *links), policy_revision=row[10])
    return Found(chain=slots, row=None if row[11] is None else version(row[11:]))


def assignment(row: Row) -> AliasAssignment:
    """Make an assignment of ASSIGNMENT_COLUMNS."""
    return AliasAssignment(
        alias=row[0],
        version=row[1],
        valid_from=to_time(row[2]),
        valid_to=None if row[3] is None else to_time(row[3]),
        set_by=row[4],
        reason=row[5],
        ended_by=row[6],
    )


def _container(row: Row) -> dict[str, Any]:
    return {
        "id": row[0],
        "comment": row[1],
        "owner": row[2],
        "created_at": to_time(row[3]),
        "created_by": row[4],
        "updated_at": to_time(row[5]),
        "updated_by": row[6],
        "row_version": row[7],
    }


def _metastore(metastore_id: str) -> Link:
    return Link(id=metastore_id, kind=_K.METASTORE, name="metastore:")


def _catalog_links(row: Row) -> tuple[Link, ...]:
    return (Link(id=row[0], kind=_K.CATALOG, name=row[1], owner_id=row[2]), _metastore(row[3]))


def _schema_links(row: Row) -> tuple[Link, ...]:
    return _links_of_schema(row[:7])


# Most requests are about models of few schemas.
@lru_cache(maxsize=1024)
def _links_of_schema(row: Row) -> tuple[Link, ...]:
    name = f"{row[4]}.{row[1]}"
    return (Link(id=row[0], kind=_K.SCHEMA, name=name, owner_id=row[2]), *_catalog_links(row[3:]))


def _model_links(row: Row) -> tuple[Link, ...]:
    name = f"{row[7]}.{row[4]}.{row[1]}"
    return (Link(id=row[0], kind=_K.REGISTERED_MODEL, name=name, owner_id=row[2]), *_schema_links(row[3:]))


# Of each kind: how its links are made, and where the policy revision stands.
_CHAINS: dict[SecurableKind, tuple[Callable[[Row], tuple[Link, ...]], int]] = {
    _K.CATALOG: (_catalog_links, 4),
    _K.SCHEMA: (_schema_links, 7),
    _K.REGISTERED_MODEL: (_model_links, 10),
}
