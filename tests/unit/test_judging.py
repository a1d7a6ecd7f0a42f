"""Judging by lines and ownership: AUTHORIZATION R1, R2, R3, R4, R6, R7, R14, R24, and closed where nothing is said."""

from __future__ import annotations

import itertools

import pytest
from attrs import evolve

from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.adapters.casbin_authorizer.closures import MAX_NESTING
from herdbook.bootstrap import shipped_model
from herdbook.entities import Caller, Chain, Link, TokenScope
from herdbook.entities.ledger import Membership, PolicyChange, PolicyLine, PolicySnapshot
from herdbook.policy.judging import judge, sight
from herdbook.policy.privileges import INCLUDED_IN
from herdbook.ports.authorizer import Reach
from herdbook.verdicts import Allowed, Decision, Denied, Privilege, Requirement, SecurableKind, Sight

P = Privilege
K = SecurableKind
REVISION = 7
LINKS = {
    K.MODEL_ALIAS: Link(id="m@champion", kind=K.MODEL_ALIAS, name="prod.fraud.scorer@champion"),
    K.REGISTERED_MODEL: Link(id="m", kind=K.REGISTERED_MODEL, name="prod.fraud.scorer", owner_id="mona"),
    K.SCHEMA: Link(id="s", kind=K.SCHEMA, name="prod.fraud", owner_id="sam"),
    K.CATALOG: Link(id="c", kind=K.CATALOG, name="prod", owner_id="cleo"),
    K.METASTORE: Link(id="ms", kind=K.METASTORE, name="metastore:"),
}
SLOT = Chain(links=tuple(LINKS.values()), policy_revision=REVISION)
MODEL, SCHEMA, CATALOG, METASTORE = (
    SLOT.upward_from(kind) for kind in (K.REGISTERED_MODEL, K.SCHEMA, K.CATALOG, K.METASTORE)
)
# AUTHORIZATION R2; what can be granted on the metastore alone is nobody's by owning.
OWNS_NOT = {P.BROWSE, P.APPROVE, P.READ_AUDIT, P.ALL_PRIVILEGES, P.CREATE_CATALOG, P.MANAGE_POLICY}


# A gate of what would be created must be in the chain: these are asked no higher than here.
ASKED_FROM = {P.CREATE_SCHEMA: K.CATALOG, P.CREATE_MODEL: K.SCHEMA}


def askable(chain: Chain) -> list[Privilege]:
    return [p for p in Privilege if p not in ASKED_FROM or chain.find(ASKED_FROM[p]) is not None]


def line(who: str, privilege: Privilege, **changes: object) -> PolicyLine:
    made = PolicyLine(
        id=f"{who}-{privilege}", principal_id=who, privilege=privilege, securable_kind=K.METASTORE, securable_id="ms"
    )
    return evolve(made, **changes)


def member(who: str, group: str) -> Membership:
    return Membership(member_id=who, group_id=group)


def fed(*items: PolicyLine | Membership, disabled: frozenset[str] = frozenset()) -> CasbinAuthorizer:
    authorizer = CasbinAuthorizer(shipped_model())
    authorizer.replace(
        PolicySnapshot(
            revision=REVISION,
            lines=tuple(item for item in items if isinstance(item, PolicyLine)),
            memberships=tuple(item for item in items if isinstance(item, Membership)),
            disabled=disabled,
        )
    )
    return authorizer


def ask(authorizer: CasbinAuthorizer, who: str | Caller, privilege: Privilege, chain: Chain) -> Decision:
    caller = who if isinstance(who, Caller) else Caller(principal_id=who)
    return authorizer.decide(caller, Requirement(privilege=privilege, kind=chain.object.kind), chain)


def allowed(authorizer: CasbinAuthorizer, who: str | Caller, privilege: Privilege, chain: Chain) -> bool:
    return isinstance(ask(authorizer, who, privilege, chain), Allowed)


def held(*pairs: tuple[Privilege, SecurableKind], chain: Chain = MODEL):
    """Return what an authorizer would say for a caller that holds just these."""
    positions = {(privilege, chain.find(kind)) for privilege, kind in pairs}
    return lambda privilege, position: "held" if (privilege, position) in positions else None


GATES = ((P.USE_CATALOG, K.CATALOG), (P.USE_SCHEMA, K.SCHEMA))
NOBODY = Caller(principal_id="nobody")


def judged(privilege: Privilege, holds, chain: Chain = MODEL, caller: Caller = NOBODY) -> Decision:
    return judge(caller, Requirement(privilege=privilege, kind=chain.object.kind), chain, holds)


@pytest.mark.parametrize("holding", [P.EXECUTE, P.MANAGE, P.APPROVE, P.READ_METADATA])
def test_r1_privileges_that_include_read_metadata(holding: Privilege) -> None:
    """EXECUTE, MANAGE and APPROVE include READ_METADATA."""
    holds = held((holding, K.REGISTERED_MODEL), *GATES)
    assert judged(P.READ_METADATA, holds) == Allowed(because="held", revision=REVISION)


@pytest.mark.parametrize("holding", list(Privilege))
@pytest.mark.parametrize("asked", list(Privilege))
def test_r1_nothing_else_is_included(holding: Privilege, asked: Privilege) -> None:
    """A privilege is held by itself, and READ_METADATA also by three others; there is no other way.

    Those of the metastore alone do not flow down to a model (R4).
    """
    decision = judged(asked, held((holding, K.REGISTERED_MODEL), *GATES))
    counts = asked not in (P.CREATE_CATALOG, P.MANAGE_POLICY)
    assert isinstance(decision, Allowed) is (counts and holding in INCLUDED_IN.get(asked, (asked,)))
    assert set(INCLUDED_IN) == {P.READ_METADATA}


@pytest.mark.parametrize("privilege", list(Privilege))
@pytest.mark.parametrize(
    ("who", "chain"), [("mona", MODEL), ("sam", SCHEMA), ("cleo", CATALOG)], ids=["model", "schema", "catalog"]
)
def test_r2_an_owner_on_the_thing_itself(privilege: Privilege, who: str, chain: Chain) -> None:
    """An owner who passes the gates has every privilege on the thing but BROWSE, APPROVE and READ_AUDIT."""
    # The model's owner owns the containers too, or it could not pass their gates.
    links = tuple(link if link.owner_id is None else evolve(link, owner_id=who) for link in chain.links)
    if privilege in askable(chain):
        assert allowed(fed(), who, privilege, evolve(chain, links=links)) is (privilege not in OWNS_NOT)


@pytest.mark.parametrize("privilege", list(Privilege))
def test_r2_an_owner_on_what_lies_inside(privilege: Privilege) -> None:
    """A catalog's owner has inside it MANAGE, with READ_METADATA, and the gates; no bytes, no creating, no aliases."""
    for chain in (SLOT, MODEL, SCHEMA):
        inside = {P.MANAGE, P.READ_METADATA, P.USE_SCHEMA}
        assert allowed(fed(), "cleo", privilege, chain) is (privilege in inside)


def test_r2_an_alias_is_its_models() -> None:
    """Aliases have no owner: the model's owner sets them, a container's owner does not."""
    links = tuple(link if link.owner_id is None else evolve(link, owner_id="mona") for link in SLOT.links)
    mine = evolve(SLOT, links=links)
    assert allowed(fed(), "mona", P.SET_ALIAS, mine)
    assert not allowed(fed(), "cleo", P.SET_ALIAS, SLOT)


def test_r3_an_admin_needs_no_gate_for_managing_and_reading() -> None:
    """MANAGE on the metastore gives MANAGE, READ_METADATA and sight everywhere, without gates."""
    authorizer = fed(line("root", P.MANAGE))
    for chain in (SLOT, MODEL, SCHEMA, CATALOG, METASTORE):
        assert allowed(authorizer, "root", P.MANAGE, chain)
        assert allowed(authorizer, "root", P.READ_METADATA, chain)


@pytest.mark.parametrize(
    "privilege", [P.EXECUTE, P.SET_ALIAS, P.APPLY_TAG, P.APPROVE, P.CREATE_MODEL_VERSION, P.MODIFY]
)
def test_r3_an_admin_is_like_anyone_for_the_rest(privilege: Privilege) -> None:
    """For bytes, creating, aliases, tags and approvals an admin has no right, and is told so: it sees the thing."""
    decision = ask(fed(line("root", P.MANAGE)), "root", privilege, MODEL)
    assert isinstance(decision, Denied)
    assert decision.sight is Sight.KNOWN


def test_r3_admins_need_gates_and_rights_to_create() -> None:
    """CREATE_MODEL in a schema is not MANAGE's."""
    assert not allowed(fed(line("root", P.MANAGE)), "root", P.CREATE_MODEL, SCHEMA)
    assert not allowed(fed(line("root", P.MANAGE)), "root", P.CREATE_CATALOG, METASTORE)
    assert allowed(fed(line("root", P.CREATE_CATALOG)), "root", P.CREATE_CATALOG, METASTORE)


@pytest.mark.parametrize("without", GATES)
def test_r6_a_model_needs_both_gates(without: tuple[Privilege, SecurableKind]) -> None:
    """A privilege on a model is worth nothing where a gate above is shut; the denial names the gate."""
    holds = held((P.EXECUTE, K.REGISTERED_MODEL), *(gate for gate in GATES if gate != without))
    decision = judged(P.EXECUTE, holds)
    assert isinstance(decision, Denied)
    assert (decision.privilege, decision.kind) == without
    assert decision.securable == LINKS[without[1]].name
    assert decision.sight is Sight.HIDDEN
    assert isinstance(judged(P.EXECUTE, held((P.EXECUTE, K.REGISTERED_MODEL), *GATES)), Allowed)


def test_r6_gates_of_the_other_kinds() -> None:
    """A schema needs USE_CATALOG, a catalog none, and an alias both; to create in a container is to be inside it."""
    assert isinstance(judged(P.MANAGE, held((P.MANAGE, K.CATALOG), chain=CATALOG), CATALOG), Allowed)
    on_schema = (P.MANAGE, K.SCHEMA)
    assert isinstance(judged(P.MANAGE, held(on_schema, chain=SCHEMA), SCHEMA), Denied)
    assert isinstance(judged(P.MANAGE, held(on_schema, GATES[0], chain=SCHEMA), SCHEMA), Allowed)
    on_slot = (P.SET_ALIAS, K.MODEL_ALIAS)
    assert isinstance(judged(P.SET_ALIAS, held(on_slot, GATES[0], chain=SLOT), SLOT), Denied)
    assert isinstance(judged(P.SET_ALIAS, held(on_slot, *GATES, chain=SLOT), SLOT), Allowed)
    create_schema = (P.CREATE_SCHEMA, K.CATALOG)
    assert isinstance(judged(P.CREATE_SCHEMA, held(create_schema, chain=CATALOG), CATALOG), Denied)
    assert isinstance(judged(P.CREATE_SCHEMA, held(create_schema, GATES[0], chain=CATALOG), CATALOG), Allowed)
    create_model = (P.CREATE_MODEL, K.SCHEMA)
    assert isinstance(judged(P.CREATE_MODEL, held(create_model, GATES[0], chain=SCHEMA), SCHEMA), Denied)
    assert isinstance(judged(P.CREATE_MODEL, held(create_model, *GATES, chain=SCHEMA), SCHEMA), Allowed)


def test_r6_gates_bind_owners() -> None:
    """A model's owner who passes no gate has nothing; a container's owner passes its gate and those below."""
    decision = ask(fed(), "mona", P.EXECUTE, MODEL)
    assert isinstance(decision, Denied)
    assert (decision.privilege, decision.sight) == (P.USE_CATALOG, Sight.HIDDEN)
    assert isinstance(ask(fed(), "sam", P.MANAGE, SCHEMA), Denied)
    assert allowed(fed(), "cleo", P.MANAGE, MODEL)


def scoped(who: str, securable: str, *privileges: Privilege) -> Caller:
    return Caller(principal_id=who, scope=TokenScope(privileges=frozenset(privileges), securable_id=securable))


def test_r24_a_token_has_its_scopes_privileges_only() -> None:
    """A token keeps of its principal's rights what its scope names, ownership included; gates are implied."""
    links = tuple(link if link.owner_id is None else evolve(link, owner_id="mona") for link in MODEL.links)
    mine = evolve(MODEL, links=links)
    caller = scoped("mona", "m", P.EXECUTE)
    assert allowed(fed(), caller, P.EXECUTE, mine)
    assert allowed(fed(), caller, P.READ_METADATA, mine)
    decision = ask(fed(), caller, P.MODIFY, mine)
    assert isinstance(decision, Denied)
    assert decision.sight is Sight.KNOWN


def test_r24_a_token_holds_inside_its_securable() -> None:
    """A scope on a schema holds for the models in it, not for the schema's catalog."""
    links = tuple(link if link.owner_id is None else evolve(link, owner_id="mona") for link in MODEL.links)
    mine = evolve(MODEL, links=links)
    caller = scoped("mona", "s", P.EXECUTE, P.MANAGE)
    assert allowed(fed(), caller, P.EXECUTE, mine)
    assert allowed(fed(), caller, P.MANAGE, mine.upward_from(K.SCHEMA))
    above = ask(fed(), caller, P.MANAGE, mine.upward_from(K.CATALOG))
    assert isinstance(above, Denied)
    assert above.sight is Sight.HIDDEN


def test_r24_nothing_outside_is_known() -> None:
    """A thing outside of the scope does not exist for the token, its own or not, gates included."""
    for who in ("cleo", "root"):
        caller = scoped(who, "elsewhere", *Privilege)
        for privilege in Privilege:
            decision = ask(fed(line("root", P.MANAGE)), caller, privilege, MODEL)
            assert isinstance(decision, Denied)
            assert decision.sight is Sight.HIDDEN


def test_r24_admins_are_cut_too() -> None:
    """An admin's token below the metastore is no admin; one on the metastore with MANAGE is."""
    authorizer = fed(line("root", P.MANAGE))
    # MANAGE flows down, but the exemption from gates is the admin's alone.
    assert not allowed(authorizer, scoped("root", "m", P.MANAGE), P.MANAGE, MODEL)
    assert not allowed(authorizer, scoped("root", "ms", P.EXECUTE), P.MANAGE, MODEL)
    assert allowed(authorizer, scoped("root", "ms", P.MANAGE), P.MANAGE, MODEL)


def test_r24_a_scope_gives_nothing() -> None:
    """Naming a privilege in a scope does not grant it."""
    assert not allowed(fed(), scoped("nobody", "ms", *Privilege), P.EXECUTE, MODEL)


SHOWS_NO_MODEL = {P.BROWSE, P.ALL_PRIVILEGES, P.USE_CATALOG, P.USE_SCHEMA, P.CREATE_CATALOG, P.CREATE_SCHEMA}
SHOWS_NO_MODEL |= {P.CREATE_MODEL, P.MANAGE_POLICY}


@pytest.mark.parametrize("privilege", sorted(SHOWS_NO_MODEL - {P.BROWSE}))
def test_sight_is_not_by_what_is_no_privilege_on_a_model(privilege: Privilege) -> None:
    """Gates and rights to create, which lines on containers hand down, show no model; the gates alone show nothing."""
    assert sight(NOBODY, MODEL, held((privilege, K.REGISTERED_MODEL), *GATES)) is Sight.HIDDEN


@pytest.mark.parametrize("privilege", sorted(set(Privilege) - SHOWS_NO_MODEL))
def test_sight_is_any_privilege_behind_open_gates(privilege: Privilege) -> None:
    """Any privilege on the thing shows it where the gates are passed, and hides it where they are not."""
    assert sight(NOBODY, MODEL, held((privilege, K.REGISTERED_MODEL), *GATES)) is Sight.KNOWN
    assert sight(NOBODY, MODEL, held((privilege, K.REGISTERED_MODEL), GATES[0])) is Sight.HIDDEN
    assert sight(NOBODY, MODEL, held(*GATES)) is Sight.HIDDEN


def test_sight_by_browse_needs_no_gate() -> None:
    """Only an explicit BROWSE skips the gates, and it is sight, no right (R7)."""
    browse = held((P.BROWSE, K.REGISTERED_MODEL))
    assert sight(NOBODY, MODEL, browse) is Sight.KNOWN
    decision = judged(P.READ_METADATA, browse)
    assert isinstance(decision, Denied)
    assert decision.sight is Sight.KNOWN


def test_sight_of_the_metastore_and_of_aliases() -> None:
    """Everybody knows the metastore; an alias slot is known where its model is."""
    assert sight(NOBODY, METASTORE, held(chain=METASTORE)) is Sight.KNOWN
    assert sight(NOBODY, SLOT, held((P.READ_METADATA, K.REGISTERED_MODEL), *GATES, chain=SLOT)) is Sight.KNOWN
    assert sight(NOBODY, SLOT, held((P.SET_ALIAS, K.MODEL_ALIAS), *GATES, chain=SLOT)) is Sight.HIDDEN


def test_no_grants_is_denied() -> None:
    """Empty is not permission: nobody has anything anywhere, and sees nothing below the metastore."""
    for chain in (SLOT, MODEL, SCHEMA, CATALOG, METASTORE):
        for privilege in askable(chain):
            decision = ask(fed(), "nobody", privilege, chain)
            assert isinstance(decision, Denied)
            assert decision.revision == REVISION
            assert decision.sight is (Sight.KNOWN if chain is METASTORE else Sight.HIDDEN)


def test_a_requirement_on_no_level_of_the_chain_is_a_defect() -> None:
    """A question that cannot be asked is never answered yes."""
    with pytest.raises(LookupError):
        judge(NOBODY, Requirement(privilege=P.MANAGE, kind=K.REGISTERED_MODEL), CATALOG, lambda *_: "held")


def test_fed_changes_add_and_end() -> None:
    """Lines and memberships come and go with the steps of the log."""
    authorizer = fed()
    steps = (line("admins", P.MANAGE), member("ann", "admins"))
    for item in steps:
        assert not allowed(authorizer, "ann", P.MANAGE, METASTORE)
        authorizer.feed((PolicyChange(revision=8, added=True, item=item),), 8)
    assert allowed(authorizer, "ann", P.MANAGE, METASTORE)
    for item in steps:
        authorizer.feed((PolicyChange(revision=9, added=False, item=item),), 9)
        assert not allowed(authorizer, "ann", P.MANAGE, METASTORE)
        authorizer.feed((PolicyChange(revision=10, added=True, item=item),), 10)
        assert allowed(authorizer, "ann", P.MANAGE, METASTORE)
    assert authorizer.revision == 10


def chain_of_groups(length: int) -> list[PolicyLine | Membership]:
    names = ["ann", *(f"g{n}" for n in range(1, length + 1))]
    return [line(names[-1], P.MANAGE), *(member(inner, outer) for inner, outer in itertools.pairwise(names))]


@pytest.mark.parametrize("depth", [1, 2, MAX_NESTING])
def test_nested_groups_reach_up(depth: int) -> None:
    """A right of a group reaches members of its members, as deep as nesting goes."""
    assert allowed(fed(*chain_of_groups(depth)), "ann", P.MANAGE, METASTORE)


def test_nesting_has_an_end() -> None:
    """Deeper than the limit nothing is reached, and a circle of groups ends."""
    assert not allowed(fed(*chain_of_groups(MAX_NESTING + 1)), "ann", P.MANAGE, METASTORE)
    circle = fed(member("ann", "a"), member("a", "b"), member("b", "a"), line("b", P.MANAGE))
    assert allowed(circle, "ann", P.MANAGE, METASTORE)


def test_membership_runs_one_way() -> None:
    """A group does not have the rights of its members, nor one member those of another."""
    authorizer = fed(member("ann", "team"), member("bob", "team"), line("ann", P.MANAGE))
    assert not allowed(authorizer, "team", P.MANAGE, METASTORE)
    assert not allowed(authorizer, "bob", P.MANAGE, METASTORE)


def test_groups_of_the_token_count_and_groups_own() -> None:
    """Claim groups of the request count like memberships, and what a group owns is its members'."""
    caller = Caller(principal_id="ann", token_groups=frozenset({"cleo"}))
    assert allowed(fed(), caller, P.MANAGE, CATALOG)
    assert allowed(fed(member("ann", "cleo")), "ann", P.MANAGE, CATALOG)
    assert allowed(fed(member("cleo", "admins"), line("admins", P.MANAGE)), caller, P.MANAGE, METASTORE)


def test_a_disabled_principal_may_do_nothing() -> None:
    """Neither grants, nor ownership, nor groups help one who is disabled; and it sees nothing."""
    items = (line("cleo", P.MANAGE), line("team", P.MANAGE), member("cleo", "team"))
    authorizer = fed(*items, disabled=frozenset({"cleo"}))
    caller = Caller(principal_id="cleo", token_groups=frozenset({"team"}))
    for chain in (MODEL, CATALOG, METASTORE):
        assert not any(allowed(authorizer, caller, privilege, chain) for privilege in askable(chain))
    seen = authorizer.visible(caller, K.CATALOG)
    assert (seen.reach, seen.owners, seen.ids()) == (Reach.LISTED, frozenset(), frozenset())
    assert allowed(fed(*items), caller, P.MANAGE, METASTORE)


def test_visible_is_all_for_admins_and_the_closures_for_others() -> None:
    """Lists show an admin everything, others what they or their groups own, a token what its scope leaves (R12)."""
    authorizer = fed(line("root", P.MANAGE), member("ann", "team"))
    assert authorizer.visible(Caller(principal_id="root"), K.CATALOG).reach is Reach.ALL
    seen = authorizer.visible(Caller(principal_id="ann"), K.CATALOG)
    assert (seen.reach, seen.owners, seen.revision) == (Reach.LISTED, frozenset({"ann", "team"}), REVISION)
    assert authorizer.visible(scoped("root", "ms", P.MANAGE), K.CATALOG).reach is Reach.ALL
    for scope in (scoped("root", "ms", P.EXECUTE), scoped("root", "c", P.MANAGE)):
        cut = authorizer.visible(scope, K.CATALOG)
        assert (cut.reach, cut.within, cut.browse) == (Reach.LISTED, scope.scope.securable_id, frozenset())
