"""Reading the trash, and what a deletion asks."""

from __future__ import annotations

from itertools import groupby

from herdbook.adapters.sql import life_sql, rows
from herdbook.adapters.sql.statements import Row, Runner
from herdbook.entities import Chain, Link
from herdbook.entities.governance import DeletedKind, DeletedSecurable
from herdbook.names import CatalogName, ModelName, SchemaName, VersionRef
from herdbook.ports.metadata import Aliased, Found, Trashed, VersionRow
from herdbook.ports.metadata.life import LifeReads, TrashResolver
from herdbook.verdicts import SecurableKind

_K = SecurableKind
_TRASHED = {
    _K.CATALOG: life_sql.TRASHED_CATALOG,
    _K.SCHEMA: life_sql.TRASHED_SCHEMA,
    _K.REGISTERED_MODEL: life_sql.TRASHED_MODEL,
}
_HOLDS = {
    _K.CATALOG: "SELECT 1 FROM schemas WHERE catalog_id = :id AND deleted_at IS NULL LIMIT 1",
    _K.SCHEMA: "SELECT 1 FROM registered_models WHERE schema_id = :id AND deleted_at IS NULL LIMIT 1",
    _K.REGISTERED_MODEL: """SELECT 1 FROM model_versions
        WHERE model_id = :id AND deleted_at IS NULL AND status <> 'FAILED_REGISTRATION' LIMIT 1""",
}
_COLUMN = {_K.CATALOG: "catalog_id", _K.SCHEMA: "schema_id", _K.REGISTERED_MODEL: "id"}
_ALL = "1 = 1"
_LISTED = {
    _K.METASTORE: {"CATALOG": _ALL, "SCHEMA": _ALL, "REGISTERED_MODEL": _ALL, "MODEL_VERSION": _ALL},
    _K.CATALOG: {
        "SCHEMA": "s.catalog_id = :on",
        "REGISTERED_MODEL": "m.catalog_id = :on",
        "MODEL_VERSION": "m.catalog_id = :on",
    },
    _K.SCHEMA: {"REGISTERED_MODEL": "m.schema_id = :on", "MODEL_VERSION": "m.schema_id = :on"},
    _K.REGISTERED_MODEL: {"MODEL_VERSION": "m.id = :on"},
}
_LATER = (2**62, "")


class SqlTrashResolver(TrashResolver):
    """What is in the trash, on whatever runner it is given."""

    _run: Runner

    def trashed(self, kind: SecurableKind, securable_id: str) -> Found[Trashed]:
        """Resolve a catalog, schema or registered model in the trash."""
        row = self._run.one(_TRASHED[kind], id=securable_id)
        if row is None:
            return Found(chain=None, row=None)
        return Found(chain=rows.chain(kind, row), row=Trashed(name=_name(kind, row), in_trash_with=row[-1]))

    def trashed_version(self, ref: VersionRef) -> Found[VersionRow]:
        """Resolve a version in the trash."""
        row = self._run.one(life_sql.TRASHED_VERSION, key=ref.model.key, version=ref.version)
        return rows.found_version(row)


class SqlLifeReads(LifeReads):
    """What a deletion and a look into the trash ask."""

    _run: Runner

    def is_empty(self, on: Link) -> bool:
        """Return whether something holds nothing live."""
        return self._run.one(_HOLDS[on.kind], id=on.id) is None

    def inside(self, on: Link, *, after: str, limit: int) -> tuple[Chain, ...]:
        """Return the chains of live schemas and models inside."""
        bounds = {"id": on.id, "after": after, "limit": limit}
        found = [
            (row[0], rows.chain(_K.REGISTERED_MODEL, row[1:]))
            for row in self._run.all(life_sql.MODELS_INSIDE.format(container=_COLUMN[on.kind]), **bounds)
        ]
        if on.kind is _K.CATALOG:
            found += [
                (row[0], rows.chain(_K.SCHEMA, row[1:])) for row in self._run.all(life_sql.SCHEMAS_INSIDE, **bounds)
            ]
        return tuple(chain for _, chain in sorted(found, key=lambda pair: pair[0])[:limit])

    def aliased_versions(self, on: Link) -> tuple[Aliased, ...]:
        """Return the versions inside that an alias points to."""
        found = self._run.all(life_sql.ALIASED.format(within=f"m.{_COLUMN[on.kind]} = :id"), id=on.id)
        return tuple(
            Aliased(
                model_id=version[0],
                ref=rows.model_name(version[1]).version(version[2]),
                aliases=tuple(row[3] for row in same),
            )
            for version, same in groupby(found, key=lambda row: row[:3])
        )

    def list_deleted(self, on: Link, *, before: tuple[int, str] | None, limit: int) -> tuple[DeletedSecurable, ...]:
        """Return what was deleted by itself from a live container."""
        at, last = _LATER if before is None else before
        bounds = {"at": at, "id": last, "limit": limit}
        if on.kind is not _K.METASTORE:
            bounds["on"] = on.id
        return tuple(
            DeletedSecurable(
                kind=DeletedKind(row[0]), id=row[1], name=row[2], deleted_at=rows.to_time(row[3]), deleted_by=row[4]
            )
            for row in self._run.all(life_sql.deleted(_LISTED[on.kind]), **bounds)
        )


def _name(kind: SecurableKind, row: Row) -> CatalogName | SchemaName | ModelName:
    if kind is _K.CATALOG:
        return CatalogName(catalog=row[1])
    if kind is _K.SCHEMA:
        return SchemaName(catalog=row[4], schema=row[1])
    return rows.model_name(f"{row[7]}.{row[4]}.{row[1]}")
