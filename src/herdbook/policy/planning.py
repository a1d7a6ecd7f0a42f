"""What policy files would change: names bound to ids, principals made, lines and memberships more and fewer (R16)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from attrs import evolve, field, frozen

from herdbook.entities.ledger import (
    BoundName,
    Effect,
    Membership,
    NameDeny,
    NameKind,
    PolicyLine,
    PolicySnapshot,
)
from herdbook.names import METASTORE, AliasRef, AliasSlots, PrincipalName, SecurableName, fold
from herdbook.policy.nesting import closure, groups_by_member, nesting_faults
from herdbook.policy.policy_lines import FileLine, FileLines, FileMember
from herdbook.verdicts import Privilege

_DECIDES_ADMINS = frozenset(
    {
        (Effect.ALLOW, Privilege.MANAGE),
        (Effect.ALLOW, Privilege.MANAGE_POLICY),
        (Effect.DENY, Privilege.MANAGE),
        (Effect.DENY, Privilege.MANAGE_POLICY),
        (Effect.DENY, Privilege.READ_METADATA),
        (Effect.DENY, Privilege.BROWSE),
        (Effect.DENY, Privilege.ALL_PRIVILEGES),
    }
)
_REBIND = "`herdbook policies rebind` binds the name anew."
Item = PolicyLine | Membership
Pair = tuple[str, str]
_Right = tuple[str, Privilege, Effect, str, str | None]


@frozen(kw_only=True)
class Ground:
    """What there is before files are applied.

    Args:
        metastore_id: The id of the metastore.
        snapshot: The policy in force.
        bound: What the names in the files in force stand for.
        principals: The ids of the principals that the new files name, by folded name, of those that there are.
        bearers: The ids of what bears the names of securables in the new files, by folded name.
        existing: Which of the bound ids are of what is still there, be it in the trash.
    """

    metastore_id: str
    snapshot: PolicySnapshot
    bound: tuple[BoundName, ...] = ()
    principals: Mapping[str, str] = field(factory=dict)
    bearers: Mapping[str, str] = field(factory=dict)
    existing: frozenset[str] = frozenset()


@frozen(kw_only=True)
class Plan:
    """What applying files would do.

    Args:
        principals: Principals to be made, by id.
        names: What the names in the files stand for.
        denies: The denies by name.
        add: Lines and memberships that begin.
        end: Those that end.
        problems: Why it cannot be done, each with file and line.
        notes: What is no mistake and worth a look.
    """

    principals: Mapping[str, PrincipalName] = field(factory=dict)
    names: tuple[BoundName, ...] = ()
    denies: tuple[NameDeny, ...] = ()
    add: tuple[Item, ...] = ()
    end: tuple[Item, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def after(self, snapshot: PolicySnapshot) -> PolicySnapshot:
        """Return the policy as it would be."""
        ended = set(self.end)
        begun = tuple(item for item in self.add if isinstance(item, PolicyLine))
        joined = tuple(item for item in self.add if isinstance(item, Membership))
        return evolve(
            snapshot,
            revision=snapshot.revision + 1,
            lines=(*(line for line in snapshot.lines if line not in ended), *begun),
            memberships=(*(each for each in snapshot.memberships if each not in ended), *joined),
        )


def base_of(name: SecurableName) -> tuple[SecurableName, str | None]:
    """Return what a line hangs on, and the folded alias where it is on the slots there."""
    if isinstance(name, AliasRef):
        return name.model, fold(name.alias)
    if isinstance(name, AliasSlots):
        return name.container, fold(name.alias)
    return name, None


def names_in(lines: FileLines, rules: Iterable[str]) -> tuple[dict[str, PrincipalName], frozenset[str]]:
    """Return the principals that files name, by folded name, and the folded names of their securables.

    Args:
        lines: The lines of the files.
        rules: What their rules are bound to, as written.
    """
    people = [line.principal for line in lines.lines]
    people += [name for member in lines.members for name in (member.member, member.group)]
    places = {base_of(line.securable)[0].key for line in lines.lines} | {fold(name) for name in rules}
    return {name.key: name for name in people}, frozenset(places - {METASTORE.key})


def plan_for(lines: FileLines, rules: Iterable[str], ground: Ground, new_id: Callable[[], str]) -> Plan:
    """Work out what applying files would do.

    Args:
        lines: The lines of the files.
        rules: What their rules are bound to, as written.
        ground: What there is.
        new_id: Makes ids, for what begins.
    """
    people, places = names_in(lines, rules)
    binder = _Binder(ground, new_id)
    for name in people.values():
        binder.bind_principal(name)
    for key in sorted(places):
        binder.bind_securable(key)
    rights, denies = _wanted_lines(lines.lines, binder, ground)
    pairs = _wanted_members(lines.members, binder)
    add, end = _line_steps(rights, ground.snapshot, new_id)
    joined, left = _member_steps(pairs, ground.snapshot)
    plan = Plan(
        principals=binder.made,
        names=tuple(binder.names.values()),
        denies=tuple(denies.values()),
        add=(*add, *joined),
        end=(*end, *left),
        notes=tuple(binder.notes),
    )
    problems = (*_admins_touched(joined, left, plan, ground), *nesting_faults(plan.after(ground.snapshot).memberships))
    return evolve(plan, problems=problems)


class _Binder:
    """Binds names: as they are bound already, or else to what bears them."""

    def __init__(self, ground: Ground, new_id: Callable[[], str]) -> None:
        self._ground = ground
        self._new_id = new_id
        self._before = {(name.kind, name.key): name for name in ground.bound}
        self._gone = {name.id for name in ground.bound} - ground.existing
        self.names: dict[tuple[NameKind, str], BoundName] = {}
        self.made: dict[str, PrincipalName] = {}
        self.notes: list[str] = []

    def bind_principal(self, name: PrincipalName) -> None:
        """Bind a principal's name; one that does not exist is to be made."""
        found = self._ground.principals.get(name.key)
        bound = self._before.get((NameKind.PRINCIPAL, name.key))
        if bound is None:
            if found is None:
                found = self._new_id()
                self.made[found] = name
                self.notes.append(f"{name} is made known.")
            bound = BoundName(kind=NameKind.PRINCIPAL, key=name.key, id=found)
        elif bound.id in self._gone:
            self.notes.append(f"{name} was deleted, so its lines give and take nothing. {_REBIND}")
        self.names[NameKind.PRINCIPAL, name.key] = bound

    def bind_securable(self, key: str) -> None:
        """Bind a securable's name, unless nothing bears it."""
        bearer = self._ground.bearers.get(key)
        bound = self._before.get((NameKind.SECURABLE, key))
        if bound is None and bearer is None:
            self.notes.append(f"Nothing bears the name {key} yet: only its denies and rules will hold, at once.")
            return
        if bound is not None and bound.id != bearer:
            self.notes.append(f"{key} stands for what bore that name at revision {bound.revision}. {_REBIND}")
        self.names[NameKind.SECURABLE, key] = bound or BoundName(kind=NameKind.SECURABLE, key=key, id=bearer or "")

    def principal(self, name: PrincipalName) -> str | None:
        """Return whom a name stands for; None where it was deleted."""
        bound = self.names[NameKind.PRINCIPAL, name.key].id
        return None if bound in self._gone else bound

    def securable(self, key: str) -> str | None:
        """Return what a name stands for; None where there is no such thing, yet or any more."""
        if key == METASTORE.key:
            return self._ground.metastore_id
        bound = self.names.get((NameKind.SECURABLE, key))
        return None if bound is None or bound.id in self._gone else bound.id


def _wanted_lines(
    lines: Iterable[FileLine], binder: _Binder, ground: Ground
) -> tuple[dict[_Right, PolicyLine], dict[object, NameDeny]]:
    """Return the lines that shall be in force, and the denies by name; of equal ones the first that is written."""
    rights: dict[_Right, PolicyLine] = {}
    denies: dict[object, NameDeny] = {}
    for line in lines:
        who = binder.principal(line.principal)
        if who is None:
            continue
        base, alias = base_of(line.securable)
        on = {binder.securable(base.key)}
        if line.effect is Effect.DENY and base != METASTORE:
            on.add(ground.bearers.get(base.key))
            deny = NameDeny(
                key=base.key,
                alias_key=alias,
                securable_kind=base.kind,
                principal_id=who,
                privilege=line.privilege,
                origin=line.origin,
            )
            denies.setdefault((deny.key, alias, who, line.privilege), deny)
        for place in sorted(each for each in on if each is not None):
            made = PolicyLine(
                id="",
                principal_id=who,
                privilege=line.privilege,
                effect=line.effect,
                securable_kind=base.kind,
                securable_id=place,
                alias_key=alias,
                origin=line.origin,
            )
            rights.setdefault(_right(made), made)
    return rights, denies


def _wanted_members(members: Iterable[FileMember], binder: _Binder) -> dict[Pair, Membership]:
    wanted: dict[Pair, Membership] = {}
    for line in members:
        member, group = binder.principal(line.member), binder.principal(line.group)
        if member is not None and group is not None:
            made = Membership(member_id=member, group_id=group, origin=line.origin)
            wanted.setdefault((member, group), made)
    return wanted


def _line_steps(
    wanted: Mapping[_Right, PolicyLine], snapshot: PolicySnapshot, new_id: Callable[[], str]
) -> tuple[list[PolicyLine], list[PolicyLine]]:
    """Return the lines to begin and to end; one whose place in the files moved is written anew."""
    missing, end = dict(wanted), []
    for line in snapshot.lines:
        if not line.from_file:
            continue
        same = missing.get(_right(line))
        if same is not None and same.origin == line.origin:
            del missing[_right(line)]
        else:
            end.append(line)
    return [evolve(line, id=new_id()) for line in missing.values()], end


def _member_steps(
    wanted: Mapping[Pair, Membership], snapshot: PolicySnapshot
) -> tuple[list[Membership], list[Membership]]:
    missing, end = dict(wanted), []
    for membership in snapshot.memberships:
        if not membership.from_file:
            continue
        pair = (membership.member_id, membership.group_id)
        if missing.get(pair) == membership:
            del missing[pair]
        else:
            end.append(membership)
    return list(missing.values()), end


def _admins_touched(
    joined: Iterable[Membership], left: Iterable[Membership], plan: Plan, ground: Ground
) -> Iterator[str]:
    """Tell which memberships would change who administers the metastore or its policies (R21)."""
    deciding = {
        line.principal_id
        for line in ground.snapshot.lines
        if line.securable_id == ground.metastore_id and (line.effect, line.privilege) in _DECIDES_ADMINS
    }
    now, then = (groups_by_member(each.memberships) for each in (ground.snapshot, plan.after(ground.snapshot)))
    begun = {(each.member_id, each.group_id): each for each in joined}
    ended = {(each.member_id, each.group_id): each for each in left}
    for pair, membership in (*begun.items(), *ended.items()):
        if pair in begun and pair in ended:
            continue
        if deciding & (closure(pair[1], now) | closure(pair[1], then)):
            what = "adds to" if pair in begun else "is taken from the files; it is a membership in"
            yield (
                f"{membership.origin}: the line {what} a group or role that holds MANAGE or MANAGE_POLICY on the "
                "metastore. A metastore admin decides at run time who is in it."
            )


def _right(line: PolicyLine) -> _Right:
    return line.principal_id, line.privilege, line.effect, line.securable_id, line.alias_key
