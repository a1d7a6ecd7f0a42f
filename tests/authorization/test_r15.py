"""R15: what an alias may point to."""

from __future__ import annotations

import pytest

from herdbook.errors import ConflictError, NotFoundError, RuleViolationError
from herdbook.testing.samples import model_files, register, upload
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"


def test_an_alias_points_only_to_a_ready_version(people):
    """A pending, a failed, a deleted and a missing version are refused, to whoever asks, and the alias stays."""
    pending = people.admin.create_model_version(MODEL)
    refused = people.admin.create_model_version(MODEL)
    manifest = upload(people.admin, refused, model_files(signed=False))
    with pytest.raises(RuleViolationError):
        people.admin.finalize_model_version(refused.ref, manifest)
    deleted = register(people.admin, MODEL, model_files(b"more"))
    people.admin.delete_model_version(deleted.ref)
    for version, error in (
        (pending.version, ConflictError),
        (refused.version, ConflictError),
        (deleted.version, NotFoundError),
        (99, NotFoundError),
    ):
        with pytest.raises(error):
            people.admin.set_registered_model_alias(f"{MODEL}@champion", version)
    assert people.admin.get_model_version_by_alias(f"{MODEL}@champion").version == 1


def test_a_version_that_one_may_not_see_answers_as_a_missing_one(people, told):
    """Another's pending version is told apart from none only by who manages or approves the model."""
    people.gates("user:ann")
    people.give("user:ann", MODEL, P.READ_METADATA, P.SET_ALIAS)
    pending = people.admin.create_model_version(MODEL).version
    ann = people("user:ann")
    there, gone = (
        told(lambda v=v: ann.set_registered_model_alias(f"{MODEL}@next", v)).replace(f"/{v} ", "/N ")
        for v in (pending, 99)
    )
    assert there == gone
    assert there.startswith("NotFoundError")
    people.give("user:ann", MODEL, P.APPROVE)
    with pytest.raises(ConflictError, match="PENDING"):
        ann.set_registered_model_alias(f"{MODEL}@next", pending)
