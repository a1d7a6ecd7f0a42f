"""Keeps the authorizer fed from committed policy rows, and asks it."""

from __future__ import annotations

import threading
from weakref import WeakKeyDictionary

from herdbook.entities import Caller, Chain
from herdbook.entities.ledger import PolicySnapshot
from herdbook.ports.authorizer import Authorizer, Deciding, Visible
from herdbook.ports.metadata import MetadataStore, PolicyLog
from herdbook.verdicts import Decision, Privilege, Requirement, SecurableKind


class Authority:
    """The one place that asks the authorizer.

    Args:
        authorizer: Judges rights.
        store: Where its truth comes from.
    """

    def __init__(self, authorizer: Authorizer, store: MetadataStore) -> None:
        self._authorizer = authorizer
        self._store = store
        self._feeding = threading.Lock()
        self._unborn: WeakKeyDictionary[PolicyLog, Authorizer] = WeakKeyDictionary()

    @property
    def revision(self) -> int:
        """The policy revision that is decided by now; -1 before the first question."""
        return self._authorizer.revision

    def decide(
        self, caller: Caller, requirement: Requirement, chain: Chain, *, log: PolicyLog | None = None
    ) -> Decision:
        """Judge a requirement at (or after) the policy revision that the chain was read at.

        Args:
            caller: Who asks.
            requirement: Which privilege, at which level.
            chain: The object and all that it lies in.
            log: The transaction to read new policy rows from; None opens one where it is needed.
        """
        return self._at(chain.policy_revision, log).decide(caller, requirement, chain)

    def visible(self, caller: Caller, kind: SecurableKind, *, log: PolicyLog) -> Visible:
        """Return what the caller may see of a kind, at the transaction's policy revision."""
        return self._at(log.revision(), log).visible(caller, kind)

    def holding(
        self, caller: Caller, privileges: tuple[Privilege, ...], kind: SecurableKind, *, log: PolicyLog
    ) -> Visible:
        """Return where the caller may do on things of a kind what needs one of some privileges, as `visible` does."""
        return self._at(log.revision(), log).holding(caller, privileges, kind)

    def closure(self, caller: Caller, revision: int, *, log: PolicyLog) -> frozenset[str]:
        """Return the ids of the caller's principal and of every group and role that it is in."""
        return self._at(revision, log).closure(caller)

    def trial(self, snapshot: PolicySnapshot) -> Authorizer:
        """Return an authorizer that judges by a policy which is not in force."""
        return self._authorizer.trial(snapshot)

    def accepts(self, model: str) -> bool:
        """Return whether the text of a `model.conf` is that of the model that is judged by."""
        return self._authorizer.accepts(model)

    def _at(self, revision: int, log: PolicyLog | None) -> Authorizer:
        """Return who judges at a policy revision; one that may come to nothing is not for anybody else."""
        if log is None or not log.moved:
            self._catch_up(revision, log)
            return self._authorizer
        kept = self._unborn.get(log)
        if kept is None or kept.revision != log.revision():
            kept = self._unborn[log] = self._authorizer.trial(log.snapshot())
        return kept

    def deciding(self, caller: Caller, requirement: Requirement, chain: Chain, *, log: PolicyLog) -> Deciding | None:
        """Return what decides about a privilege by itself, at (or after) the policy revision of the chain."""
        return self._at(chain.policy_revision, log).deciding(caller, requirement, chain)

    def _catch_up(self, revision: int, log: PolicyLog | None) -> None:
        if self._authorizer.revision >= revision:
            return
        if log is None:
            with self._store.read() as tx:
                self._feed(tx)
        else:
            self._feed(log)

    def _feed(self, log: PolicyLog) -> None:
        with self._feeding:
            had, now = self._authorizer.revision, log.revision()
            if had >= now:
                return
            changes = log.changes(had) if had >= 0 else None
            if changes is None:
                self._authorizer.replace(log.snapshot())
            else:
                # What a writer sees committed between its two questions belongs to a revision that is fed later.
                self._authorizer.feed(tuple(step for step in changes if step.revision <= now), now)
