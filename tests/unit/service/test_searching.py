"""Who finds what: searches over several callers of one metastore."""

from __future__ import annotations

import pytest

from herdbook.entities import Lineage
from herdbook.errors import InvalidArgumentError
from herdbook.formats.filter_fields import Noun
from herdbook.formats.filters import parse_filter
from herdbook.formats.orders import parse_orders
from herdbook.names import PrincipalName, VersionRef
from herdbook.service.searching import shown_by_browse
from herdbook.testing.samples import model_files, register

FOUNDER = PrincipalName.parse("user:os/founder")
SECRET, OWN = "main.default.iris", "lab.own.iris"


@pytest.fixture
def metastore(make_metastore):
    return make_metastore()


@pytest.fixture
def founder(metastore):
    registry = metastore.for_caller(metastore.asserted(FOUNDER))
    registry.create_registered_model(SECRET, tags={"team": "risk"})
    register(registry, SECRET)
    return registry


@pytest.fixture
def stranger(metastore):
    return metastore.for_caller(metastore.asserted(PrincipalName.parse("user:os/stranger")))


@pytest.fixture
def owner(metastore, founder):
    """Somebody who owns a catalog with a model in it, and is no admin; two versions of it are the founder's."""
    caller = metastore.asserted(PrincipalName.parse("user:os/lab"))
    founder.create_catalog("lab")
    founder.create_schema("lab.own")
    founder.create_registered_model(OWN, tags={"team": "risk"})
    register(founder, OWN, model_files(b"1"), lineage=Lineage(parents=(VersionRef.parse(f"{SECRET}/1"),)))
    founder.create_model_version(OWN)
    with metastore.core.store.write() as tx:
        for table in ("catalogs", "schemas", "registered_models"):
            tx._run.run(f"UPDATE {table} SET owner_id = :who WHERE key LIKE 'lab%'", who=caller.principal_id)
    return metastore.for_caller(caller)


def models(registry, text="", **options):
    return [str(model.name) for model in registry.search_registered_models(text, **options).items]


def versions(registry, text="", **options):
    return [str(version.ref) for version in registry.search_model_versions(text, **options).items]


def test_a_stranger_finds_nothing(founder, owner, stranger):
    """Who may see nothing finds nothing, whatever the filter and order, and gets no token."""
    for text in ("", f"name = '{SECRET}'", "tags.team = 'risk'", "NOT tags.team = 'x'", "owner LIKE '%'"):
        for order in ((), ("last_updated_at DESC",), ("owner DESC",)):
            for search in (stranger.search_registered_models, stranger.search_model_versions):
                page = search(text, order_by=order, max_results=1)
                assert (page.items, page.next_page_token) == ((), None)


def test_each_finds_what_it_may_see(founder, owner):
    """An admin finds everything, the owner of a catalog what is in it."""
    for text in ("", "tags.team = 'risk'", "name LIKE '%.iris'", "created_at > 0"):
        for order in ((), ("name DESC",), ("last_updated_at",), ("owner",)):
            assert sorted(models(founder, text, order_by=order)) == [OWN, SECRET]
            assert models(owner, text, order_by=order) == [OWN]


def test_versions_of_every_status_are_found_by_who_manages(founder, owner):
    """An owner, who manages the model, and a metastore admin find versions of every status, whoever made them."""
    assert versions(owner) == [f"{OWN}/2", f"{OWN}/1"]
    owner.create_model_version(OWN)
    assert versions(owner, "status = 'PENDING_REGISTRATION'") == [f"{OWN}/3", f"{OWN}/2"]
    assert versions(founder, "status != 'READY'") == [f"{OWN}/3", f"{OWN}/2"]


def test_versions_that_are_not_ready_are_their_authors(founder, owner, stranger):
    """READY versions are found, one's own of any status, and all by who manages the model."""
    who = str(stranger.get_current_principal().name)
    for privilege, on in (("USE_CATALOG", "lab"), ("USE_SCHEMA", "lab"), ("ALL_PRIVILEGES", OWN)):
        owner.grant(who, privilege, on)
    assert versions(stranger) == [f"{OWN}/1"]
    own = stranger.create_model_version(OWN)
    assert versions(stranger) == [f"{OWN}/{own.version}", f"{OWN}/1"]
    assert versions(stranger, "status = 'PENDING_REGISTRATION'") == [f"{OWN}/{own.version}"]
    for manager in (founder, owner):
        assert versions(manager, "status != 'READY'") == [f"{OWN}/3", f"{OWN}/2"]


def test_parents_that_may_not_be_known_are_not_found_out(founder, owner):
    """A result hides the same parents that getting it hides (R28)."""
    (found,) = owner.search_model_versions("version = 1").items
    assert found == owner.get_model_version(f"{OWN}/1")
    assert found.lineage.parents == ()
    (whole,) = founder.search_model_versions(f"version = 1 AND name = '{OWN}'").items
    assert [str(ref) for ref in whole.lineage.parents] == [f"{SECRET}/1"]


def test_a_token_is_its_callers(founder, owner):
    """Another caller's token is refused, although the search is the same (R11)."""
    owner.create_registered_model("lab.own.other")
    token = founder.search_registered_models(max_results=1).next_page_token
    assert owner.search_registered_models(max_results=1).next_page_token is not None
    with pytest.raises(InvalidArgumentError, match="token"):
        owner.search_registered_models(max_results=1, page_token=token)


def test_what_is_in_the_trash_is_not_found(founder, owner):
    """Deleted models and versions are gone from searches, and are back when they are restored."""
    founder.delete_model_version(f"{SECRET}/1")
    assert f"{SECRET}/1" not in versions(founder)
    founder.restore_model_version(f"{SECRET}/1")
    assert f"{SECRET}/1" in versions(founder)
    founder.delete_registered_model(SECRET, force=True)
    assert models(founder) == models(founder, "tags.team = 'risk'") == [OWN]
    assert f"{SECRET}/1" not in versions(founder)


@pytest.mark.parametrize(
    ("text", "order", "shown"),
    [
        ("", [], True),
        ("tags.a = 'b' AND NOT (name LIKE 'x%' OR comment IS NULL)", ["name DESC"], True),
        ("catalog = 'a' OR schema = 'a.b'", [], True),
        ("tags.a = 'b' OR NOT (name = 'x' AND owner = 'alice')", [], False),
        ("alias = 'champion'", [], False),
        ("", ["last_updated_at"], False),
        ("created_at > 1", [], False),
    ],
)
def test_only_what_browse_shows_is_searched_with_browse_alone(text, order, shown):
    """A filter or order on any other field, however deep, leaves out what may not be read (R7)."""
    assert shown_by_browse(parse_filter(text, Noun.MODEL), parse_orders(order, Noun.MODEL)) is shown
