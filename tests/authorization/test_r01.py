"""R1: what privileges include, and what a deny takes."""

from __future__ import annotations

import pytest

from herdbook.errors import NotFoundError, PermissionDeniedError
from herdbook.verdicts import Privilege, Sight

P = Privilege
MODEL = "main.default.iris"


@pytest.mark.parametrize("privilege", [P.EXECUTE, P.MANAGE, P.APPROVE])
def test_three_privileges_include_reading_metadata(people, privilege):
    """EXECUTE, MANAGE and APPROVE each read every field; no bytes come with the latter two."""
    people.gates("user:ann")
    people.give("user:ann", MODEL, privilege)
    ann = people("user:ann")
    assert ann.get_registered_model(MODEL).owner == "user:os/founder"
    assert ann.get_model_version(f"{MODEL}/1").version == 1
    if privilege is not P.EXECUTE:
        with pytest.raises(PermissionDeniedError, match="EXECUTE"):
            ann.read_model_version_file(f"{MODEL}/1", "model.bin")


@pytest.mark.parametrize("privilege", [P.EXECUTE, P.MANAGE, P.APPROVE])
def test_a_deny_takes_those_that_include_it(people, privilege):
    """A denied READ_METADATA takes EXECUTE, MANAGE and APPROVE as well, and leaves the rest."""
    people.gates("user:ann")
    people.give("user:ann", MODEL, privilege, P.MODIFY)
    people.admin.deny("user:ann", P.READ_METADATA, MODEL)
    assert not people.may("user:ann", privilege, MODEL)
    assert not people.may("user:ann", P.READ_METADATA, MODEL)
    assert people.may("user:ann", P.MODIFY, MODEL)


@pytest.mark.parametrize("privilege", [P.EXECUTE, P.MANAGE, P.APPROVE])
def test_a_denied_privilege_gives_nothing(people, privilege):
    """What a denied privilege includes is not had through it, and stays where something else gives it."""
    people.gates("user:ann")
    people.give("user:ann", MODEL, privilege, P.MODIFY)
    people.admin.deny("user:ann", privilege, MODEL)
    with pytest.raises(PermissionDeniedError, match="READ_METADATA"):
        people("user:ann").get_registered_model(MODEL)
    people.give("user:ann", MODEL, P.READ_METADATA)
    assert people("user:ann").get_registered_model(MODEL).latest_version == 1
    assert not people.may("user:ann", privilege, MODEL)


@pytest.mark.parametrize("privilege", [P.BROWSE, P.ALL_PRIVILEGES])
@pytest.mark.parametrize("on", [MODEL, "main"])
def test_two_denies_take_everything(people, privilege, on):
    """A deny of BROWSE or ALL_PRIVILEGES takes every privilege, sight and MANAGE too, from an owner as well."""
    people.gates("user:ann")
    people.give("user:ann", "main", P.ALL_PRIVILEGES, P.MANAGE, P.APPROVE, P.BROWSE, P.READ_AUDIT)
    people.admin.transfer_ownership(MODEL, "user:ann")
    people.admin.deny("user:ann", privilege, on)
    ann = people("user:ann")
    with pytest.raises(NotFoundError):
        ann.get_registered_model(MODEL)
    with pytest.raises(NotFoundError):
        ann.grant("user:ann", P.EXECUTE, MODEL)
    assert ann.search_registered_models().items == ()
    assert people.sight("user:ann", MODEL) is Sight.HIDDEN
    held = {each for each in P if each is not P.CREATE_SCHEMA and people.may("user:ann", each, MODEL)}
    assert held == ({P.CREATE_MODEL} & held)
