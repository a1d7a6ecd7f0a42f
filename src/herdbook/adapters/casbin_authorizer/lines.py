"""The lines and memberships in force, by subject and object; a value that is replaced, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import field, frozen

from herdbook.entities.ledger import Effect, Membership, PolicyChange, PolicyLine, PolicySnapshot
from herdbook.verdicts import Privilege

Row = tuple[str, str, str, str]
"""A line as Casbin reads it: subject, object, act, effect."""


@frozen(kw_only=True, eq=False)
class Line:
    """A line of policy, made ready to be handed over.

    Args:
        line: The line.
        row: What Casbin reads.
        privilege: The line's privilege.
        denies: Whether it is a deny.
    """

    line: PolicyLine
    row: Row
    privilege: Privilege
    denies: bool

    @classmethod
    def of(cls, line: PolicyLine) -> Line:
        """Make a line ready."""
        row = (line.principal_id, object_key(line), line.privilege.value, line.effect.value)
        return cls(line=line, row=row, privilege=line.privilege, denies=line.effect is Effect.DENY)


Objects = Mapping[str, tuple[Line, ...]]
"""The lines of one subject, by object."""


def object_key(line: PolicyLine) -> str:
    """Return the typed id of what a line is on: a securable's id, or `CONTAINER_ID@alias` for alias slots (R14)."""
    return line.securable_id if line.alias_key is None else f"{line.securable_id}@{line.alias_key}"


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
        lines: dict[str, dict[str, tuple[Line, ...]]] = {}
        for line in snapshot.lines:
            made = Line.of(line)
            objects = lines.setdefault(made.row[0], {})
            objects[made.row[1]] = (*objects.get(made.row[1], ()), made)
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
    made = Line.of(item)
    subject, key = made.row[:2]
    objects = dict(lines.get(subject, {}))
    rest = tuple(other for other in objects.pop(key, ()) if other.line.id != item.id)
    if added or rest:
        objects[key] = (*rest, made) if added else rest
    if objects:
        lines[subject] = objects
    else:
        lines.pop(subject, None)


def _step_membership(groups: dict[str, tuple[Membership, ...]], item: Membership, *, added: bool) -> None:
    # One membership may stand in a file and be a grant as well: only the one that is named goes.
    rest = tuple(other for other in groups.pop(item.member_id, ()) if other != item)
    if added or rest:
        groups[item.member_id] = (*rest, item) if added else rest
