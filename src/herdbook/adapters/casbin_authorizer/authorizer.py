"""The port's authorizer: remembers what Casbin decided, for as long as the lines that it was decided by stand."""

from __future__ import annotations

import threading
from collections.abc import Hashable

from attrs import frozen

from herdbook.adapters.casbin_authorizer.asking import Asking, Reason
from herdbook.adapters.casbin_authorizer.closures import Bounded, Closure, People
from herdbook.adapters.casbin_authorizer.lines import Index
from herdbook.adapters.casbin_authorizer.model import CasbinModel
from herdbook.adapters.casbin_authorizer.showing import Showing
from herdbook.entities import Caller, Chain, Link
from herdbook.entities.ledger import PolicyChange, PolicyLine, PolicySnapshot
from herdbook.policy.judging import judge
from herdbook.ports.authorizer import Authorizer, Deciding, Visible
from herdbook.verdicts import Allowed, Decision, Denied, Privilege, Requirement, SecurableKind

_DECISIONS = 100_000
_SEEN = 512


@frozen(kw_only=True, eq=False)
class _Remembered:
    """A decision, and the one name in it, which changes without a new policy revision."""

    decision: Decision
    position: int
    name: str
    reason: Reason | None

    def on(self, chain: Chain) -> Decision:
        """Return the decision in the words of a chain."""
        decision, link = self.decision, chain.links[self.position]
        if link.name == self.name and decision.revision == chain.policy_revision:
            return decision
        if isinstance(decision, Allowed) and self.reason is not None:
            return Allowed(because=self.reason.on(chain), revision=chain.policy_revision)
        if isinstance(decision, Denied):
            return Denied(
                privilege=decision.privilege,
                kind=decision.kind,
                securable=link.name,
                sight=decision.sight,
                revision=chain.policy_revision,
            )
        raise AssertionError(decision)


class _State:
    """One policy revision: its lines, and what was found out about them so far."""

    def __init__(self, index: Index, people: People, decisions: Bounded[Hashable, _Remembered]) -> None:
        self.index = index
        self.people = people
        self.decisions = decisions
        self.seen: Bounded[Hashable, Visible] = Bounded(_SEEN)

    @classmethod
    def of(cls, snapshot: PolicySnapshot) -> _State:
        """Begin with a whole policy."""
        index = Index.of(snapshot)
        return cls(index, People(index), Bounded(_DECISIONS))

    def after(self, changes: tuple[PolicyChange, ...], revision: int) -> _State:
        """Return the state after some steps.

        A decision is remembered by the voice of those whom it is about; voices that the steps touch get another number,
        so what was remembered of them is never found again, and the rest stays.
        """
        items = [change.item for change in changes]
        touched = frozenset(item.principal_id if isinstance(item, PolicyLine) else item.member_id for item in items)
        index = self.index.after(changes, revision)
        return _State(index, self.people.after(index, touched), self.decisions)


class CasbinAuthorizer(Authorizer):
    """Judges by lines of policy and ownership; Casbin decides each single privilege.

    Args:
        model: What the shipped `policies/model.conf` says.

    Raises:
        PluginConflictError: the distribution `casbin` is installed beside `pycasbin`.
        InvalidArgumentError: the model is none.
    """

    def __init__(self, model: str) -> None:
        self._text = model
        self._model = CasbinModel(model)
        self._state = _State.of(PolicySnapshot(revision=-1))
        self._lock = threading.Lock()

    @property
    def revision(self) -> int:
        """The policy revision of what it was fed."""
        return self._state.index.revision

    def feed(self, changes: tuple[PolicyChange, ...], revision: int) -> None:
        """Take in committed steps."""
        with self._lock:
            self._state = self._state.after(changes, revision)

    def replace(self, snapshot: PolicySnapshot) -> None:
        """Take in a whole policy."""
        state = _State.of(snapshot)
        with self._lock:
            self._state = state

    def accepts(self, model: str) -> bool:
        """Return whether a text is that of the model that it judges by."""
        return model == self._text

    def trial(self, snapshot: PolicySnapshot) -> CasbinAuthorizer:
        """Return another one that judges by another policy."""
        made = CasbinAuthorizer(self._text)
        made.replace(snapshot)
        return made

    def decide(self, caller: Caller, requirement: Requirement, chain: Chain) -> Decision:
        """Judge one requirement."""
        state = self._state
        who = state.people.of(caller)
        key = (who.voice, requirement.privilege, requirement.kind, _standing(who, caller, chain))
        remembered = state.decisions.get(key)
        if remembered is not None:
            return remembered.on(chain)
        asking = Asking(self._model, who, chain)
        decision = judge(caller, requirement, chain, asking)
        state.decisions.put(key, _remember(decision, chain, asking.reason))
        return decision

    def closure(self, caller: Caller) -> frozenset[str]:
        """Return the ids of the caller's principal and of every group and role that it is in; none if disabled."""
        return self._state.people.of(caller).members

    def deciding(self, caller: Caller, requirement: Requirement, chain: Chain) -> Deciding | None:
        """Return the line or ownership that decides about a privilege by itself."""
        position = chain.find(requirement.kind)
        if position is None:
            raise LookupError(f"a requirement on a {requirement.kind} for a {chain.object.kind}")
        who = self._state.people.of(caller)
        return Asking(self._model, who, chain).deciding(requirement.privilege, position)

    def visible(self, caller: Caller, kind: SecurableKind) -> Visible:
        """Return what the caller may see of a kind (R12)."""
        return self._shown(caller, kind, None)

    def holding(self, caller: Caller, privileges: tuple[Privilege, ...], kind: SecurableKind) -> Visible:
        """Return where the caller may do on things of a kind what needs one of some privileges."""
        return self._shown(caller, kind, privileges)

    def _shown(self, caller: Caller, kind: SecurableKind, privileges: tuple[Privilege, ...] | None) -> Visible:
        state = self._state
        scope = None if caller.scope is None else (caller.scope.securable_id, caller.scope.privileges)
        key = (caller.principal_id, caller.token_groups, scope, kind, privileges)
        found = state.seen.get(key)
        if found is None:
            showing = Showing(self._model, state.people.of(caller), caller.scope, state.index.revision)
            found = showing.visible(kind) if privileges is None else showing.holding(privileges, kind)
            state.seen.put(key, found)
        return found


def _standing(who: Closure, caller: Caller, chain: Chain) -> Hashable:
    """Return all that a decision depends on besides caller and question.

    Nothing moves between containers (R10): the nearest thing on the way up that a line of the closure is on fixes all
    such lines above it. Ownership and the position of the token's scope are looked at level by level.
    """
    links = chain.links
    first = links[0]
    members, scope = who.members, caller.scope
    owned = 0
    anchor: str | None = None
    for link in links:
        owned = owned + owned + (link.owner_id in members)
        if anchor is None:
            for objects in who.lit:
                if link.id in objects:
                    anchor = link.id
                    break
    if scope is None and first.kind is not SecurableKind.MODEL_ALIAS:
        return first.kind, anchor, owned
    limit = None if scope is None else next((at for at, link in enumerate(links) if link.id == scope.securable_id), -1)
    return first.kind, anchor, owned, _slot_anchor(who, links), limit, None if scope is None else scope.privileges


def _slot_anchor(who: Closure, links: tuple[Link, ...]) -> str | None:
    """Return the nearest of a container's slots that a line of the closure is on."""
    if links[0].kind is not SecurableKind.MODEL_ALIAS:
        return None
    slot = f"@{links[0].id.rpartition('@')[2]}"
    for link in links[2:]:
        key = link.id + slot
        for objects in who.lit:
            if key in objects:
                return key
    return None


def _remember(decision: Decision, chain: Chain, reason: Reason | None) -> _Remembered:
    if isinstance(decision, Allowed):
        if reason is None:
            raise AssertionError(decision)
        position = reason.position
    else:
        position, reason = chain.find(decision.kind) or 0, None
    return _Remembered(decision=decision, position=position, name=chain.links[position].name, reason=reason)
