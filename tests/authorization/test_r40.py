"""R40: what a revoke removes."""

from __future__ import annotations

import pytest

from herdbook.errors import NotFoundError
from herdbook.policy.granting import GRANTABLE
from herdbook.verdicts import Privilege, SecurableKind

P = Privilege
MODEL = "main.default.iris"
ON_MODEL = sorted(GRANTABLE[SecurableKind.REGISTERED_MODEL])
KEPT = {P.MANAGE, P.APPROVE, P.BROWSE}


@pytest.mark.parametrize("privilege", [each for each in ON_MODEL if each is not P.ALL_PRIVILEGES])
def test_it_removes_exactly_the_named_line(people, privilege):
    """That principal's line with that privilege there; none of another, elsewhere, on a slot, or a deny."""
    for who in ("user:ann", "user:bob"):
        people.give(who, MODEL, *ON_MODEL)
    people.give("user:ann", "main.default", privilege)
    people.give("user:ann", f"{MODEL}@champion", P.SET_ALIAS)
    people.admin.deny("user:ann", privilege, MODEL)
    before = people.lines(MODEL)
    people.admin.revoke("user:ann", privilege, MODEL)
    assert people.lines(MODEL) == before - {("user:ann", privilege.value, "allow")}
    assert people.lines("main.default", "user:ann") == {("user:ann", privilege.value, "allow")}
    assert people.lines(f"{MODEL}@champion") == {("user:ann", "SET_ALIAS", "allow")}
    with pytest.raises(NotFoundError, match="no such line"):
        people.admin.revoke("user:ann", privilege, MODEL)


def test_all_privileges_takes_the_individual_grants_with_it(people):
    """All of that principal's there, except MANAGE, APPROVE and BROWSE; nobody else's and no deny."""
    for who in ("user:ann", "user:bob"):
        people.give(who, MODEL, *ON_MODEL)
    people.give("user:ann", "main.default", P.EXECUTE)
    people.admin.deny("user:ann", P.EXECUTE, MODEL)
    people.admin.revoke("user:ann", P.ALL_PRIVILEGES, MODEL)
    kept = {("user:ann", privilege.value, "allow") for privilege in KEPT} | {("user:ann", "EXECUTE", "deny")}
    assert people.lines(MODEL, "user:ann") == kept
    assert people.lines(MODEL, "user:bob") == {("user:bob", privilege.value, "allow") for privilege in ON_MODEL}
    assert people.lines("main.default", "user:ann") == {("user:ann", "EXECUTE", "allow")}


def test_it_says_what_still_allows(people):
    """The answer of a revoke names what gives the same privilege still: through a group, and from above."""
    people.admin.add_member("group:team", "user:ann")
    people.give("user:ann", MODEL, P.EXECUTE)
    people.give("group:team", MODEL, P.EXECUTE)
    people.give("user:ann", "main", P.ALL_PRIVILEGES)
    left = people.admin.revoke("user:ann", P.EXECUTE, MODEL)
    assert {(str(each.grant.principal), str(each.inherited_from), len(each.through)) for each in left} == {
        ("group:team", "None", 1),
        ("user:ann", "main", 0),
    }
