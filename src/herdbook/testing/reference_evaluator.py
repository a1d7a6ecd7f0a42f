"""A second, independent reading of AUTHORIZATION.md in plain Python: slow, short, and without Casbin."""

from __future__ import annotations

from collections.abc import Iterable

from herdbook.entities import Caller, Chain
from herdbook.entities.ledger import Effect, Membership, PolicyLine
from herdbook.verdicts import Privilege, SecurableKind

_P = Privilege
_K = SecurableKind
_ALL = {
    *(_P.USE_CATALOG, _P.USE_SCHEMA, _P.CREATE_SCHEMA, _P.CREATE_MODEL, _P.CREATE_MODEL_VERSION),
    *(_P.READ_METADATA, _P.EXECUTE, _P.MODIFY, _P.APPLY_TAG, _P.SET_ALIAS),
}
_READS = (_P.READ_METADATA, _P.EXECUTE, _P.MANAGE, _P.APPROVE)
_ON_CATALOGS = {_P.USE_CATALOG, _P.CREATE_SCHEMA}
_ON_SCHEMAS = {_P.USE_SCHEMA, _P.CREATE_MODEL}
_GLOBAL = {_P.CREATE_CATALOG, _P.MANAGE_POLICY}


class ReferenceEvaluator:
    """Answers what a caller may do and know.

    Args:
        lines: The lines in force.
        memberships: The memberships in force.
        disabled: Ids of principals that may not act.
    """

    def __init__(
        self,
        lines: Iterable[PolicyLine],
        memberships: Iterable[Membership] = (),
        disabled: Iterable[str] = (),
    ) -> None:
        self._lines: dict[str, list[PolicyLine]] = {}
        for line in lines:
            on = line.securable_id if line.alias_key is None else f"{line.securable_id}@{line.alias_key}"
            self._lines.setdefault(on, []).append(line)
        self._groups: dict[str, set[str]] = {}
        for membership in memberships:
            self._groups.setdefault(membership.member_id, set()).add(membership.group_id)
        self._disabled = frozenset(disabled)

    def can(self, caller: Caller, privilege: Privilege, chain: Chain) -> bool:
        """Tell whether a caller may do what needs a privilege on the chain's object."""
        if privilege in (_P.MANAGE, _P.READ_METADATA) and self._is_admin(caller, chain):
            return True
        gates = _gates(chain)
        if privilege is _P.BROWSE:
            gates = []
        elif privilege is _P.CREATE_SCHEMA and chain.object.kind is _K.CATALOG:
            gates = [(_P.USE_CATALOG, chain)]
        elif privilege is _P.CREATE_MODEL and chain.object.kind is _K.SCHEMA:
            gates += [(_P.USE_SCHEMA, chain)]
        if not self._passes(caller, gates, chain):
            return False
        sufficient = _READS if privilege is _P.READ_METADATA else (privilege,)
        return any(self._keeps(caller, each, chain) for each in sufficient)

    def knows(self, caller: Caller, chain: Chain) -> bool:
        """Tell whether a caller may know that the chain's object exists."""
        if chain.object.kind is _K.MODEL_ALIAS:
            return self.knows(caller, chain.upward_from(_K.REGISTERED_MODEL))
        if chain.object.kind is _K.METASTORE or self._is_admin(caller, chain):
            return True
        if self._keeps(caller, _P.BROWSE, chain):
            return True
        counting = set(Privilege) - _GLOBAL - {_P.BROWSE, _P.ALL_PRIVILEGES}
        if chain.object.kind is not _K.CATALOG:
            counting -= _ON_CATALOGS
        if chain.object.kind is _K.REGISTERED_MODEL:
            counting -= _ON_SCHEMAS
        return self._passes(caller, _gates(chain), chain) and any(self._keeps(caller, p, chain) for p in counting)

    def _is_admin(self, caller: Caller, chain: Chain) -> bool:
        return self._keeps(caller, _P.MANAGE, chain.upward_from(_K.METASTORE))

    def _passes(self, caller: Caller, gates: list[tuple[Privilege, Chain]], chain: Chain) -> bool:
        in_scope = caller.scope is None or caller.scope.securable_id in {link.id for link in chain.links}
        return all(in_scope and self.holds(caller, gate, at) for gate, at in gates)

    def _keeps(self, caller: Caller, privilege: Privilege, chain: Chain) -> bool:
        """A right that its token leaves to the caller."""
        if caller.scope is not None:
            kept = set(caller.scope.privileges)
            if _P.ALL_PRIVILEGES in kept:
                kept |= _ALL
            if privilege not in kept or caller.scope.securable_id not in {link.id for link in chain.links}:
                return False
        if privilege in _GLOBAL and chain.object.kind is not _K.METASTORE:
            return False
        return self.holds(caller, privilege, chain)

    def holds(self, caller: Caller, privilege: Privilege, chain: Chain) -> bool:
        """Tell whether a principal has one privilege on the chain's object: lines, ownership and denies alone."""
        who = self._closure(caller)
        lines = [line for on in _within(chain) for line in self._lines.get(on, ()) if line.principal_id in who]
        for line in lines:
            takes = {line.privilege} | (set(_READS) if line.privilege is _P.READ_METADATA else set())
            everything = line.privilege in (_P.BROWSE, _P.ALL_PRIVILEGES)
            if line.effect is Effect.DENY and (everything or privilege in takes):
                return False
        for line in lines:
            gives = _ALL | {_P.ALL_PRIVILEGES} if line.privilege is _P.ALL_PRIVILEGES else {line.privilege}
            if line.effect is Effect.ALLOW and privilege in gives:
                return True
        own = 1 if chain.object.kind is _K.MODEL_ALIAS else 0
        for position, link in enumerate(chain.links):
            if link.owner_id in who:
                has = _ALL | {_P.MANAGE} if position == own else {_P.MANAGE, _P.USE_SCHEMA}
                if privilege in has:
                    return True
        return False

    def _closure(self, caller: Caller) -> set[str]:
        if caller.principal_id in self._disabled:
            return set()
        who = {caller.principal_id, *caller.token_groups}
        for _ in range(8):
            who |= {group for member in who for group in self._groups.get(member, ())}
        return who


def _gates(chain: Chain) -> list[tuple[Privilege, Chain]]:
    kinds = [link.kind for link in chain.links[1:]]
    asked = ((_P.USE_CATALOG, _K.CATALOG), (_P.USE_SCHEMA, _K.SCHEMA))
    return [(gate, chain.upward_from(kind)) for gate, kind in asked if kind in kinds]


def _within(chain: Chain) -> list[str]:
    """What an object lies in; a slot lies in its model, and in the slots of that name of its schema and catalog."""
    found = [link.id for link in chain.links]
    if chain.object.kind is _K.MODEL_ALIAS:
        alias = chain.object.id.partition("@")[2]
        found += [f"{link.id}@{alias}" for link in chain.links if link.kind in (_K.SCHEMA, _K.CATALOG)]
    return found
