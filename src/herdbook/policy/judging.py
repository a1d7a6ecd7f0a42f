"""From single rights to a decision: included privileges, usage gates, the admin's exemption, token scope, sight."""

from __future__ import annotations

from collections.abc import Callable

from herdbook.entities import Caller, Chain
from herdbook.verdicts import Allowed, Decision, Denied, Privilege, Requirement, SecurableKind, Sight

Holds = Callable[[Privilege, int], str | None]
"""Whether a privilege holds at a position of the chain, inheritance and denies included: the reason, or None."""

INCLUDED_IN: dict[Privilege, tuple[Privilege, ...]] = {
    Privilege.READ_METADATA: (Privilege.READ_METADATA, Privilege.EXECUTE, Privilege.MANAGE, Privilege.APPROVE)
}
"""Privileges that include one (R1); a privilege that is not a key is included in itself only."""

_ADMIN_NEEDS_NO_GATE = frozenset({Privilege.MANAGE, Privilege.READ_METADATA})
_USE_CATALOG = (Privilege.USE_CATALOG, SecurableKind.CATALOG)
_USE_SCHEMA = (Privilege.USE_SCHEMA, SecurableKind.SCHEMA)
_GATES: dict[SecurableKind, tuple[tuple[Privilege, SecurableKind], ...]] = {
    SecurableKind.METASTORE: (),
    SecurableKind.CATALOG: (),
    SecurableKind.SCHEMA: (_USE_CATALOG,),
    SecurableKind.REGISTERED_MODEL: (_USE_CATALOG, _USE_SCHEMA),
    SecurableKind.MODEL_ALIAS: (_USE_CATALOG, _USE_SCHEMA),
}
# What is created lies one level further down, so its gates are asked.
_GATES_TO_CREATE: dict[Privilege, tuple[tuple[Privilege, SecurableKind], ...]] = {
    Privilege.CREATE_SCHEMA: (_USE_CATALOG,),
    Privilege.CREATE_MODEL: (_USE_CATALOG, _USE_SCHEMA),
}
_ANY = tuple(p for p in Privilege if p not in (Privilege.BROWSE, Privilege.ALL_PRIVILEGES))


def judge(caller: Caller, requirement: Requirement, chain: Chain, holds: Holds) -> Decision:
    """Judge one requirement by what holds at the levels of the chain (AUTHORIZATION R1, R3, R6, R7, R24).

    Args:
        caller: Who asks; its token scope cuts what holds.
        requirement: Which privilege, at which level.
        chain: The object asked about and all that it lies in.
        holds: What holds for the caller's principal.
    """
    scoped = _cut_to_scope(caller, chain, holds)
    position = chain.find(requirement.kind)
    if position is None:
        raise LookupError(f"a requirement on a {requirement.kind} for a {chain.object.kind}")
    because = _admin(requirement.privilege, chain, scoped)
    if because is None:
        missing = _missing_gate(requirement, chain, scoped)
        if missing is not None:
            return _denied(missing, chain, scoped)
        because = _first(INCLUDED_IN.get(requirement.privilege, (requirement.privilege,)), position, scoped)
    if because is None:
        return _denied(requirement, chain, scoped)
    return Allowed(because=because, revision=chain.policy_revision)


def sight(caller: Caller, chain: Chain, holds: Holds) -> Sight:
    """Tell whether the caller may know that the chain's object exists (R3, R7, R12)."""
    return _sight(chain, _cut_to_scope(caller, chain, holds))


def _sight(chain: Chain, holds: Holds) -> Sight:
    if chain.object.kind is SecurableKind.MODEL_ALIAS:
        chain = chain.upward_from(SecurableKind.REGISTERED_MODEL)
        return _sight(chain, lambda privilege, position: holds(privilege, position + 1))
    if chain.object.kind is SecurableKind.METASTORE or _admin(Privilege.MANAGE, chain, holds) is not None:
        return Sight.KNOWN
    if holds(Privilege.BROWSE, 0) is not None:
        return Sight.KNOWN
    any_privilege = Requirement(privilege=Privilege.READ_METADATA, kind=chain.object.kind)
    if _missing_gate(any_privilege, chain, holds) is None and _first(_ANY, 0, holds) is not None:
        return Sight.KNOWN
    return Sight.HIDDEN


def _cut_to_scope(caller: Caller, chain: Chain, holds: Holds) -> Holds:
    scope = caller.scope
    if scope is None:
        return holds
    limit = next((i for i, link in enumerate(chain.links) if link.id == scope.securable_id), None)
    if limit is None:
        return lambda _privilege, _position: None

    def within(privilege: Privilege, position: int) -> str | None:
        if privilege in (Privilege.USE_CATALOG, Privilege.USE_SCHEMA):
            return holds(privilege, position)
        return holds(privilege, position) if privilege in scope.privileges and position <= limit else None

    return within


def _admin(privilege: Privilege, chain: Chain, holds: Holds) -> str | None:
    if privilege not in _ADMIN_NEEDS_NO_GATE:
        return None
    return holds(Privilege.MANAGE, len(chain.links) - 1)


def _missing_gate(requirement: Requirement, chain: Chain, holds: Holds) -> Requirement | None:
    gates = _GATES_TO_CREATE.get(requirement.privilege, _GATES[requirement.kind])
    for privilege, kind in gates:
        position = chain.find(kind)
        if position is None or holds(privilege, position) is None:
            return Requirement(privilege=privilege, kind=kind)
    return None


def _first(privileges: tuple[Privilege, ...], position: int, holds: Holds) -> str | None:
    for privilege in privileges:
        because = holds(privilege, position)
        if because is not None:
            return because
    return None


def _denied(missing: Requirement, chain: Chain, holds: Holds) -> Denied:
    link = chain.link(missing.kind)
    return Denied(
        privilege=missing.privilege,
        kind=missing.kind,
        securable=link.name,
        sight=_sight(chain, holds),
        revision=chain.policy_revision,
    )
