"""Whom to ask: the people who can set or lift a line of policy, by name (AUTHORIZATION R5, R7, R13, R21)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from attrs import frozen

from herdbook.entities import Caller, Chain, Link, Principal
from herdbook.entities.ledger import Effect
from herdbook.names import PrincipalKind, PrincipalName
from herdbook.policy.nesting import MAX_NESTING
from herdbook.ports.metadata import ReadTransaction
from herdbook.service.authority import Authority
from herdbook.verdicts import Allowed, Privilege, Requirement

MOST = 5
"""How many are named at most."""

_LOOKED_AT = 50
ACTING = (PrincipalKind.USER, PrincipalKind.SERVICE)
"""The kinds of principals that act."""


@frozen(kw_only=True)
class Asked:
    """What somebody must hold to be of help.

    Args:
        privilege: Which privilege.
        levels: On all of these levels of the chain.
        not_bound_by: The principal that a deny is set on: whoever is in it must be metastore admin to lift it (R5).
    """

    privilege: Privilege
    levels: tuple[Link, ...]
    not_bound_by: str | None = None


class Givers:
    """Finds whom to ask about a chain, in one transaction.

    Args:
        authority: Judges rights.
        tx: What is read from.
        chain: What it is about and all that it lies in.
    """

    def __init__(self, authority: Authority, tx: ReadTransaction, chain: Chain) -> None:
        self._authority = authority
        self._tx = tx
        self._chain = chain

    def of(self, asked: Sequence[Asked]) -> tuple[PrincipalName, ...]:
        """Return who can help: those who can with the most first, and of these the nearest; at most MOST."""
        if not asked:
            return ()
        helps = [(sum(self._can(each, one) for one in asked), each.name) for each in self._candidates(asked)]
        helps.sort(key=lambda each: -each[0])
        return tuple(name for count, name in helps[:MOST] if count)

    def _can(self, principal: Principal, asked: Asked) -> bool:
        caller = Caller(principal_id=principal.id)
        if asked.not_bound_by is not None and not self._holds(caller, Privilege.MANAGE, self._chain.links[-1]):
            revision = self._chain.policy_revision
            if asked.not_bound_by in self._authority.closure(caller, revision, log=self._tx):
                return False
        return all(self._holds(caller, asked.privilege, level) for level in asked.levels)

    def _holds(self, caller: Caller, privilege: Privilege, level: Link) -> bool:
        chain = self._chain.upward_from(level.kind)
        requirement = Requirement(privilege=privilege, kind=level.kind)
        return isinstance(self._authority.decide(caller, requirement, chain, log=self._tx), Allowed)

    def _candidates(self, asked: Sequence[Asked]) -> list[Principal]:
        """Return enabled users and services that own or manage a level, the nearest level first."""
        wanted = frozenset(one.privilege for one in asked)
        lowest = min(self._chain.links.index(level) for one in asked for level in one.levels)
        found: dict[str, Principal] = {}
        for level in self._chain.links[lowest:]:
            people = (each for speaking in self._speaking(level, wanted) for each in self._people(speaking))
            found.update({each.id: each for each in islice(people, _LOOKED_AT) if each.id not in found})
        return list(found.values())

    def _speaking(self, level: Link, privileges: frozenset[Privilege]) -> Iterator[str]:
        if level.owner_id is not None:
            yield level.owner_id
        lines = self._tx.lines_on(
            [(level.id, None)], principal_ids=None, after="", limit=_LOOKED_AT, privileges=privileges
        )
        yield from (row.line.principal_id for row in lines if row.line.effect is Effect.ALLOW)

    def _people(self, principal_id: str) -> Iterator[Principal]:
        """Return a user or service itself, and the people in a group or role."""
        first = self._tx.principal_by_id(principal_id)
        edge = [] if first is None else [first]
        seen = {principal_id}
        for _ in range(MAX_NESTING + 1):
            yield from (each for each in edge if each.enabled and each.name.principal_kind in ACTING)
            groups = [each for each in edge if each.name.principal_kind not in ACTING]
            edge = [
                member
                for group in groups
                for member in self._tx.list_members(group.id, after="", limit=_LOOKED_AT)
                if member.id not in seen
            ]
            seen.update(member.id for member in edge)
            if not edge:
                return
