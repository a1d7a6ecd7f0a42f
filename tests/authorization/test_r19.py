"""R19: groups that a token claims."""

from __future__ import annotations

import pytest

from herdbook.errors import InvalidArgumentError, NotFoundError
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"
CLAIM = "group:okta/risk"


def test_claim_groups_count_only_in_requests_that_carry_them(people):
    """Rights, sight and lists come with the claim and go without it, request by request."""
    people.gates(CLAIM)
    people.give(CLAIM, MODEL, P.EXECUTE)
    carrying, plain = people("user:ann", claims=[CLAIM]), people("user:ann")
    assert b"".join(carrying.read_model_version_file(f"{MODEL}/1", "model.bin"))
    assert [str(model.name) for model in carrying.search_registered_models().items] == [MODEL]
    assert {str(found.grant.principal) for found in carrying.list_effective_grants(MODEL).items} == {CLAIM}
    with pytest.raises(NotFoundError):
        plain.get_registered_model(MODEL)
    assert plain.search_registered_models().items == ()


def test_a_deny_to_a_claim_group_binds_who_carries_it(people):
    """It takes what the person has otherwise, in that request alone."""
    people.gates("user:ann")
    people.give("user:ann", MODEL, P.EXECUTE)
    people.admin.deny(CLAIM, P.ALL_PRIVILEGES, MODEL)
    with pytest.raises(NotFoundError):
        people("user:ann", claims=[CLAIM]).get_registered_model(MODEL)
    assert people("user:ann").get_registered_model(MODEL).latest_version == 1


def test_they_never_join_local_groups_or_roles(people):
    """A claim group is no member of a local group or role, has no members, and its rights are its own lines alone."""
    for group, member in ((CLAIM, "user:ann"), ("group:team", CLAIM), ("role:lead", CLAIM)):
        with pytest.raises(InvalidArgumentError):
            people.admin.add_member(group, member)
    local = people.admin.create_principal("group:risk")
    assert local.id != people.admin.get_principal(CLAIM).id
    people.gates("group:risk")
    people.give("group:risk", MODEL, P.EXECUTE)
    with pytest.raises(NotFoundError):
        people("user:ann", claims=[CLAIM]).get_registered_model(MODEL)
