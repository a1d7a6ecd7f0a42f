"""Laws of answers, for random policies: the grants named are enough, and `who_can` is what the gate allows (R13)."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from attrs import evolve

from herdbook.entities import Caller, Chain
from herdbook.entities.ledger import PolicyLine
from herdbook.errors import NotFoundError
from herdbook.names import AliasRef, PrincipalName
from herdbook.policy.granting import GRANTABLE
from herdbook.policy.operations import OPERATIONS, Target, asked_of, level_of
from herdbook.testing.planted_policies import FOUNDER, PlantedPolicy, name_of
from herdbook.testing.policy_samples import METASTORE_ID, sample_caller
from herdbook.testing.reference_evaluator import ReferenceEvaluator
from herdbook.verdicts import Allowed, Operation, Privilege, SecurableKind

K = SecurableKind
P = Privilege
Op = Operation
OF_LINES = {Op.GRANT, Op.REVOKE, Op.DENY, Op.LIFT_DENY, Op.LIST_GRANTS, Op.LIST_EFFECTIVE_GRANTS}


class Planted(PlantedPolicy):
    """A random policy in a registry, and grants as lines."""

    def __init__(self, make_metastore, chance: random.Random, lines: int) -> None:
        super().__init__(make_metastore("sqlite://"), chance, lines)

    def line(self, grant, chain: Chain, to: str, number: int) -> PolicyLine:
        """A grant that was named, as a line."""
        name = grant.securable
        alias = name.alias.lower() if isinstance(name, AliasRef) else None
        on = str(name.model if isinstance(name, AliasRef) else name)
        link = next(link for link in chain.links if link.name == on)
        facts = {"securable_kind": link.kind, "securable_id": link.id, "alias_key": alias}
        return PolicyLine(id=f"n{number:031}", principal_id=to, privilege=grant.privilege, **facts)


def manages_one(planted: Planted, name: PrincipalName, explanation, chain: Chain) -> bool:
    [caller] = (Caller(principal_id=who) for who in planted.policy.people if name_of(who) == name)
    kinds = {
        K.REGISTERED_MODEL if g.securable.kind is K.MODEL_ALIAS else g.securable.kind for g in explanation.would_allow
    }
    return any(planted.reference().can(caller, P.MANAGE, chain.upward_from(kind)) for kind in kinds)


def everything(chain: Chain, to: str, verb: Operation) -> tuple[PolicyLine, ...]:
    """All that can be granted on the way; but for what makes a metastore admin, where that is not what is asked."""
    at_top = level_of(OPERATIONS[verb].on, chain) is K.METASTORE
    lines = []
    for link in chain.links:
        on_id, _, alias = link.id.partition("@")
        for privilege in GRANTABLE[link.kind]:
            if link.kind is K.METASTORE and privilege is P.MANAGE and not at_top:
                continue
            facts = {"securable_kind": link.kind, "securable_id": on_id, "alias_key": alias or None}
            lines.append(PolicyLine(id=f"x{len(lines):031}", principal_id=to, privilege=privilege, **facts))
    return tuple(lines)


def allows(reference: ReferenceEvaluator, caller: Caller, verb: Operation, chain: Chain) -> bool:
    need = OPERATIONS[verb]
    if verb in OF_LINES and chain.object.kind is K.MODEL_ALIAS:
        chain = chain.upward_from(K.REGISTERED_MODEL)
    if not need.any_of:
        return reference.knows(caller, chain)
    level = chain.upward_from(level_of(need.on, chain))
    # A right on a slot or on the container is none to know the thing (R8, R14).
    elsewhere = need.on is Target.CONTAINER or level.object.kind is K.MODEL_ALIAS
    can = any(reference.can(caller, privilege, level) for privilege in need.any_of)
    return can and (reference.knows(caller, chain) or not elsewhere)


def a_question(chance: random.Random, planted: Planted) -> tuple[Operation, Chain]:
    chain = chance.choice(planted.chains)
    return chance.choice([verb for verb in Op if chain.object.kind in asked_of(verb)]), chain


@pytest.mark.parametrize("seed", range(24))
def test_the_named_grants_are_the_smallest_that_allow(make_metastore, seed):
    """For any policy: adding exactly the named grants allows it, leaving any one out does not; none: a deny is named.

    Who is named to ask can give one of them, and the decision is the independent evaluator's.
    """
    laws_hold(make_metastore, seed)


def test_what_is_missing_and_what_is_denied_are_among_them(make_metastore):
    """The test above would say little of what never happens."""
    seen = sum((laws_hold(make_metastore, seed) for seed in range(8)), Counter())
    assert min(seen["missing"], seen["denied"]) > 10, seen


def laws_hold(make_metastore, seed: int) -> Counter[str]:
    """Compare what is named with what it does; returns how often what was the matter."""
    seen: Counter[str] = Counter()
    chance = random.Random(seed)
    planted = Planted(make_metastore, chance, lines=(3, 15, 40, 90)[seed % 4])
    for _ in range(40):
        verb, chain = a_question(chance, planted)
        who = chance.choice(planted.policy.people)
        caller = Caller(principal_id=who)
        found = planted.founder.explain(verb, chain.object.name, principal=name_of(who))
        case = (seed, verb, chain.object.name, who, found)
        allowed = allows(planted.reference(), caller, verb, chain)
        assert isinstance(found.decision, Allowed) is allowed, case
        lines = [planted.line(grant, chain, who, number) for number, grant in enumerate(found.would_allow)]
        if allowed:
            assert not lines, case
        elif lines:
            assert allows(planted.reference(tuple(lines)), caller, verb, chain), case
            for line in lines:
                left = tuple(each for each in lines if each is not line)
                assert not allows(planted.reference(left), caller, verb, chain), case
            assert found.ask, case
            for name in found.ask:
                assert str(name) == FOUNDER or manages_one(planted, name, found, chain), (case, name)
            seen["missing"] += 1
        elif allows(planted.reference(everything(chain, who, verb)), caller, verb, chain):
            pytest.fail(f"grants would help: {case}")
        elif who in planted.policy.snapshot.disabled:
            assert "disabled" in found.path[0], case
        elif verb is Op.APPROVE and chain.object.kind is K.METASTORE:
            assert "cannot be granted there" in " ".join(found.path), case
        else:
            assert "denied by" in found.path[0], case
            seen["denied"] += 1
    return seen


@pytest.mark.parametrize("seed", range(16))
def test_one_is_told_about_oneself_what_the_token_leaves(make_metastore, seed):
    """With claim groups and scopes: the decision is the evaluator's, 404 where nothing is known, and grants help."""
    chance = random.Random(900 + seed)
    planted = Planted(make_metastore, chance, lines=(15, 40, 90)[seed % 3])
    reference = planted.reference()
    for _ in range(40):
        verb, chain = a_question(chance, planted)
        caller = sample_caller(chance, planted.policy)
        if caller.scope is not None and caller.scope.securable_id == METASTORE_ID:
            caller = evolve(caller, scope=evolve(caller.scope, securable_id=chain.links[-1].id))
        case = (seed, verb, chain.object.name, caller)
        try:
            found = planted.metastore.for_caller(caller).explain(verb, chain.object.name)
        except NotFoundError:
            assert not reference.knows(caller, chain), case
            continue
        assert reference.knows(caller, chain), case
        assert isinstance(found.decision, Allowed) is allows(reference, caller, verb, chain), case
        lines = [
            planted.line(grant, chain, caller.principal_id, number) for number, grant in enumerate(found.would_allow)
        ]
        if lines:
            assert allows(planted.reference(tuple(lines)), caller, verb, chain), case


@pytest.mark.parametrize("seed", range(16))
def test_who_can_what_the_gate_allows_and_lists_show(make_metastore, seed):
    """A principal is in `who_can` just when the gate allows it; by sight, just when its lists hold the thing."""
    chance = random.Random(300 + seed)
    planted = Planted(make_metastore, chance, lines=(5, 20, 60, 120)[seed % 4])
    reference = planted.reference()
    for _ in range(12):
        verb, chain = a_question(chance, planted)
        found = {path.principal for path in planted.founder.who_can(verb, chain.object.name).items}
        expected = {
            name_of(who)
            for who in planted.policy.people
            if who not in planted.policy.snapshot.disabled and allows(reference, Caller(principal_id=who), verb, chain)
        }
        assert found - {PrincipalName.parse(FOUNDER)} == expected, (seed, verb, chain.object.name)
    for who in planted.policy.people:
        if who in planted.policy.snapshot.disabled:
            continue
        seen = listed(planted.metastore.for_caller(Caller(principal_id=who)))
        for chain in planted.chains:
            if chain.object.kind in (K.CATALOG, K.REGISTERED_MODEL):
                can = planted.founder.who_can(Op.GET_EFFECTIVE_RULES, chain.object.name).items
                assert (name_of(who) in {path.principal for path in can}) is (chain.object.name in seen), (seed, who)


def listed(registry) -> set[str]:
    models = registry.search_registered_models(max_results=1000).items
    return {str(item.name) for item in (*registry.list_catalogs(max_results=1000).items, *models)}
