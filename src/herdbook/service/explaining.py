"""Says in words why somebody may or may not do something, as far as who is told may know it (AUTHORIZATION R13)."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve, frozen

from herdbook.entities import Caller, Chain, Link
from herdbook.entities.governance import Explanation, Grant
from herdbook.entities.ledger import Effect, PolicyLine
from herdbook.errors import PermissionDeniedError
from herdbook.names import PrincipalName, parse_securable
from herdbook.policy.deciding import asks_to_know
from herdbook.policy.explaining import (
    KIND_WORDS,
    Standing,
    Step,
    effort,
    grant_place,
    lacking,
    needed_to_set,
    steps,
    steps_to_know,
    steps_to_know_too,
)
from herdbook.policy.operations import Need, level_of
from herdbook.ports.authorizer import Deciding
from herdbook.ports.metadata import ReadTransaction
from herdbook.service.asking_whom import Asked, Givers
from herdbook.service.authority import Authority
from herdbook.verdicts import Allowed, Decision, Denied, Operation, Privilege, Requirement, SecurableKind


def refusal(explanation: Explanation, what: str, operation: Operation) -> PermissionDeniedError:
    """Return what somebody is answered who knows the thing but lacks the right.

    Args:
        explanation: Of the denial, as its reader may know it.
        what: What the verb was about, in words.
        operation: The verb.
    """
    denied = explanation.decision
    if not isinstance(denied, Denied):
        raise TypeError(denied)
    level = KIND_WORDS[denied.kind]
    if denied.kind is not SecurableKind.METASTORE:
        level = f"{level} {denied.securable}"
    missing = [f"{grant.privilege} on {grant.securable}" for grant in explanation.would_allow]
    whom = " or ".join(denied.ask) or "a metastore admin"
    hint = f"Ask {whom} for it."
    if len(missing) > 1:
        hint = f"Ask {whom} for {', '.join(missing[:-1])} and {missing[-1]}."
    elif not missing and explanation.path:
        hint = f"{explanation.path[0]}.{f' Ask {whom}.' if denied.ask else ''}"
    return PermissionDeniedError(
        f"You may not {operation.value.replace('_', ' ')} ({what}): it needs {denied.privilege} on the {level}.",
        hint=hint,
        decision=denied,
        would_allow=missing,
        path=list(explanation.path),
    )


@frozen(kw_only=True)
class _Way:
    """One of the ways in which a need can be met.

    Args:
        steps: What must hold together.
        decision: What the gate says of this way.
    """

    steps: tuple[Step, ...]
    decision: Decision


class Explaining:
    """Explains what is decided about somebody on a chain, in one transaction.

    Args:
        authority: Judges rights.
        tx: What is read from.
        chain: The object asked about and all that it lies in.
        about: Whose rights they are.
        reader: Who is told.
    """

    def __init__(
        self, authority: Authority, tx: ReadTransaction, chain: Chain, *, about: Caller, reader: Caller
    ) -> None:
        self._authority = authority
        self._tx = tx
        self._chain = chain
        self._about = about
        self._reader = reader
        self._found: dict[tuple[Privilege, int], Deciding | None] = {}

    def of(self, need: Need, decision: Decision) -> Explanation:
        """Return the explanation of a decision about a need."""
        if isinstance(decision, Allowed):
            return Explanation(decision=decision, path=self.path(need))
        ways = self._ways(need)
        way = min(ways, key=lambda each: effort(each.steps))
        # A deny stands first: no grant helps before it is lifted.
        left = sorted(lacking(way.steps), key=lambda step: step.standing is Standing.MISSING)
        held = tuple(step for step in way.steps if step.standing is Standing.HELD)
        denied = way.decision if isinstance(way.decision, Denied) else decision
        actor = self._tx.principal_by_id(self._about.principal_id)
        would_allow: tuple[Grant, ...] = ()
        ask: tuple[PrincipalName, ...] = ()
        if actor is not None and actor.enabled:
            taken = [step for step in left if step.standing is Standing.DENIED]
            ask = self._ask(taken or left)
            if not effort(left)[0]:
                would_allow = tuple(self._grant(step, actor.name) for step in left)
        return Explanation(
            decision=evolve(denied, ask=tuple(str(name) for name in ask)),
            path=tuple(self._words(step) for step in (*left, *held)),
            would_allow=would_allow,
            ask=ask,
        )

    def path(self, need: Need) -> tuple[str, ...]:
        """Return by what an allowed need is met, in words, the outermost gate first."""
        for way in self._ways(need):
            if not lacking(way.steps):
                words = tuple(self._words(step) for step in way.steps)
                return words or ("everyone may know of the metastore",)
        # The authorizer may have taken in a later revision since it decided.
        return ("the policy changed while this was asked",)

    def _ways(self, need: Need) -> tuple[_Way, ...]:
        if not need.any_of:
            browse = Requirement(privilege=Privilege.BROWSE, kind=self._chain.object.kind)
            found = steps_to_know(self._chain, self._says, self._about.scope)
            return (_Way(steps=found, decision=self._decide(browse)),)
        return tuple(self._way(need, privilege) for privilege in need.any_of)

    def _way(self, need: Need, privilege: Privilege) -> _Way:
        scope = self._about.scope
        level = level_of(need.on, self._chain)
        requirement = Requirement(privilege=privilege, kind=level)
        found = steps(requirement, self._chain, self._says, scope)
        if asks_to_know(need, level):
            found = steps_to_know_too(found, self._chain, self._says, scope)
        return _Way(steps=found, decision=self._decide(requirement))

    def _decide(self, requirement: Requirement) -> Decision:
        return self._authority.decide(self._about, requirement, self._chain, log=self._tx)

    def _says(self, privilege: Privilege, position: int) -> Effect | None:
        key = (privilege, position)
        if key not in self._found:
            requirement = Requirement(privilege=privilege, kind=self._chain.links[position].kind)
            self._found[key] = self._authority.deciding(self._about, requirement, self._chain, log=self._tx)
        found = self._found[key]
        return None if found is None else found.effect

    def _grant(self, step: Step, to: PrincipalName) -> Grant:
        place = parse_securable(grant_place(step, self._chain).name)
        return Grant(id="", principal=to, securable=place, privilege=step.by)

    def _ask(self, left: Sequence[Step]) -> tuple[PrincipalName, ...]:
        """Return who can give what is missing, or lift what denies it."""
        asked = []
        for step in left:
            if step.standing is Standing.MISSING:
                place = grant_place(step, self._chain)
                levels = needed_to_set(step.by, Effect.ALLOW, place, self._chain)
                asked.append(Asked(privilege=Privilege.MANAGE, levels=levels))
            elif step.standing is Standing.DENIED:
                asked.append(self._to_lift(self._line(step)))
        return Givers(self._authority, self._tx, self._chain).of(asked)

    def _to_lift(self, line: PolicyLine) -> Asked:
        if line.from_file:
            return Asked(privilege=Privilege.MANAGE_POLICY, levels=self._chain.links[-1:])
        on = self._link(line)
        levels = needed_to_set(line.privilege, Effect.DENY, on, self._chain)
        return Asked(privilege=Privilege.MANAGE, levels=levels, not_bound_by=line.principal_id)

    def _line(self, step: Step) -> PolicyLine:
        found = self._found[step.by, step.position]
        if found is None or found.line is None:
            raise LookupError(step)
        return found.line

    def _link(self, line: PolicyLine) -> Link:
        return next(link for link in self._chain.links if link.id == line.securable_id)

    def _words(self, step: Step) -> str:
        what = f"{step.privilege} on {self._named(self._chain.links[step.position])}"
        if step.standing is Standing.MISSING:
            return f"{what}: nothing gives it"
        if step.standing is Standing.IMPOSSIBLE:
            return f"{what}: nothing gives it, and it cannot be granted there"
        if step.standing is Standing.CUT:
            return f"{what}: the token that was used leaves it out"
        found = self._found[step.by, step.position]
        if found is None:
            raise LookupError(step)
        if found.effect is Effect.DENY and not self._manages(self._link(self._line(step))):
            return f"{what}: a denial stands in the way"
        verb = "denied by " if found.effect is Effect.DENY else ""
        return f"{what}: {verb}{self._source(found, step)}"

    def _source(self, found: Deciding, step: Step) -> str:
        """Return a line or ownership, and the way from the principal and the thing to it."""
        if found.line is not None:
            line, on = found.line, self._link(found.line)
            named = self._named(on) if line.alias_key is None else f"the slots {on.name}@{line.alias_key}"
            origin = line.origin if line.from_file else f"{line.origin} {line.id}"
            words = f"{origin}, {line.privilege} on {named} to {self._who(line.principal_id)}"
        elif found.owned is not None:
            on = found.owned
            words = f"owner of {self._named(on)}, {self._who(str(on.owner_id))}"
        else:
            raise LookupError(found)
        if found.via:
            words += f", through {', '.join(self._who(group) for group in found.via)}"
        links = self._chain.links
        between = links[step.position + 1 : links.index(on) + 1]
        if between:
            words += f", inherited from {', '.join(self._named(link) for link in reversed(between))}"
        return words

    def _manages(self, on: Link) -> bool:
        """Return whether who is told manages something, and so may be told of a denial on it."""
        chain = self._chain.upward_from(on.kind)
        manage = Requirement(privilege=Privilege.MANAGE, kind=on.kind)
        return isinstance(self._authority.decide(self._reader, manage, chain, log=self._tx), Allowed)

    def _who(self, principal_id: str) -> str:
        found = self._tx.principal_by_id(principal_id)
        return "somebody who is no more" if found is None else str(found.name)

    @staticmethod
    def _named(link: Link) -> str:
        return "the metastore" if link.kind is SecurableKind.METASTORE else f"the {KIND_WORDS[link.kind]} {link.name}"
