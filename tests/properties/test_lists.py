"""What is in a list is what may be seen, and what filters may read is what may be read (R7, R12)."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from attrs import evolve

from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.adapters.sql.store import SqlStore
from herdbook.bootstrap import shipped_model
from herdbook.entities import Caller, Chain
from herdbook.entities.ledger import PolicyLine
from herdbook.names import CatalogName, ModelName, SchemaName, fold
from herdbook.ports.metadata import MetadataStore, Stamp
from herdbook.testing.policy_samples import METASTORE_ID, SamplePolicy, sample_caller, sample_policy
from herdbook.testing.reference_evaluator import ReferenceEvaluator
from herdbook.verdicts import Allowed, Privilege, Requirement, SecurableKind, Sight

K = SecurableKind
KINDS = (K.CATALOG, K.SCHEMA, K.REGISTERED_MODEL)
STAMP = Stamp(at_ms=1, by="0" * 32)


def planted(policy: SamplePolicy) -> MetadataStore:
    """Put the tree of a policy into a database."""
    store = SqlStore.open("sqlite://")
    store.create_metastore(METASTORE_ID, seal_key=b"k" * 32, at_ms=1)
    with store.write() as tx:
        for chain in policy.chains:
            link = chain.object
            facts = {"comment": None, "owner_id": link.owner_id, "stamp": STAMP}
            if link.kind is K.CATALOG:
                tx.insert_catalog(link.id, CatalogName.parse(link.name), **facts)
            elif link.kind is K.SCHEMA:
                tx.insert_schema(link.id, chain.links[1].id, SchemaName.parse(link.name), **facts)
            elif link.kind is K.REGISTERED_MODEL:
                tx.insert_model(link.id, chain.links[1].id, ModelName.parse(link.name), **facts)
    return store


def sees(authorizer: CasbinAuthorizer, caller: Caller, chain: Chain) -> bool:
    decision = authorizer.decide(caller, Requirement(privilege=Privilege.BROWSE, kind=chain.object.kind), chain)
    return isinstance(decision, Allowed) or decision.sight is Sight.KNOWN


MANAGING = (Privilege.MANAGE, Privilege.APPROVE)


def may(authorizer: CasbinAuthorizer, caller: Caller, privilege: Privilege, chain: Chain) -> bool:
    requirement = Requirement(privilege=privilege, kind=chain.object.kind)
    return isinstance(authorizer.decide(caller, requirement, chain), Allowed)


def test_lists_hold_what_may_be_seen() -> None:
    """For any policy, caller and thing: it is in the compiled ranges just when the gate would let it be known.

    The ranges of what may be read or managed hold it just when that is allowed on it. All ways of answering agree,
    the reference included.
    """
    outcomes: Counter[tuple[SecurableKind, bool, bool]] = Counter()
    for seed in range(120):
        chance = random.Random(seed)
        policy = sample_policy(chance, lines=(6, 20, 50, 120)[seed % 4])
        reference = ReferenceEvaluator(policy.snapshot.lines, policy.snapshot.memberships, policy.snapshot.disabled)
        authorizer = CasbinAuthorizer(shipped_model())
        authorizer.replace(policy.snapshot)
        store = planted(policy)
        for caller in [sample_caller(chance, policy) for _ in range(6)]:
            for kind in KINDS:
                with store.read() as tx:
                    seen = tx.visible_ranges(authorizer.visible(caller, kind), kind)
                    managed = tx.visible_ranges(authorizer.holding(caller, MANAGING, kind), kind)
                    readable = tx.visible_ranges(authorizer.holding(caller, (Privilege.READ_METADATA,), kind), kind)
                for chain in policy.chains:
                    if chain.object.kind is not kind:
                        continue
                    key = fold(chain.object.name)
                    case = (seed, caller, chain.object)
                    known = sees(authorizer, caller, chain)
                    read = may(authorizer, caller, Privilege.READ_METADATA, chain)
                    manages = any(may(authorizer, caller, each, chain) for each in MANAGING)
                    assert (key in seen, key in readable, key in managed) == (known, read, manages), case
                    assert known is reference.knows(caller, chain), case
                    outcomes[kind, known, read] += 1
        store.close()
    # The law was tried both ways at each level, and on things that are seen and not read.
    for kind in KINDS:
        assert min(outcomes[kind, True, True], outcomes[kind, True, False], outcomes[kind, False, False]) > 50, outcomes


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_gone_leaves_the_lists(kind: SecurableKind) -> None:
    """Lines on what is not there show nothing, deny nothing else, and nobody sees anything without a line."""
    policy = sample_policy(random.Random(8), lines=150)
    store = planted(evolve(policy, chains=policy.chains[:1]))
    authorizer = CasbinAuthorizer(shipped_model())
    authorizer.replace(evolve(policy.snapshot, lines=tuple(each for each in policy.snapshot.lines if is_below(each))))
    with store.read() as tx:
        for person in (*policy.people, "9" * 32):
            caller = Caller(principal_id=person)
            for shown in (authorizer.visible(caller, kind), authorizer.holding(caller, MANAGING, kind)):
                assert tx.visible_ranges(shown, kind).spans == ()
    store.close()


def is_below(line: PolicyLine) -> bool:
    return line.securable_kind is not K.METASTORE
