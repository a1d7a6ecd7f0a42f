"""R29: compound verbs."""

from __future__ import annotations

import pytest

from herdbook.entities import Lineage
from herdbook.errors import NotFoundError, PermissionDeniedError, RuleViolationError
from herdbook.names import VersionRef
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"


@pytest.mark.parametrize("denied", [P.CREATE_MODEL_VERSION, P.APPLY_TAG, P.MANAGE])
def test_every_part_is_checked_before_anything_is_done(people, denied):
    """A version with tags and a number needs all three; without one of them no number is used and no row written."""
    people.gates("user:ann")
    people.give("user:ann", MODEL, P.READ_METADATA, *({P.CREATE_MODEL_VERSION, P.APPLY_TAG, P.MANAGE} - {denied}))
    with pytest.raises(PermissionDeniedError, match=denied.value):
        people("user:ann").create_model_version(MODEL, tags={"k": "v"}, number=7)
    assert [version.version for version in people.admin.list_model_versions(MODEL).items] == [1]
    people.give("user:ann", MODEL, denied)
    assert people("user:ann").create_model_version(MODEL, tags={"k": "v"}, number=7).version == 7


def test_a_model_that_cannot_be_tagged_is_not_created(people):
    """Tags at creation are a part of it: without APPLY_TAG there is no model afterwards."""
    people.gates("user:ann")
    people.give("user:ann", "main.default", P.CREATE_MODEL)
    people.admin.deny("user:ann", P.APPLY_TAG, "main")
    with pytest.raises((PermissionDeniedError, NotFoundError)):
        people("user:ann").create_registered_model("main.default.fresh", tags={"k": "v"})
    with pytest.raises(NotFoundError):
        people.admin.get_registered_model("main.default.fresh")
    assert str(people("user:ann").create_registered_model("main.default.fresh").name) == "main.default.fresh"


def test_a_parent_that_may_not_be_executed_refuses_the_whole(people):
    """Nothing of the version stays where one parent's right is missing."""
    people.admin.create_registered_model("main.default.own")
    people.gates("user:ann")
    people.give("user:ann", "main.default.own", P.CREATE_MODEL_VERSION, P.READ_METADATA)
    people.give("user:ann", MODEL, P.READ_METADATA)
    with pytest.raises(PermissionDeniedError, match="EXECUTE"):
        people("user:ann").create_model_version(
            "main.default.own", lineage=Lineage(parents=(VersionRef.parse(f"{MODEL}/1"),))
        )
    assert people.admin.list_model_versions("main.default.own").items == ()


@pytest.fixture
def full(people):
    """Return the people; ann owns `lab`, which holds two schemas with a model each."""
    for name in ("lab.a", "lab.b"):
        if name == "lab.a":
            people.admin.create_catalog("lab")
        people.admin.create_schema(name)
        people.admin.create_registered_model(f"{name}.m")
    people.admin.transfer_ownership("lab", "user:ann")
    return people


@pytest.mark.parametrize("privilege", [P.MANAGE, P.READ_METADATA])
@pytest.mark.parametrize("child", ["lab.b", "lab.b.m"])
def test_a_forced_delete_obeys_each_childs_denies(full, child, privilege):
    """A deny on one thing inside refuses the whole, and everything stays."""
    full.admin.deny("user:ann", privilege, child)
    full.admin.grant("user:ann", P.MODIFY, "lab.b.m")
    with pytest.raises(PermissionDeniedError, match=child):
        full("user:ann").delete_catalog("lab", force=True)
    assert full.admin.get_registered_model("lab.a.m").owner == "user:os/founder"
    full.admin.lift_deny("user:ann", privilege, child)
    full("user:ann").delete_catalog("lab", force=True)


@pytest.mark.parametrize("child", ["lab.b", "lab.b.m"])
def test_what_may_not_be_known_refuses_without_a_name(full, told, child):
    """A child that the caller may not know refuses the whole without being named, whichever it is."""
    full.admin.deny("user:ann", P.BROWSE, child)
    answer = told(lambda: full("user:ann").delete_catalog("lab", force=True))
    assert answer.startswith("PermissionDeniedError: You may not delete catalog (catalog lab): not all in it is yours")
    assert "lab." not in answer


def test_a_forced_delete_obeys_each_childs_rules(people):
    """A version that an alias points to is kept, however far up the deletion is asked for."""
    people.admin.get_effective_rules(MODEL)
    with pytest.raises(RuleViolationError, match="champion"):
        people.admin.delete_catalog("main", force=True)
    people.admin.delete_registered_model_alias(f"{MODEL}@champion")
    people.admin.delete_catalog("main", force=True)
