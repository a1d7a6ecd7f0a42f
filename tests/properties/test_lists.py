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
from herdbook.policy.ranges import Ranges
from herdbook.ports.authorizer import Reach, Visible
from herdbook.ports.metadata import MetadataStore, ReadTransaction, Stamp
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


def test_lists_follow_the_tree_between_two_pages() -> None:
    """What is created, renamed, deleted, restored or given away after a page is on the next one as the gate says."""
    seen_of_new: Counter[bool] = Counter()
    for seed in range(40):
        chance = random.Random(1000 + seed)
        policy = sample_policy(chance, lines=(20, 50, 120)[seed % 3])
        authorizer = CasbinAuthorizer(shipped_model())
        authorizer.replace(policy.snapshot)
        store = planted(policy)
        chains = [chain for chain in policy.chains if chain.object.kind is K.REGISTERED_MODEL]
        callers = [sample_caller(chance, policy) for _ in range(6)]
        for step in range(6):
            for caller in callers:
                with store.read() as tx:
                    seen = tx.visible_ranges(authorizer.visible(caller, K.REGISTERED_MODEL), K.REGISTERED_MODEL)
                    for chain in chains:
                        known = sees(authorizer, caller, chain)
                        assert (fold(chain.object.name) in seen) is known, (seed, step, caller, chain.object)
                        seen_of_new[known] += chain.object.id.startswith("9")
            if not chains:
                break
            chains = changed(store, chance, chains, (*policy.people, *policy.groups), step)
        store.close()
    assert min(seen_of_new[True], seen_of_new[False]) > 50


def changed(
    store: MetadataStore, chance: random.Random, chains: list[Chain], owners: tuple[str, ...], step: int
) -> list[Chain]:
    """Change one thing in the tree; returns the models that are live then."""
    chain = chance.choice(chains)
    rest = [each for each in chains if each is not chain]
    link = chain.object
    where = link.name.rpartition(".")[0]
    with store.write(exclusive=True) as tx:
        if step % 3 == 1:
            name = f"{where}.renamed{step}"
            tx.rename(link, ModelName.parse(name), STAMP)
            return [*rest, evolve(chain, links=(evolve(link, name=name), *chain.links[1:]))]
        if step % 3 == 2:
            owner = chance.choice(owners)
            tx.set_owner(link, owner, STAMP)
            return [*rest, evolve(chain, links=(evolve(link, owner_id=owner), *chain.links[1:]))]
        tx.delete(link, STAMP)
        made = evolve(link, id=f"9{step:031}", owner_id=chance.choice(owners))
        facts = {"comment": None, "owner_id": made.owner_id, "stamp": STAMP}
        tx.insert_model(made.id, chain.links[1].id, ModelName.parse(made.name), **facts)
        return [*rest, evolve(chain, links=(made, *chain.links[1:]))]


def test_nothing_uncommitted_is_remembered() -> None:
    """In memory, where a read inside a change sees it, what it saw is forgotten with the change."""
    policy = sample_policy(random.Random(4), lines=0)
    store = planted(policy)
    chain = next(chain for chain in policy.chains if chain.object.kind is K.REGISTERED_MODEL)
    shown = Visible(reach=Reach.LISTED, browse=frozenset([chain.object.id]))
    gone = f"{chain.object.name.rpartition('.')[0]}.gone"

    def seen(tx: ReadTransaction) -> Ranges:
        return tx.visible_ranges(shown, K.REGISTERED_MODEL)

    with pytest.raises(LookupError), store.write(exclusive=True) as tx:
        tx.rename(chain.object, ModelName.parse(gone), STAMP)
        with store.read() as inside:
            assert gone in seen(inside)
        raise LookupError
    with store.write(exclusive=True) as tx:
        tx.rename(chain.object, ModelName.parse(f"{gone}2"), STAMP)
    with store.read() as tx:
        assert f"{gone}2" in seen(tx)
        assert gone not in seen(tx)
    store.close()


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
