"""R6: the gates on the way, whom they bind, and who passes them."""

from __future__ import annotations

import pytest

from herdbook.errors import NotFoundError
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"
GATES = ((P.USE_CATALOG, "main"), (P.USE_SCHEMA, "main.default"))


@pytest.mark.parametrize("missing", [0, 1])
def test_models_and_aliases_need_both_gates(people, missing):
    """One gate alone opens neither a model nor its aliases."""
    people.give("user:ann", MODEL, P.ALL_PRIVILEGES, P.MANAGE, P.APPROVE)
    open_gate = GATES[1 - missing]
    people.give("user:ann", open_gate[1], open_gate[0])
    assert not any(people.may("user:ann", each, MODEL) for each in (P.READ_METADATA, P.MANAGE, P.APPROVE, P.MODIFY))
    assert not people.may("user:ann", P.SET_ALIAS, f"{MODEL}@champion")
    shut = GATES[missing]
    people.give("user:ann", shut[1], shut[0])
    assert people("user:ann").get_registered_model(MODEL).latest_version == 1
    people("user:ann").delete_registered_model_alias(f"{MODEL}@champion")


def test_a_schema_needs_one_and_a_catalog_none(people):
    """USE_CATALOG opens a schema to who has something on it; a catalog needs no gate."""
    people.give("user:ann", "main.default", P.CREATE_MODEL)
    with pytest.raises(NotFoundError):
        people("user:ann").get_schema("main.default")
    people.give("user:bob", "main", P.MANAGE)
    assert str(people("user:bob").get_catalog("main").name) == "main"
    people.give("user:ann", "main", P.USE_CATALOG)
    assert str(people("user:ann").get_schema("main.default").name) == "main.default"


def test_creating_passes_the_gates_of_what_is_created(people):
    """CREATE_MODEL without USE_SCHEMA creates nothing, nor does CREATE_SCHEMA without USE_CATALOG."""
    people.give("user:ann", "main", P.CREATE_SCHEMA, P.CREATE_MODEL)
    for call in (
        lambda: people("user:ann").create_schema("main.fresh"),
        lambda: people("user:ann").create_registered_model("main.default.fresh"),
    ):
        with pytest.raises(Exception, match=r"USE_CATALOG|may know of"):
            call()
    people.give("user:ann", "main", P.USE_CATALOG)
    with pytest.raises(Exception, match=r"USE_SCHEMA|may know of"):
        people("user:ann").create_registered_model("main.default.fresh")
    people("user:ann").create_schema("main.fresh")
    people.give("user:ann", "main.default", P.USE_SCHEMA)
    people("user:ann").create_registered_model("main.default.fresh")


def test_gates_bind_owners_of_models_and_who_manages(people):
    """Ownership and MANAGE on a model or schema open no gate above it."""
    people.admin.transfer_ownership(MODEL, "user:ann")
    people.give("user:bob", "main.default", P.MANAGE)
    for name in ("user:ann", "user:bob"):
        for call in (
            lambda who: who.get_registered_model(MODEL),
            lambda who: who.grant("user:ann", P.USE_SCHEMA, "main.default"),
            lambda who: who.delete_registered_model(MODEL, force=True),
        ):
            with pytest.raises(NotFoundError):
                call(people(name))


def test_who_manages_a_container_may_grant_themselves_its_gate(people):
    """MANAGE on a catalog gives no gate, and the right to grant it to oneself there."""
    people.give("user:ann", "main", P.MANAGE)
    ann = people("user:ann")
    with pytest.raises(NotFoundError):
        ann.get_registered_model(MODEL)
    ann.grant("user:ann", P.USE_CATALOG, "main")
    ann.grant("user:ann", P.USE_SCHEMA, "main")
    assert ann.get_registered_model(MODEL).latest_version == 1


def test_a_containers_owner_passes_its_gate_and_those_below(people):
    """A catalog's owner needs no gate in it; a schema's owner needs that of the catalog and no other."""
    people.admin.transfer_ownership("main", "user:ann")
    people.admin.transfer_ownership("main.default", "user:bob")
    assert people("user:ann").get_registered_model(MODEL).latest_version == 1
    with pytest.raises(NotFoundError):
        people("user:bob").get_registered_model(MODEL)
    people.give("user:bob", "main", P.USE_CATALOG)
    assert people("user:bob").get_registered_model(MODEL).latest_version == 1


def test_a_denied_gate_is_shut(people):
    """A deny of a gate shuts it for everyone it binds, the container's owner included."""
    people.admin.transfer_ownership("main", "user:ann")
    people.admin.deny("user:ann", P.USE_CATALOG, "main")
    with pytest.raises(NotFoundError):
        people("user:ann").get_registered_model(MODEL)
