"""Why something is allowed or not, step by step: each gate and the act, and what is missing (AUTHORIZATION R13)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum

from attrs import evolve, frozen

from herdbook.entities import Chain, Link
from herdbook.entities.caller import TokenScope
from herdbook.entities.ledger import Effect
from herdbook.policy.granting import GRANTABLE, Giver, giver
from herdbook.policy.judging import gates_of, position_of
from herdbook.policy.privileges import ADMIN_NEEDS_NO_GATE, GATES, INCLUDED_IN, SHOWING, expanded
from herdbook.verdicts import Privilege, Requirement, SecurableKind

Says = Callable[[Privilege, int], Effect | None]
"""What lines and ownership alone say of a privilege at a position of the chain; None where nothing speaks of it."""

KIND_WORDS: dict[SecurableKind, str] = {
    SecurableKind.METASTORE: "metastore",
    SecurableKind.CATALOG: "catalog",
    SecurableKind.SCHEMA: "schema",
    SecurableKind.REGISTERED_MODEL: "registered model",
    SecurableKind.MODEL_ALIAS: "alias",
}


class Standing(Enum):
    """How one step stands."""

    HELD = "held"
    MISSING = "missing"
    IMPOSSIBLE = "impossible"
    DENIED = "denied"
    CUT = "cut"


@frozen(kw_only=True)
class Step:
    """One part of what must hold together: a gate, or the act.

    Args:
        privilege: What is needed.
        position: At which position of the chain.
        standing: HELD; MISSING: nothing gives it; IMPOSSIBLE: nothing gives it or could; DENIED: a deny takes it; CUT:
            the caller's token leaves it out.
        by: The privilege that gives it, that would have to be granted, or that is denied.
    """

    privilege: Privilege
    position: int
    standing: Standing
    by: Privilege


def steps(requirement: Requirement, chain: Chain, says: Says, scope: TokenScope | None) -> tuple[Step, ...]:
    """Return what a requirement asks for, the outermost first.

    Args:
        requirement: Which privilege, at which level of the chain.
        chain: The object asked about and all that it lies in.
        says: What lines and ownership say for the caller.
        scope: What the caller's token is cut to.
    """
    weighing = _Weighing(chain, says, scope)
    if requirement.privilege in ADMIN_NEEDS_NO_GATE:
        admin = weighing.one(Privilege.MANAGE, len(chain.links) - 1)
        if admin.standing is Standing.HELD:
            return (admin,)
    position = chain.find(requirement.kind)
    if position is None:
        raise LookupError(requirement.kind)
    gates = (weighing.gate(*gate) for gate in gates_of(requirement))
    return (*gates, weighing.act(requirement.privilege, position))


def steps_to_know(chain: Chain, says: Says, scope: TokenScope | None) -> tuple[Step, ...]:
    """Return by what a caller may know of a chain's object, or that BROWSE is missing; none where everyone may."""
    position = 1 if chain.object.kind is SecurableKind.MODEL_ALIAS else 0
    kind = chain.links[position].kind
    if kind is SecurableKind.METASTORE:
        return ()
    weighing = _Weighing(chain, says, scope)
    browse = weighing.one(Privilege.BROWSE, position)
    for step in (weighing.one(Privilege.MANAGE, len(chain.links) - 1), browse):
        if step.standing is Standing.HELD:
            return (step,)
    gates = tuple(weighing.gate(*gate) for gate in GATES[kind])
    if all(gate.standing is Standing.HELD for gate in gates):
        for privilege in SHOWING[kind]:
            step = weighing.one(privilege, position)
            if step.standing is Standing.HELD:
                return (*gates, step)
    return (browse,)


def steps_to_know_too(found: tuple[Step, ...], chain: Chain, says: Says, scope: TokenScope | None) -> tuple[Step, ...]:
    """Return steps with what knowing a chain's object needs besides, once what is missing in them is granted.

    Args:
        found: What the right asks for, as `steps` returns it.
        chain: The object asked about and all that it lies in.
        says: What lines and ownership say for the caller.
        scope: What the caller's token is cut to.
    """
    granted = [(step.by, chain.links.index(place)) for step in found if (place := _granted_on(step, chain)) is not None]

    def then(privilege: Privilege, position: int) -> Effect | None:
        said = says(privilege, position)
        given = any(privilege is each and position <= at for each, at in granted)
        return Effect.ALLOW if said is None and given else said

    besides = steps_to_know(chain, then, scope)
    # What would hold only by a grant that is missing yet is no step of its own.
    left = lacking(besides) if granted else besides
    return tuple(dict.fromkeys((*found, *left)))


def lacking(found: Iterable[Step]) -> tuple[Step, ...]:
    """Return the steps that do not hold."""
    return tuple(step for step in found if step.standing is not Standing.HELD)


def effort(found: Iterable[Step]) -> tuple[bool, int]:
    """Return how far a way is from being open, to compare ways by: whether no grant opens it, then how many would."""
    left = lacking(found)
    return any(step.standing is not Standing.MISSING for step in left), len(left)


def grant_place(step: Step, chain: Chain) -> Link:
    """Return what a missing privilege would be granted on: its level, or the nearest above where it can be."""
    place = _place(step, chain)
    if place is None:
        raise LookupError(step)
    return place


def _granted_on(step: Step, chain: Chain) -> Link | None:
    return _place(step, chain) if step.standing is Standing.MISSING else None


def _place(step: Step, chain: Chain) -> Link | None:
    return next((link for link in chain.links[step.position :] if step.by in GRANTABLE[link.kind]), None)


def needed_to_set(privilege: Privilege, effect: Effect, on: Link, chain: Chain) -> tuple[Link, ...]:
    """Return the levels of a chain on which MANAGE is needed to set or lift a line (R5, R7).

    Args:
        privilege: The line's privilege.
        effect: Its effect.
        on: The level that it is on, or whose slots it is on; for a slot of the chain itself, its model.
        chain: Where it lies.
    """
    links = chain.links
    here = links.index(on)
    if on.kind is SecurableKind.MODEL_ALIAS:
        here += 1
    last = len(links) - 1
    where = giver(privilege, effect)
    if where is Giver.THERE or here == last:
        return (links[here],)
    above = links[here + 1] if where is Giver.CONTAINER else chain.link(SecurableKind.CATALOG)
    return (above,) if effect is Effect.DENY else tuple(dict.fromkeys((links[here], above)))


class _Weighing:
    """What stands for and against a caller on a chain, with its token's scope told apart (R24)."""

    def __init__(self, chain: Chain, says: Says, scope: TokenScope | None) -> None:
        self._chain = chain
        self._says = says
        self._kept = frozenset(Privilege) if scope is None else expanded(scope.privileges)
        self._limit = len(chain.links) - 1 if scope is None else position_of(scope.securable_id, chain)

    def one(self, privilege: Privilege, position: int) -> Step:
        """Weigh exactly one privilege."""
        return self._best((privilege,), privilege, position)

    def act(self, privilege: Privilege, position: int) -> Step:
        """Weigh a privilege, which what includes it gives, too (R1)."""
        return self._best(INCLUDED_IN.get(privilege, (privilege,)), privilege, position)

    def gate(self, privilege: Privilege, kind: SecurableKind) -> Step:
        """Weigh a gate, which a scope implies on the way to what lies in it."""
        position = self._chain.find(kind)
        if position is None:
            raise LookupError(kind)
        standing = Standing.CUT if self._limit < 0 else _STANDING[self._says(privilege, position)]
        return Step(privilege=privilege, position=position, standing=standing, by=privilege)

    def _best(self, candidates: tuple[Privilege, ...], privilege: Privilege, position: int) -> Step:
        kept = [each for each in candidates if each in self._kept] if position <= self._limit else []
        standings = {each: _STANDING[self._says(each, position)] for each in kept}
        for standing in (Standing.HELD, Standing.MISSING, Standing.DENIED):
            for each in kept:
                if standings[each] is standing:
                    step = Step(privilege=privilege, position=position, standing=standing, by=each)
                    if standing is Standing.MISSING and _place(step, self._chain) is None:
                        return evolve(step, standing=Standing.IMPOSSIBLE)
                    return step
        return Step(privilege=privilege, position=position, standing=Standing.CUT, by=privilege)


_STANDING = {Effect.ALLOW: Standing.HELD, Effect.DENY: Standing.DENIED, None: Standing.MISSING}
