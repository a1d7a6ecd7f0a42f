"""Answers about rights, governed: why, who can, what can (AUTHORIZATION R8, R11, R13, R24)."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from itertools import islice
from typing import Any

from attrs import evolve

from herdbook.entities import Caller, Chain, Link, Page, Principal
from herdbook.entities.governance import AccessPath, Explanation
from herdbook.errors import InvalidArgumentError
from herdbook.names import PrincipalName, SecurableName, parse_securable
from herdbook.policy.explaining import KIND_WORDS
from herdbook.policy.operations import OPERATIONS, asked_of
from herdbook.ports.metadata import ReadTransaction
from herdbook.ports.registry import Answers, SecurableLike
from herdbook.service import subjects
from herdbook.service.asking_whom import ACTING
from herdbook.service.explaining import Explaining
from herdbook.service.gate import Subject
from herdbook.service.part import GovernedPart
from herdbook.service.people import known_principal, may_ask_about_others
from herdbook.service.targets import target
from herdbook.verdicts import Allowed, Operation, Privilege, SecurableKind

_CHUNK = 500
_OF_LINES = frozenset(
    {
        Operation.GRANT,
        Operation.REVOKE,
        Operation.DENY,
        Operation.LIFT_DENY,
        Operation.LIST_GRANTS,
        Operation.LIST_EFFECTIVE_GRANTS,
    }
)
_KINDS = tuple(KIND_WORDS)
_OPERATIONS = tuple(Operation)


class GovernedAnswers(GovernedPart, Answers):
    """The verbs that explain."""

    def explain(
        self, operation: Operation, securable: SecurableLike, *, principal: PrincipalName | str | None = None
    ) -> Explanation:
        """Say why a principal may or may not do something."""
        verb, name = operation_named(operation), _named(securable)
        subject = _subject(verb, name)
        whom = None if principal is None else subjects.principal_name(principal)
        gate = self._core.gate
        with self._core.store.read() as tx:
            chain = gate.admit(self._caller, Operation.EXPLAIN, subject, tx, tx).chain
            about = self._about(tx, whom, chain, subject.what, Operation.EXPLAIN)
            need = OPERATIONS[verb]
            explaining = Explaining(gate.authority, tx, chain, about=about, reader=self._caller)
            found = explaining.of(need, gate.decide(about, need, chain, tx))
            also = tuple(f"besides, depending on what is asked: {extra.value}" for extra in need.also)
            return evolve(found, path=(*_remarks(tx, about), *found.path, *also))

    def who_can(
        self, operation: Operation, securable: SecurableLike, *, max_results: int = 100, page_token: str | None = None
    ) -> Page[AccessPath]:
        """List who may do something, and how each comes to it."""
        verb, name = operation_named(operation), _named(securable)
        subject = _subject(verb, name)

        def fetch(after: str | None, limit: int) -> tuple[AccessPath, ...]:
            with self._core.store.read() as tx:
                chain = self._core.gate.admit(self._caller, Operation.WHO_CAN, subject, tx, tx).chain
                found = (
                    AccessPath(principal=principal.name, operation=verb, securable=name, path=path)
                    for principal in _acting(tx, after or "")
                    if (path := self._path(tx, Caller(principal_id=principal.id), verb, chain)) is not None
                )
                return tuple(islice(found, limit))

        query = ("who_can", verb.value, subject.what)
        return self._page(query, page_token, max_results, fetch, lambda found: found.principal.key)

    def what_can(
        self, principal: PrincipalName | str | None = None, *, max_results: int = 100, page_token: str | None = None
    ) -> Page[AccessPath]:
        """List what a principal may do, for what the caller may know of."""
        whom = None if principal is None else subjects.principal_name(principal)
        subject = subjects.metastore()

        def fetch(after: list[Any] | None, limit: int) -> tuple[AccessPath, ...]:
            with self._core.store.read() as tx:
                chain = self._core.gate.admit(self._caller, Operation.WHAT_CAN, subject, tx, tx).chain
                about = self._about(tx, whom, chain, subject.what, Operation.WHAT_CAN)
                known = self._principal(tx, about)
                if known is None:
                    return ()
                members = self._core.gate.authority.closure(about, chain.policy_revision, log=tx)
                return tuple(islice(self._possible(tx, about, known, members, after or ["", -1]), limit))

        query = ("what_can", None if whom is None else whom.key)
        return self._page(query, page_token, max_results, fetch, _position)

    def _about(
        self, tx: ReadTransaction, whom: PrincipalName | None, chain: Chain, what: str, operation: Operation
    ) -> Caller:
        """Return whose rights are asked about: one's own, cut to the token's scope, or another's (R13, R24)."""
        if whom is None:
            return self._caller
        me = tx.principal_by_id(self._caller.principal_id)
        if me is not None and me.name.key == whom.key:
            return self._caller
        if not may_ask_about_others(self._core.gate, self._caller, chain, tx):
            self._core.gate.require(self._caller, Privilege.MANAGE, chain, what, operation, tx)
        return Caller(principal_id=known_principal(tx, whom).id)

    @staticmethod
    def _principal(tx: ReadTransaction, about: Caller) -> PrincipalName | None:
        found = tx.principal_by_id(about.principal_id)
        return None if found is None else found.name

    def _path(self, tx: ReadTransaction, about: Caller, verb: Operation, chain: Chain) -> tuple[str, ...] | None:
        """Return how somebody comes to be allowed a verb; None where it is denied."""
        gate, need = self._core.gate, OPERATIONS[verb]
        if not isinstance(gate.decide(about, need, chain, tx), Allowed):
            return None
        return Explaining(gate.authority, tx, chain, about=about, reader=self._caller).path(need)

    def _possible(
        self, tx: ReadTransaction, about: Caller, name: PrincipalName, members: frozenset[str], after: list[Any]
    ) -> Iterator[AccessPath]:
        """Return what somebody may do on what lines speak of or is owned, behind a position."""
        since, last = after
        for key, written in _concerned(tx, members, since):
            on = parse_securable(written)
            chain = subjects.securable(on).resolve(tx).chain
            if chain is None or not self._core.gate.knows(self._caller, chain, tx):
                continue
            for index, verb in enumerate(_OPERATIONS):
                if key == since and index <= last:
                    continue
                place, remark = _place(verb, chain)
                path = None if place is None else self._path(tx, about, verb, place)
                if path is not None:
                    yield AccessPath(principal=name, operation=verb, securable=on, path=(*remark, *path))


def _position(found: AccessPath) -> list[str | int]:
    return [found.securable.key, _OPERATIONS.index(found.operation)]


def operation_named(text: Operation | str) -> Operation:
    """Return a verb by its name; raises InvalidArgumentError for anything else."""
    if isinstance(text, str) and text in set(Operation):
        return Operation(text)
    words = set(str(text).split("_"))
    near = [each for each in Operation if words <= set(each.split("_"))][:3]
    near = near or [Operation(each) for each in difflib.get_close_matches(str(text), list(Operation), n=3)]
    raise InvalidArgumentError(
        f"{text!r} is no operation.",
        hint=f"Did you mean {' or '.join(near)}?" if near else "The reference lists them: operations.md.",
    )


def _named(value: SecurableLike) -> SecurableName:
    name = parse_securable(value) if isinstance(value, str) else value
    if not isinstance(name, SecurableName):
        raise InvalidArgumentError(f"{value!r} is neither text nor the name of a securable.")
    return name


def _subject(verb: Operation, name: SecurableName) -> Subject[Any]:
    """Return what a verb is asked of; raises InvalidArgumentError where it is asked of another kind of thing."""
    kinds = asked_of(verb)
    alias_of_model = name.kind is SecurableKind.MODEL_ALIAS and SecurableKind.REGISTERED_MODEL in kinds
    if name.kind not in kinds and not alias_of_model:
        fitting = " or ".join(KIND_WORDS[kind] for kind in _KINDS if kind in kinds)
        raise InvalidArgumentError(
            f"{verb} is asked of a thing of the kind {fitting}, and {name} is of the kind {KIND_WORDS[name.kind]}.",
            hint="Name metastore:." if SecurableKind.METASTORE in kinds else f"Name the {fitting}.",
        )
    return target(name) if verb in _OF_LINES else subjects.securable(name)


def _remarks(tx: ReadTransaction, about: Caller) -> tuple[str, ...]:
    """Return what must be said first of who cannot act."""
    found = tx.principal_by_id(about.principal_id)
    if found is None:
        return ()
    if not found.enabled:
        return (f"{found.name} is disabled and may do nothing",)
    if found.name.principal_kind in ACTING:
        return ()
    return (f"{found.name} does not act itself: this is what its members have by it",)


def _acting(tx: ReadTransaction, after: str) -> Iterator[Principal]:
    """Return enabled users and services, by name."""
    while found := tx.list_principals(after=after, limit=_CHUNK):
        yield from (each for each in found if each.enabled and each.name.principal_kind in ACTING)
        after = found[-1].name.key


def _concerned(tx: ReadTransaction, members: frozenset[str], since: str) -> Iterator[tuple[str, str]]:
    """Return the names of what a closure owns or lines give it, by name."""
    told = None
    while members:
        found = tx.concerned(members, since=since, limit=_CHUNK)
        yield from (each for each in found if each[0] != told)
        if len(found) < _CHUNK:
            return
        since = told = found[-1][0]


def _place(verb: Operation, chain: Chain) -> tuple[Chain | None, tuple[str, ...]]:
    """Return the chain that a verb is judged on: of the thing, or of any in it of which nothing else is said."""
    here, kinds = chain.object.kind, asked_of(verb)
    if here in kinds:
        slot = here is SecurableKind.MODEL_ALIAS and verb in _OF_LINES
        return chain.upward_from(SecurableKind.REGISTERED_MODEL) if slot else chain, ()
    wanted = next(iter(kinds))
    if len(kinds) > 1 or _KINDS.index(wanted) < _KINDS.index(here):
        return None, ()
    links = chain.links
    for kind in _KINDS[_KINDS.index(here) + 1 : _KINDS.index(wanted) + 1]:
        links = (_any(kind, links[0]), *links)
    remark = f"on each {KIND_WORDS[wanted]} in it that no line or owner of its own makes different"
    return Chain(links=links, policy_revision=chain.policy_revision), (remark,)


def _any(kind: SecurableKind, above: Link) -> Link:
    """Return something of a kind in a container; no line speaks of it, and nobody owns it."""
    if kind is SecurableKind.MODEL_ALIAS:
        return Link(id=f"{above.id}@*", kind=kind, name=f"{above.name}@*")
    name = "*" if above.kind is SecurableKind.METASTORE else f"{above.name}.*"
    return Link(id=f"any {kind}", kind=kind, name=name)
