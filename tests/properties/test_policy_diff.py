"""A diff of policies tells every difference in what anybody may do, and nothing else."""

from __future__ import annotations

import random
from collections import Counter
from itertools import product

from attrs import evolve

from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.bootstrap import shipped_model
from herdbook.entities import Caller, Chain, Link
from herdbook.entities.ledger import PolicySnapshot
from herdbook.policy.operations import OPERATIONS
from herdbook.service.policy_asking import KINDS, kinds_asked, level
from herdbook.service.policy_diff import Comparison, Difference, concerned
from herdbook.service.policy_tree import Node
from herdbook.testing.policy_samples import ALIASES, SamplePolicy, sample_policy
from herdbook.testing.reference_evaluator import ReferenceEvaluator
from herdbook.verdicts import Operation, SecurableKind

K = SecurableKind
NEEDS = {}
for operation in Operation:
    NEEDS.setdefault((OPERATIONS[operation].any_of, OPERATIONS[operation].on), operation)
# One verb for each kind of need: the others are decided alike.
VERBS = sorted(NEEDS.values(), key=str)


def trial(snapshot: PolicySnapshot) -> CasbinAuthorizer:
    made = CasbinAuthorizer(shipped_model())
    made.replace(snapshot)
    return made


def other(chance: random.Random, policy: SamplePolicy) -> PolicySnapshot:
    """Another policy over the same tree: some lines and memberships fewer, some others more."""
    fresh = sample_policy(chance, lines=4)
    old = policy.snapshot
    ids = [chain.object.id for chain in policy.chains if chain.object.kind is not K.MODEL_ALIAS]
    people = (*policy.people, *policy.groups, *policy.claims)
    added = [
        evolve(line, id=f"n{number:031}", principal_id=chance.choice(people), securable_id=chance.choice(ids))
        for number, line in enumerate(fresh.snapshot.lines)
        if line.alias_key is None
    ]
    kept = [line for line in old.lines if chance.random() < 0.8]
    joined = [each for each in old.memberships if chance.random() < 0.8]
    return evolve(old, revision=2, lines=(*kept, *added), memberships=tuple(joined))


def with_strangers(chains: tuple[Chain, ...]) -> list[Chain]:
    """Return the chains, and in each container a thing that no line or owner singles out, of each kind."""
    found = list(chains)
    for chain in chains:
        kind = chain.object.kind
        links = chain.links
        for inner in KINDS[KINDS.index(kind) + 1 :]:
            if kind is K.MODEL_ALIAS:
                break
            name = f"{links[0].name}.new" if links[0].kind is not K.METASTORE else "new"
            link = Link(id=f"{links[0].id}-new", kind=inner, name=name)
            if inner is K.MODEL_ALIAS:
                for alias in ("fresh", *ALIASES):
                    slot = evolve(link, id=f"{links[0].id}@{alias}", name=f"{links[0].name}@{alias}")
                    found.append(Chain(links=(slot, *links), policy_revision=1))
                break
            links = (link, *links)
            found.append(Chain(links=links, policy_revision=1))
    return found


def allowed(evaluator: ReferenceEvaluator, who: str, verb: Operation, chain: Chain) -> bool:
    need, kind = OPERATIONS[verb], level(verb, chain)
    caller = Caller(principal_id=who)
    if not need.any_of:
        return evaluator.knows(caller, chain)
    return any(evaluator.can(caller, privilege, chain.upward_from(kind)) for privilege in need.any_of)


def speaks_of(difference: Difference, chain: Chain) -> bool:
    """Tell whether a difference, read as its words say, is about a thing."""
    return any(is_in(node, chain) for node in difference.nodes) and not any(
        is_in(node, chain) for node in difference.excepted
    )


def is_in(node: Node, chain: Chain) -> bool:
    alias = chain.object.id.rpartition("@")[2]
    return (
        node.kind is chain.object.kind
        and node.place.id in {link.id for link in chain.links}
        and node.alias in (None, alias)
    )


def test_the_diff_is_the_difference() -> None:
    """For random pairs of policies the diff says of each thing just what the reference sees change.

    For every actor, kind of need and securable, also for ones that do not exist yet: some entry speaks of it just when
    the answer changes, and says which way. It is empty just when nothing changes, and each entry is of something.
    """
    outcomes: Counter[str] = Counter()
    for seed in range(40):
        chance = random.Random(seed)
        policy = sample_policy(chance, lines=(2, 12, 30)[seed % 3], width=2)
        before, after = policy.snapshot, other(chance, policy)
        if seed % 2:
            before, after = after, before
        chains = tuple(chain for chain in policy.chains if chain.object.kind is not K.MODEL_ALIAS)
        actors = set(policy.people) - before.disabled
        whom = concerned(before, after, actors)
        told = list(Comparison(before, after, trial, chains).differences(whom.actors))
        was = ReferenceEvaluator(before.lines, before.memberships, before.disabled)
        now = ReferenceEvaluator(after.lines, after.memberships, after.disabled)
        used: set[int] = set()
        for actor, verb, chain in product(sorted(actors), VERBS, with_strangers(chains)):
            if chain.object.kind not in kinds_asked(verb):
                continue
            mine = [each for each in told if actor in each.principal_ids and each.operation is verb]
            speaking = [each for each in mine if speaks_of(each, chain)]
            used |= {id(each) for each in speaking}
            pair = (allowed(was, actor, verb, chain), allowed(now, actor, verb, chain))
            case = (seed, actor, verb, chain.object, pair)
            assert {each.gained for each in speaking} == ({pair[1]} if pair[0] is not pair[1] else set()), case
            outcomes[("kept", "lost", "gained")[0 if pair[0] is pair[1] else 1 + pair[1]]] += 1
            outcomes["excepted"] += any(
                any(is_in(node, chain) for node in each.nodes) and not speaks_of(each, chain) for each in mine
            )
        assert {id(each) for each in told if each.operation in VERBS} == used, seed
        outcomes["nothing"] += not told
    assert min(outcomes["gained"], outcomes["lost"], outcomes["kept"]) > 200, outcomes
    assert min(outcomes["nothing"], outcomes["excepted"]) > 5, outcomes
