"""Writing what decides rights: principals, and new policy revisions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from sqlalchemy import Table

from herdbook.adapters.sql import policy_tables
from herdbook.adapters.sql.rights_rows import SqlRightsWrites
from herdbook.adapters.sql.sql_text import insert_sql
from herdbook.adapters.sql.statements import Runner
from herdbook.entities import Principal
from herdbook.entities.ledger import AppliedPolicy, BoundName, Membership, NameDeny, PolicyLine
from herdbook.errors import AlreadyExistsError
from herdbook.ports.metadata import Stamp
from herdbook.wire import to_json


class PolicyWrites(SqlRightsWrites):
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
        self._insert_named(policy_tables.principals, row, f"a principal {principal.name}")

    def apply_policy(
        self,
        files: AppliedPolicy,
        *,
        add: Sequence[PolicyLine | Membership],
        end: Sequence[PolicyLine | Membership] = (),
        names: Sequence[BoundName] = (),
        denies: Sequence[NameDeny] = (),
        reason: str | None,
        stamp: Stamp,
    ) -> int:
        """Begin a new policy revision with other files."""
        revision = self.change_rights(add=add, end=end, reason=reason, stamp=stamp)
        digest = hashlib.sha256(to_json(files.files)).hexdigest()
        sql = "UPDATE policy_revisions SET digest = :digest WHERE revision = :revision"
        self._run.run(sql, digest=digest, revision=revision)
        texts = [{"revision": revision, "path": file.path, "text": file.text} for file in files.files]
        self._run.many(insert_sql(policy_tables.policy_files, "revision", "path", "text"), texts)
        self._replace_names(names, denies, revision)
        return revision

    def _replace_names(self, names: Sequence[BoundName], denies: Sequence[NameDeny], revision: int) -> None:
        self._run.run("DELETE FROM policy_names")
        bound = [{"kind": n.kind.value, "key": n.key, "id": n.id, "revision": n.revision or revision} for n in names]
        self._run.many(insert_sql(policy_tables.policy_names, "kind", "key", "id", "revision"), bound)
        self._run.run("DELETE FROM name_denies")
        rows = [
            {
                "key": deny.key,
                "alias_key": deny.alias_key or "",
                "securable_kind": deny.securable_kind.value,
                "principal_id": deny.principal_id,
                "privilege": deny.privilege.value,
                "origin": deny.origin,
            }
            for deny in denies
        ]
        columns = ("key", "alias_key", "securable_kind", "principal_id", "privilege", "origin")
        self._run.many(insert_sql(policy_tables.name_denies, *columns), rows)

    def _insert_named(self, table: Table, row: dict[str, object], what: str) -> None:
        """Insert a row whose key no other live row may have; raises AlreadyExistsError that says what is there."""
        sql = f"{insert_sql(table, *row)} ON CONFLICT (key) WHERE deleted_at IS NULL DO NOTHING"
        if not self._run.run(sql, **row):
            raise AlreadyExistsError(f"There is {what} already.", hint="Choose another name.")
