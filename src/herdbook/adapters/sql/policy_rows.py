"""The policy's rows: lines, memberships, files, the delta log, and what a caller may see as name ranges."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from attrs import evolve

from herdbook.adapters.sql.remembered_ranges import RememberedRanges
from herdbook.adapters.sql.rights_rows import GAP
from herdbook.adapters.sql.rows import to_time
from herdbook.adapters.sql.statements import Runner
from herdbook.entities.ledger import (
    AppliedPolicy,
    BoundName,
    Effect,
    Membership,
    NameKind,
    PolicyChange,
    PolicyFile,
    PolicyLine,
    PolicyLines,
    PolicySnapshot,
)
from herdbook.errors import IntegrityError
from herdbook.policy.ranges import EVERYTHING, Ranges
from herdbook.policy.visible import ranges_of
from herdbook.ports.authorizer import Reach, Visible
from herdbook.ports.metadata import PolicyLog
from herdbook.verdicts import Privilege, SecurableKind
from herdbook.wire import from_json

# Looking up is quicker than asking the enum.
_PRIVILEGES = {each.value: each for each in Privilege}
_EFFECTS = {each.value: each for each in Effect}
_KINDS = {each.value: each for each in SecurableKind}
_TABLES = {
    SecurableKind.CATALOG: "catalogs",
    SecurableKind.SCHEMA: "schemas",
    SecurableKind.REGISTERED_MODEL: "registered_models",
}
_LEVELS = tuple(_TABLES)
_NAMES_OF = {
    kind: f"SELECT k.id, k.key FROM [[each ids]] i CROSS JOIN {table} k WHERE k.id = i.value AND k.deleted_at IS NULL"
    for kind, table in _TABLES.items()
}
_OWNED = {kind: f"SELECT '{kind.value}', found.key FROM ([[owned {table}]]) found" for kind, table in _TABLES.items()}


class WrittenLines(Mapping[str, tuple[PolicyLine, ...]]):
    """The lines of each principal, held as the JSON that the database made of them.

    Args:
        written: The JSON by principal.
    """

    def __init__(self, written: Mapping[str, str]) -> None:
        self._written = written

    def __getitem__(self, principal_id: str) -> tuple[PolicyLine, ...]:
        written = self._written[principal_id]
        try:
            return tuple(_line(principal_id, *parts) for parts in json.loads(written))
        except KeyError as error:
            # Whoever looks for somebody without lines must not take this for one: a line may deny.
            raise IntegrityError(
                f"A line of policy says {error}, which this version of Herdbook does not know.",
                hint="Is a newer version at work on the same database? Use that one.",
            ) from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._written)

    def __len__(self) -> int:
        return len(self._written)


def _line(
    principal_id: str,
    line_id: str,
    privilege: str,
    effect: str,
    kind: str,
    securable_id: str,
    alias_key: str | None,
    origin: str,
) -> PolicyLine:
    return PolicyLine(
        id=line_id,
        principal_id=principal_id,
        privilege=_PRIVILEGES[privilege],
        effect=_EFFECTS[effect],
        securable_kind=_KINDS[kind],
        securable_id=securable_id,
        alias_key=alias_key,
        origin=origin,
    )


class PolicyRows(PolicyLog):
    """The policy as rows of one transaction."""

    _run: Runner
    moved = False
    remembered: RememberedRanges | None = None
    """Given to transactions that see nothing but what is committed."""

    def revision(self) -> int:
        """Return the policy revision."""
        row = self._run.one("SELECT policy_revision FROM metastore")
        return 0 if row is None else int(row[0])

    def changes(self, since: int) -> tuple[PolicyChange, ...] | None:
        """Return the steps after a revision; None where the log does not reach back that far."""
        first = self._run.one("SELECT min(revision) FROM policy_revisions")
        if first is None or first[0] is None or since < first[0] - 1:
            return None
        sql = """SELECT revision, added, kind, item FROM policy_changes
            WHERE revision > :since ORDER BY revision, seq"""
        found = self._run.all(sql, since=since)
        if any(kind == GAP for _, _, kind, _ in found):
            return None
        return tuple(
            PolicyChange(
                revision=revision,
                added=bool(added),
                item=from_json(item, PolicyLine) if kind == "line" else from_json(item, Membership),
            )
            for revision, added, kind, item in found
        )

    def snapshot(self) -> PolicySnapshot:
        """Return everything in force."""
        # Read first: a line that another writer commits meanwhile is then fed again, and never left out.
        revision = self.revision()
        disabled = self._run.all("SELECT id FROM principals WHERE enabled = 0 OR deleted_at IS NOT NULL")
        lines = self._run.all(
            """SELECT principal_id,
                [[arrays id; id, privilege, effect, securable_kind, securable_id, alias_key, origin]]
            FROM grants WHERE valid_to IS NULL GROUP BY principal_id"""
        )
        members = self._run.all("SELECT member_id, group_id, origin FROM memberships WHERE valid_to IS NULL")
        # Thousands of memberships are of one group: each id is held once.
        once: dict[str, str] = {}
        one = once.setdefault
        return PolicySnapshot(
            revision=revision,
            lines=PolicyLines(WrittenLines(dict(lines))),
            memberships=tuple(
                Membership(member_id=one(who, who), group_id=one(group, group), origin=one(origin, origin))
                for who, group, origin in members
            ),
            disabled=frozenset(row[0] for row in disabled),
        )

    def applied(self) -> AppliedPolicy:
        """Return the policy files in force."""
        found = self._run.all(
            """SELECT path, text FROM policy_files
            WHERE revision = (SELECT max(revision) FROM policy_files) ORDER BY path"""
        )
        files = tuple(PolicyFile(path=row[0], text=row[1]) for row in found)
        facts = self._run.one(
            """SELECT r.revision, r.applied_at, coalesce(p.written, r.applied_by), r.reason FROM policy_revisions r
            LEFT JOIN principals p ON p.id = r.applied_by WHERE r.revision = (SELECT max(revision) FROM policy_files)"""
        )
        if facts is None:
            return AppliedPolicy(revision=0, files=files)
        revision, at, who, why = facts
        return AppliedPolicy(revision=revision, files=files, applied_at=to_time(at), applied_by=who, reason=why)

    def applied_revision(self) -> int:
        """Return the policy revision of the files in force."""
        row = self._run.one("SELECT max(revision) FROM policy_files")
        return 0 if row is None or row[0] is None else int(row[0])

    def bound_names(self) -> tuple[BoundName, ...]:
        """Return what the names in the files in force stand for."""
        found = self._run.all("SELECT kind, key, id, revision FROM policy_names")
        return tuple(BoundName(kind=NameKind(row[0]), key=row[1], id=row[2], revision=row[3]) for row in found)

    def visible_ranges(self, visible: Visible, kind: SecurableKind) -> Ranges:
        """Return the name ranges of what may be seen; what lies below the kind cannot show any of it."""
        if visible.reach is Reach.ALL:
            return EVERYTHING
        levels = _LEVELS[: _LEVELS.index(kind) + 1] if kind in _LEVELS else _LEVELS
        found = self._run.one("SELECT id, tree_revision FROM metastore")
        metastore_id, tree = ("", 0) if found is None else found
        # What is created while the tree stays as it is can be owned: that is read each time.
        owned = self._owned(visible, [level for level in levels if level in visible.owned_kinds()])
        key = (evolve(visible, revision=0), kind, tree, tuple(owned.items()))
        ranges = None if self.remembered is None else self.remembered.get(key)
        if ranges is None:
            ranges = ranges_of(visible, self._keys(visible.ids(), levels), owned, metastore_id)
            if self.remembered is not None:
                self.remembered.put(key, ranges)
        return ranges

    def _owned(self, visible: Visible, levels: Iterable[SecurableKind]) -> dict[SecurableKind, tuple[str, ...]]:
        """Return the folded full names of what is owned on each level, in one round trip."""
        found: dict[SecurableKind, list[str]] = {level: [] for level in levels}
        if found:
            sql = " UNION ALL ".join(_OWNED[level] for level in found)
            for value, key in self._run.all(sql, owners=_ids(visible.owners)):
                found[_KINDS[value]].append(key)
        return {level: tuple(keys) for level, keys in found.items()}

    def _keys(self, wanted: frozenset[str], levels: Iterable[SecurableKind]) -> dict[str, str]:
        """Return the folded full names of what is live, by id; of most there is one level."""
        keys: dict[str, str] = {}
        for level in reversed(tuple(levels)):
            left = wanted.difference(keys)
            if left:
                keys.update(self._run.all(_NAMES_OF[level], ids=_ids(left)))
        return keys


def _ids(ids: frozenset[str]) -> str:
    return json.dumps(sorted(ids))
