"""An authorizer that knows ownership and the metastore's own grants (AUTHORIZATION R2, R3, R6), and nothing else."""

from __future__ import annotations

import threading

from attrs import evolve, field, frozen

from herdbook.entities import Caller, Chain
from herdbook.entities.ledger import Effect, Membership, PolicyChange, PolicyLine, PolicySnapshot
from herdbook.errors import UnsupportedError
from herdbook.policy.judging import judge
from herdbook.ports.authorizer import Authorizer, Reach, Visible
from herdbook.verdicts import Decision, Privilege, Requirement, SecurableKind

MAX_NESTING = 8
_FLOWS_DOWN = frozenset({Privilege.MANAGE, Privilege.READ_AUDIT})
_OWNER = frozenset(
    {
        Privilege.USE_CATALOG,
        Privilege.USE_SCHEMA,
        Privilege.CREATE_SCHEMA,
        Privilege.CREATE_MODEL,
        Privilege.CREATE_MODEL_VERSION,
        Privilege.READ_METADATA,
        Privilege.EXECUTE,
        Privilege.MODIFY,
        Privilege.APPLY_TAG,
        Privilege.SET_ALIAS,
        Privilege.MANAGE,
    }
)
_OWNER_ABOVE = frozenset({Privilege.MANAGE, Privilege.USE_SCHEMA})


@frozen(kw_only=True)
class _State:
    revision: int = -1
    granted: frozenset[tuple[str, Privilege]] = field(factory=frozenset)
    member_of: dict[str, frozenset[str]] = field(factory=dict)
    disabled: frozenset[str] = field(factory=frozenset)


class OwnerAuthorizer(Authorizer):
    """Judges by who owns what, plus the grants on the metastore.

    A line that it cannot judge (a deny, or a grant below the metastore) is refused when it is fed: nobody is ever
    judged by half a policy.
    """

    def __init__(self) -> None:
        self._state = _State()
        self._lock = threading.Lock()

    @property
    def revision(self) -> int:
        """The policy revision of what it was fed."""
        return self._state.revision

    def feed(self, changes: tuple[PolicyChange, ...], revision: int) -> None:
        """Take in committed steps."""
        with self._lock:
            state = self._state
            for change in changes:
                state = _apply(state, change.item, added=change.added)
            self._state = evolve(state, revision=revision)

    def replace(self, snapshot: PolicySnapshot) -> None:
        """Take in a whole policy."""
        state = _State(disabled=snapshot.disabled)
        items: tuple[PolicyLine | Membership, ...] = (*snapshot.lines, *snapshot.memberships)
        for item in items:
            state = _apply(state, item, added=True)
        with self._lock:
            self._state = evolve(state, revision=snapshot.revision)

    def decide(self, caller: Caller, requirement: Requirement, chain: Chain) -> Decision:
        """Judge one requirement."""
        state = self._state
        closure = _closure(state, caller)

        def holds(privilege: Privilege, position: int) -> str | None:
            return _holds(state, closure, chain, privilege, position)

        return judge(caller, requirement, chain, holds)

    def closure(self, caller: Caller) -> frozenset[str]:
        """Return the ids of the caller's principal and of what it is in, however deep."""
        return _closure(self._state, caller)

    def visible(self, caller: Caller, kind: SecurableKind) -> Visible:  # noqa: ARG002 the same for every kind
        """Return what the caller may see: all for an admin, else what the closure owns."""
        state = self._state
        if caller.scope is not None:
            return Visible(reach=Reach.LISTED, revision=state.revision)
        closure = _closure(state, caller)
        if any((member, Privilege.MANAGE) in state.granted for member in closure):
            return Visible(reach=Reach.ALL, revision=state.revision)
        return Visible(reach=Reach.LISTED, owners=closure, revision=state.revision)


def _apply(state: _State, item: PolicyLine | Membership, *, added: bool) -> _State:
    if isinstance(item, Membership):
        groups = state.member_of.get(item.member_id, frozenset())
        groups = groups | {item.group_id} if added else groups - {item.group_id}
        return evolve(state, member_of={**state.member_of, item.member_id: groups})
    if item.effect is not Effect.ALLOW or item.securable_kind is not SecurableKind.METASTORE:
        raise UnsupportedError(
            f"The policy has a line ({item.effect} {item.privilege} on a {item.securable_kind}, {item.origin}) "
            "that this authorizer cannot judge.",
            hint="Open this registry with a newer Herdbook.",
        )
    line = {(item.principal_id, item.privilege)}
    return evolve(state, granted=state.granted | line if added else state.granted - line)


def _closure(state: _State, caller: Caller) -> frozenset[str]:
    if caller.principal_id in state.disabled:
        return frozenset()
    found = {caller.principal_id, *caller.token_groups}
    edge = set(found)
    for _ in range(MAX_NESTING):
        edge = {group for member in edge for group in state.member_of.get(member, ())} - found
        if not edge:
            break
        found |= edge
    return frozenset(found)


def _holds(state: _State, closure: frozenset[str], chain: Chain, privilege: Privilege, position: int) -> str | None:
    last = len(chain.links) - 1
    if position == last or privilege in _FLOWS_DOWN:
        for member in closure:
            if (member, privilege) in state.granted:
                return f"{privilege} on the metastore"
    own = position
    if chain.links[position].kind is SecurableKind.MODEL_ALIAS:
        own = position + 1
    for index in range(position, last):
        owner = chain.links[index].owner_id
        if owner is not None and owner in closure and privilege in (_OWNER if index == own else _OWNER_ABOVE):
            return f"owner of {chain.links[index].name}"
    return None
