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


class Subjects:
    """The lines by subject; those of one subject are put in order when it is first asked for.

    Args:
        whole: The lines by subject, as they were fed.
        ready: Those that are in order, or that steps have touched since.
    """

    def __init__(self, whole: Mapping[str, Iterable[PolicyLine]], ready: Mapping[str, Objects]) -> None:
        self._whole = whole
        self._ready = dict(ready)

    def of(self, subject: str) -> Objects:
        """Return the lines of a subject, by object; none where no line speaks of it."""
        found = self._ready.get(subject)
        if found is None:
            found = _by_object(self._whole.get(subject, ()))
            if found:
                self._ready[subject] = found
        return found

    def but(self, changed: Mapping[str, Objects]) -> Subjects:
        """Return the same with the lines of some subjects others."""
        return Subjects(self._whole, {**self._ready, **changed})


def _by_object(lines: Iterable[PolicyLine]) -> Objects:
    objects: dict[str, tuple[PolicyLine, ...]] = {}
    for line in lines:
        key = object_key(line)
        objects[key] = (*objects[key], line) if key in objects else (line,)
    return objects


@frozen(kw_only=True, eq=False)
class Index:
    """Everything that decides rights, as of one policy revision.

    Args:
        revision: The revision; -1 before anything was fed.
        lines: The lines by subject and object.
        groups: The memberships by member.
        disabled: Ids of principals that may not act.
    """

    revision: int = -1
    lines: Subjects = field(factory=lambda: Subjects({}, {}))
    groups: Mapping[str, tuple[Membership, ...]] = field(factory=dict)
    disabled: frozenset[str] = frozenset()

    @classmethod
    def of(cls, snapshot: PolicySnapshot) -> Index:
        """Index a whole policy."""
        groups: dict[str, tuple[Membership, ...]] = {}
        for membership in snapshot.memberships:
            groups[membership.member_id] = (*groups.get(membership.member_id, ()), membership)
        lines = Subjects(snapshot.lines.by_principal, {})
        return cls(revision=snapshot.revision, lines=lines, groups=groups, disabled=snapshot.disabled)

    def after(self, changes: Iterable[PolicyChange], revision: int) -> Index:
        """Return the index after some steps; what they do not touch is shared with this one."""
        lines: dict[str, Objects] = {}
        groups = dict(self.groups)
        for change in changes:
            if isinstance(change.item, PolicyLine):
                who = change.item.principal_id
                had = lines[who] if who in lines else self.lines.of(who)
                lines[who] = _stepped(had, change.item, added=change.added)
            else:
                _step_membership(groups, change.item, added=change.added)
        return Index(revision=revision, lines=self.lines.but(lines), groups=groups, disabled=self.disabled)


def _stepped(had: Objects, item: PolicyLine, *, added: bool) -> Objects:
    objects, key = dict(had), object_key(item)
    rest = tuple(other for other in objects.pop(key, ()) if other.id != item.id)
    if added or rest:
        objects[key] = (*rest, item) if added else rest
    return objects


def _step_membership(groups: dict[str, tuple[Membership, ...]], item: Membership, *, added: bool) -> None:
    # One membership may stand in a file and be a grant as well: only the one that is named goes.
    rest = tuple(other for other in groups.pop(item.member_id, ()) if other != item)
    if added or rest:
        groups[item.member_id] = (*rest, item) if added else rest
