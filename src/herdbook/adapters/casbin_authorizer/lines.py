"""The lines and memberships in force, by subject and object; a value that is replaced, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import field, frozen

from herdbook.entities.ledger import Membership, PolicyChange, PolicyLine, PolicySnapshot

Row = tuple[str, str, str, str]
"""A line as Casbin reads it: subject, object, act, effect."""


Objects = Mapping[str, tuple[PolicyLine, ...]]
"""The lines of one subject, by object."""


def object_key(line: PolicyLine) -> str:
    """Return the typed id of what a line is on: a securable's id, or `CONTAINER_ID@alias` for alias slots (R14)."""
    return line.securable_id if line.alias_key is None else f"{line.securable_id}@{line.alias_key}"


def row_of(line: PolicyLine) -> Row:
    """Return a line as Casbin reads it."""
    return line.principal_id, object_key(line), line.privilege.value, line.effect.value


@frozen(kw_only=True, eq=False)
class Index:
    """Everything that decides rights, as of one policy revision.

    Args:
        revision: The revision; -1 before anything was fed.
        lines: The lines by subject, then by object.
        groups: The memberships by member.
        disabled: Ids of principals that may not act.
    """

    revision: int = -1
    lines: Mapping[str, Objects] = field(factory=dict)
    groups: Mapping[str, tuple[Membership, ...]] = field(factory=dict)
    disabled: frozenset[str] = frozenset()

    @classmethod
    def of(cls, snapshot: PolicySnapshot) -> Index:
        """Index a whole policy."""
        lines: dict[str, dict[str, tuple[PolicyLine, ...]]] = {}
        for line in snapshot.lines:
            objects = lines.setdefault(line.principal_id, {})
            key = object_key(line)
            objects[key] = (*objects[key], line) if key in objects else (line,)
        groups: dict[str, tuple[Membership, ...]] = {}
        for membership in snapshot.memberships:
            groups[membership.member_id] = (*groups.get(membership.member_id, ()), membership)
        return cls(revision=snapshot.revision, lines=lines, groups=groups, disabled=snapshot.disabled)

    def after(self, changes: Iterable[PolicyChange], revision: int) -> Index:
        """Return the index after some steps; what they do not touch is shared with this one."""
        lines: dict[str, Objects] = dict(self.lines)
        groups = dict(self.groups)
        for change in changes:
            if isinstance(change.item, PolicyLine):
                _step_line(lines, change.item, added=change.added)
            else:
                _step_membership(groups, change.item, added=change.added)
        return Index(revision=revision, lines=lines, groups=groups, disabled=self.disabled)


def _step_line(lines: dict[str, Objects], item: PolicyLine, *, added: bool) -> None:
    subject, key = item.principal_id, object_key(item)
    objects = dict(lines.get(subject, {}))
    rest = tuple(other for other in objects.pop(key, ()) if other.id != item.id)
    if added or rest:
        objects[key] = (*rest, item) if added else rest
    if objects:
        lines[subject] = objects
    else:
        lines.pop(subject, None)


def _step_membership(groups: dict[str, tuple[Membership, ...]], item: Membership, *, added: bool) -> None:
    # One membership may stand in a file and be a grant as well: only the one that is named goes.
    rest = tuple(other for other in groups.pop(item.member_id, ()) if other != item)
    if added or rest:
        groups[item.member_id] = (*rest, item) if added else rest
