"""R5: who sets and lifts a deny, and who grants APPROVE."""

from __future__ import annotations

import pytest

from herdbook.errors import PermissionDeniedError
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"
# A thing, and the container that has to be managed for a deny on it.
PLACES = ((MODEL, "main.default"), ("main.default", "main"), (f"{MODEL}@champion", "main.default"))


@pytest.mark.parametrize(("on", "container"), PLACES)
def test_a_deny_needs_manage_on_the_container(people, on, container):
    """MANAGE on the thing sets and lifts no deny on it and grants no APPROVE; MANAGE on its container does."""
    people.gates("user:ann")
    thing = on.partition("@")[0]
    people.give("user:ann", thing, P.MANAGE)
    ann = people("user:ann")
    denied = P.SET_ALIAS if "@" in on else P.EXECUTE
    people.admin.deny("service:bot", denied, on)
    for call in (
        lambda: ann.deny("user:bob", denied, on),
        lambda: ann.lift_deny("service:bot", denied, on),
        lambda: ann.grant("user:bob", P.APPROVE, on),
    ):
        with pytest.raises(PermissionDeniedError, match="MANAGE"):
            call()
    people.give("user:ann", container, P.MANAGE)
    ann.deny("user:bob", denied, on)
    ann.lift_deny("service:bot", denied, on)
    ann.lift_deny("user:bob", denied, on)
    ann.grant("user:bob", P.APPROVE, on)
    ann.revoke("user:bob", P.APPROVE, on)


def test_an_approver_is_not_revoked_by_who_manages_the_thing_alone(people):
    """Taking APPROVE back needs what giving it needs."""
    people.gates("user:ann")
    people.admin.transfer_ownership(MODEL, "user:ann")
    people.give("user:bob", MODEL, P.APPROVE)
    with pytest.raises(PermissionDeniedError, match="MANAGE on the schema"):
        people("user:ann").revoke("user:bob", P.APPROVE, MODEL)


@pytest.mark.parametrize("on", ["main", "metastore:"])
def test_a_catalog_and_the_metastore_ask_for_an_admin(people, on):
    """A catalog's owner neither denies on it nor grants APPROVE; a metastore admin does."""
    people.admin.transfer_ownership("main", "user:ann")
    with pytest.raises(PermissionDeniedError, match="MANAGE on the metastore"):
        people("user:ann").deny("user:bob", P.EXECUTE, on)
    if on == "main":
        with pytest.raises(PermissionDeniedError, match="MANAGE on the metastore"):
            people("user:ann").grant("user:bob", P.APPROVE, on)
        people.admin.grant("user:bob", P.APPROVE, on)
    people.admin.deny("user:bob", P.EXECUTE, on)


@pytest.mark.parametrize("bound", ["user:ann", "group:team", "role:scientist"])
def test_whom_it_binds_neither_sets_nor_lifts_it(people, bound):
    """Who is bound, alone or through a group or role, touches no deny on it, whatever they manage above."""
    people.admin.add_member("group:team", "user:ann")
    people.admin.add_member("role:scientist", "group:team")
    people.admin.transfer_ownership("main", "user:ann")
    people.admin.deny(bound, P.SET_ALIAS, MODEL)
    ann = people("user:ann")
    for call in (
        lambda: ann.lift_deny(bound, P.SET_ALIAS, MODEL),
        lambda: ann.deny(bound, P.APPLY_TAG, MODEL),
    ):
        with pytest.raises(PermissionDeniedError, match="binds yourself"):
            call()
    assert (bound, "SET_ALIAS", "deny") in people.lines(MODEL)
    people.admin.grant("user:ann", P.MANAGE, "metastore:")
    ann.lift_deny(bound, P.SET_ALIAS, MODEL)


def test_claim_groups_bind_too(people):
    """A deny to a group that the request's token claims is not lifted by that request."""
    people.admin.transfer_ownership("main", "user:ann")
    people.admin.deny("group:okta/risk", P.EXECUTE, MODEL)
    with pytest.raises(PermissionDeniedError, match="binds yourself"):
        people("user:ann", claims=["group:okta/risk"]).lift_deny("group:okta/risk", P.EXECUTE, MODEL)


def test_denies_know_no_exceptions(people):
    """An allow nearer by, more particular or newer does not outweigh a deny, wherever the deny is."""
    people.gates("user:ann")
    people.admin.add_member("group:team", "user:ann")
    people.admin.deny("group:team", P.EXECUTE, "main")
    people.give("user:ann", MODEL, P.EXECUTE, P.ALL_PRIVILEGES)
    people.admin.transfer_ownership(MODEL, "user:ann")
    with pytest.raises(PermissionDeniedError, match="EXECUTE"):
        people("user:ann").read_model_version_file(f"{MODEL}/1", "model.bin")
