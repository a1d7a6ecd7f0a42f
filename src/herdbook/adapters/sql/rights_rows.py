"""Principals, memberships and lines of policy, read and written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence

from herdbook.adapters.sql import policy_tables
from herdbook.adapters.sql.rows import to_time
from herdbook.adapters.sql.sql_text import insert_sql
from herdbook.adapters.sql.statements import Row, Runner
from herdbook.entities import Link, Principal
from herdbook.entities.ledger import Effect, Membership, PolicyLine
from herdbook.names import PrincipalName
from herdbook.ports.metadata import Stamp
from herdbook.ports.metadata.rights import LineRow, RightsReads, RightsWrites
from herdbook.verdicts import Privilege, SecurableKind
from herdbook.wire import to_json

_LINE = """g.id, g.principal_id, g.privilege, g.effect, g.securable_kind, g.securable_id, g.alias_key, g.origin,
    p.written, coalesce(b.written, g.granted_by), g.valid_from"""
_LINES = f"""SELECT {_LINE} FROM [[pairs wanted]] w [[foreach grants; g; securable_id = w.value->>0]]
    JOIN principals p ON p.id = g.principal_id LEFT JOIN principals b ON b.id = g.granted_by
    WHERE g.securable_id = w.value->>0 AND coalesce(g.alias_key, '') = w.value->>1
    AND g.valid_to IS NULL AND g.id > :after {{who}} {{what}} {{told}} ORDER BY g.id LIMIT :limit"""
_TOLD = "AND (g.effect = 'allow' OR g.securable_id NOT IN (SELECT value FROM [[each untold]]))"
_OF = "AND g.principal_id IN (SELECT value FROM [[each who]])"
_ABOUT = "AND g.privilege IN (SELECT value FROM [[each what]])"
# What is owned or spoken of is looked up by its own index; names are put together for one page alone.
_SPOKEN = """FROM [[each who]] w [[foreach grants; g; principal_id = w.value]]
    [[foreach {table}; x; id = g.securable_id]]
    WHERE g.principal_id = w.value AND g.valid_to IS NULL AND x.id = g.securable_id AND x.deleted_at IS NULL"""
_TABLES = ("catalogs", "schemas", "registered_models")
_OF_TABLE = """SELECT key, key FROM ([[owned {table}]]) o
    UNION SELECT x.key, x.key {spoken} AND g.alias_key IS NULL"""
_CONCERNED = f"""WITH found(key, base) AS (
    SELECT 'metastore:', 'metastore:' FROM [[each who]] w [[foreach grants; g; principal_id = w.value]]
        JOIN metastore t ON t.id = g.securable_id
        WHERE g.principal_id = w.value AND g.valid_to IS NULL AND g.alias_key IS NULL
    UNION {" UNION ".join(_OF_TABLE.format(table=each, spoken=_SPOKEN.format(table=each)) for each in _TABLES)}
    UNION SELECT x.key || '@' || g.alias_key, x.key {_SPOKEN.format(table="registered_models")}
        AND g.alias_key IS NOT NULL),
    page(key, base) AS MATERIALIZED (SELECT key, base FROM found WHERE [[binary key]] >= :since
        ORDER BY [[binary key]] LIMIT :limit)
    SELECT p.key, coalesce(m.full_name, c.name || '.' || s.name, k.name, p.base) || substr(p.key, length(p.base) + 1)
    FROM page p LEFT JOIN registered_models m ON m.key = p.base AND m.deleted_at IS NULL
    LEFT JOIN schemas s ON s.key = p.base AND s.deleted_at IS NULL LEFT JOIN catalogs c ON c.id = s.catalog_id
    LEFT JOIN catalogs k ON k.key = p.base AND k.deleted_at IS NULL ORDER BY [[binary p.key]]"""
_WITHIN = f"""SELECT {_LINE} FROM grants g JOIN principals p ON p.id = g.principal_id
    LEFT JOIN principals b ON b.id = g.granted_by WHERE g.valid_to IS NULL AND (g.securable_id = :id
    OR g.securable_id IN (SELECT id FROM schemas WHERE catalog_id = :id
        UNION ALL SELECT id FROM registered_models WHERE catalog_id = :id OR schema_id = :id)) ORDER BY g.id"""
_PRINCIPALS = """SELECT p.id, p.written, p.enabled, p.created_at FROM principals p {source}
    WHERE p.deleted_at IS NULL AND p.key > :after ORDER BY p.key LIMIT :limit"""
_MEMBERS = "JOIN memberships m ON m.member_id = p.id AND m.group_id = :group AND m.valid_to IS NULL"
GAP = "gap"
"""A step of the delta log that only a whole snapshot can stand for."""


class SqlRightsReads(RightsReads):
    """What is asked about principals and lines."""

    _run: Runner

    def lines_on(
        self,
        securables: Sequence[tuple[str, str | None]],
        *,
        principal_ids: Collection[str] | None,
        after: str,
        limit: int,
        privileges: Collection[Privilege] | None = None,
        untold: Collection[str] = (),
    ) -> tuple[LineRow, ...]:
        """Return lines in force on securables."""
        wanted = json.dumps([[securable_id, alias or ""] for securable_id, alias in securables])
        bounds: dict[str, object] = {"wanted": wanted, "after": after, "limit": limit}
        if principal_ids is not None:
            bounds["who"] = json.dumps(sorted(principal_ids))
        if privileges is not None:
            bounds["what"] = json.dumps(sorted(privileges))
        if untold:
            bounds["untold"] = json.dumps(sorted(untold))
        sql = _LINES.format(
            who=_OF if "who" in bounds else "",
            what=_ABOUT if "what" in bounds else "",
            told=_TOLD if untold else "",
        )
        return tuple(_line_row(row) for row in self._run.all(sql, **bounds))

    def concerned(self, principal_ids: Collection[str], *, since: str, limit: int) -> tuple[tuple[str, str], ...]:
        """Return the names of what principals own or lines give or deny them."""
        who = json.dumps(sorted(principal_ids))
        found = self._run.all(_CONCERNED, who=who, owners=who, since=since, limit=limit)
        return tuple((row[0], row[1]) for row in found)

    def lines_within(self, on: Link) -> tuple[PolicyLine, ...]:
        """Return lines in force on a securable and on all that lies inside."""
        return tuple(_line_row(row).line for row in self._run.all(_WITHIN, id=on.id))

    def memberships(self) -> tuple[Membership, ...]:
        """Return all memberships in force."""
        found = self._run.all("SELECT member_id, group_id, origin FROM memberships WHERE valid_to IS NULL")
        return tuple(Membership(member_id=row[0], group_id=row[1], origin=row[2]) for row in found)

    def actors(self) -> frozenset[str]:
        """Return the ids of enabled users and services."""
        sql = "SELECT id FROM principals WHERE enabled = 1 AND deleted_at IS NULL AND kind IN ('user', 'service')"
        return frozenset(row[0] for row in self._run.all(sql))

    def list_principals(self, *, after: str, limit: int) -> tuple[Principal, ...]:
        """Return principals."""
        return tuple(_principal(row) for row in self._run.all(_PRINCIPALS.format(source=""), after=after, limit=limit))

    def list_members(self, group_id: str, *, after: str, limit: int) -> tuple[Principal, ...]:
        """Return the direct members of a group or role."""
        found = self._run.all(_PRINCIPALS.format(source=_MEMBERS), group=group_id, after=after, limit=limit)
        return tuple(_principal(row) for row in found)


class SqlRightsWrites(RightsWrites):
    """Changes of rights, each a policy revision of its own."""

    _run: Runner
    moved = False

    def change_rights(
        self,
        *,
        add: Sequence[PolicyLine | Membership] = (),
        end: Sequence[PolicyLine | Membership] = (),
        reason: str | None,
        stamp: Stamp,
    ) -> int:
        """Begin a new policy revision with some lines and memberships more and fewer."""
        revision = self.begin_revision("", reason, stamp)
        for seq, item in enumerate(end):
            self._end(item, stamp)
            self._log(revision, seq, item, added=False)
        for seq, item in enumerate(add, len(end)):
            self.insert_item(revision, seq, item, stamp)
        return revision

    def set_enabled(self, principal_id: str, *, enabled: bool, reason: str | None, stamp: Stamp) -> int:
        """Enable or disable a principal."""
        sql = "UPDATE principals SET enabled = :enabled, updated_at = :at, updated_by = :by WHERE id = :id"
        self._run.later(sql, enabled=int(enabled), at=stamp.at_ms, by=stamp.by, id=principal_id)
        return self._gap(reason, stamp)

    def delete_principal(self, principal_id: str, *, reason: str | None, stamp: Stamp) -> int:
        """Delete a principal, ending its memberships and the lines to it."""
        ended = {"at": stamp.at_ms, "by": stamp.by, "id": principal_id}
        for sql in (
            "UPDATE principals SET deleted_at = :at, deleted_by = :by, enabled = 0 WHERE id = :id",
            "UPDATE grants SET valid_to = :at, ended_by = :by WHERE principal_id = :id AND valid_to IS NULL",
            """UPDATE memberships SET valid_to = :at, ended_by = :by
                WHERE (member_id = :id OR group_id = :id) AND valid_to IS NULL""",
            "DELETE FROM name_denies WHERE principal_id = :id",
            "UPDATE api_tokens SET revoked_at = :at, revoked_by = :by WHERE principal_id = :id AND revoked_at IS NULL",
        ):
            self._run.later(sql, **ended)
        return self._gap(reason, stamp)

    def begin_revision(self, digest: str, reason: str | None, stamp: Stamp) -> int:
        """Begin a policy revision and return it."""
        # In one statement: transactions that are not exclusive begin revisions too, and then wait for each other here.
        sql = "UPDATE metastore SET policy_revision = policy_revision + 1 RETURNING policy_revision"
        counted = self._run.one(sql)
        if counted is None:
            raise LookupError("a policy revision without a metastore")
        revision = int(counted[0])
        self.moved = True
        row = {
            "revision": revision,
            "digest": digest,
            "applied_at": stamp.at_ms,
            "applied_by": stamp.by,
            "reason": reason,
        }
        self._run.later(insert_sql(policy_tables.policy_revisions, *row), **row)
        return revision

    def insert_item(self, revision: int, seq: int, item: PolicyLine | Membership, stamp: Stamp) -> None:
        """Insert a line or membership, as a step of a revision."""
        self._log(revision, seq, item, added=True)
        if isinstance(item, PolicyLine):
            row: dict[str, object] = {
                "id": item.id,
                "principal_id": item.principal_id,
                "privilege": item.privilege.value,
                "effect": item.effect.value,
                "securable_kind": item.securable_kind.value,
                "securable_id": item.securable_id,
                "alias_key": item.alias_key,
                "origin": item.origin,
                "valid_from": stamp.at_ms,
                "granted_by": stamp.by,
            }
            self._run.later(insert_sql(policy_tables.grants, *row), **row)
            return
        identity = hashlib.sha256(f"{revision}:{seq}".encode()).hexdigest()[:32]
        row = {
            "id": identity,
            "member_id": item.member_id,
            "group_id": item.group_id,
            "origin": item.origin,
            "valid_from": stamp.at_ms,
            "created_by": stamp.by,
        }
        self._run.later(insert_sql(policy_tables.memberships, *row), **row)

    def _end(self, item: PolicyLine | Membership, stamp: Stamp) -> None:
        ended = {"at": stamp.at_ms, "by": stamp.by}
        if isinstance(item, PolicyLine):
            sql = "UPDATE grants SET valid_to = :at, ended_by = :by WHERE id = :id AND valid_to IS NULL"
            self._run.later(sql, id=item.id, **ended)
            return
        sql = """UPDATE memberships SET valid_to = :at, ended_by = :by WHERE member_id = :member
            AND group_id = :group AND origin = :origin AND valid_to IS NULL"""
        self._run.later(sql, member=item.member_id, group=item.group_id, origin=item.origin, **ended)

    def _log(self, revision: int, seq: int, item: PolicyLine | Membership, *, added: bool) -> None:
        kind = "line" if isinstance(item, PolicyLine) else "membership"
        change = {
            "revision": revision,
            "seq": seq,
            "added": int(added),
            "kind": kind,
            "item": to_json(item).decode(),
        }
        self._run.later(insert_sql(policy_tables.policy_changes, *change), **change)

    def _gap(self, reason: str | None, stamp: Stamp) -> int:
        revision = self.begin_revision("", reason, stamp)
        change = {"revision": revision, "seq": 0, "added": 1, "kind": GAP, "item": "{}"}
        self._run.later(insert_sql(policy_tables.policy_changes, *change), **change)
        return revision


def _line_row(row: Row) -> LineRow:
    return LineRow(
        line=PolicyLine(
            id=row[0],
            principal_id=row[1],
            privilege=Privilege(row[2]),
            effect=Effect(row[3]),
            securable_kind=SecurableKind(row[4]),
            securable_id=row[5],
            alias_key=row[6],
            origin=row[7],
        ),
        principal=PrincipalName.parse(row[8]),
        granted_by=row[9],
        since=to_time(row[10]),
    )


def _principal(row: Row) -> Principal:
    return Principal(id=row[0], name=PrincipalName.parse(row[1]), enabled=bool(row[2]), created_at=to_time(row[3]))
