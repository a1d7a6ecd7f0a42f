"""R20: who changes principals and memberships, and how groups nest."""

from __future__ import annotations

from itertools import pairwise

import pytest

from herdbook.errors import InvalidArgumentError, PermissionDeniedError
from herdbook.verdicts import Privilege

P = Privilege
CHANGES = {
    "create_principal": lambda r: r.create_principal("user:new"),
    "update_principal": lambda r: r.update_principal("user:bob", enabled=False),
    "delete_principal": lambda r: r.delete_principal("user:bob"),
    "add_member": lambda r: r.add_member("group:team", "user:bob"),
    "remove_member": lambda r: r.remove_member("role:lead", "user:bob"),
}


@pytest.mark.parametrize("verb", CHANGES)
def test_only_metastore_admins_change_them(people, verb):
    """Whatever else one holds, a catalog included, does not change principals; MANAGE on the metastore does."""
    people.admin.add_member("role:lead", "user:bob")
    people.admin.transfer_ownership("main", "user:ann")
    people.give("user:ann", "metastore:", P.CREATE_CATALOG, P.MANAGE_POLICY, P.READ_AUDIT)
    with pytest.raises(PermissionDeniedError, match="MANAGE on the metastore"):
        CHANGES[verb](people("user:ann"))
    people.give("user:ann", "metastore:", P.MANAGE)
    CHANGES[verb](people("user:ann"))


def test_nesting_is_followed_eight_deep(people):
    """A right eight groups away holds; a ninth is refused from either end."""
    for number in range(1, 10):
        people.admin.create_principal(f"role:r{number}")
    people.admin.add_member("role:r1", "user:ann")
    for number in range(1, 8):
        people.admin.add_member(f"role:r{number + 1}", f"role:r{number}")
    people.gates("role:r8")
    people.give("role:r8", "main.default.iris", P.EXECUTE)
    assert people("user:ann").get_registered_model("main.default.iris").latest_version == 1
    with pytest.raises(InvalidArgumentError, match="9 deep"):
        people.admin.add_member("role:r9", "role:r8")
    people.admin.add_member("group:team", "user:bob")
    with pytest.raises(InvalidArgumentError, match="9 deep"):
        people.admin.add_member("role:r1", "group:team")


@pytest.mark.parametrize("length", [1, 2, 4])
def test_it_is_acyclic(people, length):
    """No group becomes a member of itself, however far around."""
    names = [f"group:g{number}" for number in range(length)]
    for name in names:
        people.admin.create_principal(name)
    for inner, outer in pairwise(names):
        people.admin.add_member(outer, inner)
    with pytest.raises(InvalidArgumentError, match="itself"):
        people.admin.add_member(names[0], names[-1])


@pytest.mark.parametrize("group", ["user:bob", "service:bot", "group:okta/risk"])
def test_the_right_side_is_a_local_group_or_a_role(people, group):
    """Nobody is a member of a user, a service or a claim group."""
    with pytest.raises(InvalidArgumentError):
        people.admin.add_member(group, "user:ann")


def test_roles_own_nothing(people):
    """Ownership goes to enabled users, groups and services, never to a role."""
    with pytest.raises(InvalidArgumentError, match="roles own nothing"):
        people.admin.transfer_ownership("main", "role:lead")
    for heir in ("group:team", "service:bot", "user:ann"):
        people.admin.transfer_ownership("main", heir)
        assert people.admin.get_catalog("main").owner == heir
