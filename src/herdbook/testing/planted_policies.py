"""A random policy in a registry, over real things, and the independent evaluator over the same lines."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from attrs import evolve

from herdbook.entities import Chain, Principal
from herdbook.entities.ledger import PolicyLine
from herdbook.names import CatalogName, ModelName, PrincipalName, SchemaName
from herdbook.ports.metadata import Stamp, WriteTransaction
from herdbook.service import Metastore
from herdbook.testing.policy_samples import METASTORE_ID, sample_policy
from herdbook.testing.reference_evaluator import ReferenceEvaluator
from herdbook.verdicts import SecurableKind

FOUNDER = "user:os/founder"
_K = SecurableKind


class PlantedPolicy:
    """A random policy in a registry, and the independent evaluator over the same lines.

    Args:
        metastore: A new one, founded by FOUNDER.
        chance: Where the randomness comes from.
        lines: How many lines at most.
    """

    def __init__(self, metastore: Metastore, chance: random.Random, lines: int) -> None:
        self.metastore = metastore
        self.policy = sample_policy(chance, lines=lines, width=2)
        core = self.metastore.core
        with core.store.write(exclusive=True) as tx:
            stamp = Stamp(at_ms=1, by="0" * 32)
            top = tx.metastore().object
            for each in (*self.policy.people, *self.policy.groups, *self.policy.claims):
                tx.insert_principal(Principal(id=each, name=name_of(each), created_at=datetime.now(UTC)))
            for chain in self.policy.chains:
                _plant(tx, chain, stamp)
            self.lines = tuple(
                evolve(line, securable_id=top.id) if line.securable_id == METASTORE_ID else line
                for line in self.policy.snapshot.lines
            )
            tx.change_rights(add=[*self.lines, *self.policy.snapshot.memberships], reason=None, stamp=stamp)
            for each in self.policy.snapshot.disabled:
                tx.set_enabled(each, enabled=False, reason=None, stamp=stamp)
            revision = tx.revision()
        self.chains = tuple(
            Chain(links=(*chain.links[:-1], top), policy_revision=revision) for chain in self.policy.chains
        )
        self.founder = self.metastore.for_caller(self.metastore.asserted(PrincipalName.parse(FOUNDER)))

    def reference(self, more: tuple[PolicyLine, ...] = ()) -> ReferenceEvaluator:
        """Return the evaluator over the lines, and some more."""
        snapshot = self.policy.snapshot
        return ReferenceEvaluator((*self.lines, *more), snapshot.memberships, snapshot.disabled)


def name_of(principal_id: str) -> PrincipalName:
    """Return the name of a principal of the sample by its id."""
    kind = {"u": "user:u", "e": "group:e", "d": "group:okta/d"}[principal_id[0]]
    return PrincipalName.parse(f"{kind}{int(principal_id[1:])}")


def _plant(tx: WriteTransaction, chain: Chain, stamp: Stamp) -> None:
    link, owner = chain.object, chain.object.owner_id or ""
    if link.kind is _K.CATALOG:
        tx.insert_catalog(link.id, CatalogName.parse(link.name), comment=None, owner_id=owner, stamp=stamp)
    elif link.kind is _K.SCHEMA:
        tx.insert_schema(
            link.id, chain.links[1].id, SchemaName.parse(link.name), comment=None, owner_id=owner, stamp=stamp
        )
    elif link.kind is _K.REGISTERED_MODEL:
        tx.insert_model(
            link.id, chain.links[1].id, ModelName.parse(link.name), comment=None, owner_id=owner, stamp=stamp
        )
