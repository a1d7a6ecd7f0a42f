"""The one pipeline of every verb: resolve, authorize, (rules, checks), write, emit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from typing import Generic, TypeVar

from attrs import field, frozen

from herdbook.entities import Caller, Chain, Link
from herdbook.entities.ledger import IdempotencyRecord
from herdbook.errors import ConflictError, NotFoundError
from herdbook.policy.deciding import Ask, decide, known
from herdbook.policy.limits import check_idempotency_key, check_reason
from herdbook.policy.operations import ADDING, OPERATIONS, Need, Target
from herdbook.ports.metadata import Found, MetadataStore, ReadTransaction, Resolver, Stamp, WriteTransaction
from herdbook.ports.system import Clock, Ids
from herdbook.service.authority import Authority
from herdbook.service.explaining import Explaining, refusal
from herdbook.service.ledger import Happened, record
from herdbook.verdicts import Allowed, Decision, Denied, Operation, Privilege, Requirement, SecurableKind, Sight
from herdbook.wire import canonical

T = TypeVar("T")
R = TypeVar("R")

IDEMPOTENCY_MS = 24 * 3600 * 1000


@frozen(kw_only=True)
class Subject(Generic[T]):
    """What a verb is about.

    Args:
        kind: Its kind in words, `model version`.
        name: Its name, `prod.fraud.scorer/3`; None for the metastore.
        resolve: How to find it.
    """

    kind: str
    name: object
    resolve: Callable[[Resolver], Found[T]]

    def __str__(self) -> str:
        return self.kind if self.name is None else f"{self.kind} {self.name}"

    @property
    def what(self) -> str:
        """Kind and name in words."""
        return str(self)


@frozen(kw_only=True)
class Admitted(Generic[T]):
    """What was found, for a caller who may do this.

    Args:
        chain: From the securable up.
        row: What was asked for; None where the securable exists and the thing on it does not.
        because: Why the caller may.
    """

    chain: Chain
    row: T | None
    because: str


@frozen(kw_only=True)
class Idempotency(Generic[R]):
    """How a repeated request is recognised and answered.

    Args:
        key: The caller's key; None where it gave none.
        request: Returns the plain values that make the request what it is.
        keep: Turns the result into bytes.
        restore: Turns the bytes back into the answer.
        verb: The verb that the key belongs to, where it is not the one that is carried out.
    """

    key: str | None
    request: Callable[[], object]
    keep: Callable[[R], bytes]
    restore: Callable[[WriteTransaction, bytes], R]
    verb: Operation | None = None


@frozen(kw_only=True)
class Outcome(Generic[R]):
    """What a change returns and what it did.

    Args:
        result: The verb's answer.
        happened: For the ledger; None where nothing was changed.
        also: What other verbs' work was done with it, each for the ledger too.
    """

    result: R
    happened: Happened | None = field(default=None)
    also: tuple[tuple[Operation, Happened], ...] = ()


class Gate:
    """Resolves, authorizes, and lets through; every change is recorded in its own transaction."""

    def __init__(self, store: MetadataStore, authority: Authority, clock: Clock, ids: Ids) -> None:
        self._store = store
        self.authority = authority
        self._clock = clock
        self._ids = ids

    def look(self, caller: Caller, operation: Operation, subject: Subject[T], resolver: Resolver | None = None) -> T:
        """Return what a reading verb asked for.

        Raises:
            NotFoundError, PermissionDeniedError: see `admit`.
        """
        return self.present(self.admit(caller, operation, subject, resolver), subject)

    def admit(
        self,
        caller: Caller,
        operation: Operation,
        subject: Subject[T],
        resolver: Resolver | None = None,
        log: ReadTransaction | None = None,
    ) -> Admitted[T]:
        """Resolve a subject and authorize a verb on it.

        Raises:
            NotFoundError: the securable does not exist, or the caller may not know that it does.
            PermissionDeniedError: the caller knows it but lacks the right.
        """
        found = subject.resolve(self._store.point if resolver is None else resolver)
        if found.chain is None:
            raise missing(subject.what)
        because = self.authorize(caller, OPERATIONS[operation], found.chain, subject, operation, log)
        return Admitted(chain=found.chain, row=found.row, because=because)

    def authorize(
        self,
        caller: Caller,
        need: Need,
        chain: Chain,
        what: object,
        operation: Operation,
        log: ReadTransaction | None = None,
    ) -> str:
        """Return why the caller may do what needs this; raises NotFoundError or PermissionDeniedError.

        Args:
            caller: Who asks.
            need: What is needed.
            chain: The securable that it is needed on, and all that it lies in.
            what: What it is about, written out only for who is refused.
            operation: The verb.
            log: The transaction that is open already; None where there is none.
        """
        decision = self.decide(caller, need, chain, log)
        if isinstance(decision, Allowed):
            return decision.because
        if not need.any_of or decision.sight is Sight.HIDDEN:
            raise missing(str(what))
        # A transaction that is open already is used: a second one in its midst would be refused.
        with self._store.read() if log is None else nullcontext(log) as tx:
            explanation = Explaining(self.authority, tx, chain, about=caller, reader=caller).of(need, decision)
        raise refusal(explanation, str(what), operation)

    def decide(self, caller: Caller, need: Need, chain: Chain, log: ReadTransaction | None = None) -> Decision:
        """Judge what needs this, without raising; where nothing allows it, the first denial is returned."""
        return decide(need, chain, self._asking(caller, log))

    def require(
        self, caller: Caller, privilege: Privilege, chain: Chain, what: str, operation: Operation, log: ReadTransaction
    ) -> None:
        """Demand one further privilege on a chain's object (R29); raises as `authorize`."""
        need = Need((privilege,), Target.NAMED, OPERATIONS[operation].shape)
        self.authorize(caller, need, chain, what, operation, log)

    def may(
        self, caller: Caller, privilege: Privilege, chain: Chain, log: ReadTransaction | None = None
    ) -> Allowed | Denied:
        """Judge one privilege on a chain's object, without raising."""
        requirement = Requirement(privilege=privilege, kind=chain.object.kind)
        return self.authority.decide(caller, requirement, chain, log=log)

    def knows(self, caller: Caller, chain: Chain, log: ReadTransaction | None = None) -> bool:
        """Return whether the caller may know that a chain's object exists."""
        decision = known(chain, self._asking(caller, log))
        return isinstance(decision, Allowed) or decision.sight is Sight.KNOWN

    def _asking(self, caller: Caller, log: ReadTransaction | None) -> Ask:
        return lambda requirement, chain: self.authority.decide(caller, requirement, chain, log=log)

    @staticmethod
    def present(admitted: Admitted[T], subject: Subject[T]) -> T:
        """Return what was found; raises NotFoundError where the thing on the securable does not exist."""
        if admitted.row is None:
            raise missing(subject.what)
        return admitted.row

    @staticmethod
    def reread(tx: ReadTransaction, subject: Subject[T]) -> T:
        """Return a subject as this transaction sees it; it was written or authorized in it already."""
        row = subject.resolve(tx).row
        if row is None:
            raise missing(subject.what)
        return row

    def change(
        self,
        caller: Caller,
        operation: Operation,
        subject: Subject[T],
        body: Callable[[WriteTransaction, Admitted[T], Stamp], Outcome[R]],
        *,
        idempotency: Idempotency[R] | None = None,
        reason: str | None = None,
        admitted: bool = False,
        exclusive: bool = False,
    ) -> R:
        """Carry out a changing verb: authorized first without a lock, then again in the transaction that writes.

        Args:
            caller: Who asks.
            operation: The verb.
            subject: What it is about.
            body: Does the work, in the transaction.
            idempotency: How a repeated request is recognised.
            reason: Why, for the ledger.
            admitted: Whether the caller of this has just admitted the subject without a lock itself.
            exclusive: Whether no other change may run beside it: for what moves names, owners or containers.

        Raises:
            NotFoundError, PermissionDeniedError: see `admit`.
            ConflictError: the idempotency key was used for another request.
        """
        check_reason(reason)
        check_idempotency_key(idempotency.key if idempotency is not None else None)
        first = None if admitted else self.admit(caller, operation, subject)
        with self._store.write(exclusive=exclusive) as tx:
            if exclusive or operation in ADDING:
                found = self.admit(caller, operation, subject, tx, tx)
            else:
                found = self._admit_in_turn(tx, caller, operation, subject, first)
            stamp = Stamp(at_ms=self._clock.now_ms(), by=caller.principal_id)
            if idempotency is not None and idempotency.key is not None:
                kept = _replay(tx, caller, idempotency.verb or operation, idempotency, stamp)
                if kept is not None:
                    return idempotency.restore(tx, kept)
            outcome = body(tx, found, stamp)
            done = () if outcome.happened is None else ((operation, outcome.happened),)
            for verb, happened in (*done, *outcome.also):
                record(tx, self._ids, caller, verb, happened, stamp, reason=reason, because=found.because)
            if idempotency is not None and idempotency.key is not None:
                _remember(tx, caller, idempotency.verb or operation, idempotency, outcome.result, stamp)
        return outcome.result

    def _admit_in_turn(
        self,
        tx: WriteTransaction,
        caller: Caller,
        operation: Operation,
        subject: Subject[T],
        seen: Admitted[T] | None,
    ) -> Admitted[T]:
        """Admit in the transaction that writes, after every other change to the same thing."""
        if seen is None:
            seen = self.admit(caller, operation, subject, tx, tx)
        row = _row_of(seen.chain)
        tx.lock(row.kind, row.id)
        found = self.admit(caller, operation, subject, tx, tx)
        # Between the two another thing may have got the name; within the transaction names stand still.
        return (
            found if _row_of(found.chain).id == row.id else self._admit_in_turn(tx, caller, operation, subject, found)
        )


def missing(what: str) -> NotFoundError:
    """Return the one answer for what does not exist and for what the caller may not know of (R8)."""
    return NotFoundError(f"There is no {what} that you may know of.", hint="Check the name, or ask for access.")


def _row_of(chain: Chain) -> Link:
    """Return the link whose row stands for a chain's object: an alias hangs on its model."""
    return next(link for link in chain.links if link.kind is not SecurableKind.MODEL_ALIAS)


def _request_sha256(idempotency: Idempotency[R]) -> str:
    return hashlib.sha256(canonical(idempotency.request())).hexdigest()


def _replay(
    tx: WriteTransaction, caller: Caller, operation: Operation, idempotency: Idempotency[R], stamp: Stamp
) -> bytes | None:
    kept = tx.idempotent(caller.principal_id, operation.value, idempotency.key or "", now_ms=stamp.at_ms)
    if kept is None:
        return None
    if kept.request_sha256 != _request_sha256(idempotency):
        raise ConflictError(
            f"The idempotency key {idempotency.key!r} was used for another request.", hint="Use a fresh key."
        )
    return kept.answer


def _remember(
    tx: WriteTransaction, caller: Caller, operation: Operation, idempotency: Idempotency[R], result: R, stamp: Stamp
) -> None:
    tx.remember(
        IdempotencyRecord(
            principal_id=caller.principal_id,
            operation=operation.value,
            key=idempotency.key or "",
            request_sha256=_request_sha256(idempotency),
            answer=idempotency.keep(result),
            expires_ms=stamp.at_ms + IDEMPOTENCY_MS,
        )
    )
