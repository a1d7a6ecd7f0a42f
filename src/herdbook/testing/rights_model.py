"""A model of rights in plain sets: who there is, what lies where, which lines hold; the reference evaluator judges."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, field, frozen

from herdbook.entities import Caller, Chain, Link
from herdbook.entities.ledger import Effect, Membership, PolicyLine
from herdbook.testing.reference_evaluator import ReferenceEvaluator
from herdbook.verdicts import Privilege, SecurableKind

_K = SecurableKind
_P = Privilege
CREATE = {_K.CATALOG: _P.CREATE_CATALOG, _K.SCHEMA: _P.CREATE_SCHEMA, _K.REGISTERED_MODEL: _P.CREATE_MODEL}
_BELOW = {_K.METASTORE: _K.CATALOG, _K.CATALOG: _K.SCHEMA, _K.SCHEMA: _K.REGISTERED_MODEL}
_KEPT = {_P.MANAGE, _P.APPROVE, _P.BROWSE}


class Refused(Exception):  # noqa: N818 an answer of the model, not a mistake
    """The model refuses; its word is the name of the error's class."""


@define(kw_only=True, eq=False)
class Thing:
    """Something in the tree, in the trash or not; `gone_with` names what took it along."""

    id: str
    kind: SecurableKind
    level: str
    parent: Thing | None
    owner: str | None
    deleted: bool = False
    gone_with: str | None = None

    def upward(self) -> Iterator[Thing]:
        """Yield it and all that it lies in."""
        yield self
        if self.parent is not None:
            yield from self.parent.upward()

    @property
    def live(self) -> bool:
        """Whether neither it nor anything that it lies in is in the trash."""
        return not any(each.deleted for each in self.upward())

    @property
    def name(self) -> str:
        """Its full name."""
        levels = [each.level for each in self.upward() if each.parent is not None]
        return ".".join(reversed(levels)) or "metastore:"

    def chain(self, alias: str | None = None) -> Chain:
        """Return its chain, or that of a slot on it."""
        links = [Link(id=each.id, kind=each.kind, name=each.name, owner_id=each.owner) for each in self.upward()]
        if alias is not None:
            slot = Link(id=f"{self.id}@{alias}", kind=_K.MODEL_ALIAS, name=f"{self.name}@{alias}")
            links = [slot, *links]
        return Chain(links=tuple(links), policy_revision=0)


@frozen(kw_only=True)
class Line:
    """A line in force."""

    who: str
    privilege: Privilege
    effect: Effect
    on: str
    alias: str | None = None


@define(kw_only=True)
class RightsModel:
    """All that decides rights."""

    top: Thing
    things: dict[str, Thing] = field(factory=dict)
    people: dict[str, str] = field(factory=dict)
    disabled: set[str] = field(factory=set)
    members: set[tuple[str, str]] = field(factory=set)
    lines: set[Line] = field(factory=set)

    def reference(self) -> ReferenceEvaluator:
        """Return the evaluator over what holds now."""
        kinds = {each.id: each.kind for each in (self.top, *self.things.values())}
        lines = [
            PolicyLine(
                id=str(number),
                principal_id=line.who,
                privilege=line.privilege,
                effect=line.effect,
                securable_kind=kinds[line.on],
                securable_id=line.on,
                alias_key=line.alias,
            )
            for number, line in enumerate(self.lines)
        ]
        memberships = [Membership(member_id=member, group_id=group) for member, group in self.members]
        return ReferenceEvaluator(lines, memberships, self.disabled)

    def live(self) -> list[Thing]:
        """Return what is not in the trash, by name."""
        return sorted((each for each in self.things.values() if each.live), key=lambda thing: thing.name)

    def trashed(self) -> list[Thing]:
        """Return what was deleted, by itself or with something."""
        return [each for each in self.things.values() if each.deleted]

    def inside(self, thing: Thing) -> list[Thing]:
        """Return what lies in a thing at any depth."""
        return [each for each in self.things.values() if each is not thing and thing in each.upward()]

    def admins(self) -> list[str]:
        """Return the names of those who pass MANAGE on the metastore."""
        actors = [name for name in self.people if name.startswith(("user:", "service:"))]
        reference = self.reference()
        return [name for name in actors if reference.can(self.caller(name), _P.MANAGE, self.top.chain())]

    def caller(self, name: str) -> Caller:
        """Return a principal as a caller."""
        return Caller(principal_id=self.people[name])

    # What verbs answer: each returns, or raises Refused with the name of the error.

    def need(self, actor: str, privilege: Privilege, at: Thing, about: Thing | None = None) -> None:
        """Demand a privilege; who lacks it is told 403, and who may not know what it is about 404, right or none."""
        reference, caller = self.reference(), self.caller(actor)
        can = reference.can(caller, privilege, at.chain())
        if not (can and about is None) and not reference.knows(caller, (about or at).chain()):
            raise Refused("NotFoundError")
        if not can:
            raise Refused("PermissionDeniedError")

    def known(self, name: str) -> str:
        """Return the id of a principal."""
        if name not in self.people:
            raise Refused("NotFoundError")
        return self.people[name]

    def still_administered(self, before: set[Line] | set[tuple[str, str]] | set[str], what: str) -> None:
        """Undo a change after which nobody is metastore admin, and refuse it (R3)."""
        if not self.admins():
            setattr(self, what, before)
            raise Refused("ConflictError")

    def create(self, actor: str, parent: Thing, level: str) -> SecurableKind:
        """Judge a creation; returns the kind of what is to be made."""
        kind = _BELOW[parent.kind]
        holder = self._holder(parent, level)
        try:
            self.need(actor, CREATE[kind], parent)
        except Refused:
            if holder is not None and self.reference().knows(self.caller(actor), holder.chain()):
                raise Refused("AlreadyExistsError") from None
            raise
        if holder is not None:
            raise Refused("AlreadyExistsError")
        return kind

    def add(self, thing_id: str, parent: Thing, level: str, owner: str | None) -> Thing:
        """Put something into the tree."""
        thing = Thing(id=thing_id, kind=_BELOW[parent.kind], level=level, parent=parent, owner=owner)
        self.things[thing_id] = thing
        return thing

    def rename(self, actor: str, thing: Thing, level: str) -> None:
        """Give a thing another last level."""
        self.need(actor, _P.MANAGE, thing)
        self._free(actor, thing, level)
        thing.level = level

    def delete(self, actor: str, thing: Thing) -> None:
        """Move a thing and what is in it to the trash, by force."""
        self.need(actor, _P.MANAGE, thing)
        inside = [each for each in self.inside(thing) if each.live]
        for each in inside:
            if not self.reference().can(self.caller(actor), _P.MANAGE, each.chain()):
                raise Refused("PermissionDeniedError")
        for each in inside:
            each.deleted, each.gone_with = True, thing.id
        thing.deleted = True

    def restore(self, actor: str, thing: Thing) -> None:
        """Bring a thing back."""
        self.need(actor, _P.MANAGE, thing)
        if thing.parent is None or not thing.parent.live:
            raise Refused("ConflictError")
        self._free(actor, thing, thing.level)
        thing.deleted = False
        for each in self.things.values():
            if each.gone_with == thing.id:
                each.deleted, each.gone_with = False, None

    def purge(self, actor: str, thing: Thing) -> None:
        """Remove a thing, what is in it, and all lines there."""
        self.need(actor, _P.MANAGE, self.container(thing), thing)
        gone = {thing.id, *(each.id for each in self.inside(thing))}
        self.things = {each: found for each, found in self.things.items() if each not in gone}
        self.lines = {line for line in self.lines if line.on not in gone}

    def transfer(self, actor: str, thing: Thing, heir: str) -> None:
        """Give a thing another owner."""
        self.need(actor, _P.MANAGE, thing)
        owner = self.known(heir)
        if owner in self.disabled:
            raise Refused("InvalidArgumentError")
        thing.owner = owner

    def container(self, thing: Thing) -> Thing:
        """Return what a thing lies in; the metastore is its own container."""
        return thing.parent or thing

    def catalog(self, thing: Thing) -> Thing:
        """Return the catalog that a thing lies in, or the metastore itself."""
        return next((each for each in thing.upward() if each.kind is _K.CATALOG), thing)

    def giver(self, actor: str, privilege: Privilege, effect: Effect, thing: Thing) -> None:
        """Demand MANAGE where a line's kind asks for it (R5, R7)."""
        if effect is Effect.DENY or privilege is _P.APPROVE:
            self.need(actor, _P.MANAGE, self.container(thing))
        elif privilege is _P.BROWSE:
            self.need(actor, _P.MANAGE, self.catalog(thing))

    def give(self, actor: str, line: Line, who: str, thing: Thing, *, fits: bool) -> None:
        """Set a line to a principal of some name; `line.who` is filled in here."""
        deny = line.effect is Effect.DENY
        self.need(actor, _P.MANAGE, self.container(thing) if deny else thing, thing)
        if not fits:
            raise Refused("InvalidArgumentError")
        self.giver(actor, line.privilege, line.effect, thing)
        subject = self.known(who)
        self._unbound(actor, subject, line.effect)
        before = set(self.lines)
        self.lines = before | {_of(line, subject)}
        if thing is self.top and self.lines != before:
            self.still_administered(before, "lines")

    def take(self, actor: str, line: Line, who: str, thing: Thing) -> None:
        """End the lines that are named (R40)."""
        deny = line.effect is Effect.DENY
        self.need(actor, _P.MANAGE, self.container(thing) if deny else thing, thing)
        self.giver(actor, line.privilege, line.effect, thing)
        subject = self.known(who)
        self._unbound(actor, subject, line.effect)
        there = {e for e in self.lines if (e.who, e.effect, e.on, e.alias) == _place(line, subject)}
        every = not deny and line.privilege is _P.ALL_PRIVILEGES
        ended = {e for e in there if (e.privilege not in _KEPT if every else e.privilege is line.privilege)}
        if not ended:
            raise Refused("NotFoundError")
        before = set(self.lines)
        self.lines = before - ended
        if thing is self.top:
            self.still_administered(before, "lines")

    def _unbound(self, actor: str, subject: str, effect: Effect) -> None:
        if effect is Effect.ALLOW:
            return
        bound, edge = {self.people[actor]}, {self.people[actor]}
        while edge := {group for member, group in self.members if member in edge} - bound:
            bound |= edge
        if subject in bound and not self.reference().can(self.caller(actor), _P.MANAGE, self.top.chain()):
            raise Refused("PermissionDeniedError")

    def _holder(self, parent: Thing, level: str) -> Thing | None:
        return next((each for each in self.live() if each.parent is parent and each.level == level), None)

    def _free(self, actor: str, thing: Thing, level: str) -> None:
        holder = self._holder(self.container(thing), level)
        other = holder if holder is not thing else None
        if other is not None and self.reference().knows(self.caller(actor), other.chain()):
            raise Refused("AlreadyExistsError")
        self.need(actor, CREATE[thing.kind], self.container(thing), self.container(thing))
        if other is not None:
            raise Refused("AlreadyExistsError")


def _of(line: Line, subject: str) -> Line:
    return Line(who=subject, privilege=line.privilege, effect=line.effect, on=line.on, alias=line.alias)


def _place(line: Line, subject: str) -> tuple[str, Effect, str, str | None]:
    return subject, line.effect, line.on, line.alias
