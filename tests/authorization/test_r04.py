"""R4: what can be granted and denied on the metastore, and what of it flows down."""

from __future__ import annotations

import pytest

from herdbook.errors import InvalidArgumentError, PermissionDeniedError
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"
ON_METASTORE = {P.CREATE_CATALOG, P.MANAGE, P.MANAGE_POLICY, P.READ_AUDIT}


@pytest.mark.parametrize("privilege", P)
def test_four_can_be_granted_there_and_all_be_denied(people, privilege):
    """CREATE_CATALOG, MANAGE, MANAGE_POLICY and READ_AUDIT are grantable on the metastore; any can be denied."""
    if privilege in ON_METASTORE:
        people.admin.grant("user:ann", privilege, "metastore:")
        assert people.may("user:ann", privilege, "metastore:")
    else:
        with pytest.raises(InvalidArgumentError, match="cannot be granted"):
            people.admin.grant("user:ann", privilege, "metastore:")
    assert people.admin.deny("user:ann", privilege, "metastore:").privilege is privilege
    assert ("user:ann", privilege.value, "deny") in people.lines("metastore:")
    if privilege in ON_METASTORE:
        assert not people.may("user:ann", privilege, "metastore:")


def test_only_an_admin_grants_there(people):
    """Nobody else grants on the metastore, what they have themselves included."""
    people.give("user:ann", "metastore:", *(ON_METASTORE - {P.MANAGE}))
    people.admin.create_catalog("lab")
    people.admin.transfer_ownership("lab", "user:ann")
    for privilege in ON_METASTORE:
        with pytest.raises(PermissionDeniedError, match="MANAGE on the metastore"):
            people("user:ann").grant("user:bob", privilege, "metastore:")
    with pytest.raises(PermissionDeniedError, match="MANAGE on the metastore"):
        people("user:ann").deny("user:bob", P.EXECUTE, "metastore:")


def test_manage_and_read_audit_flow_down_and_the_others_do_not(people):
    """MANAGE and READ_AUDIT on the metastore hold on all below; CREATE_CATALOG and MANAGE_POLICY hold there alone."""
    people.gates("user:ann", "user:bob")
    people.give("user:ann", "metastore:", P.MANAGE, P.READ_AUDIT)
    people.give("user:bob", "metastore:", P.CREATE_CATALOG, P.MANAGE_POLICY)
    for on in ("metastore:", "main", "main.default", MODEL):
        assert [people.may("user:ann", privilege, on) for privilege in (P.MANAGE, P.READ_AUDIT)] == [True, True]
        for privilege in (P.CREATE_CATALOG, P.MANAGE_POLICY):
            assert people.may("user:bob", privilege, on) is (on == "metastore:")


def test_a_deny_on_the_metastore_holds_everywhere(people):
    """A deny there binds below as well, whoever owns what is below."""
    people.gates("user:ann")
    people.admin.transfer_ownership(MODEL, "user:ann")
    people.admin.deny("user:ann", P.EXECUTE, "metastore:")
    with pytest.raises(PermissionDeniedError, match="EXECUTE"):
        people("user:ann").read_model_version_file(f"{MODEL}/1", "model.bin")
