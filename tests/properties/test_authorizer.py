"""Casbin on a few lines decides as Casbin on all lines does, and as a second reading of the rules does (R1-R7, R24)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise

import casbin
import pytest
from attrs import evolve

from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.bootstrap import shipped_model
from herdbook.entities import Caller, Chain
from herdbook.entities.ledger import Effect, PolicyChange, PolicySnapshot
from herdbook.policy.judging import Holds, judge
from herdbook.policy.privileges import ALL_INCLUDES, INCLUDES, OWNER_ABOVE_INCLUDES, OWNER_INCLUDES
from herdbook.testing.policy_samples import SamplePolicy, sample_caller, sample_policy
from herdbook.testing.reference_evaluator import ReferenceEvaluator
from herdbook.verdicts import Allowed, Denied, Privilege, Requirement, SecurableKind, Sight

MODEL = shipped_model()
CHUNK = 100
"""How many policies one test compares."""

LEAST = {
    "of 100 lines or more": 15,
    "a privilege: allow": 200,
    "a privilege: deny": 200,
    "a privilege: None": 200,
    "a decision: allowed": 35,
    "a decision: denied, known": 50,
    "a decision: denied, hidden": 120,
}
"""How many of each outcome a chunk of policies compares at least: without them it would prove nothing."""

Question = tuple[Caller, Chain, Privilege]


def fed(policy: SamplePolicy) -> CasbinAuthorizer:
    authorizer = CasbinAuthorizer(MODEL)
    authorizer.replace(policy.snapshot)
    return authorizer


def stock(policy: SamplePolicy, callers: Iterable[Caller]) -> casbin.Enforcer:
    """Load everything into a plain enforcer: every line, OWNER lines, the tree with its slots, inclusions."""
    model = casbin.Model()
    model.load_model_from_text(MODEL)
    enforcer = casbin.Enforcer(model)
    enforcer.logger.disabled = True
    rows = set()
    for line in policy.snapshot.lines:
        on = line.securable_id if line.alias_key is None else f"{line.securable_id}@{line.alias_key}"
        rows.add((line.principal_id, on, line.privilege.value, line.effect.value))
    enforcer.add_policies([list(row) for row in rows])
    owners = {
        (link.owner_id, link.id, "OWNER", "allow") for chain in policy.chains for link in chain.links if link.owner_id
    }
    enforcer.add_policies([list(line) for line in owners])
    members = {(each.member_id, each.group_id) for each in policy.snapshot.memberships}
    members |= {(caller.principal_id, group) for caller in callers for group in caller.token_groups}
    if members:
        enforcer.add_named_grouping_policies("g", [list(pair) for pair in members])
    tree = set()
    for chain in policy.chains:
        ids = [link.id for link in chain.links]
        tree |= set(pairwise(ids))
        if chain.object.kind is SecurableKind.MODEL_ALIAS:
            model, alias = chain.object.id.split("@")
            assert model == ids[1]
            tree |= {(ids[0], f"{ids[2]}@{alias}"), (f"{ids[2]}@{alias}", f"{ids[3]}@{alias}")}
    enforcer.add_named_grouping_policies("g2", [list(pair) for pair in tree])
    includes = [("ALL_PRIVILEGES", each) for each in ALL_INCLUDES] + [("OWNER", each) for each in OWNER_INCLUDES]
    includes += [("OWNER_ABOVE", each) for each in OWNER_ABOVE_INCLUDES]
    enforcer.add_named_grouping_policies("g3", [[whole, part.value] for whole, part in includes])
    denied = [[whole.value, part.value] for whole, parts in INCLUDES.items() for part in parts]
    enforcer.add_named_grouping_policies("g4", denied)
    return enforcer


def own_of(chain) -> str:
    return chain.links[1].id if chain.object.kind is SecurableKind.MODEL_ALIAS else chain.object.id


class Plain:
    """Plain `enforce` over a whole policy, for callers who are in claim groups or not."""

    def __init__(self, policy: SamplePolicy, callers: Iterable[Caller]) -> None:
        self._enforcer = stock(policy, callers)
        self._disabled = policy.snapshot.disabled
        self.asked = 0

    def allows(self, caller: Caller, chain: Chain, privilege: Privilege) -> bool:
        self.asked += 1
        act = self._enforcer.enforce(caller.principal_id, chain.object.id, own_of(chain), privilege.value)
        return caller.principal_id not in self._disabled and act

    def holds(self, caller: Caller, chain: Chain) -> Holds:
        """Say of single privileges at the levels of a chain what `enforce` says."""

        def held(privilege: Privilege, position: int) -> str | None:
            level = chain.upward_from(chain.links[position].kind)
            return "enforced" if self.allows(caller, level, privilege) else None

        return held


def questions(chance: random.Random, policy: SamplePolicy, callers: tuple[Caller, ...]) -> Iterator[Question]:
    """Ask at random, and where there are lines mostly of what one speaks of: few random questions would meet any."""
    lines = policy.snapshot.lines
    groups = {caller: closure_of(policy, caller) for caller in callers}
    while True:
        caller, chain, privilege = chance.choice(callers), chance.choice(policy.chains), chance.choice(tuple(Privilege))
        if lines and chance.random() < 0.7:
            line = chance.choice(lines)
            caller = chance.choice([each for each in callers if line.principal_id in groups[each]] or callers)
            chain = chance.choice([each for each in policy.chains if line.securable_id in ids_of(each)])
            privilege = chance.choice((line.privilege, line.privilege, *INCLUDES.get(line.privilege, ALL_INCLUDES)))
        yield caller, chain, privilege


def closure_of(policy: SamplePolicy, caller: Caller) -> set[str]:
    found, edge = set(), {caller.principal_id, *caller.token_groups}
    while edge:
        found |= edge
        edge = {each.group_id for each in policy.snapshot.memberships if each.member_id in edge} - found
    return found


def ids_of(chain: Chain) -> list[str]:
    return [link.id for link in chain.links]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Cut the policies into chunks, for as many processes as there are."""
    if "chunk" in metafunc.fixturenames:
        wanted = metafunc.config.getoption("random_policies")
        metafunc.parametrize("chunk", range(-(-wanted // CHUNK)))


def test_few_lines_decide_as_all_lines_do(chunk: int, record_property) -> None:
    """The lines that are handed over are enough, and what is remembered holds: plain `enforce` over everything agrees.

    Thousands of policies of up to 1,000 lines, most of them small; `--random-policies` asks of more. Each privilege is
    compared with one `enforce`; each whole decision with gates, inclusions and sight put together from `enforce` alone.
    """
    chance = random.Random(70_000 + chunk)
    seen: Counter[str] = Counter()
    for _ in range(CHUNK):
        lines = int(1001 ** chance.random()) - 1
        policy = sample_policy(chance, lines=lines, fewest=lines, width=2)
        claims = ({claim} if chance.random() < 0.2 else set() for claim in chance.choices(policy.claims, k=6))
        callers = tuple(
            Caller(principal_id=who, token_groups=frozenset(groups))
            for who, groups in zip(policy.people, claims, strict=False)
        )
        authorizer, plain = fed(policy), Plain(policy, callers)
        seen["policies"] += 1
        seen["of 100 lines or more"] += lines >= 100
        for caller, chain, privilege in islice(questions(chance, policy, callers), 10):
            requirement = Requirement(privilege=privilege, kind=chain.object.kind)
            found = authorizer.deciding(caller, requirement, chain)
            effect = None if found is None else found.effect
            case = (chunk, policy, caller, chain, privilege)
            assert (effect is Effect.ALLOW) is plain.allows(caller, chain, privilege), case
            seen[f"a privilege: {effect}"] += 1
        for caller, chain, privilege in islice(questions(chance, policy, callers), 4):
            requirement = Requirement(privilege=privilege, kind=chain.object.kind)
            ours = authorizer.decide(caller, requirement, chain)
            theirs = judge(caller, requirement, chain, plain.holds(caller, chain))
            case = (chunk, policy, caller, chain, privilege)
            assert isinstance(ours, Allowed) is isinstance(theirs, Allowed), case
            if isinstance(ours, Denied):
                assert ours == theirs, case
                seen[f"a decision: denied, {ours.sight.value}"] += 1
            else:
                seen["a decision: allowed"] += 1
        seen["enforced"] += plain.asked
    for what, count in sorted(seen.items()):
        record_property(what, count)
    assert all(seen[what] >= least for what, least in LEAST.items()), seen


def agree(policy: SamplePolicy, authorizer: CasbinAuthorizer, caller: Caller, chain, privilege: Privilege) -> None:
    reference = ReferenceEvaluator(policy.snapshot.lines, policy.snapshot.memberships, policy.snapshot.disabled)
    decision = authorizer.decide(caller, Requirement(privilege=privilege, kind=chain.object.kind), chain)
    assert isinstance(decision, Allowed) is reference.can(caller, privilege, chain), (caller, privilege, chain)
    if not isinstance(decision, Allowed):
        assert (decision.sight is Sight.KNOWN) is reference.knows(caller, chain), (caller, privilege, chain)
        assert decision.securable == chain.link(decision.kind).name
    else:
        assert decision.revision == chain.policy_revision


@pytest.mark.parametrize("seed", range(150))
def test_decisions_are_those_of_the_reference(seed: int) -> None:
    """Gates, admins, scopes, ownership, denies and sight: two readings of the rules agree, remembered or not."""
    chance = random.Random(1000 + seed)
    policy = sample_policy(chance, lines=(4, 20, 60, 300)[seed % 4])
    authorizer = fed(policy)
    for _ in range(60):
        caller, chain = sample_caller(chance, policy), chance.choice(policy.chains)
        privilege = chance.choice(tuple(Privilege))
        agree(policy, authorizer, caller, chain, privilege)


@pytest.mark.parametrize("seed", range(40))
def test_steps_lead_where_a_whole_policy_leads(seed: int) -> None:
    """An authorizer that took in steps decides as one that took in their sum, and remembers nothing of before."""
    chance = random.Random(5000 + seed)
    policy = sample_policy(chance, lines=60)
    items = [*policy.snapshot.lines, *policy.snapshot.memberships]
    kept = [item for item in items if chance.random() < 0.6]
    authorizer = CasbinAuthorizer(MODEL)
    authorizer.replace(PolicySnapshot(revision=0, disabled=policy.snapshot.disabled))
    callers = [sample_caller(chance, policy) for _ in range(5)]
    asked = [(caller, chance.choice(policy.chains)) for caller in callers for _ in range(5)]
    for revision, item in enumerate(items, 1):
        authorizer.feed((PolicyChange(revision=revision, added=True, item=item),), revision)
        if revision % 5 == 0:
            so_far = evolve(
                policy.snapshot,
                lines=tuple(items[: min(revision, len(policy.snapshot.lines))]),
                memberships=tuple(items[len(policy.snapshot.lines) : revision]),
            )
            for caller, chain in asked:
                agree(evolve(policy, snapshot=so_far), authorizer, caller, chain, Privilege.EXECUTE)
    gone = tuple(PolicyChange(revision=999, added=False, item=item) for item in items if item not in kept)
    authorizer.feed(gone, 999)
    lines = tuple(item for item in policy.snapshot.lines if item in kept)
    memberships = tuple(item for item in policy.snapshot.memberships if item in kept)
    left = evolve(policy, snapshot=evolve(policy.snapshot, lines=lines, memberships=memberships))
    for _ in range(40):
        privilege = chance.choice((Privilege.EXECUTE, Privilege.MANAGE, Privilege.READ_METADATA, Privilege.BROWSE))
        agree(left, authorizer, chance.choice(callers), chance.choice(policy.chains), privilege)
