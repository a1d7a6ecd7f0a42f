"""R7: an explicit BROWSE, who gives it, and what it shows."""

from __future__ import annotations

import pytest

from herdbook.errors import InvalidArgumentError, NotFoundError, PermissionDeniedError
from herdbook.verdicts import Privilege, Sight

P = Privilege
MODEL = "main.default.iris"


def test_all_privileges_shows_nothing_without_gates(people):
    """BROWSE is not in ALL_PRIVILEGES: no right but an explicit BROWSE skips the gates."""
    people.give("user:ann", "main.default", *(each for each in (P.ALL_PRIVILEGES, P.MANAGE, P.APPROVE)))
    assert not people.may("user:ann", P.BROWSE, MODEL)
    with pytest.raises(NotFoundError):
        people("user:ann").get_registered_model(MODEL)
    assert people("user:ann").search_registered_models().items == ()


@pytest.mark.parametrize("level", ["main", "main.default", MODEL])
def test_it_is_granted_at_any_level_with_manage_on_the_catalog(people, level):
    """MANAGE nearer by does not give BROWSE; MANAGE on the catalog does, and takes it back."""
    people.gates("user:ann")
    people.give("user:ann", "main.default", P.MANAGE)
    people.admin.transfer_ownership(MODEL, "user:ann")
    ann = people("user:ann")
    with pytest.raises((PermissionDeniedError, NotFoundError)):
        ann.grant("user:bob", P.BROWSE, level)
    assert people.sight("user:bob", MODEL) is Sight.HIDDEN
    people.give("user:ann", "main", P.MANAGE)
    ann.grant("user:bob", P.BROWSE, level)
    assert people.sight("user:bob", MODEL) is Sight.KNOWN
    ann.revoke("user:bob", P.BROWSE, level)
    assert people.sight("user:bob", MODEL) is Sight.HIDDEN
    with pytest.raises(InvalidArgumentError, match="cannot be granted"):
        people.admin.grant("user:bob", P.BROWSE, "metastore:")


def test_it_shows_name_comment_and_tags(people):
    """No versions, aliases, owner, times or row version are shown, by whichever verb."""
    people.give("user:ann", "main", P.BROWSE)
    ann = people("user:ann")
    for seen in (*ann.search_registered_models().items, *ann.list_registered_models("main.default").items):
        assert (str(seen.name), seen.comment, seen.tags) == (MODEL, "c", {"a": "b"})
        assert (seen.owner, seen.created_by, seen.updated_by, seen.created_at) == (None,) * 4
        assert (seen.aliases, seen.latest_version, seen.row_version) == ({}, None, 0)
    for seen in (ann.get_catalog("main"), ann.get_schema("main.default"), *ann.list_schemas("main").items):
        assert (seen.owner, seen.created_at, seen.updated_by, seen.row_version) == (None, None, None, 0)
    for call in (
        lambda: ann.get_registered_model(MODEL),
        lambda: ann.get_model_version(f"{MODEL}/1"),
        lambda: ann.list_model_versions(MODEL),
        lambda: ann.list_registered_model_aliases(MODEL),
        lambda: ann.get_model_version_by_alias(f"{MODEL}@champion"),
    ):
        with pytest.raises(PermissionDeniedError):
            call()
    assert ann.search_model_versions().items == ()


def test_containers_of_what_is_browsed_show_by_their_names_alone(people):
    """BROWSE on a model shows its containers in its own name only: they are not listed and answer 404."""
    people.give("user:ann", MODEL, P.BROWSE)
    ann = people("user:ann")
    assert [str(model.name) for model in ann.search_registered_models().items] == [MODEL]
    assert ann.list_catalogs().items == ()
    for call in (
        lambda: ann.get_catalog("main"),
        lambda: ann.get_schema("main.default"),
        lambda: ann.list_registered_models("main.default"),
    ):
        with pytest.raises(NotFoundError):
            call()


@pytest.mark.parametrize(
    ("where", "order"),
    [
        ("alias = 'champion'", ()),
        ("owner = 'user:os/founder'", ()),
        ("NOT owner = 'user:nobody'", ()),
        ("created_at > 0", ()),
        ("", ("last_updated_at DESC",)),
        ("", ("created_at",)),
    ],
)
def test_a_filter_on_what_may_not_be_read_leaves_the_row_out(people, where, order):
    """Neither a filter nor an order tells anything about a field that BROWSE does not show."""
    people.give("user:ann", MODEL, P.BROWSE)
    people.admin.create_registered_model("main.default.own")
    people.gates("user:ann")
    people.give("user:ann", "main.default.own", P.READ_METADATA)
    people.admin.deny("user:ann", P.USE_CATALOG, "metastore:")
    ann = people("user:ann")
    assert ann.search_registered_models(where, order_by=order).items == ()
    people.admin.lift_deny("user:ann", P.USE_CATALOG, "metastore:")
    found = {str(model.name) for model in ann.search_registered_models(where, order_by=order).items}
    assert found == (set() if "alias" in where else {"main.default.own"})
    assert [str(m.name) for m in ann.search_registered_models("tags.a = 'b' AND comment = 'c'").items] == [MODEL]
