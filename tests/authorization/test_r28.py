"""R28: references to what the reader may not know."""

from __future__ import annotations

import pytest

from herdbook.entities import Lineage
from herdbook.names import VersionRef
from herdbook.testing.samples import register
from herdbook.verdicts import Privilege

P = Privilege
SECRET = "main.default.secret"
CHILD = "main.default.child"


@pytest.fixture
def family(people):
    """Return the people; `child` was copied from `secret` (1) and registered with it as a parent (2)."""
    people.admin.create_registered_model(SECRET)
    register(people.admin, SECRET)
    people.admin.copy_model_version(f"{SECRET}/1", CHILD)
    ref = VersionRef.parse(f"{SECRET}/1")
    register(people.admin, CHILD, lineage=Lineage(source=ref.uri, parents=(ref,), run_id="r1"))
    people.admin.set_registered_model_alias(f"{CHILD}@a", 1)
    people.gates("user:ann")
    people.give("user:ann", CHILD, P.EXECUTE)
    return people


def shown(registry):
    """Return the lineage of both versions by every verb that reads versions."""
    found = [registry.get_model_version(f"{CHILD}/{number}") for number in (1, 2)]
    found += [registry.get_model_version(f"{CHILD}/latest"), registry.get_model_version_by_alias(f"{CHILD}@a")]
    found += [*registry.list_model_versions(CHILD).items]
    found += [*registry.search_model_versions(f"name = '{CHILD}'").items]
    return [version.lineage for version in found]


def test_parents_and_sources_that_may_not_be_known_are_hidden(family):
    """They are counted and not named, by any verb, the words of a copy's source included."""
    for lineage in shown(family("user:ann")):
        assert (lineage.parents, lineage.hidden_parents) == ((), 1)
        assert "secret" not in repr(lineage)
    for lineage in shown(family.admin):
        assert ([str(parent) for parent in lineage.parents], lineage.source) == ([f"{SECRET}/1"], f"models:/{SECRET}/1")


def test_they_show_to_who_may_know_them(family):
    """With BROWSE on the parent its name is shown, and after a rename that of now."""
    family.give("user:ann", SECRET, P.BROWSE)
    for lineage in shown(family("user:ann")):
        assert ([str(parent) for parent in lineage.parents], lineage.source) == ([f"{SECRET}/1"], f"models:/{SECRET}/1")
    family.admin.rename_registered_model(SECRET, "main.default.known")
    for lineage in shown(family("user:ann")):
        assert [str(parent) for parent in lineage.parents] == ["main.default.known/1"]


@pytest.mark.parametrize("purged", [False, True])
def test_hidden_looks_like_purged(family, told, purged):
    """To who may not know it, what is hidden, in the trash or purged is told in the same words."""
    before = told(lambda: [(each.parents, each.hidden_parents, each.source) for each in shown(family("user:ann"))])
    gone = family.admin.get_registered_model(SECRET).id
    family.admin.delete_registered_model(SECRET, force=True)
    if purged:
        family.admin.purge_registered_model(gone)
    assert told(lambda: [(e.parents, e.hidden_parents, e.source) for e in shown(family("user:ann"))]) == before


@pytest.mark.parametrize(
    "where", [f"source = 'models:/{SECRET}/1'", "source LIKE '%secret%'", "NOT source LIKE '%nope%'"]
)
def test_no_search_tells_of_a_hidden_source(family, where):
    """A filter on a source that is hidden from the reader leaves the row out (R7)."""
    assert family("user:ann").search_model_versions(where).items == ()
    assert len(family.admin.search_model_versions(f"{where} AND name = '{CHILD}'").items) == 2
