"""What is in a list is what may be seen, and what filters may read is what may be read (R7, R12)."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.adapters.sql.store import SqlStore
from herdbook.bootstrap import shipped_model
from herdbook.entities import Caller, Chain
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


def reads(authorizer: CasbinAuthorizer, caller: Caller, chain: Chain) -> bool:
    requirement = Requirement(privilege=Privilege.READ_METADATA, kind=chain.object.kind)
    return isinstance(authorizer.decide(caller, requirement, chain), Allowed)


def test_lists_hold_what_may_be_seen() -> None:
    """For any policy, caller and thing: it is in the compiled ranges just when the gate would let it be known.

    The ranges of what may be read hold it just when READ_METADATA is allowed on it. All three ways of answering agree,
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
                    readable = tx.visible_ranges(authorizer.readable(caller, kind), kind)
                for chain in policy.chains:
                    if chain.object.kind is not kind:
                        continue
                    key = fold(chain.object.name)
                    case = (seed, caller, chain.object)
                    known, read = sees(authorizer, caller, chain), reads(authorizer, caller, chain)
                    assert (key in seen, key in readable) == (known, read), case
                    assert known is reference.knows(caller, chain), case
                    outcomes[kind, known, read] += 1
        store.close()
    # The law was tried both ways at each level, and on things that are seen and not read.
    for kind in KINDS:
        assert min(outcomes[kind, True, True], outcomes[kind, True, False], outcomes[kind, False, False]) > 50, outcomes


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_gone_leaves_the_lists(kind: SecurableKind) -> None:
    """A line on what is in no database shows nothing, and nobody sees anything without a line."""
    chance = random.Random(7)
    policy = sample_policy(chance, lines=0)
    store = planted(policy)
    authorizer = CasbinAuthorizer(shipped_model())
    with store.read() as tx:
        nobody = Caller(principal_id="9" * 32)
        assert tx.visible_ranges(authorizer.visible(nobody, kind), kind).spans == ()
        assert tx.visible_ranges(authorizer.readable(nobody, kind), kind).spans == ()
    store.close()
