"""R3: who is metastore admin, what that is exempt from, and that the last one stays."""

from __future__ import annotations

import pytest

from herdbook.errors import ConflictError, PermissionDeniedError
from herdbook.verdicts import Privilege, Sight

P = Privilege
MODEL = "lab.own.m"


@pytest.fixture
def elsewhere(people):
    """Return the people; `lab.own.m` is ann's all the way up, and bob is admin with no right in it but that."""
    admin = people.admin
    admin.create_catalog("lab")
    admin.create_schema("lab.own")
    admin.create_registered_model(MODEL)
    for name in (MODEL, "lab.own", "lab"):
        admin.transfer_ownership(name, "user:ann")
    admin.grant("user:bob", P.MANAGE, "metastore:")
    return people


@pytest.mark.parametrize("through", [None, "group:team", "role:lead"])
def test_an_admin_is_who_passes_manage_on_the_metastore(elsewhere, through):
    """By a line to oneself, to a group or to a role, and by nothing else."""
    assert not elsewhere.may("service:bot", P.MANAGE, "metastore:")
    if through is not None:
        elsewhere.admin.add_member(through, "service:bot")
    elsewhere.admin.grant(through or "service:bot", P.MANAGE, "metastore:")
    bot = elsewhere("service:bot")
    assert bot.create_principal("user:new").enabled
    assert bot.get_registered_model(MODEL).owner == "user:ann"


def test_no_gate_and_no_deny_below_binds_an_admins_manage_and_sight(elsewhere):
    """For MANAGE, READ_METADATA and sight neither gates nor denies below the metastore apply."""
    for on in ("lab", "lab.own", MODEL):
        for privilege in (P.ALL_PRIVILEGES, P.BROWSE, P.MANAGE, P.READ_METADATA):
            elsewhere.admin.deny("user:bob", privilege, on)
    bob = elsewhere("user:bob")
    assert bob.get_registered_model(MODEL).owner == "user:ann"
    assert [str(model.name) for model in bob.list_registered_models("lab.own").items] == [MODEL]
    assert elsewhere.sight("user:bob", MODEL) is Sight.KNOWN
    bob.grant("user:bob", P.EXECUTE, MODEL)
    bob.lift_deny("user:bob", P.ALL_PRIVILEGES, "lab")
    assert not elsewhere.may("user:bob", P.EXECUTE, MODEL)


def test_for_the_rest_an_admin_is_like_anyone(elsewhere):
    """Bytes, creating, aliases, tags and approvals need what anyone needs for them, gates included."""
    for privilege, on in (
        (P.EXECUTE, MODEL),
        (P.CREATE_SCHEMA, "lab"),
        (P.CREATE_MODEL, "lab.own"),
        (P.CREATE_MODEL_VERSION, MODEL),
        (P.SET_ALIAS, f"{MODEL}@a"),
        (P.APPLY_TAG, MODEL),
        (P.MODIFY, MODEL),
        (P.APPROVE, MODEL),
        (P.CREATE_CATALOG, "metastore:"),
    ):
        assert not elsewhere.may("user:bob", privilege, on), privilege
    bob = elsewhere("user:bob")
    for call in (
        lambda: bob.create_registered_model("lab.own.fresh"),
        lambda: bob.set_registered_model_tag(MODEL, "k", "v"),
        lambda: bob.create_catalog("fresh"),
    ):
        with pytest.raises(PermissionDeniedError):
            call()
    bob.grant("user:bob", P.APPLY_TAG, MODEL)
    with pytest.raises(PermissionDeniedError, match="USE_CATALOG"):
        bob.set_registered_model_tag(MODEL, "k", "v")


def test_a_deny_on_the_metastore_ends_an_admin(elsewhere):
    """There a deny of MANAGE, or of what takes it, applies: who is denied is admin no longer."""
    elsewhere.admin.deny("user:bob", P.READ_METADATA, "metastore:")
    with pytest.raises(PermissionDeniedError):
        elsewhere("user:bob").list_principals()


def test_the_last_enabled_admin_stays(people):
    """Removing, disabling, denying or deleting the last one is refused, in whatever way, and nothing is changed."""
    admin = people.admin
    founder = str(admin.get_current_principal().name)
    admin.add_member("role:lead", "user:ann")
    admin.grant("role:lead", P.MANAGE, "metastore:")
    admin.update_principal("user:ann", enabled=False)
    for call in (
        lambda: admin.revoke(founder, P.MANAGE, "metastore:"),
        lambda: admin.deny(founder, P.BROWSE, "metastore:"),
        lambda: admin.update_principal(founder, enabled=False),
        lambda: admin.delete_principal(founder),
    ):
        with pytest.raises(ConflictError, match="Nobody would be"):
            call()
    admin.update_principal("user:ann", enabled=True)
    admin.revoke(founder, P.MANAGE, "metastore:")
    ann = people("user:ann")
    for call in (
        lambda: ann.remove_member("role:lead", "user:ann"),
        lambda: ann.delete_principal("role:lead"),
        lambda: ann.revoke("role:lead", P.MANAGE, "metastore:"),
    ):
        with pytest.raises(ConflictError, match="Nobody would be"):
            call()
    assert ann.get_principal("user:ann").enabled
