"""Names and what bears them, many at once; and the denies by name, which come upon whatever bears the name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable

from herdbook.adapters.sql import resolve_sql, rows
from herdbook.adapters.sql.rights_rows import SqlRightsWrites
from herdbook.adapters.sql.statements import Row, Runner
from herdbook.entities import Chain
from herdbook.entities.ledger import Effect, PolicyLine
from herdbook.names import PrincipalName
from herdbook.ports.metadata import Stamp
from herdbook.ports.metadata.naming import NameReads
from herdbook.verdicts import Privilege, SecurableKind

_TABLES = ("catalogs", "schemas", "registered_models")
_NAMED = "SELECT key, id FROM {table} WHERE deleted_at IS NULL AND key IN (SELECT value FROM [[each keys]])"
_AMONG = "id IN (SELECT value FROM [[each ids]])"
_EXISTING = " UNION ALL ".join(
    (
        f"SELECT id FROM principals WHERE deleted_at IS NULL AND {_AMONG}",
        *(f"SELECT id FROM {table} WHERE {_AMONG}" for table in _TABLES),
    )
)
_SELECTED = {
    SecurableKind.CATALOG: f"SELECT {resolve_sql.CATALOG_CHAIN} FROM catalogs c CROSS JOIN metastore ms",
    SecurableKind.SCHEMA: f"""SELECT {resolve_sql.SCHEMA_CHAIN}
        FROM schemas s JOIN catalogs c ON c.id = s.catalog_id CROSS JOIN metastore ms""",
    SecurableKind.REGISTERED_MODEL: f"""SELECT {resolve_sql.MODEL_CHAIN}
        {resolve_sql.MODEL_TREE} CROSS JOIN metastore ms""",
}
_CHAINS = {
    kind: f"""{selected} WHERE {x}.deleted_at IS NULL
        AND ({x}.id IN (SELECT value FROM [[each ids]]) OR {x}.owner_id IN (SELECT value FROM [[each owners]]))"""
    for x, (kind, selected) in zip("csm", _SELECTED.items(), strict=True)
}
# The denies by name that hold for what bears the name and are not on it yet; whoever applied the files gave them.
_BORNE = """SELECT d.principal_id, d.privilege, d.securable_kind, x.id, d.alias_key, d.origin
    FROM {table} x JOIN name_denies d ON d.key = x.key WHERE x.{column} = :id AND x.deleted_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.securable_id = x.id AND coalesce(g.alias_key, '') = d.alias_key
        AND g.principal_id = d.principal_id AND g.privilege = d.privilege AND g.effect = 'deny'
        AND g.origin LIKE '%:%' AND g.valid_to IS NULL)"""
_APPLIED_BY = """SELECT applied_by FROM policy_revisions
    WHERE revision = (SELECT max(revision) FROM policy_files)"""


class SqlNameReads(NameReads):
    """Questions about many names or ids at once."""

    _run: Runner

    def bearers(self, keys: Collection[str]) -> dict[str, str]:
        """Return the ids of live catalogs, schemas and models by their folded names."""
        found: dict[str, str] = {}
        for depth, table in enumerate(_TABLES):
            wanted = [key for key in keys if key.count(".") == depth]
            if wanted:
                found.update(self._run.all(_NAMED.format(table=table), keys=json.dumps(wanted)))
        return found

    def principals_named(self, keys: Collection[str]) -> dict[str, str]:
        """Return the ids of principals by their folded names."""
        return dict(self._run.all(_NAMED.format(table="principals"), keys=_json(keys)))

    def principal_names(self, ids: Collection[str]) -> dict[str, PrincipalName]:
        """Return the names of principals by id."""
        found = self._run.all(f"SELECT id, written FROM principals WHERE {_AMONG}", ids=_json(ids))
        return {row[0]: PrincipalName.parse(row[1]) for row in found}

    def existing(self, ids: Collection[str]) -> frozenset[str]:
        """Return which ids are of principals or securables that are there."""
        return frozenset(row[0] for row in self._run.all(_EXISTING, ids=_json(ids)))

    def chains(self, *, ids: Collection[str] = (), owner_ids: Collection[str] = ()) -> tuple[Chain, ...]:
        """Return the chains of live catalogs, schemas and models, outer ones first."""
        wanted = {"ids": _json(ids), "owners": _json(owner_ids)}
        return tuple(rows.chain(kind, row) for kind, sql in _CHAINS.items() for row in self._run.all(sql, **wanted))


class SqlNameWrites(SqlRightsWrites):
    """Denies by name, put upon what comes to bear the name."""

    def bear(self, places: Iterable[tuple[str, str]], securable_id: str, stamp: Stamp) -> None:
        """Give things that may have come to bear a name the denies that hold for it.

        Args:
            places: Tables, each with the column in which the id stands: a thing's own, or that of what it is in.
            securable_id: The id.
            stamp: When.
        """
        found: list[Row] = []
        for table, column in places:
            found += self._run.all(_BORNE.format(table=table, column=column), id=securable_id)
        if not found:
            return
        applied = self._run.one(_APPLIED_BY)
        revision = self.begin_revision("", "a deny of a policy file met its name", stamp)
        author = Stamp(at_ms=stamp.at_ms, by=stamp.by if applied is None else applied[0])
        for seq, row in enumerate(found):
            self.insert_item(revision, seq, _line(revision, seq, row), author)


def _line(revision: int, seq: int, row: Row) -> PolicyLine:
    principal_id, privilege, kind, securable_id, alias_key, origin = row
    return PolicyLine(
        id=hashlib.sha256(f"line:{revision}:{seq}".encode()).hexdigest()[:32],
        principal_id=principal_id,
        privilege=Privilege(privilege),
        effect=Effect.DENY,
        securable_kind=SecurableKind(kind),
        securable_id=securable_id,
        alias_key=alias_key or None,
        origin=origin,
    )


def _json(values: Collection[str]) -> str:
    return json.dumps(sorted(values))
