"""R33: who holds APPROVE; approvals themselves are another module's when they are there."""

from __future__ import annotations

import pytest

from herdbook.policy.privileges import ALL_INCLUDES, INCLUDES, OWNER_ABOVE_INCLUDES, OWNER_INCLUDES
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"


def test_no_privilege_and_no_relation_includes_it():
    """ALL_PRIVILEGES, ownership and every other privilege leave APPROVE out."""
    assert P.APPROVE not in {*ALL_INCLUDES, *OWNER_INCLUDES, *OWNER_ABOVE_INCLUDES}
    assert all(P.APPROVE not in included for included in INCLUDES.values())


@pytest.mark.parametrize("on", ["main", "main.default", MODEL])
def test_neither_owner_nor_manage_nor_admin_includes_approve(people, on):
    """Whoever owns, manages and administers everything approves nothing until APPROVE is granted to them."""
    people.admin.grant("user:ann", P.MANAGE, "metastore:")
    people.gates("user:ann")
    people.give("user:ann", on, P.ALL_PRIVILEGES, P.MANAGE)
    people.admin.transfer_ownership(on, "user:ann")
    for place in (MODEL, f"{MODEL}@champion"):
        assert not people.may("user:ann", P.APPROVE, place)
    people.give("user:ann", on, P.APPROVE)
    for place in (MODEL, f"{MODEL}@champion"):
        assert people.may("user:ann", P.APPROVE, place)
