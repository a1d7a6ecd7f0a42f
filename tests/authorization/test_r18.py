"""R18: principals are typed, compared by id, and only some of them act."""

from __future__ import annotations

import pytest

from herdbook.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError, UnauthenticatedError
from herdbook.names import PrincipalName
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"


def test_a_bare_word_is_a_user_of_the_default_source(people):
    """`ann` is `user:ann`, and not `user:os/ann`, a group or a service of that name."""
    people.admin.grant("ann", P.EXECUTE, MODEL)
    people.gates("user:ann")
    assert people.may("user:ann", P.EXECUTE, MODEL)
    for other in ("service:ann", "group:ann", "role:ann", "user:os/ann"):
        made = people.admin.create_principal(other)
        assert made.id != people.admin.get_principal("user:ann").id
    people.gates("user:os/ann", "service:ann")
    for other in ("user:os/ann", "service:ann"):
        assert not people.may(other, P.EXECUTE, MODEL)


@pytest.mark.parametrize("bad", ["", "user:", "person:ann", "user:a b", "user:/ann", "user:a/b/c", "user:" + "x" * 256])
def test_other_names_are_refused(people, bad):
    """Names are letters, digits and `._+@-`, at most 255, after an optional source."""
    with pytest.raises(InvalidArgumentError):
        people.admin.create_principal(bad)


def test_names_are_compared_without_case(people):
    """Another spelling is the same principal, in every verb."""
    with pytest.raises(AlreadyExistsError):
        people.admin.create_principal("user:ANN")
    assert people.admin.get_principal("user:Ann").name == PrincipalName.parse("user:ann")
    people.admin.grant("user:ANN", P.EXECUTE, MODEL)
    assert people.lines(MODEL, "user:ann") == {("user:ann", "EXECUTE", "allow")}


@pytest.mark.parametrize("who", ["group:team", "role:scientist"])
def test_only_users_and_services_act(people, who):
    """Groups and roles carry rights and act for nobody."""
    with pytest.raises(UnauthenticatedError, match="Only users and services act"):
        people(who)
    assert people("service:bot").get_current_principal().name == PrincipalName.parse("service:bot")


@pytest.mark.parametrize("who", ["user:ann", "service:bot"])
def test_only_enabled_ones_act(people, who):
    """Disabling stops a new session at the door and an open one at once; enabling brings the same rights back."""
    people.gates(who)
    people.give(who, MODEL, P.EXECUTE, P.BROWSE)
    registry = people(who)
    assert registry.get_registered_model(MODEL).latest_version == 1
    people.admin.update_principal(who, enabled=False)
    with pytest.raises(UnauthenticatedError, match="disabled"):
        people(who)
    with pytest.raises(NotFoundError):
        registry.get_registered_model(MODEL)
    assert registry.search_registered_models().items == ()
    people.admin.update_principal(who, enabled=True)
    assert registry.get_registered_model(MODEL).latest_version == 1


def test_a_new_principal_under_an_old_name_inherits_nothing(people):
    """Rights, memberships, ownership and pending versions of the old one are not the new one's."""
    people.gates("user:ann")
    people.give("user:ann", MODEL, P.ALL_PRIVILEGES)
    people.admin.add_member("role:lead", "user:ann")
    people.give("role:lead", MODEL, P.MANAGE)
    people.admin.transfer_ownership(MODEL, "user:ann")
    people.admin.create_registered_model("main.default.own")
    people.admin.transfer_ownership("main.default.own", "user:ann")
    old, before = people.admin.get_principal("user:ann").id, people("user:ann")
    people.admin.delete_principal("user:ann")
    people.admin.create_principal("user:ann")
    assert people.admin.get_principal("user:ann").id != old
    for registry in (people("user:ann"), before):
        with pytest.raises(NotFoundError):
            registry.get_registered_model(MODEL)
        assert registry.search_registered_models().items == ()
    assert people.admin.list_members("role:lead").items == ()
    assert people.lines(MODEL, "user:ann") == set()
