"""R36: tags at creation."""

from __future__ import annotations

import pytest

from herdbook.errors import NotFoundError, PermissionDeniedError
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"


@pytest.mark.parametrize("how", ["version", "copy"])
def test_tags_given_with_a_version_need_apply_tag(people, how):
    """A version or copy with tags is refused without APPLY_TAG on the model, and made without tags."""
    people.gates("user:ann")
    people.give("user:ann", MODEL, P.EXECUTE, P.CREATE_MODEL_VERSION)
    ann = people("user:ann")

    def make(**more):
        if how == "version":
            return ann.create_model_version(MODEL, **more)
        return ann.copy_model_version(f"{MODEL}/1", MODEL, **more)

    with pytest.raises(PermissionDeniedError, match="APPLY_TAG"):
        make(tags={"k": "v"})
    assert len(people.admin.list_model_versions(MODEL).items) == 1
    assert make().tags == {}
    people.give("user:ann", MODEL, P.APPLY_TAG)
    assert make(tags={"k": "v"}).tags == {"k": "v"}


def test_tags_given_with_a_model_need_apply_tag(people):
    """An owner has it on what they create, unless a deny takes it."""
    people.gates("user:ann")
    people.give("user:ann", "main.default", P.CREATE_MODEL)
    assert people("user:ann").create_registered_model("main.default.a", tags={"k": "v"}).tags == {"k": "v"}
    people.admin.deny("user:ann", P.APPLY_TAG, "main.default")
    with pytest.raises((PermissionDeniedError, NotFoundError)):
        people("user:ann").create_registered_model("main.default.b", tags={"k": "v"})
