"""Writing what decides rights: principals, and new policy revisions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import Table

from herdbook.adapters.sql import tables
from herdbook.adapters.sql.sql_text import insert_sql
from herdbook.adapters.sql.statements import Runner
from herdbook.entities import Principal
from herdbook.entities.ledger import AppliedPolicy, Membership, PolicyLine
from herdbook.errors import AlreadyExistsError
from herdbook.ports.metadata import PolicyLog, Stamp
from herdbook.wire import to_json


class PolicyWrites(PolicyLog):
    """The policy's rows, written in one transaction."""

    _run: Runner

    def insert_principal(self, principal: Principal) -> None:
        """Insert a principal."""
        row: dict[str, object] = {
            "id": principal.id,
            "kind": principal.name.principal_kind.value,
            "source": principal.name.source,
            "name": principal.name.name,
            "written": str(principal.name),
            "key": principal.name.key,
            "enabled": int(principal.enabled),
            "created_at": int(principal.created_at.timestamp() * 1000),
        }
        self._insert_named(tables.principals, row, f"a principal {principal.name}")

    def apply_policy(
        self,
        files: AppliedPolicy,
        *,
        add: Sequence[PolicyLine | Membership],
        reason: str | None,
        stamp: Stamp,
    ) -> int:
        """Begin a new policy revision."""
        revision = self.revision() + 1
        digest = hashlib.sha256(to_json(files.files)).hexdigest()
        row = {
            "revision": revision,
            "digest": digest,
            "applied_at": stamp.at_ms,
            "applied_by": stamp.by,
            "reason": reason,
        }
        self._run.run(insert_sql(tables.policy_revisions, *row), **row)
        texts = [{"revision": revision, "path": file.path, "text": file.text} for file in files.files]
        self._run.many(insert_sql(tables.policy_files, "revision", "path", "text"), texts)
        for seq, item in enumerate(add):
            self._add(revision, seq, item, stamp)
        self._run.run("UPDATE metastore SET policy_revision = :revision", revision=revision)
        return revision

    def _insert_named(self, table: Table, row: dict[str, object], what: str) -> None:
        """Insert a row whose key no other live row may have; raises AlreadyExistsError that says what is there."""
        sql = f"{insert_sql(table, *row)} ON CONFLICT (key) WHERE deleted_at IS NULL DO NOTHING"
        if not self._run.run(sql, **row):
            raise AlreadyExistsError(f"There is {what} already.", hint="Choose another name.")

    def _add(self, revision: int, seq: int, item: PolicyLine | Membership, stamp: Stamp) -> None:
        kind = "line" if isinstance(item, PolicyLine) else "membership"
        change = {"revision": revision, "seq": seq, "added": 1, "kind": kind, "item": to_json(item).decode()}
        self._run.run(insert_sql(tables.policy_changes, *change), **change)
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
            self._run.run(insert_sql(tables.grants, *row), **row)
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
        self._run.run(insert_sql(tables.memberships, *row), **row)
