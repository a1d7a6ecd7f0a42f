"""R2: owners, what they have on the thing and on what lies inside, and what cuts them."""

from __future__ import annotations

import pytest

from herdbook.errors import InvalidArgumentError, PermissionDeniedError
from herdbook.policy.privileges import OWNER_INCLUDES
from herdbook.testing.samples import register
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"
ON_MODELS = (
    *(P.BROWSE, P.CREATE_MODEL_VERSION, P.READ_METADATA, P.EXECUTE, P.MODIFY, P.APPLY_TAG, P.SET_ALIAS),
    *(P.APPROVE, P.MANAGE, P.READ_AUDIT),
)
NOT_OWNERS = {P.BROWSE, P.APPROVE, P.READ_AUDIT}


def test_an_owner_has_all_but_three_on_the_thing_itself(people):
    """An owner has every privilege on it except BROWSE, APPROVE and READ_AUDIT."""
    people.gates("user:ann")
    people.admin.transfer_ownership(MODEL, "user:ann")
    held = {privilege for privilege in ON_MODELS if people.may("user:ann", privilege, MODEL)}
    assert held == set(ON_MODELS) - NOT_OWNERS
    assert set(OWNER_INCLUDES) & (NOT_OWNERS | {P.CREATE_CATALOG, P.MANAGE_POLICY}) == set()
    assert people.may("user:ann", P.SET_ALIAS, f"{MODEL}@champion")


@pytest.mark.parametrize("on", ["main", "main.default"])
def test_inside_an_owner_has_only_manage_and_the_gates(people, on):
    """A container's owner manages what is inside and passes gates; no EXECUTE, SET_ALIAS or CREATE_MODEL there."""
    people.admin.transfer_ownership("main.default", "user:bob")
    people.admin.transfer_ownership(on, "user:ann")
    people.admin.grant("user:ann", P.USE_CATALOG, "main")
    held = {privilege for privilege in ON_MODELS if people.may("user:ann", privilege, MODEL)}
    assert held == {P.MANAGE, P.READ_METADATA}
    ann = people("user:ann")
    assert ann.get_registered_model(MODEL).latest_version == 1
    for call in (
        lambda: ann.read_model_version_file(f"{MODEL}/1", "model.bin"),
        lambda: ann.delete_registered_model_alias(f"{MODEL}@champion"),
        lambda: ann.create_model_version(MODEL),
        lambda: ann.set_registered_model_tag(MODEL, "k", "v"),
    ):
        with pytest.raises(PermissionDeniedError):
            call()
    if on == "main":
        with pytest.raises(PermissionDeniedError, match="CREATE_MODEL"):
            ann.create_registered_model("main.default.fresh")
        ann.create_schema("main.fresh")
    else:
        ann.create_registered_model("main.default.fresh")


def test_versions_and_aliases_have_no_owners(people):
    """Neither a slot nor the metastore can be handed over, and a version is no securable."""
    for name in (f"{MODEL}@champion", "metastore:"):
        with pytest.raises(InvalidArgumentError, match="Nobody owns"):
            people.admin.transfer_ownership(name, "user:ann")
    with pytest.raises(InvalidArgumentError):
        people.admin.transfer_ownership(f"{MODEL}/1", "user:ann")
    people.gates("user:ann")
    people.give("user:ann", MODEL, P.CREATE_MODEL_VERSION)
    version = register(people("user:ann"), MODEL)
    people.give("user:ann", MODEL, P.READ_METADATA)
    with pytest.raises(PermissionDeniedError, match="MANAGE"):
        people("user:ann").delete_model_version(version.ref)


def test_denies_and_scopes_cut_owners(people):
    """A requirement is never "or owner": a deny and a token's scope cut an owner like anyone."""
    people.gates("user:ann")
    people.admin.transfer_ownership(MODEL, "user:ann")
    people.admin.deny("user:ann", P.MODIFY, "main.default")
    with pytest.raises(PermissionDeniedError, match="MODIFY"):
        people("user:ann").update_registered_model(MODEL, comment="mine")
    cut = people("user:ann", scope=({P.READ_METADATA}, "main"))
    assert cut.get_registered_model(MODEL).owner == "user:ann"
    for call in (
        lambda: cut.set_registered_model_tag(MODEL, "k", "v"),
        lambda: cut.grant("user:bob", P.EXECUTE, MODEL),
        lambda: cut.transfer_ownership(MODEL, "user:bob"),
    ):
        with pytest.raises(PermissionDeniedError):
            call()
