"""What `explain` says is what the verb itself then answers: done, 403 or 404, over random policies (R8, R13)."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from attrs import evolve

from herdbook.entities import Caller, FileStat
from herdbook.entities.ledger import PolicyLine
from herdbook.errors import NotFoundError, PermissionDeniedError, RegistryError
from herdbook.policy.operations import asked_of
from herdbook.ports.metadata import Stamp
from herdbook.testing.planted_policies import FOUNDER, PlantedPolicy, name_of
from herdbook.testing.policy_samples import METASTORE_ID, sample_caller
from herdbook.testing.samples import register
from herdbook.verdicts import Allowed, Operation, Privilege, SecurableKind

K = SecurableKind
P = Privilege
Op = Operation
STALE = {"expected_row_version": 999}
NOBODY = "user:nobody"
# Each verb as far as its row of the table leads: what follows is refused for another reason, or changes no right.
CALLS = {
    Op.CREATE_CATALOG: lambda r, on, new: r.create_catalog(new),
    Op.GET_CATALOG: lambda r, on, new: r.get_catalog(on),
    Op.UPDATE_CATALOG: lambda r, on, new: r.update_catalog(on, comment="x", **STALE),
    Op.DELETE_CATALOG: lambda r, on, new: r.delete_catalog(on, **STALE),
    Op.LIST_CATALOGS: lambda r, on, new: r.list_catalogs(),
    Op.CREATE_SCHEMA: lambda r, on, new: r.create_schema(f"{on}.{new}"),
    Op.GET_SCHEMA: lambda r, on, new: r.get_schema(on),
    Op.UPDATE_SCHEMA: lambda r, on, new: r.update_schema(on, comment="x", **STALE),
    Op.DELETE_SCHEMA: lambda r, on, new: r.delete_schema(on, **STALE),
    Op.LIST_SCHEMAS: lambda r, on, new: r.list_schemas(on),
    Op.CREATE_REGISTERED_MODEL: lambda r, on, new: r.create_registered_model(f"{on}.{new}"),
    Op.GET_REGISTERED_MODEL: lambda r, on, new: r.get_registered_model(on),
    Op.UPDATE_REGISTERED_MODEL: lambda r, on, new: r.update_registered_model(on, comment="x", **STALE),
    Op.DELETE_REGISTERED_MODEL: lambda r, on, new: r.delete_registered_model(on, **STALE),
    Op.LIST_REGISTERED_MODELS: lambda r, on, new: r.list_registered_models(on),
    Op.UPLOAD_PLAN: lambda r, on, new: r.upload_plan(on, [FileStat(path="a", size=1)]),
    Op.CREATE_MODEL_VERSION: lambda r, on, new: r.create_model_version(on),
    Op.GET_MODEL_VERSION: lambda r, on, new: r.get_model_version(f"{on}/1"),
    Op.LIST_MODEL_VERSIONS: lambda r, on, new: r.list_model_versions(on),
    Op.UPDATE_MODEL_VERSION: lambda r, on, new: r.update_model_version(f"{on}/1", comment="x", **STALE),
    Op.DELETE_MODEL_VERSION: lambda r, on, new: r.delete_model_version(f"{on}/1"),
    Op.LIST_MODEL_VERSION_FILES: lambda r, on, new: r.list_model_version_files(f"{on}/1"),
    Op.READ_MODEL_VERSION_FILE: lambda r, on, new: b"".join(r.read_model_version_file(f"{on}/1", "model.bin")),
    Op.SET_REGISTERED_MODEL_ALIAS: lambda r, on, new: r.set_registered_model_alias(on, 1),
    Op.GET_MODEL_VERSION_BY_ALIAS: lambda r, on, new: r.get_model_version_by_alias(f"{on}@kept"),
    Op.LIST_REGISTERED_MODEL_ALIASES: lambda r, on, new: r.list_registered_model_aliases(on),
    Op.LIST_ALIAS_HISTORY: lambda r, on, new: r.list_alias_history(f"{on}@kept"),
    Op.SET_REGISTERED_MODEL_TAG: lambda r, on, new: r.set_registered_model_tag(on, "k", "v"),
    Op.SET_MODEL_VERSION_TAG: lambda r, on, new: r.set_model_version_tag(f"{on}/1", "k", "v"),
    Op.LIST_DELETED: lambda r, on, new: r.list_deleted(on),
    Op.TRANSFER_OWNERSHIP: lambda r, on, new: r.transfer_ownership(on, "role:none"),
    Op.GRANT: lambda r, on, new: r.grant(NOBODY, P.MANAGE, on),
    Op.REVOKE: lambda r, on, new: r.revoke(NOBODY, P.MANAGE, on),
    Op.DENY: lambda r, on, new: r.deny(NOBODY, P.MANAGE, on),
    Op.LIFT_DENY: lambda r, on, new: r.lift_deny(NOBODY, P.MANAGE, on),
    Op.LIST_GRANTS: lambda r, on, new: r.list_grants(on),
    Op.LIST_EFFECTIVE_GRANTS: lambda r, on, new: r.list_effective_grants(on),
    Op.WHO_CAN: lambda r, on, new: r.who_can(Op.GET_EFFECTIVE_RULES, on),
    Op.GET_EFFECTIVE_RULES: lambda r, on, new: r.get_effective_rules(on),
    Op.GET_PRINCIPAL: lambda r, on, new: r.get_principal(FOUNDER),
    Op.LIST_PRINCIPALS: lambda r, on, new: r.list_principals(),
    Op.SWEEP_ARTIFACTS: lambda r, on, new: r.sweep_artifacts(dry_run=True),
    Op.GET_POLICIES: lambda r, on, new: r.get_policies(),
}
PURGES = {
    K.CATALOG: ("catalog", Op.PURGE_CATALOG),
    K.SCHEMA: ("schema", Op.PURGE_SCHEMA),
    K.REGISTERED_MODEL: ("registered_model", Op.PURGE_REGISTERED_MODEL),
}


def answered(work) -> str:
    """Return `done`, `403` or `404`; a refusal for another reason than rights is as good as done."""
    try:
        work()
    except PermissionDeniedError:
        return "403"
    except NotFoundError as error:
        # Who may not give a line is told before a principal is looked for.
        return "done" if NOBODY in str(error) else "404"
    except RegistryError:
        return "done"
    return "done"


def explained(registry, verb: Operation, on: str) -> str:
    try:
        found = registry.explain(verb, on)
    except NotFoundError:
        return "404"
    return "done" if isinstance(found.decision, Allowed) else "403"


@pytest.fixture
def planted(make_metastore):
    """Make a random policy over models that each have a version and the alias `kept`."""

    def make(chance: random.Random, lines: int) -> PlantedPolicy:
        found = PlantedPolicy(make_metastore("sqlite://"), chance, lines)
        catalogs = [chain.object for chain in found.chains if chain.object.kind is K.CATALOG]
        core, caller = found.metastore.core, found.founder.get_current_principal()
        with core.store.write(exclusive=True) as tx:
            rights = [
                PolicyLine(
                    id=core.ids.new(),
                    principal_id=caller.id,
                    privilege=privilege,
                    securable_kind=K.CATALOG,
                    securable_id=on.id,
                )
                for on in catalogs
                for privilege in (P.ALL_PRIVILEGES, P.BROWSE)
            ]
            tx.change_rights(add=rights, reason=None, stamp=Stamp(at_ms=1, by=caller.id))
        for chain in found.chains:
            if chain.object.kind is K.REGISTERED_MODEL:
                register(found.founder, chain.object.name)
                found.founder.set_registered_model_alias(f"{chain.object.name}@kept", 1)
        return found

    return make


def a_caller(chance: random.Random, planted: PlantedPolicy) -> Caller:
    caller = sample_caller(chance, planted.policy)
    if caller.scope is None or caller.scope.securable_id != METASTORE_ID:
        return caller
    return evolve(caller, scope=evolve(caller.scope, securable_id=planted.chains[0].object.id))


@pytest.mark.parametrize("seed", range(60))
def test_each_verb_answers_as_explained(planted, seed):
    """For random policies, callers and tokens: `explain` says beforehand what the verb answers, on any kind of thing.

    `who_can` names a caller without a token just when the verb is then done.
    """
    assert sum(answers(planted, seed).values()) > 120


def test_every_kind_of_answer_is_among_them(planted):
    """The test above would say little of what is never answered."""
    seen = sum((answers(planted, seed) for seed in range(12)), Counter())
    assert min(seen[each] for each in ("done", "403", "404", "purged", "kept")) > 0, seen


def answers(planted, seed: int) -> Counter[str]:
    """Compare what is explained with what is answered; returns how often which answer was given."""
    seen: Counter[str] = Counter()
    chance = random.Random(40_000 + seed)
    there = planted(chance, lines=(5, 30, 60, 120)[seed % 4])
    for number in range(120):
        chain, caller = chance.choice(there.chains), a_caller(chance, there)
        verb = chance.choice([each for each in CALLS if chain.object.kind in asked_of(each)])
        on, registry = chain.object.name, there.metastore.for_caller(caller)
        said = explained(registry, verb, on)
        plain = Caller(principal_id=caller.principal_id) == caller
        plain &= caller.principal_id not in there.policy.snapshot.disabled
        named = plain and {each.principal for each in there.founder.who_can(verb, on).items}
        found = answered(lambda: CALLS[verb](registry, on, f"new{number}"))  # noqa: B023 called at once
        assert found == said, (seed, verb, on, caller)
        if plain and said != "404":
            assert (name_of(caller.principal_id) in named) is (found == "done"), (seed, verb, on, caller)
        seen[found] += 1
    return seen + purged_as_explained(chance, there, seed)


def purged_as_explained(chance: random.Random, there: PlantedPolicy, seed: int) -> Counter[str]:
    """A purge is asked of what lies in the trash, and explained of it while it was there."""
    seen: Counter[str] = Counter()
    chain = chance.choice([each for each in there.chains if each.object.kind in PURGES])
    noun, verb = PURGES[chain.object.kind]
    callers = [Caller(principal_id=who) for who in there.policy.people]
    said = [explained(there.metastore.for_caller(caller), verb, chain.object.name) for caller in callers]
    for model in (each.object.name for each in there.chains if each.object.kind is K.REGISTERED_MODEL):
        for alias in there.founder.list_registered_model_aliases(model):
            there.founder.delete_registered_model_alias(f"{model}@{alias.alias}")
    getattr(there.founder, f"delete_{noun}")(chain.object.name, force=True)
    for caller, told in zip(callers, said, strict=True):
        registry = there.metastore.for_caller(caller)
        found = answered(lambda: getattr(registry, f"purge_{noun}")(chain.object.id))  # noqa: B023 called at once
        assert found == told, (seed, verb, chain.object.name, caller)
        seen["purged" if found == "done" else "kept"] += 1
        if found == "done":
            break
    return seen
