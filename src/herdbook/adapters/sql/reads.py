"""Reading: resolves, lists, files, holders, and what the sweep asks."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from herdbook.adapters.sql import resolve_sql, rows
from herdbook.adapters.sql.life_reads import SqlLifeReads, SqlTrashResolver
from herdbook.adapters.sql.name_rows import SqlNameReads
from herdbook.adapters.sql.policy_rows import PolicyRows
from herdbook.adapters.sql.rights_rows import SqlRightsReads
from herdbook.adapters.sql.search_reads import SearchReads
from herdbook.adapters.sql.statements import Runner
from herdbook.adapters.sql.token_rows import SqlCredentialResolver, SqlTokenReads
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
from herdbook.entities.ledger import IdempotencyRecord
from herdbook.errors import UnavailableError
from herdbook.names import AliasRef, CatalogName, ModelName, PrincipalName, SchemaName, VersionRef, fold
from herdbook.policy.ranges import TOP, Ranges
from herdbook.ports.metadata import Found, ReadTransaction, Resolver, VersionRow

_NO_LIMIT = 2**62
# The first rows of the ranges are the page; sorting before cutting would make whole rows of all that is in the ranges.
_IN_RANGES = """WITH r(low, high) AS (SELECT value->>0, value->>1 FROM [[pairs ranges]]),
    page(id) AS MATERIALIZED ([[first {table}; {within}]])
    SELECT {columns} FROM page CROSS JOIN {source} WHERE {x}.id = page.id ORDER BY {x}.key"""
_ASSIGNMENT = """SELECT a.alias, v.version, a.valid_from, a.valid_to, coalesce(ps.written, a.set_by), a.reason,
    coalesce(pe.written, a.ended_by)
    FROM aliases a JOIN model_versions v ON v.id = a.version_id
    LEFT JOIN principals ps ON ps.id = a.set_by LEFT JOIN principals pe ON pe.id = a.ended_by"""
_READY_VERSION = """v.manifest_id = f.manifest_id AND v.status = 'READY' AND v.deleted_at IS NULL"""
# From the model's side: a requirements file stands in the manifests of very many other models.
_SIZES_HELD = f"""SELECT CAST(w.value AS bigint) FROM [[each wanted]] w
    WHERE EXISTS (SELECT 1 FROM manifest_files f WHERE f.size = CAST(w.value AS bigint))
    AND EXISTS (SELECT 1 FROM model_versions v [[nested manifest_files f]] ON {_READY_VERSION}
        WHERE v.model_id = :model AND f.size = CAST(w.value AS bigint))"""
_FILES_HELD = f"""SELECT w.value->>0, CAST(w.value->>1 AS bigint) FROM [[pairs wanted]] w
    WHERE EXISTS (SELECT 1 FROM manifest_files f WHERE f.sha256 = w.value->>0)
    AND EXISTS (SELECT 1 FROM model_versions v [[nested manifest_files f]] ON {_READY_VERSION}
        WHERE v.model_id = :model AND f.sha256 = w.value->>0 AND f.size = CAST(w.value->>1 AS bigint))"""
MANIFEST_HELD = """SELECT mf.id, mf.description FROM manifests mf WHERE mf.sha256 = :sha256
    AND EXISTS (SELECT 1 FROM model_versions v
    WHERE v.manifest_id = mf.id AND v.model_id = :model AND v.status = 'READY' AND v.deleted_at IS NULL)"""
# A file that very many models hold must not be looked up in all of them: a thousand of its versions will do.
_HOLDERS = f"""SELECT DISTINCT found.model_id FROM (SELECT v.model_id FROM manifest_files f
    [[foreach model_versions; v; manifest_id = f.manifest_id AND status = 'READY' AND deleted_at IS NULL LIMIT 1000]]
    [[nested registered_models m]] ON m.id = v.model_id AND m.deleted_at IS NULL
    WHERE {_READY_VERSION} AND {{which}} LIMIT 1000) found LIMIT :limit"""
# A failed version gives its bytes free; every other one keeps them, in the trash too.
# The OFFSETs keep PostgreSQL from gathering all that is referred to, to look these up in it.
_LIVE = """SELECT w.value FROM [[each wanted]] w WHERE
    EXISTS (SELECT 1 FROM uploads u WHERE u.sha256 = w.value
            AND u.version_id NOT IN (SELECT value FROM [[each without]]) LIMIT 1 OFFSET 0) OR
    EXISTS (SELECT 1 FROM manifest_files f [[foreach model_versions; v; manifest_id = f.manifest_id]]
            WHERE f.sha256 = w.value AND v.manifest_id = f.manifest_id AND v.status <> 'FAILED_REGISTRATION'
            AND v.id NOT IN (SELECT value FROM [[each without]]) LIMIT 1 OFFSET 0)"""


class SqlResolver(SqlTrashResolver, SqlCredentialResolver, Resolver):
    """Names to rows, one statement each, on whatever runner it is given."""

    def __init__(self, runner: Runner) -> None:
        self._run = runner

    def metastore(self) -> Chain:
        """Return the chain of the metastore alone."""
        row = self._run.one(resolve_sql.METASTORE)
        if row is None:
            raise UnavailableError("The database holds no metastore.", hint="Open it with herdbook once, to make one.")
        return rows.metastore_chain(row)

    def catalog(self, name: CatalogName) -> Found[Catalog]:
        """Resolve a catalog."""
        return rows.found_catalog(self._run.one(resolve_sql.CATALOG, key=name.key))

    def schema(self, name: SchemaName) -> Found[Schema]:
        """Resolve a schema."""
        return rows.found_schema(self._run.one(resolve_sql.SCHEMA, key=name.key))

    def model(self, name: ModelName) -> Found[RegisteredModel]:
        """Resolve a registered model."""
        return rows.found_model(self._run.one(resolve_sql.MODEL, key=name.key))

    def version(self, ref: VersionRef) -> Found[VersionRow]:
        """Resolve a version of any status."""
        return rows.found_version(self._run.one(resolve_sql.VERSION, key=ref.model.key, version=ref.version))

    def version_by_id(self, version_id: str) -> Found[VersionRow]:
        """Resolve a version by its id."""
        return rows.found_version(self._run.one(resolve_sql.VERSION_BY_ID, id=version_id))

    def latest(self, name: ModelName) -> Found[VersionRow]:
        """Resolve the highest READY version."""
        return rows.found_version(self._run.one(resolve_sql.LATEST, key=name.key))

    def alias(self, ref: AliasRef, *, as_of_ms: int | None = None) -> Found[VersionRow]:
        """Resolve an alias."""
        key, alias = ref.model.key, fold(ref.alias)
        if as_of_ms is None:
            row = self._run.one(resolve_sql.ALIAS, key=key, alias=alias)
        else:
            row = self._run.one(resolve_sql.ALIAS_AS_OF, key=key, alias=alias, at=as_of_ms)
        return rows.found_alias(row, ref.alias)


class SqlReads(
    SqlResolver, PolicyRows, SearchReads, SqlLifeReads, SqlRightsReads, SqlNameReads, SqlTokenReads, ReadTransaction
):
    """A read transaction over one driver cursor."""

    def model_by_id(self, model_id: str) -> Found[RegisteredModel]:
        """Resolve a registered model by its id."""
        return rows.found_model(self._run.one(resolve_sql.MODEL_BY_ID, id=model_id))

    def list_catalogs(self, ranges: Ranges, *, after: str, limit: int) -> tuple[Catalog, ...]:
        """Return catalogs in ranges."""
        sql = _in_ranges(resolve_sql.CATALOG_COLUMNS, resolve_sql.CATALOG_FROM)
        found = self._run.all(sql, ranges=_cut(ranges, after, TOP), after=after, limit=limit)
        return tuple(rows.catalog(row) for row in found)

    def list_schemas(self, catalog_id: str, ranges: Ranges, *, after: str, limit: int) -> tuple[Schema, ...]:
        """Return a catalog's schemas in ranges."""
        sql = _in_ranges(resolve_sql.SCHEMA_COLUMNS, resolve_sql.SCHEMA_FROM, "AND k.catalog_id = :container")
        spans = self._inside("catalogs", catalog_id, ranges, after)
        found = self._run.all(sql, ranges=spans, after=after, limit=limit, container=catalog_id)
        return tuple(rows.schema(row) for row in found)

    def list_models(self, schema_id: str, ranges: Ranges, *, after: str, limit: int) -> tuple[RegisteredModel, ...]:
        """Return a schema's registered models in ranges."""
        sql = _in_ranges(resolve_sql.MODEL_COLUMNS, resolve_sql.MODEL_FROM, "AND k.schema_id = :container")
        spans = self._inside("schemas", schema_id, ranges, after)
        found = self._run.all(sql, ranges=spans, after=after, limit=limit, container=schema_id)
        return rows.models(found)

    def list_versions(
        self, model_id: str, *, reader_id: str | None, before: int | None, limit: int
    ) -> tuple[VersionRow, ...]:
        """Return a model's versions."""
        found = self._run.all(
            resolve_sql.VERSIONS_OF_MODEL,
            model=model_id,
            reader=reader_id or "",
            before=_NO_LIMIT if before is None else before,
            limit=limit,
        )
        return tuple(rows.version(row) for row in found)

    def list_files(self, manifest_id: str, *, after: str, limit: int) -> tuple[FileEntry, ...]:
        """Return a manifest's files."""
        sql = """SELECT path, size, sha256 FROM manifest_files
            WHERE manifest_id = :id AND path > :after ORDER BY path LIMIT :limit"""
        return _files(self._run.all(sql, id=manifest_id, after=after, limit=limit))

    def file(self, manifest_id: str, path: str) -> FileEntry | None:
        """Return one file of a manifest."""
        sql = "SELECT path, size, sha256 FROM manifest_files WHERE manifest_id = :id AND path = :path"
        found = _files(self._run.all(sql, id=manifest_id, path=path))
        return found[0] if found else None

    def manifest(self, manifest_id: str) -> Manifest:
        """Return a whole manifest."""
        return Manifest(files=self.list_files(manifest_id, after="", limit=_NO_LIMIT))

    def description(self, manifest_id: str) -> ModelDescription | None:
        """Return what a manifest's files were read to say."""
        row = self._run.one("SELECT description FROM manifests WHERE id = :id", id=manifest_id)
        return None if row is None or row[0] is None else rows.description(row[0])

    def aliases(self, model_id: str, *, ended: bool = False) -> tuple[AliasAssignment, ...]:
        """Return the aliases of a model that are set, or were once."""
        which = "a.valid_to IS NULL"
        if ended:
            which = """NOT EXISTS (SELECT 1 FROM aliases later WHERE later.model_id = a.model_id
                AND later.key = a.key AND later.valid_from > a.valid_from)"""
        sql = f"{_ASSIGNMENT} WHERE a.model_id = :model AND {which} ORDER BY a.key"
        return tuple(rows.assignment(row) for row in self._run.all(sql, model=model_id))

    def alias_history(
        self, model_id: str, alias_key: str, *, before_ms: int | None, limit: int
    ) -> tuple[AliasAssignment, ...]:
        """Return the assignments of a slot, the newest first."""
        sql = f"""{_ASSIGNMENT} WHERE a.model_id = :model AND a.key = :key AND a.valid_from < :before
            ORDER BY a.valid_from DESC LIMIT :limit"""
        before = _NO_LIMIT if before_ms is None else before_ms
        found = self._run.all(sql, model=model_id, key=alias_key, before=before, limit=limit)
        return tuple(rows.assignment(row) for row in found)

    def held_by(self, model_id: str, files: Iterable[FileEntry]) -> frozenset[tuple[str, int]]:
        """Return which of the files, by digest and size, a model holds."""
        wanted = _json(sorted({(entry.sha256, entry.size) for entry in files}))
        return frozenset((row[0], row[1]) for row in self._run.all(_FILES_HELD, wanted=wanted, model=model_id))

    def holds_manifest(self, model_id: str, sha256: str) -> bool:
        """Return whether a model has a version of a manifest."""
        return self._run.one(MANIFEST_HELD, model=model_id, sha256=sha256) is not None

    def sizes_held_by(self, model_id: str, sizes: Iterable[int]) -> frozenset[int]:
        """Return of which of the sizes a model holds a file."""
        found = self._run.all(_SIZES_HELD, wanted=_json(sorted(sizes)), model=model_id)
        return frozenset(row[0] for row in found)

    def holders(self, sha256: str, size: int, *, limit: int = 64) -> tuple[str, ...]:
        """Return models that hold a file."""
        sql = _HOLDERS.format(which="f.sha256 = :sha256 AND f.size = :size")
        return tuple(row[0] for row in self._run.all(sql, sha256=sha256, size=size, limit=limit))

    def size_holders(self, size: int, *, limit: int = 64) -> tuple[str, ...]:
        """Return models that hold a file of a size."""
        return tuple(row[0] for row in self._run.all(_HOLDERS.format(which="f.size = :size"), size=size, limit=limit))

    def uploads(self, version_id: str) -> tuple[FileEntry, ...]:
        """Return the files sent so far for a pending version."""
        sql = "SELECT path, size, sha256 FROM uploads WHERE version_id = :id ORDER BY path"
        return _files(self._run.all(sql, id=version_id))

    def principal(self, name: PrincipalName) -> Principal | None:
        """Return a principal by name."""
        return self._principal("key = :value AND deleted_at IS NULL", name.key)

    def principal_by_id(self, principal_id: str) -> Principal | None:
        """Return a principal by id."""
        return self._principal("id = :value", principal_id)

    def idempotent(self, principal_id: str, operation: str, key: str, *, now_ms: int) -> IdempotencyRecord | None:
        """Return the answer kept for a key."""
        # Nothing else is compared: of two indexes that could be read a database may take the worse.
        sql = """SELECT request_sha256, answer, expires_at FROM idempotency
            WHERE principal_id = :who AND operation = :operation AND key = :key"""
        row = self._run.one(sql, who=principal_id, operation=operation, key=key)
        if row is None or row[2] <= now_ms:
            return None
        return IdempotencyRecord(
            principal_id=principal_id,
            operation=operation,
            key=key,
            request_sha256=row[0],
            answer=bytes(row[1]),
            expires_ms=row[2],
        )

    def live_digests(self, digests: Sequence[str], *, without: Sequence[str] = ()) -> frozenset[str]:
        """Return those of the digests that something refers to."""
        sets = {"wanted": _json(list(digests)), "without": _json(list(without))}
        return frozenset(row[0] for row in self._run.all(_LIVE, **sets))

    def abandoned(self, *, before_ms: int, now_ms: int, limit: int) -> tuple[VersionRow, ...]:
        """Return pending versions that were left alone."""
        found = self._run.all(resolve_sql.ABANDONED, before=before_ms, now=now_ms, limit=limit)
        return tuple(rows.version(row) for row in found)

    def seal_key(self) -> bytes:
        """Return the metastore's key for sealing page tokens."""
        row = self._run.one("SELECT seal_key FROM metastore")
        if row is None:
            raise UnavailableError("The database holds no metastore.")
        return bytes(row[0])

    def _principal(self, where: str, value: str) -> Principal | None:
        sql = f"SELECT id, written, enabled, created_at FROM principals WHERE {where}"
        row = self._run.one(sql, value=value)
        if row is None:
            return None
        return Principal(
            id=row[0], name=PrincipalName.parse(row[1]), enabled=bool(row[2]), created_at=rows.to_time(row[3])
        )

    def _inside(self, table: str, container_id: str, ranges: Ranges, after: str) -> str:
        """Return the parts of ranges that lie inside a container and behind a position."""
        row = self._run.one(f"SELECT key FROM {table} WHERE id = :id", id=container_id)
        return "[]" if row is None else _cut(ranges, max(f"{row[0]}.", after), f"{row[0]}/")


def _in_ranges(columns: str, source: str, within: str = "") -> str:
    """Return the list statement of the table that a FROM clause begins with."""
    joined = source.removeprefix("FROM ")
    table, x = joined.split(maxsplit=2)[:2]
    return _IN_RANGES.format(columns=columns, table=table, source=joined, x=x, within=within)


def _cut(ranges: Ranges, low: str, high: str) -> str:
    """Return the parts of ranges that lie in one, as JSON."""
    spans = ranges.spans
    first = max(bisect_right(spans, (low, low)) - 1, 0)
    last = bisect_left(spans, (high, high), lo=first)
    return _json([(max(low, a), min(high, b)) for a, b in spans[first:last] if low < b])


def _files(found: list[tuple[str, int, str]]) -> tuple[FileEntry, ...]:
    return tuple(FileEntry(path=path, size=size, sha256=sha256) for path, size, sha256 in found)


def _json(value: object) -> str:
    return json.dumps(value)
