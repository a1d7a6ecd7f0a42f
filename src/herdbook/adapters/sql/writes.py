"""Writing: every statement of a change, in the caller's one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Table

from herdbook.adapters.sql import cards, tables
from herdbook.adapters.sql.life_writes import SqlLifeWrites
from herdbook.adapters.sql.new_versions import SqlNewVersions
from herdbook.adapters.sql.policy_writes import PolicyWrites
from herdbook.adapters.sql.sql_text import insert_sql
from herdbook.adapters.sql.token_rows import SqlTokenWrites
from herdbook.entities import FileEntry, ModelDescription, VersionStatus
from herdbook.entities.ledger import AuditRow, Event, IdempotencyRecord
from herdbook.errors import ConcurrentUpdateError
from herdbook.names import CatalogName, ModelName, SchemaName, fold
from herdbook.ports.metadata import Lease, Stamp, WriteTransaction
from herdbook.verdicts import Rejection, SecurableKind
from herdbook.wire import to_json

_TABLES: dict[SecurableKind, Table] = {
    SecurableKind.METASTORE: tables.metastore,
    SecurableKind.CATALOG: tables.catalogs,
    SecurableKind.SCHEMA: tables.schemas,
    SecurableKind.REGISTERED_MODEL: tables.registered_models,
}
_PENDING = VersionStatus.PENDING_REGISTRATION.value
_WITHIN = """SELECT s.catalog_id, c.name || '.' || s.name FROM schemas s JOIN catalogs c ON c.id = s.catalog_id
    WHERE s.id = :id"""


class SqlWrites(SqlNewVersions, PolicyWrites, SqlLifeWrites, SqlTokenWrites, WriteTransaction):
    """A write transaction over one driver cursor, beside which there is no other: SQLite has one writer at a time."""

    serial = True

    def lock(self, kind: SecurableKind, securable_id: str) -> None:
        """Nobody else writes."""

    def insert_catalog(
        self, catalog_id: str, name: CatalogName, *, comment: str | None, owner_id: str, stamp: Stamp
    ) -> None:
        """Insert a catalog."""
        row = _new(catalog_id, name.catalog, name.key, comment, owner_id, stamp)
        self._insert_named(tables.catalogs, row, f"a catalog {name}")
        self.bear([("catalogs", "id")], catalog_id, stamp)

    def insert_schema(
        self, schema_id: str, catalog_id: str, name: SchemaName, *, comment: str | None, owner_id: str, stamp: Stamp
    ) -> None:
        """Insert a schema."""
        row = _new(schema_id, name.schema, name.key, comment, owner_id, stamp) | {"catalog_id": catalog_id}
        self._insert_named(tables.schemas, row, f"a schema {name}")
        self.bear([("schemas", "id")], schema_id, stamp)

    def insert_model(
        self, model_id: str, schema_id: str, name: ModelName, *, comment: str | None, owner_id: str, stamp: Stamp
    ) -> None:
        """Insert a registered model."""
        within = self._run.one(_WITHIN, id=schema_id)
        row = _new(model_id, name.model, name.key, comment, owner_id, stamp)
        if within is not None:
            row |= {"schema_id": schema_id, "catalog_id": within[0], "full_name": f"{within[1]}.{name.model}"}
        self._insert_named(tables.registered_models, row, f"a registered model {name}")
        self.bear([("registered_models", "id")], model_id, stamp)

    def set_comment(self, kind: SecurableKind, securable_id: str, comment: str | None, stamp: Stamp) -> None:
        """Set the comment of a catalog, schema or registered model."""
        self._set_comment(_TABLES[kind], securable_id, comment, stamp)

    def set_version_comment(self, version_id: str, comment: str | None, stamp: Stamp) -> None:
        """Set the comment of a version."""
        self._set_comment(tables.model_versions, version_id, comment, stamp)

    def add_uploads(self, version_id: str, files: Sequence[FileEntry], stamp: Stamp) -> None:
        """Record files sent for a pending version."""
        columns = ("version_id", "path", "size", "sha256", "at")
        statement = f"""{insert_sql(tables.uploads, *columns)}
            ON CONFLICT (version_id, path) DO UPDATE SET size = excluded.size, sha256 = excluded.sha256,
            at = excluded.at"""
        sent = [
            {"version_id": version_id, "path": f.path, "size": f.size, "sha256": f.sha256, "at": stamp.at_ms}
            for f in files
        ]
        self._run.many(statement, sent)
        self._run.later("UPDATE model_versions SET updated_at = :at WHERE id = :id", at=stamp.at_ms, id=version_id)

    def drop_uploads(self, version_id: str) -> None:
        """Forget the files sent for a version."""
        self._run.later("DELETE FROM uploads WHERE version_id = :id", id=version_id)

    def take_lease(self, version_id: str, manifest_id: str, *, now_ms: int, until_ms: int) -> Lease:
        """Lease a pending version for finalizing."""
        row = self._run.one(
            f"""UPDATE model_versions SET lease_token = lease_token + 1, lease_expires_at = :until,
            manifest_id = :manifest, updated_at = :now
            WHERE id = :id AND status = '{_PENDING}' AND (lease_expires_at IS NULL OR lease_expires_at <= :now)
            RETURNING lease_token""",
            id=version_id,
            manifest=manifest_id,
            now=now_ms,
            until=until_ms,
        )
        if row is None:
            raise ConcurrentUpdateError(
                "The version is being finalized by another request.", hint="Wait for it, then read its status."
            )
        return Lease(token=row[0], expires_ms=until_ms)

    def release_lease(self, version_id: str, lease: Lease) -> None:
        """Give a lease back."""
        sql = "UPDATE model_versions SET lease_expires_at = NULL WHERE id = :id AND lease_token = :token"
        self._run.later(sql, id=version_id, token=lease.token)

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
        """End a pending version's registration."""
        row = self._run.one(
            f"""UPDATE model_versions SET status = :status, status_reason = :reason, rejections = :rejections,
            lease_expires_at = NULL, updated_at = :at, updated_by = :by, row_version = row_version + 1
            WHERE id = :id AND lease_token = :token AND status = '{_PENDING}' RETURNING manifest_id""",
            id=version_id,
            token=lease.token,
            status=status.value,
            reason=reason,
            rejections=to_json(rejections).decode() if rejections else None,
            at=stamp.at_ms,
            by=stamp.by,
        )
        if row is None:
            raise ConcurrentUpdateError(
                "The lease on the version was lost: another request took it over.", hint="Read its status."
            )
        if status is VersionStatus.READY:
            self._run.later(cards.STATUS, id=version_id)
        if description is not None:
            self._describe(row[0], description)

    def fail_abandoned(self, version_id: str, reason: str, stamp: Stamp) -> None:
        """Mark a pending version FAILED_REGISTRATION."""
        self._run.run(
            f"""UPDATE model_versions SET status = 'FAILED_REGISTRATION', status_reason = :reason,
            lease_token = lease_token + 1, lease_expires_at = NULL, updated_at = :at, updated_by = :by,
            row_version = row_version + 1 WHERE id = :id AND status = '{_PENDING}'""",
            id=version_id,
            reason=reason,
            at=stamp.at_ms,
            by=stamp.by,
        )

    def set_alias(
        self, model_id: str, alias: str, version_id: str, *, reason: str | None, new_id: str, stamp: Stamp
    ) -> None:
        """Point an alias to a version."""
        key = fold(alias)
        last = self._run.one(
            """SELECT max([[greatest valid_from + 1, coalesce(valid_to, 0)]]) FROM aliases
            WHERE model_id = :model AND key = :key""",
            model=model_id,
            key=key,
        )
        # Assignments never overlap, whatever the clock does, so that `as_of` and the history can tell them apart.
        since = max(stamp.at_ms, last[0] if last is not None and last[0] is not None else 0)
        self._end_alias(model_id, key, since, stamp)
        row = {
            "id": new_id,
            "model_id": model_id,
            "alias": alias,
            "key": key,
            "version_id": version_id,
            "valid_from": since,
            "set_by": stamp.by,
            "reason": reason,
        }
        self._run.later(insert_sql(tables.aliases, *row), **row)
        self._run.later(cards.ALIASES, id=model_id)

    def delete_alias(self, model_id: str, alias_key: str, *, stamp: Stamp) -> None:
        """End the current assignment of an alias."""
        self._end_alias(model_id, alias_key, stamp.at_ms, stamp)
        self._run.later(cards.ALIASES, id=model_id)

    def set_tag(self, kind: str, owner_id: str, key: str, value: str, stamp: Stamp) -> None:
        """Set a tag."""
        row = {
            "owner_kind": kind,
            "owner_id": owner_id,
            "key": key,
            "value": value,
            "set_at": stamp.at_ms,
            "set_by": stamp.by,
        }
        statement = f"""{insert_sql(tables.tags, *row)} ON CONFLICT (owner_id, key) DO UPDATE SET
            value = excluded.value, set_at = excluded.set_at, set_by = excluded.set_by"""
        self._run.later(statement, **row)
        self._tags_changed(kind, owner_id)

    def delete_tag(self, kind: str, owner_id: str, key: str, stamp: Stamp) -> bool:
        """Delete a tag; returns whether it was there."""
        del stamp
        sql = "DELETE FROM tags WHERE owner_kind = :kind AND owner_id = :owner AND key = :key"
        was_there = self._run.run(sql, kind=kind, owner=owner_id, key=key) > 0
        self._tags_changed(kind, owner_id)
        return was_there

    def audit(self, row: AuditRow) -> None:
        """Write an audit row."""
        values = {
            "id": row.id,
            "at": row.at_ms,
            "principal_id": row.principal_id,
            "operation": row.operation,
            "securable_kind": row.securable_kind.value,
            "securable_id": row.securable_id,
            "payload": row.payload,
            "sha256": row.sha256,
        }
        self._run.later(insert_sql(tables.audit, *values), **values)

    def emit(self, event: Event) -> int:
        """Write an outbox row and return its sequence number."""
        number = self._counted.pop(event.securable_id, None)
        if number is None:
            row = self._run.one(count_event(event.securable_kind), id=event.securable_id)
            if row is None:
                raise gone(event)
            number = int(row[0])
        values = {**event_row(event), "event_seq": number}
        self._run.later(insert_sql(tables.outbox, *values), **values)
        return number

    def remember(self, record: IdempotencyRecord) -> None:
        """Keep an answer for a key; an expired one under the same key makes room."""
        values = {
            "principal_id": record.principal_id,
            "operation": record.operation,
            "key": record.key,
            "request_sha256": record.request_sha256,
            "answer": record.answer,
            "expires_at": record.expires_ms,
        }
        statement = f"""{insert_sql(tables.idempotency, *values)} ON CONFLICT (principal_id, operation, key)
            DO UPDATE SET request_sha256 = excluded.request_sha256, answer = excluded.answer,
            expires_at = excluded.expires_at"""
        self._run.later(statement, **values)

    def forget_expired(self, *, now_ms: int) -> int:
        """Drop idempotency answers that have expired."""
        return self._run.run("DELETE FROM idempotency WHERE expires_at <= :now", now=now_ms)

    def _set_comment(self, table: Table, row_id: str, comment: str | None, stamp: Stamp) -> None:
        sql = f"""UPDATE {table.name} SET comment = :comment, updated_at = :at, updated_by = :by,
            row_version = row_version + 1 WHERE id = :id"""
        self._run.later(sql, id=row_id, comment=comment, at=stamp.at_ms, by=stamp.by)

    def _tags_changed(self, kind: str, owner_id: str) -> None:
        self._run.later(cards.TAGS[kind], id=owner_id)

    def _end_alias(self, model_id: str, key: str, at_ms: int, stamp: Stamp) -> None:
        sql = """UPDATE aliases SET valid_to = [[greatest :at, valid_from + 1]], ended_by = :by
            WHERE model_id = :model AND key = :key AND valid_to IS NULL"""
        self._run.later(sql, model=model_id, key=key, at=at_ms, by=stamp.by)


@cache
def count_event(kind: SecurableKind) -> str:
    """Return the statement that counts an event on its securable, `:id`."""
    return f"UPDATE {_TABLES[kind].name} SET event_seq = event_seq + 1 WHERE id = :id RETURNING event_seq"


def event_row(event: Event) -> dict[str, Any]:
    """Return the columns of an event, without its number."""
    return {
        "id": event.id,
        "at": event.at_ms,
        "type": event.type,
        "securable_kind": event.securable_kind.value,
        "securable_id": event.securable_id,
        "payload": event.payload,
    }


def gone(event: Event) -> ConcurrentUpdateError:
    """Return the error for an event on what is not there."""
    return ConcurrentUpdateError(f"The {event.securable_kind} of the event is gone.", hint="Read it again.")


def _new(row_id: str, name: str, key: str, comment: str | None, owner_id: str, stamp: Stamp) -> dict[str, Any]:
    return {
        "id": row_id,
        "name": name,
        "key": key,
        "comment": comment,
        "owner_id": owner_id,
        "created_at": stamp.at_ms,
        "created_by": stamp.by,
        "updated_at": stamp.at_ms,
        "updated_by": stamp.by,
    }
