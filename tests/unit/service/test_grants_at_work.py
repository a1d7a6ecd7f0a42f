"""What lines of policy give people through the registry: who lists, finds, reads and moves what (R7, R12, R14, R28)."""

from __future__ import annotations

import pytest

from herdbook.entities.ledger import Effect, PolicyLine
from herdbook.errors import NotFoundError, PermissionDeniedError
from herdbook.names import PrincipalName
from herdbook.ports.metadata import Stamp
from herdbook.testing.metadata_samples import new_id
from herdbook.testing.samples import model_files, register
from herdbook.verdicts import Privilege, SecurableKind

P, K = Privilege, SecurableKind
NAME = "main.default.iris"
ONE = model_files()


@pytest.fixture
def metastore(make_metastore):
    return make_metastore()


@pytest.fixture
def founder(metastore):
    registry = metastore.for_caller(metastore.asserted(PrincipalName.parse("user:os/founder")))
    registry.create_registered_model(NAME, comment="irises", tags={"team": "risk"})
    register(registry, NAME, ONE)
    registry.set_registered_model_alias(f"{NAME}@champion", 1)
    return registry


@pytest.fixture
def person(metastore, founder):
    """Make somebody with lines: `person(name, (privilege, securable name), ...)`."""

    def make(name, *held):
        caller = metastore.asserted(PrincipalName.parse(f"user:os/{name}"))
        ids = {
            "main": (K.CATALOG, founder.get_catalog("main").id),
            "main.default": (K.SCHEMA, founder.get_schema("main.default").id),
            NAME: (K.REGISTERED_MODEL, founder.get_registered_model(NAME).id),
        }
        lines = []
        for privilege, place, *effect in held:
            kind, securable_id = ids[place.partition("@")[0]]
            lines.append(
                PolicyLine(
                    id=new_id(),
                    principal_id=caller.principal_id,
                    privilege=privilege,
                    effect=effect[0] if effect else Effect.ALLOW,
                    securable_kind=kind,
                    securable_id=securable_id,
                    alias_key=place.partition("@")[2] or None,
                )
            )
        with metastore.core.store.write(exclusive=True) as tx:
            tx.apply_policy(tx.applied(), add=lines, reason=None, stamp=Stamp(at_ms=1, by=caller.principal_id))
        return metastore.for_caller(caller)

    return make


GATES = ((P.USE_CATALOG, "main"), (P.USE_SCHEMA, "main.default"))


def listed(registry):
    return [str(model.name) for model in registry.list_registered_models("main.default").items]


def found(registry, text="", **options):
    return [str(model.name) for model in registry.search_registered_models(text, **options).items]


def test_nobody_without_lines(person):
    """Without a line nothing is listed or found, and the catalog does not exist."""
    nobody = person("nobody")
    assert nobody.list_catalogs().items == ()
    assert found(nobody) == []
    with pytest.raises(NotFoundError):
        nobody.get_catalog("main")


def test_gates_alone_show_no_model(person):
    """Who passes the gates and has no right sees catalog and schema, and no model."""
    guest = person("guest", *GATES)
    assert [str(catalog.name) for catalog in guest.list_catalogs().items] == ["main"]
    assert [str(schema.name) for schema in guest.list_schemas("main").items] == ["main.default"]
    assert (listed(guest), found(guest)) == ([], [])
    with pytest.raises(NotFoundError):
        guest.get_registered_model(NAME)


def test_a_reader(person, founder):
    """READ_METADATA shows all fields and versions, no bytes."""
    reader = person("reader", *GATES, (P.READ_METADATA, NAME))
    assert reader.get_registered_model(NAME) == founder.get_registered_model(NAME)
    assert reader.list_registered_models("main.default") == founder.list_registered_models("main.default")
    assert reader.search_registered_models("tags.team = 'risk'").items == founder.search_registered_models().items
    assert [version.version for version in reader.list_model_versions(NAME).items] == [1]
    with pytest.raises(PermissionDeniedError):
        reader.read_model_version_file(f"{NAME}/1", "MLmodel")


def test_browse_alone_shows_name_comment_and_tags(person, founder):
    """An explicit BROWSE needs no gate; owner, aliases, versions and people do not show, nor by what filters ask."""
    browser = person("browser", (P.BROWSE, "main"))
    (model,) = browser.search_registered_models("tags.team = 'risk'").items
    assert (str(model.name), model.comment, model.tags) == (NAME, "irises", {"team": "risk"})
    assert (model.owner, model.aliases, model.latest_version) == (None, {}, None)
    assert (model.created_by, model.updated_by) == ("", "")
    assert browser.list_registered_models("main.default").items == (model,)
    assert found(browser, "owner = 'user:os/founder'") == []
    assert browser.search_model_versions().items == ()
    catalog, (schema,) = browser.get_catalog("main"), browser.list_schemas("main").items
    assert [(each.owner, each.created_by) for each in (catalog, schema)] == [(None, ""), (None, "")]
    assert browser.list_catalogs().items == (catalog,)
    assert browser.get_schema("main.default") == schema
    with pytest.raises(PermissionDeniedError, match="it needs USE_CATALOG"):
        browser.get_registered_model(NAME)
    assert founder.get_catalog("main").owner == "user:os/founder"


def test_a_gate_beside_browse_shows_the_catalog_whole(person, founder):
    """Who has another privilege on a catalog than BROWSE is shown all of it."""
    both = person("both", (P.BROWSE, "main"), (P.USE_CATALOG, "main"))
    assert both.get_catalog("main") == founder.get_catalog("main")
    assert both.list_catalogs().items == founder.list_catalogs().items
    assert both.get_schema("main.default").owner is None


def test_a_right_that_does_not_read(person):
    """Who may only write comments knows the model, and finds it by nothing that READ_METADATA would show."""
    writer = person("writer", *GATES, (P.MODIFY, NAME))
    assert (listed(writer), found(writer)) == ([NAME], [NAME])
    assert found(writer, "owner = 'user:os/founder'") == []
    assert writer.list_registered_models("main.default").items[0].latest_version is None


def test_versions_of_every_status_are_for_who_manages_or_approves(person, founder):
    """A version that is not READY is found by those who manage or approve the model, and by its author only."""
    founder.create_model_version(NAME)
    for name, privilege, versions in (("r", P.EXECUTE, [1]), ("a", P.APPROVE, [1, 2]), ("m", P.MANAGE, [1, 2])):
        registry = person(name, *GATES, (privilege, NAME))
        assert sorted(each.version for each in registry.search_model_versions().items) == versions
        assert sorted(each.version for each in registry.list_model_versions(NAME).items) == versions
    author = person("author", *GATES, (P.EXECUTE, NAME), (P.CREATE_MODEL_VERSION, NAME))
    author.create_model_version(NAME)
    assert sorted(each.version for each in author.search_model_versions().items) == [1, 3]


def test_denied_in_lists_as_in_answers(person):
    """A deny on the model takes it out of the list of one who has the whole catalog."""
    cut = person("cut", *GATES, (P.EXECUTE, "main"), (P.READ_METADATA, NAME, Effect.DENY))
    assert (listed(cut), found(cut)) == ([], [])
    with pytest.raises(NotFoundError):
        cut.get_registered_model(NAME)


@pytest.mark.parametrize("place", [f"{NAME}@champion", "main.default@champion", "main@champion"])
def test_an_alias_slot_binds_owners_too(person, metastore, place):
    """Who may set any alias in the schema, and owns the model, may not move the one that is denied."""
    owner = person("owner", *GATES, (P.CREATE_MODEL, "main.default"), (P.READ_METADATA, NAME))
    owner.create_registered_model("main.default.own")
    register(owner, "main.default.own", ONE)
    person("owner", (P.SET_ALIAS, "main.default"), (P.SET_ALIAS, place, Effect.DENY))
    on = NAME if place.startswith(NAME) else "main.default.own"
    with pytest.raises(PermissionDeniedError, match="SET_ALIAS"):
        owner.set_registered_model_alias(f"{on}@champion", 1)
    owner.set_registered_model_alias(f"{on}@shadow", 1)
    assert owner.get_model_version_by_alias(f"{on}@shadow").version == 1
