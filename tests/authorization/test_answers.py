"""Answers about rights: why, who can, what can, and what a refusal tells (AUTHORIZATION R8, R11, R13, R24)."""

from __future__ import annotations

import pytest
from attrs import evolve

from herdbook.cli import main
from herdbook.entities import TokenScope
from herdbook.errors import InvalidArgumentError, NotFoundError, PermissionDeniedError
from herdbook.names import PrincipalName, parse_securable
from herdbook.policy.operations import asked_of
from herdbook.testing.samples import register
from herdbook.verdicts import Allowed, Denied, Operation, Privilege, SecurableKind

MODEL = "main.default.iris"
SLOT = f"{MODEL}@champion"
FOUNDER = "user:os/founder"
K = SecurableKind
P = Privilege
Op = Operation


@pytest.fixture
def people(make_metastore):
    """Return the registry of a principal, by name, as it is or cut to a scope; `admin` is the founder."""
    return founded(make_metastore())


def founded(metastore):
    admin = metastore.for_caller(metastore.asserted(PrincipalName.parse(FOUNDER)))
    for name in ("user:ann", "user:bob", "user:cid", "group:team", "role:scientist"):
        admin.create_principal(name)
    admin.create_registered_model(MODEL)
    register(admin, MODEL)
    admin.set_registered_model_alias(SLOT, 1)

    def registry(name: str, scope: TokenScope | None = None):
        if name == "admin":
            return admin
        return metastore.for_caller(evolve(metastore.asserted(PrincipalName.parse(name)), scope=scope))

    return registry


def pass_gates(admin, who):
    admin.grant(who, P.USE_CATALOG, "main")
    admin.grant(who, P.USE_SCHEMA, "main.default")


def wanted(explanation) -> list[str]:
    return [f"{grant.privilege} on {grant.securable}" for grant in explanation.would_allow]


def names(page) -> list[str]:
    return [str(found.principal) for found in page.items]


def test_an_allowed_thing_says_by_what(people):
    """Each gate and the act name their grant, the groups and roles on the way, and what they come down from."""
    admin, ann = people("admin"), people("user:ann")
    admin.add_member("group:team", "user:ann")
    admin.add_member("role:scientist", "group:team")
    gate = admin.grant("role:scientist", P.USE_CATALOG, "main")
    admin.grant("user:ann", P.USE_SCHEMA, "main.default")
    act = admin.grant("role:scientist", P.EXECUTE, "main")
    found = ann.explain(Op.GET_MODEL_VERSION, MODEL)
    assert isinstance(found.decision, Allowed)
    assert (found.would_allow, found.ask) == ((), ())
    assert found.path[0] == (
        f"USE_CATALOG on the catalog main: grant {gate.id}, USE_CATALOG on the catalog main to role:scientist,"
        " through group:team, role:scientist"
    )
    assert found.path[2] == (
        f"READ_METADATA on the registered model {MODEL}: grant {act.id}, EXECUTE on the catalog main to"
        " role:scientist, through group:team, role:scientist, inherited from the catalog main,"
        " the schema main.default"
    )
    [owned] = admin.explain(Op.UPDATE_REGISTERED_MODEL, MODEL).path[2:]
    assert owned == f"MODIFY on the registered model {MODEL}: owner of the registered model {MODEL}, {FOUNDER}"
    [step, also] = admin.explain(Op.DELETE_REGISTERED_MODEL, MODEL).path
    assert step.startswith("MANAGE on the metastore: founding")
    assert also == "besides, depending on what is asked: with `force`, every child's right"


def test_a_denied_thing_says_what_is_missing_and_whom_to_ask(people):
    """What is missing comes first; exactly the grants that are named allow it, and who is named can give them."""
    admin = people("admin")
    admin.transfer_ownership(MODEL, "user:bob")
    pass_gates(admin, "user:bob")
    admin.grant("user:ann", P.USE_CATALOG, "main")
    found = admin.explain(Op.READ_MODEL_VERSION_FILE, MODEL, principal="user:ann")
    assert isinstance(found.decision, Denied)
    assert wanted(found) == ["USE_SCHEMA on main.default", f"EXECUTE on {MODEL}"]
    assert {str(grant.principal) for grant in found.would_allow} == {"user:ann"}
    assert {grant.id for grant in found.would_allow} == {""}
    assert found.path[0] == "USE_SCHEMA on the schema main.default: nothing gives it"
    assert [str(name) for name in found.ask] == [FOUNDER, "user:bob"]
    people("user:bob").grant("user:ann", P.EXECUTE, MODEL)
    admin.grant("user:ann", P.USE_SCHEMA, "main.default")
    assert b"".join(people("user:ann").read_model_version_file(f"{MODEL}/1", "model.bin"))


def test_a_denial_of_more_does_not_stand_in_the_way_of_less(people):
    """Where EXECUTE is denied, READ_METADATA may still be granted, and then it is allowed (R1)."""
    admin = people("admin")
    pass_gates(admin, "user:ann")
    admin.deny("user:ann", P.EXECUTE, "main")
    found = admin.explain(Op.GET_REGISTERED_MODEL, MODEL, principal="user:ann")
    assert wanted(found) == [f"READ_METADATA on {MODEL}"]
    admin.grant("user:ann", P.READ_METADATA, MODEL)
    assert people("user:ann").get_registered_model(MODEL).latest_version == 1


def test_a_refusal_carries_its_explanation(people):
    """Who is refused is told privilege, level, all that is missing, and whom to ask."""
    admin, ann = people("admin"), people("user:ann")
    admin.grant("user:ann", P.BROWSE, MODEL)
    with pytest.raises(PermissionDeniedError) as caught:
        b"".join(ann.read_model_version_file(f"{MODEL}/1", "model.bin"))
    missing = ["USE_CATALOG on main", "USE_SCHEMA on main.default", f"EXECUTE on {MODEL}"]
    assert caught.value.details["would_allow"] == missing
    assert caught.value.decision.ask == (FOUNDER,)
    assert "it needs USE_CATALOG on the catalog main" in caught.value.message
    assert caught.value.hint == f"Ask {FOUNDER} for {missing[0]}, {missing[1]} and {missing[2]}."
    for grant in ann.explain(Op.READ_MODEL_VERSION_FILE, MODEL).would_allow:
        admin.grant(grant.principal, grant.privilege, grant.securable)
    assert b"".join(ann.read_model_version_file(f"{MODEL}/1", "model.bin"))


def test_a_denial_is_told_to_who_manages_it_alone(people):
    """Others learn that one stands in the way and who can lift it: not whom it names, nor where it stands (R13)."""
    admin, bob = people("admin"), people("user:bob")
    admin.add_member("role:scientist", "user:bob")
    pass_gates(admin, "user:bob")
    admin.transfer_ownership(MODEL, "user:bob")
    line = admin.deny("role:scientist", P.SET_ALIAS, "main.default@champion")
    told = f"SET_ALIAS on the alias {SLOT}: a denial stands in the way"
    found = bob.explain(Op.SET_REGISTERED_MODEL_ALIAS, SLOT)
    assert found.path[0] == told
    assert found.would_allow == ()
    assert [str(name) for name in found.ask] == [FOUNDER]
    with pytest.raises(PermissionDeniedError) as caught:
        bob.set_registered_model_alias(SLOT, 1)
    assert caught.value.hint == f"{told}. Ask {FOUNDER}."
    for text in (str(caught.value), str(caught.value.details)):
        assert line.id not in text
        assert "role:scientist" not in text
    managed = admin.explain(Op.SET_REGISTERED_MODEL_ALIAS, SLOT, principal="user:bob")
    assert managed.path[0] == (
        f"SET_ALIAS on the alias {SLOT}: denied by grant {line.id}, SET_ALIAS on the slots main.default@champion"
        " to role:scientist, through role:scientist, inherited from the schema main.default,"
        f" the registered model {MODEL}"
    )
    admin.grant("user:cid", P.READ_AUDIT, "metastore:")
    pass_gates(admin, "user:cid")
    assert people("user:cid").explain(Op.SET_REGISTERED_MODEL_ALIAS, SLOT, principal="user:bob").path[0] == told


def test_who_is_bound_by_a_denial_is_not_asked_to_lift_it(people):
    """A container's owner whom the denial binds cannot lift it, and is not named (R5)."""
    admin = people("admin")
    for who in ("user:bob", "user:cid"):
        pass_gates(admin, who)
    admin.transfer_ownership("main", "user:bob")
    admin.grant("user:cid", P.MANAGE, "main")
    admin.add_member("role:scientist", "user:bob")
    admin.deny("role:scientist", P.EXECUTE, MODEL)
    # To manage the model alone is not enough: a denial hangs on its container.
    pass_gates(admin, "user:ann")
    admin.grant("user:ann", P.MANAGE, MODEL)
    found = admin.explain(Op.READ_MODEL_VERSION_FILE, MODEL, principal="user:bob")
    assert [str(name) for name in found.ask] == [FOUNDER, "user:cid"]
    with pytest.raises(PermissionDeniedError):
        people("user:bob").lift_deny("role:scientist", P.EXECUTE, MODEL)
    people("user:cid").lift_deny("role:scientist", P.EXECUTE, MODEL)


def test_what_may_not_be_known_is_not_explained(people):
    """404 with the text of what does not exist; about others only managers and auditors are told (R8, R13)."""
    admin, ann, bob = people("admin"), people("user:ann"), people("user:bob")
    for name in (MODEL, "main.default.none", SLOT):
        for call in (ann.explain, ann.who_can):
            with pytest.raises(NotFoundError, match="that you may know of") as caught:
                call(Op.GET_REGISTERED_MODEL, name)
            assert caught.value.message == f"There is no securable {name} that you may know of."
    pass_gates(admin, "user:ann")
    admin.grant("user:ann", P.EXECUTE, MODEL)
    assert isinstance(ann.explain(Op.GET_REGISTERED_MODEL, MODEL).decision, Allowed)
    assert isinstance(ann.explain(Op.GET_REGISTERED_MODEL, MODEL, principal="ann").decision, Allowed)
    # Whether a principal exists is not told either.
    for call in (
        lambda: ann.explain(Op.GET_REGISTERED_MODEL, MODEL, principal="user:bob"),
        lambda: ann.explain(Op.GET_REGISTERED_MODEL, MODEL, principal="user:none"),
        lambda: ann.who_can(Op.GET_REGISTERED_MODEL, MODEL),
        lambda: ann.what_can("user:bob"),
        lambda: ann.what_can("user:none"),
    ):
        with pytest.raises(PermissionDeniedError, match="MANAGE"):
            call()
    with pytest.raises(NotFoundError, match="user:none"):
        admin.explain(Op.GET_REGISTERED_MODEL, MODEL, principal="user:none")
    admin.grant("user:bob", P.READ_AUDIT, "main")
    pass_gates(admin, "user:bob")
    assert "user:ann" in names(bob.who_can(Op.GET_REGISTERED_MODEL, MODEL))


def test_questions_that_make_no_sense_are_refused(people):
    """A verb is asked of the kind of thing that it is about; a word that is no verb gets the nearest that is."""
    admin = people("admin")
    for verb, name, told in (
        (Op.CREATE_REGISTERED_MODEL, MODEL, "Name the schema"),
        (Op.SEARCH_REGISTERED_MODELS, MODEL, "metastore:"),
        (Op.SET_REGISTERED_MODEL_ALIAS, MODEL, "Name the alias"),
        (Op.GET_REGISTERED_MODEL, "main.default@champion", "alias"),
        ("set_alias", SLOT, "set_registered_model_alias"),
    ):
        for call in (admin.explain, admin.who_can):
            with pytest.raises(InvalidArgumentError) as caught:
                call(verb, name)
            assert told in str(caught.value)
    assert isinstance(admin.explain(Op.GET_MODEL_VERSION_BY_ALIAS, SLOT).decision, Allowed)
    assert isinstance(admin.explain("deny", "main.default@champion").decision, Allowed)


def test_a_token_cuts_what_is_said_about_oneself(people):
    """A scope shows in one's own answers, and no grant helps against it (R24)."""
    admin = people("admin")
    scope = TokenScope(privileges=frozenset({P.READ_METADATA}), securable_id=admin.get_registered_model(MODEL).id)
    pass_gates(admin, "user:ann")
    admin.grant("user:ann", P.EXECUTE, MODEL)
    admin.grant("user:ann", P.READ_METADATA, MODEL)
    cut = people("user:ann", scope)
    assert isinstance(cut.explain(Op.GET_MODEL_VERSION, MODEL).decision, Allowed)
    for principal in (None, "user:ann"):
        found = cut.explain(Op.READ_MODEL_VERSION_FILE, MODEL, principal=principal)
        assert isinstance(found.decision, Denied)
        assert (found.would_allow, found.ask) == ((), ())
        assert found.path[0] == f"EXECUTE on the registered model {MODEL}: the token that was used leaves it out"
    with pytest.raises(PermissionDeniedError) as caught:
        b"".join(cut.read_model_version_file(f"{MODEL}/1", "model.bin"))
    assert caught.value.hint == f"{found.path[0]}."
    whole, left = ({row.operation for row in people("user:ann", each).what_can().items} for each in (None, scope))
    assert Op.READ_MODEL_VERSION_FILE in whole - left
    assert Op.GET_MODEL_VERSION in left


def test_who_cannot_act_is_said_first(people):
    """Of a disabled user nothing helps; a role is told what its members have by it."""
    admin = people("admin")
    pass_gates(admin, "role:scientist")
    admin.grant("role:scientist", P.EXECUTE, MODEL)
    found = admin.explain(Op.READ_MODEL_VERSION_FILE, MODEL, principal="role:scientist")
    assert isinstance(found.decision, Allowed)
    assert found.path[0] == "role:scientist does not act itself: this is what its members have by it"
    admin.add_member("role:scientist", "user:ann")
    admin.update_principal("user:ann", enabled=False)
    found = admin.explain(Op.READ_MODEL_VERSION_FILE, MODEL, principal="user:ann")
    assert isinstance(found.decision, Denied)
    assert found.path[0] == "user:ann is disabled and may do nothing"
    assert (found.would_allow, found.ask) == ((), ())
    assert names(admin.who_can(Op.READ_MODEL_VERSION_FILE, MODEL)) == [FOUNDER]
    assert names(admin.who_can(Op.LIST_CATALOGS, "metastore:")) == ["user:bob", "user:cid", FOUNDER]


def test_who_can_is_paged_by_name(people):
    """Pages hold whom they may, in order, each once; a token belongs to its query and caller (R11)."""
    admin = people("admin")
    for number in range(7):
        name = f"user:u{number}"
        admin.create_principal(name)
        if number != 3:
            admin.add_member("group:team", name)
    pass_gates(admin, "group:team")
    admin.grant("group:team", P.READ_METADATA, MODEL)
    found, token = [], None
    while True:
        page = admin.who_can(Op.GET_REGISTERED_MODEL, MODEL, max_results=3, page_token=token)
        assert len(page.items) <= 3
        found += names(page)
        token = page.next_page_token
        if token is None:
            break
    assert found == [FOUNDER, *(f"user:u{number}" for number in (0, 1, 2, 4, 5, 6))]
    assert admin.who_can(Op.GET_REGISTERED_MODEL, MODEL).items[1].path[2].endswith("through group:team")
    token = admin.who_can(Op.GET_REGISTERED_MODEL, MODEL, max_results=3).next_page_token
    with pytest.raises(InvalidArgumentError, match="page token"):
        admin.who_can(Op.LIST_MODEL_VERSIONS, MODEL, page_token=token)
    with pytest.raises(InvalidArgumentError, match="page token"):
        admin.what_can(page_token=token)


def test_what_can_lists_what_one_is_named_for(people):
    """On what lines name and what is owned; a container's line tells of what is in it; pages join without a seam."""
    admin, ann = people("admin"), people("user:ann")
    assert ann.what_can().items == ()
    pass_gates(admin, "user:ann")
    admin.grant("user:ann", P.EXECUTE, "main.default")
    admin.grant("user:ann", P.SET_ALIAS, SLOT)
    whole = ann.what_can(max_results=1000).items
    rows = {(str(row.securable), row.operation): row for row in whole}
    assert len(rows) == len(whole)
    assert {str(row.principal) for row in whole} == {"user:ann"}
    read = rows["main.default", Op.READ_MODEL_VERSION_FILE]
    assert read.path[0] == "on each registered model in it that no line or owner of its own makes different"
    assert read.path[-1].startswith("EXECUTE on the registered model main.default.*: grant ")
    assert (SLOT, Op.SET_REGISTERED_MODEL_ALIAS) in rows
    assert ("main.default", Op.SET_REGISTERED_MODEL_ALIAS) not in rows
    assert ("main", Op.READ_MODEL_VERSION_FILE) not in rows
    assert ("main.default", Op.CREATE_REGISTERED_MODEL) not in rows
    found, token = [], None
    while True:
        page = ann.what_can(max_results=7, page_token=token)
        found += page.items
        token = page.next_page_token
        if token is None:
            break
    assert tuple(found) == whole
    assert admin.what_can("user:ann", max_results=1000).items == whole
    admin.grant("user:cid", P.READ_AUDIT, "metastore:")
    assert {str(row.securable) for row in people("user:cid").what_can("user:ann").items} == {"main"}
    admin.transfer_ownership("main.default", "user:ann")
    rows = {(str(row.securable), row.operation) for row in ann.what_can(max_results=1000).items}
    assert {("main.default", Op.CREATE_REGISTERED_MODEL), ("main.default", Op.DELETE_REGISTERED_MODEL)} <= rows
    admin.deny("user:ann", P.BROWSE, "main")
    assert ann.what_can().items == ()


def test_answers_are_the_same_on_postgresql(make_metastore, postgres_url):
    """What is owned and what lines name is found, with slots, and people behind a group are named."""
    registry = founded(make_metastore(postgres_url))
    admin, ann = registry("admin"), registry("user:ann")
    pass_gates(admin, "user:ann")
    admin.add_member("group:team", "user:bob")
    pass_gates(admin, "group:team")
    admin.grant("group:team", P.MANAGE, "main")
    admin.grant("user:ann", P.SET_ALIAS, SLOT)
    admin.transfer_ownership(MODEL, "user:ann")
    rows = ann.what_can(max_results=1000).items
    assert [str(name) for name in dict.fromkeys(row.securable for row in rows)] == ["main", "main.default", MODEL, SLOT]
    found = ann.explain(Op.CREATE_REGISTERED_MODEL, "main.default")
    assert wanted(found) == ["CREATE_MODEL on main.default"]
    assert [str(name) for name in found.ask] == [FOUNDER, "user:bob"]


def test_every_row_of_what_can_is_allowed(people):
    """What the list says of the thing itself, `explain` says too, and the other way round."""
    admin = people("admin")
    pass_gates(admin, "user:ann")
    admin.grant("user:ann", P.MODIFY, MODEL)
    admin.grant("user:ann", P.APPROVE, SLOT)
    rows = {(str(row.securable), row.operation) for row in admin.what_can("user:ann", max_results=1000).items}
    for name in ("main", "main.default", MODEL, SLOT):
        for verb in Op:
            if parse_securable(name).kind in asked_of(verb):
                allowed = isinstance(admin.explain(verb, name, principal="user:ann").decision, Allowed)
                assert ((name, verb) in rows) is allowed, (name, verb)


def test_the_commands_say_it_in_words(tmp_path, monkeypatch, capsys):
    """`explain`, `who-can` and `what-can` answer people in lines and programs in JSON."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HERDBOOK_REGISTRY_URI", str(tmp_path / "registry"))
    for words in (["init", "registry"], ["models", "create", MODEL], ["principals", "create", "user:ann"]):
        assert main(words) == 0
    capsys.readouterr()

    def said(*words: str) -> str:
        assert main(list(words)) == 0
        return capsys.readouterr().out

    assert said("explain", "get-registered-model", MODEL).startswith(f"You may get-registered-model ({MODEL}):\n  - ")
    told = said("explain", "get_registered_model", MODEL, "--principal", "user:ann")
    assert told.startswith(f"user:ann may not get_registered_model ({MODEL}):\n  - USE_CATALOG on the catalog main: ")
    assert "These grants would allow it:\n  - USE_CATALOG on main to user:ann\n" in told
    assert "\nAsk user:os/" in told
    assert "user:ann" not in said("who-can", "get_registered_model", MODEL)
    assert '"operation": "get_registered_model"' in said("who-can", "get_registered_model", MODEL, "--json")
    assert "delete_registered_model" in said("what-can")
    assert said("what-can", "user:ann", "--json") == "[]\n"
    assert main(["explain", "get_model", MODEL]) == 2
