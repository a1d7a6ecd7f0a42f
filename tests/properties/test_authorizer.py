"""Casbin on a few lines decides as Casbin on all lines does, and as a second reading of the rules does (R1-R7, R24)."""

from __future__ import annotations

import random
from itertools import pairwise

import casbin
import pytest
from attrs import evolve

from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.bootstrap import shipped_model
from herdbook.entities import Caller
from herdbook.entities.ledger import Effect, PolicyChange, PolicySnapshot
from herdbook.policy.privileges import ALL_INCLUDES, INCLUDES, OWNER_ABOVE_INCLUDES, OWNER_INCLUDES
from herdbook.testing.policy_samples import SamplePolicy, sample_caller, sample_policy
from herdbook.testing.reference_evaluator import ReferenceEvaluator
from herdbook.verdicts import Allowed, Privilege, Requirement, SecurableKind, Sight

MODEL = shipped_model()


def fed(policy: SamplePolicy) -> CasbinAuthorizer:
    authorizer = CasbinAuthorizer(MODEL)
    authorizer.replace(policy.snapshot)
    return authorizer


def stock(policy: SamplePolicy, caller: Caller) -> casbin.Enforcer:
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
    members |= {(caller.principal_id, group) for group in caller.token_groups}
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


@pytest.mark.parametrize("seed", range(40))
def test_few_lines_decide_as_all_lines_do(seed: int) -> None:
    """The lines that are handed over are enough: plain `enforce` over everything says the same, up to 1,000 lines."""
    chance = random.Random(seed)
    policy = sample_policy(chance, lines=(5, 40, 200, 1000)[seed % 4], width=2)
    authorizer = fed(policy)
    caller = evolve(sample_caller(chance, policy), scope=None)
    enforcer = stock(policy, caller)
    for _ in range(25 if seed % 4 < 3 else 5):
        chain, privilege = chance.choice(policy.chains), chance.choice(tuple(Privilege))
        if caller.principal_id in policy.snapshot.disabled:
            continue
        requirement = Requirement(privilege=privilege, kind=chain.object.kind)
        found = authorizer.deciding(caller, requirement, chain)
        ours = found is not None and found.effect is Effect.ALLOW
        assert ours is enforcer.enforce(caller.principal_id, chain.object.id, own_of(chain), privilege.value)


def askable(privilege: Privilege, kind: SecurableKind) -> bool:
    """A gate of what would be created must be in the chain."""
    above = (SecurableKind.METASTORE,)
    if privilege is Privilege.CREATE_MODEL:
        above = (SecurableKind.METASTORE, SecurableKind.CATALOG)
    return privilege not in (Privilege.CREATE_MODEL, Privilege.CREATE_SCHEMA) or kind not in above


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
        if askable(privilege, chain.object.kind):
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
