"""R12: what lists hold."""

from __future__ import annotations

import pytest

from herdbook.errors import NotFoundError
from herdbook.verdicts import Privilege, Sight

P = Privilege
MODEL = "main.default.iris"
KINDS = ("catalog", "schema", "registered_model")


def listed(registry):
    """Return the names of all that a caller finds by listing from the top."""
    found = [str(catalog.name) for catalog in registry.list_catalogs().items]
    for catalog in tuple(found):
        for schema in registry.list_schemas(catalog).items:
            found.append(str(schema.name))
            found += [str(model.name) for model in registry.list_registered_models(schema.name).items]
    return set(found)


def searched(registry):
    """Return the names of the models that a search finds."""
    return {str(model.name) for model in registry.search_registered_models().items}


@pytest.mark.parametrize("privilege", [P.READ_METADATA, P.MODIFY, P.APPROVE, P.CREATE_MODEL_VERSION, P.SET_ALIAS])
def test_gates_and_any_privilege_show_a_thing(people, privilege):
    """With the gates any one privilege on a model lists it; without them, or with them alone, nothing does."""
    people.give("user:ann", MODEL, privilege)
    assert searched(people("user:ann")) == set()
    people.give("user:ann", "main", P.USE_CATALOG)
    assert searched(people("user:ann")) == set()
    people.give("user:ann", "main.default", P.USE_SCHEMA)
    assert listed(people("user:ann")) == {"main", "main.default", MODEL}
    people.admin.revoke("user:ann", privilege, MODEL)
    assert listed(people("user:ann")) == {"main", "main.default"}


def test_a_gate_is_a_privilege_on_its_own_container_only(people):
    """USE_CATALOG on a catalog lists it, not what lies inside; USE_SCHEMA on the catalog lists its schemas."""
    people.give("user:ann", "main", P.USE_CATALOG)
    assert listed(people("user:ann")) == {"main"}
    people.give("user:ann", "main", P.USE_SCHEMA)
    assert listed(people("user:ann")) == {"main", "main.default"}


@pytest.mark.parametrize("denied", ["main.default", MODEL])
def test_minus_denies(people, denied):
    """A deny of everything takes a thing and what lies in it out of every list, its siblings stay."""
    people.admin.create_registered_model("main.default.other")
    people.gates("user:ann")
    people.give("user:ann", "main", P.READ_METADATA, P.BROWSE)
    people.admin.deny("user:ann", P.BROWSE, denied)
    expected = {"main"} if denied == "main.default" else {"main", "main.default", "main.default.other"}
    assert listed(people("user:ann")) == expected
    assert searched(people("user:ann")) == {name for name in expected if name.count(".") == 2}


def test_within_token_scope(people):
    """A token's scope cuts lists to what it is on and to what its privileges show."""
    people.admin.create_registered_model("main.default.other")
    assert searched(people("admin")) == {MODEL, "main.default.other"}
    cut = people("user:os/founder", scope=({P.READ_METADATA}, MODEL))
    assert searched(cut) == {MODEL}
    assert cut.list_catalogs().items == ()
    with pytest.raises(NotFoundError):
        cut.list_schemas("main")
    assert searched(people("user:os/founder", scope=({P.CREATE_MODEL}, "main"))) == set()


def test_what_is_listed_is_what_is_known(people):
    """Every line at every level changes lists and sight alike."""
    people.admin.create_schema("main.other")
    people.admin.create_registered_model("main.other.m")
    names = {"catalog": ["main"], "schema": ["main.default", "main.other"], "model": [MODEL, "main.other.m"]}
    for number, (on, privilege) in enumerate(
        (
            ("main", P.USE_CATALOG),
            ("main.other", P.USE_SCHEMA),
            ("main.other.m", P.MODIFY),
            (MODEL, P.BROWSE),
            ("main.default", P.ALL_PRIVILEGES),
        )
    ):
        people.give("user:ann", on, privilege)
        known = {n for group in names.values() for n in group if people.sight("user:ann", n) is Sight.KNOWN}
        assert listed(people("user:ann")) | searched(people("user:ann")) == known, number


def test_a_range_matches_by_the_id_of_what_it_stands_for(people):
    """A line on what is gone shows nothing that has its name now, nor what lies in that."""
    people.admin.create_schema("main.old")
    people.admin.create_registered_model("main.old.m")
    people.gates("user:ann")
    people.give("user:ann", "main.old", P.ALL_PRIVILEGES)
    assert searched(people("user:ann")) == {"main.old.m"}
    people.admin.delete_schema("main.old", force=True)
    assert searched(people("user:ann")) == set()
    people.admin.create_schema("main.old")
    people.admin.create_registered_model("main.old.m")
    assert searched(people("user:ann")) == set()
    people.admin.rename_schema("main.old", "main.older")
    assert searched(people("user:ann")) == set()
