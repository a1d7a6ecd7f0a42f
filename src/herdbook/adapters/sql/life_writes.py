"""Renaming, handing over, deleting, restoring and purging."""

from __future__ import annotations

import json

from sqlalchemy import Table

from herdbook.adapters.sql import cards, tables
from herdbook.adapters.sql.name_rows import SqlNameWrites
from herdbook.adapters.sql.statements import Runner
from herdbook.entities import Link
from herdbook.ports.metadata import Stamp
from herdbook.ports.metadata.life import ContainedName, LifeWrites
from herdbook.verdicts import SecurableKind

_K = SecurableKind
_TABLES: dict[SecurableKind, Table] = {
    _K.CATALOG: tables.catalogs,
    _K.SCHEMA: tables.schemas,
    _K.REGISTERED_MODEL: tables.registered_models,
}
# Of each kind: the tables of what lies inside, with the column that says in what.
_INSIDE: dict[SecurableKind, tuple[tuple[Table, str], ...]] = {
    _K.CATALOG: ((tables.schemas, "catalog_id"), (tables.registered_models, "catalog_id")),
    _K.SCHEMA: ((tables.registered_models, "schema_id"),),
    _K.REGISTERED_MODEL: (),
}
_MODELS = {
    _K.CATALOG: "SELECT id FROM registered_models WHERE catalog_id = :id",
    _K.SCHEMA: "SELECT id FROM registered_models WHERE schema_id = :id",
    _K.REGISTERED_MODEL: "SELECT id FROM registered_models WHERE id = :id",
}
_CHANGED = "updated_at = :at, updated_by = :by, row_version = row_version + 1"
# What hangs on versions goes first, then they themselves.
_OF_VERSIONS = (
    "DELETE FROM tags WHERE owner_id IN ({versions})",
    "DELETE FROM uploads WHERE version_id IN ({versions})",
    "DELETE FROM version_sources WHERE version_id IN ({versions})",
)
_OF_MODELS = (
    "DELETE FROM tags WHERE owner_id IN ({models})",
    "DELETE FROM aliases WHERE model_id IN ({models})",
    "DELETE FROM model_versions WHERE model_id IN ({models})",
)
_UNUSED = """NOT EXISTS (SELECT 1 FROM model_versions v WHERE v.manifest_id = {column})
    AND {column} IN (SELECT value FROM [[each ids]])"""


class SqlLifeWrites(LifeWrites, SqlNameWrites):
    """The changes, in a transaction that is alone."""

    _run: Runner

    def rename(self, on: Link, new: ContainedName, stamp: Stamp) -> None:
        """Give a securable another last level."""
        table = _TABLES[on.kind].name
        old = self._run.one(f"SELECT key FROM {table} WHERE id = :id", id=on.id)
        level = str(new).rpartition(".")[2]
        sql = f"UPDATE {table} SET name = :name, key = :key, {_CHANGED} WHERE id = :id"
        self._run.run(sql, id=on.id, name=level, key=new.key, at=stamp.at_ms, by=stamp.by)
        if old is not None:
            rest = len(old[0]) + 1
            # The levels above as they were written, however the caller spells them.
            within = on.name.rpartition(".")[0]
            sql = f"""UPDATE registered_models SET full_name = :name || substr(full_name, CAST(:rest AS integer))
                WHERE id IN ({_MODELS[on.kind]})"""
            self._run.run(sql, id=on.id, name=f"{within}.{level}" if within else level, rest=rest)
            if old[0] != new.key:
                self._move_keys(on, new.key, rest, stamp)
        self._move_tree()

    def set_owner(self, on: Link, owner_id: str, stamp: Stamp) -> None:
        """Give a securable another owner."""
        sql = f"UPDATE {_TABLES[on.kind].name} SET owner_id = :owner, {_CHANGED} WHERE id = :id"
        self._run.run(sql, id=on.id, owner=owner_id, at=stamp.at_ms, by=stamp.by)
        self._move_tree()

    def delete(self, on: Link, stamp: Stamp) -> None:
        """Move a securable and all that is live inside to the trash."""
        who = {"id": on.id, "at": stamp.at_ms, "by": stamp.by}
        for inside, column in _INSIDE[on.kind]:
            sql = f"""UPDATE {inside.name} SET deleted_at = :at, deleted_by = :by, deleted_with = :id
                WHERE {column} = :id AND deleted_at IS NULL"""
            self._run.run(sql, **who)
        sql = f"UPDATE {_TABLES[on.kind].name} SET deleted_at = :at, deleted_by = :by, {_CHANGED} WHERE id = :id"
        self._run.run(sql, **who)
        self._move_tree()

    def restore(self, on: Link, stamp: Stamp) -> None:
        """Bring a securable back, and what went with it."""
        sql = f"UPDATE {_TABLES[on.kind].name} SET deleted_at = NULL, deleted_by = NULL, {_CHANGED} WHERE id = :id"
        self._run.run(sql, id=on.id, at=stamp.at_ms, by=stamp.by)
        for inside, column in _INSIDE[on.kind]:
            sql = f"""UPDATE {inside.name} SET deleted_at = NULL, deleted_by = NULL, deleted_with = NULL
                WHERE {column} = :id AND deleted_with = :id"""
            self._run.run(sql, id=on.id)
        self.bear(_within(on.kind), on.id, stamp)
        self._move_tree()

    def purge(self, on: Link) -> None:
        """Remove a securable in the trash with all that is inside."""
        models = _MODELS[on.kind]
        versions = f"SELECT id FROM model_versions WHERE model_id IN ({models})"
        manifests = self._run.all(
            f"SELECT DISTINCT manifest_id FROM model_versions WHERE model_id IN ({models}) AND manifest_id IS NOT NULL",
            id=on.id,
        )
        for sql in (
            *(s.format(versions=versions) for s in _OF_VERSIONS),
            *(s.format(models=models) for s in _OF_MODELS),
        ):
            self._run.run(sql, id=on.id)
        for inside, column in reversed(_INSIDE[on.kind]):
            self._run.run(f"DELETE FROM {inside.name} WHERE {column} = :id", id=on.id)
        self._run.run(f"DELETE FROM {_TABLES[on.kind].name} WHERE id = :id", id=on.id)
        self._drop_unused([row[0] for row in manifests])
        self._move_tree()

    def delete_version(self, version_id: str, stamp: Stamp) -> None:
        """Move a version to the trash and end the aliases that point to it."""
        sql = f"UPDATE model_versions SET deleted_at = :at, deleted_by = :by, {_CHANGED} WHERE id = :id"
        self._run.run(sql, id=version_id, at=stamp.at_ms, by=stamp.by)
        sql = """UPDATE aliases SET valid_to = [[greatest :at, valid_from + 1]], ended_by = :by
            WHERE version_id = :id AND valid_to IS NULL"""
        self._run.run(sql, id=version_id, at=stamp.at_ms, by=stamp.by)
        self._run.run(cards.GONE, id=version_id)

    def restore_version(self, version_id: str, stamp: Stamp) -> None:
        """Bring a version back."""
        sql = f"UPDATE model_versions SET deleted_at = NULL, deleted_by = NULL, {_CHANGED} WHERE id = :id"
        self._run.run(sql, id=version_id, at=stamp.at_ms, by=stamp.by)
        self._run.run(cards.STATUS, id=version_id)

    def purge_version(self, version_id: str, stamp: Stamp) -> None:
        """Remove all that a version in the trash says and holds."""
        held = self._run.one("SELECT manifest_id FROM model_versions WHERE id = :id", id=version_id)
        for sql in _OF_VERSIONS:
            self._run.run(sql.format(versions=":id"), id=version_id)
        sql = f"""UPDATE model_versions SET purged_at = :at, comment = NULL, status_reason = NULL,
            rejections = NULL, lineage = '{{}}', tags = '{{}}', run_id = NULL, experiment_id = NULL,
            logged_model_id = NULL, manifest_id = NULL, {_CHANGED} WHERE id = :id"""
        self._run.run(sql, id=version_id, at=stamp.at_ms, by=stamp.by)
        if held is not None and held[0] is not None:
            self._drop_unused([held[0]])

    def _move_keys(self, on: Link, key: str, rest: int, stamp: Stamp) -> None:
        """Let what lies inside follow, in the trash too: it would come back under the container's name of then."""
        for inside, column in _INSIDE[on.kind]:
            sql = f"UPDATE {inside.name} SET key = :key || substr(key, CAST(:rest AS integer)) WHERE {column} = :id"
            self._run.run(sql, id=on.id, key=key, rest=rest)
        self.bear(_within(on.kind), on.id, stamp)

    def _drop_unused(self, manifest_ids: list[str]) -> None:
        ids = json.dumps(manifest_ids)
        self._run.run(
            f"DELETE FROM manifest_files WHERE {_UNUSED.format(column='manifest_files.manifest_id')}", ids=ids
        )
        self._run.run(f"DELETE FROM manifests WHERE {_UNUSED.format(column='manifests.id')}", ids=ids)

    def _move_tree(self) -> None:
        self._run.run("UPDATE metastore SET tree_revision = tree_revision + 1")


def _within(kind: SecurableKind) -> list[tuple[str, str]]:
    """Return the tables of a thing and of all that lies inside, each with the column where its id stands."""
    return [(_TABLES[kind].name, "id"), *((inside.name, column) for inside, column in _INSIDE[kind])]
