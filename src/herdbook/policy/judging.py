"""From single rights to a decision: included privileges, usage gates, the admin's exemption, token scope, sight."""

from __future__ import annotations

from collections.abc import Callable

from herdbook.entities import Caller, Chain
from herdbook.policy.privileges import ADMIN_NEEDS_NO_GATE, GATES, INCLUDED_IN, METASTORE_ONLY, SHOWING, expanded
from herdbook.verdicts import Allowed, Decision, Denied, Privilege, Requirement, SecurableKind, Sight

Holds = Callable[[Privilege, int], str | None]
"""Whether a privilege holds at a position of the chain, inheritance and denies included: the reason, or None."""

# What is created lies one level further down, so its gates are asked.
_CREATES = {
    Privilege.CREATE_SCHEMA: SecurableKind.SCHEMA,
    Privilege.CREATE_MODEL: SecurableKind.REGISTERED_MODEL,
}


def judge(caller: Caller, requirement: Requirement, chain: Chain, holds: Holds) -> Decision:
    """Judge one requirement by what holds at the levels of the chain (AUTHORIZATION R1, R3, R6, R7, R24).

    The last right that was found to hold is the one that decided; sight is looked at only on failure.

    Args:
        caller: Who asks; its token scope cuts what holds.
        requirement: Which privilege, at which level.
        chain: The object asked about and all that it lies in.
        holds: What holds for the caller's principal.
    """
    rights = _Rights(caller, chain, holds)
    position = chain.find(requirement.kind)
    if position is None:
        raise LookupError(f"a requirement on a {requirement.kind} for a {chain.object.kind}")
    because = rights.admin() if requirement.privilege in ADMIN_NEEDS_NO_GATE else None
    if because is None:
        missing = rights.missing_gate(gates_of(requirement))
        if missing is not None:
            return _denied(missing, rights)
        because = rights.first(INCLUDED_IN.get(requirement.privilege, (requirement.privilege,)), position)
    if because is None:
        return _denied(requirement, rights)
    return Allowed(because=because, revision=chain.policy_revision)


def sight(caller: Caller, chain: Chain, holds: Holds) -> Sight:
    """Tell whether the caller may know that the chain's object exists (R3, R7, R12)."""
    return _Rights(caller, chain, holds).sight()


class _Rights:
    """What holds for a caller on a chain, cut to its token's scope (R24)."""

    def __init__(self, caller: Caller, chain: Chain, holds: Holds) -> None:
        self.chain = chain
        self._holds = holds
        self._last = len(chain.links) - 1
        scope = caller.scope
        self._privileges = None if scope is None else expanded(scope.privileges)
        self._limit = self._last if scope is None else position_of(scope.securable_id, chain)

    def holds(self, privilege: Privilege, position: int) -> str | None:
        """Return why a privilege holds at a position; None where it does not."""
        if position > self._limit or (self._privileges is not None and privilege not in self._privileges):
            return None
        if privilege in METASTORE_ONLY and position != self._last:
            return None
        return self._holds(privilege, position)

    def first(self, privileges: tuple[Privilege, ...], position: int) -> str | None:
        """Return why the first of some privileges that holds does so."""
        for privilege in privileges:
            because = self.holds(privilege, position)
            if because is not None:
                return because
        return None

    def admin(self) -> str | None:
        """Return why the caller is metastore admin; None where it is not (R3)."""
        return self.holds(Privilege.MANAGE, self._last)

    def missing_gate(self, gates: tuple[tuple[Privilege, SecurableKind], ...]) -> Requirement | None:
        """Return the first gate that is shut; a scope implies those on the way to what lies in it (R24)."""
        for privilege, kind in gates:
            position = self.chain.find(kind)
            if position is None:
                # What would be created further down has gates that are asked where it is created.
                continue
            if self._limit < 0 or self._holds(privilege, position) is None:
                return Requirement(privilege=privilege, kind=kind)
        return None

    def sight(self) -> Sight:
        """Tell whether the caller may know the object; an alias slot is known where its model is (R14)."""
        links = self.chain.links
        position = 1 if links[0].kind is SecurableKind.MODEL_ALIAS else 0
        kind = links[position].kind
        if kind is SecurableKind.METASTORE or self.admin() is not None:
            return Sight.KNOWN
        if self.holds(Privilege.BROWSE, position) is not None:
            return Sight.KNOWN
        if self.missing_gate(GATES[kind]) is None and self.first(SHOWING[kind], position) is not None:
            return Sight.KNOWN
        return Sight.HIDDEN


def gates_of(requirement: Requirement) -> tuple[tuple[Privilege, SecurableKind], ...]:
    """Return the gates on the way; only an explicit BROWSE skips them (R7)."""
    if requirement.privilege is Privilege.BROWSE:
        return ()
    inside = GATES[_CREATES.get(requirement.privilege, requirement.kind)]
    return max(GATES[requirement.kind], inside, key=len)


def position_of(securable_id: str, chain: Chain) -> int:
    """Return the position of a securable on a chain; -1 where it is not on it."""
    return next((position for position, link in enumerate(chain.links) if link.id == securable_id), -1)


def _denied(missing: Requirement, rights: _Rights) -> Denied:
    return Denied(
        privilege=missing.privilege,
        kind=missing.kind,
        securable=rights.chain.link(missing.kind).name,
        sight=rights.sight(),
        revision=rights.chain.policy_revision,
    )
