"""Operation x privilege x principal kind x scope of the grant: allowed exactly where the table of operations says."""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest

from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.adapters.sql.store import SqlStore
from herdbook.adapters.system import SystemClock, Uuid7Ids
from herdbook.bootstrap import shipped_model
from herdbook.entities import Caller, Chain
from herdbook.entities.ledger import Effect, Membership, PolicyLine, PolicySnapshot
from herdbook.errors import NotFoundError, PermissionDeniedError
from herdbook.policy.granting import GRANTABLE
from herdbook.policy.operations import OPERATIONS, Need, Target
from herdbook.service.authority import Authority
from herdbook.service.gate import Gate
from herdbook.testing.authorizer_samples import SLOT
from herdbook.testing.reference_evaluator import ReferenceEvaluator
from herdbook.verdicts import Operation, Privilege, SecurableKind

P = Privilege
K = SecurableKind
Op = Operation
CHAINS = {kind: SLOT.upward_from(kind) for kind in K}
KINDS = tuple(CHAINS)
# Where a line can hang, with the levels of a slot's chain that it reaches: a scope of the grant.
SCOPES = {
    "ms": set(K),
    "c": set(K) - {K.METASTORE},
    "s": {K.SCHEMA, K.REGISTERED_MODEL, K.MODEL_ALIAS},
    "m": {K.REGISTERED_MODEL, K.MODEL_ALIAS},
    "c@champion": {K.MODEL_ALIAS},
    "s@champion": {K.MODEL_ALIAS},
    "m@champion": {K.MODEL_ALIAS},
}
SCOPE_KINDS = {
    "ms": K.METASTORE, "c": K.CATALOG, "s": K.SCHEMA, "m": K.REGISTERED_MODEL,
    "c@champion": K.MODEL_ALIAS, "s@champion": K.MODEL_ALIAS, "m@champion": K.MODEL_ALIAS,
}  # fmt: skip
GRANTS = [(privilege, scope) for scope, kind in SCOPE_KINDS.items() for privilege in sorted(GRANTABLE[kind])]
WAYS = ("user", "group", "role", "service")
GATES = {"both": (P.USE_CATALOG, P.USE_SCHEMA), "catalog": (P.USE_CATALOG,), "schema": (P.USE_SCHEMA,), "none": ()}
# Said once more, as AUTHORIZATION.md says it: what a privilege gives besides itself, and which gates are on the way.
ALL = {
    *(P.USE_CATALOG, P.USE_SCHEMA, P.CREATE_SCHEMA, P.CREATE_MODEL, P.CREATE_MODEL_VERSION, P.READ_METADATA),
    *(P.EXECUTE, P.MODIFY, P.APPLY_TAG, P.SET_ALIAS),
}
READS = {P.EXECUTE, P.MANAGE, P.APPROVE, P.READ_METADATA}
ON_THE_WAY = {
    K.METASTORE: (), K.CATALOG: (), K.SCHEMA: ((P.USE_CATALOG, K.CATALOG),),
    K.REGISTERED_MODEL: ((P.USE_CATALOG, K.CATALOG), (P.USE_SCHEMA, K.SCHEMA)),
    K.MODEL_ALIAS: ((P.USE_CATALOG, K.CATALOG), (P.USE_SCHEMA, K.SCHEMA)),
}  # fmt: skip
CREATES = {P.CREATE_SCHEMA: K.SCHEMA, P.CREATE_MODEL: K.REGISTERED_MODEL}


def gives(privilege: Privilege) -> set[Privilege]:
    """Return what a line with a privilege gives by itself."""
    return ALL | {privilege} if privilege is P.ALL_PRIVILEGES else {privilege}


def expected(lines: list[tuple[Privilege, str]], needed: Privilege, level: SecurableKind) -> bool:
    """Return what the rules say of a need, where there are these lines, no deny and no ownership."""

    def holds(privilege: Privilege, at: SecurableKind) -> bool:
        alone = privilege in (P.CREATE_CATALOG, P.MANAGE_POLICY) and at is not K.METASTORE
        return not alone and any(privilege in gives(held) and at in SCOPES[scope] for held, scope in lines)

    if needed in (P.MANAGE, P.READ_METADATA) and holds(P.MANAGE, K.METASTORE):
        return True
    gates = max(ON_THE_WAY[level], ON_THE_WAY[CREATES.get(needed, level)], key=len)
    sufficient = READS if needed is P.READ_METADATA else {needed}
    return all(holds(gate, at) for gate, at in gates) and any(holds(each, level) for each in sufficient)


def objects(operation: Operation, need: Need) -> list[Chain]:
    """Return what a verb can be about, as chains."""
    fixed = {
        Target.METASTORE: K.METASTORE,
        Target.CATALOG: K.CATALOG,
        Target.SCHEMA: K.SCHEMA,
        Target.MODEL: K.REGISTERED_MODEL,
        Target.SLOT: K.MODEL_ALIAS,
    }
    if need.on in fixed:
        return [CHAINS[fixed[need.on]]]
    purged = operation.name.removeprefix("PURGE_")
    if purged != operation.name:
        return [CHAINS[K.REGISTERED_MODEL if purged == "MODEL_VERSION" else K[purged]]]
    return list(CHAINS.values())


def level_of(need: Need, chain: Chain) -> SecurableKind:
    """Return where a need is looked for."""
    if need.on is Target.NAMED:
        return chain.object.kind
    if need.on is Target.CONTAINER:
        return chain.links[min(1, len(chain.links) - 1)].kind
    return K.MODEL_ALIAS if need.on is Target.SLOT else K[{"MODEL": "REGISTERED_MODEL"}.get(need.on.name, need.on.name)]


class Cases:
    """One principal for each case, all in one policy, before a gate."""

    def __init__(self) -> None:
        self.lines: list[PolicyLine] = []
        self.memberships: list[Membership] = []
        self.held: dict[str, list[tuple[Privilege, str]]] = {}
        self.store = SqlStore.open("sqlite://")
        self.store.create_metastore("ms", seal_key=b"k" * 32, at_ms=1)

    def add(self, way: str, held: list[tuple[Privilege, str]]) -> None:
        """Add a principal that has some lines in one of the ways."""
        who = f"{way} {len(self.held)}"
        subject = who if way in ("user", "service") else f"{who} carrier"
        self.held[who] = held
        if way == "group":
            self.memberships.append(Membership(member_id=who, group_id=subject))
        if way == "role":
            self.memberships += [
                Membership(member_id=who, group_id=f"{who} group"),
                Membership(member_id=f"{who} group", group_id=subject),
            ]
        for privilege, scope in held:
            on, _, alias = scope.partition("@")
            self.lines.append(
                PolicyLine(
                    id=f"{len(self.lines):05}",
                    principal_id=subject,
                    privilege=privilege,
                    effect=Effect.ALLOW,
                    securable_kind=SCOPE_KINDS[on],
                    securable_id=on,
                    alias_key=alias or None,
                )
            )

    def gate(self) -> Gate:
        """Return a gate that judges by all that was added."""
        authorizer = CasbinAuthorizer(shipped_model())
        authorizer.replace(PolicySnapshot(revision=1, lines=tuple(self.lines), memberships=tuple(self.memberships)))
        return Gate(self.store, Authority(authorizer, self.store), SystemClock(), Uuid7Ids())


def try_all(cases: Cases) -> Counter[str]:
    """Try every verb on everything for every case; return how often each answer came."""
    gate = cases.gate()
    reference = ReferenceEvaluator(cases.lines, cases.memberships)
    answers: Counter[str] = Counter()
    asked: dict[tuple[str, Privilege, SecurableKind], bool] = {}
    for who, held in cases.held.items():
        caller = Caller(principal_id=who)
        for operation, need in OPERATIONS.items():
            for chain in objects(operation, need):
                level = level_of(need, chain)
                knows = reference.knows(caller, chain)
                for privilege in need.any_of:
                    asked.setdefault((who, privilege, level), expected(held, privilege, level))
                allowed = any(asked[who, privilege, level] for privilege in need.any_of) if need.any_of else knows
                # A right on a slot, or on the container, does not include knowing the thing itself (R8, R14).
                elsewhere = level is K.MODEL_ALIAS or need.on is Target.CONTAINER
                allowed = allowed and (knows or not elsewhere)
                wanted = "allowed" if allowed else "403" if knows else "404"
                found = outcome(gate, caller, need, chain, operation)
                assert found == wanted, (who, held, operation, chain.object.kind)
                answers[found] += 1
    cases.store.close()
    return answers


def outcome(gate: Gate, caller: Caller, need: Need, chain: Chain, operation: Operation) -> str:
    try:
        gate.authorize(caller, need, chain, "it", operation)
    except PermissionDeniedError as error:
        assert error.decision.privilege in (*need.any_of, P.USE_CATALOG, P.USE_SCHEMA)
        return "403"
    except NotFoundError:
        return "404"
    return "allowed"


@pytest.mark.parametrize("way", WAYS)
def test_each_privilege_opens_what_the_table_says(way):
    """With open gates, each privilege at each scope opens exactly the verbs whose row it meets, however it is held."""
    cases = Cases()
    for grant in GRANTS:
        cases.add(way, [(P.USE_CATALOG, "c"), (P.USE_SCHEMA, "s"), grant])
    answers = try_all(cases)
    assert min(answers[each] for each in ("allowed", "403", "404")) > 300, answers


@pytest.mark.parametrize("gates", [each for each in GATES if each != "both"])
def test_each_gate_is_needed(gates):
    """Without one of the gates, or both, everything behind it is shut, whatever privilege there is, but for admins."""
    cases = Cases()
    for grant in GRANTS:
        cases.add("user", [*((gate, "c") for gate in GATES[gates]), grant])
    assert try_all(cases)["404"] > 2_000


def test_nothing_opens_nothing():
    """Without any line nothing is allowed but what needs no more than being there."""
    cases = Cases()
    cases.add("user", [])
    gate = cases.gate()
    for operation, need in OPERATIONS.items():
        for chain in objects(operation, need):
            found = outcome(gate, Caller(principal_id="user 0"), need, chain, operation)
            free = not need.any_of and chain.object.kind is K.METASTORE
            assert (found == "allowed") is free, operation
    cases.store.close()


def test_all_that_is_not_sufficient_together_opens_nothing():
    """For each verb all other privileges together, at every scope at once, do not allow it."""
    for operation, need in OPERATIONS.items():
        for chain in objects(operation, need):
            level = level_of(need, chain)
            enough = {
                grant
                for grant, needed in product(GRANTS, need.any_of)
                if expected([(P.USE_CATALOG, "c"), (P.USE_SCHEMA, "s"), grant], needed, level)
            }
            if not need.any_of:
                continue
            cases = Cases()
            cases.add("user", [grant for grant in GRANTS if grant not in enough])
            assert outcome(cases.gate(), Caller(principal_id="user 0"), need, chain, operation) == "403", operation
            cases.store.close()
