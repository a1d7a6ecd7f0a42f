"""R27: idempotency keys and what was begun belong to one principal and one operation."""

from __future__ import annotations

import pytest

from herdbook.errors import ConflictError, NotFoundError, PermissionDeniedError
from herdbook.testing.samples import model_files, register, upload
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"


def test_a_key_belongs_to_one_principal(people):
    """Another's key is no key: both make their own."""
    people.give("user:ann", "metastore:", P.CREATE_CATALOG)
    people.give("user:bob", "metastore:", P.CREATE_CATALOG)
    mine = people("user:ann").create_catalog("anns", idempotency_key="k")
    assert people("user:ann").create_catalog("anns", idempotency_key="k") == mine
    theirs = people("user:bob").create_catalog("bobs", idempotency_key="k")
    assert theirs.id != mine.id


def test_a_key_belongs_to_one_operation_and_request(people):
    """With another request it is refused, with another verb it is another key."""
    people.admin.create_catalog("a", idempotency_key="k")
    with pytest.raises(ConflictError, match="another request"):
        people.admin.create_catalog("b", idempotency_key="k")
    people.admin.create_schema("a.s", idempotency_key="k")
    people.admin.grant("user:ann", P.USE_CATALOG, "a", idempotency_key="k")
    with pytest.raises(ConflictError, match="another request"):
        people.admin.grant("user:bob", P.USE_CATALOG, "a", idempotency_key="k")


def test_replays_are_authorized_again(people):
    """Who may not do it any more does not get the kept answer either."""
    people.gates("user:ann")
    people.give("user:ann", "metastore:", P.CREATE_CATALOG)
    people.give("user:ann", "main.default", P.CREATE_MODEL)
    people.give("user:ann", MODEL, P.CREATE_MODEL_VERSION, P.MANAGE)
    ann = people("user:ann")
    calls = (
        (lambda: ann.create_catalog("anns", idempotency_key="k"), P.CREATE_CATALOG, "metastore:"),
        (lambda: ann.create_registered_model("main.default.m", idempotency_key="k"), P.CREATE_MODEL, "main.default"),
        (lambda: ann.create_model_version(MODEL, idempotency_key="k"), P.CREATE_MODEL_VERSION, MODEL),
        (lambda: ann.grant("user:bob", P.EXECUTE, MODEL, idempotency_key="k"), P.MANAGE, MODEL),
    )
    for call, privilege, on in calls:
        assert call() == call()
        people.admin.revoke("user:ann", privilege, on)
        with pytest.raises(Exception, match=r"may not|may know of|is taken"):
            call()


@pytest.mark.parametrize("verb", ["create", "copy"])
def test_a_replay_tells_nothing_of_a_model_that_was_renamed(people, verb):
    """Whoever may make versions under the old name, which another model has got, learns no new name or comment."""
    people.gates("user:ann")
    people.give("user:ann", MODEL, P.CREATE_MODEL_VERSION)
    people.admin.create_registered_model("main.default.source")
    source = register(people.admin, "main.default.source")
    people.give("user:ann", "main.default.source", P.EXECUTE)
    ann = people("user:ann")

    def call():
        if verb == "create":
            return ann.create_model_version(MODEL, idempotency_key="k")
        return ann.copy_model_version(source.ref, MODEL, idempotency_key="k")

    assert call() == call()
    people.admin.revoke("user:ann", P.CREATE_MODEL_VERSION, MODEL)
    people.admin.rename_registered_model(MODEL, "main.default.secret")
    with pytest.raises((NotFoundError, PermissionDeniedError)):
        call()
    people.admin.create_registered_model(MODEL)
    people.give("user:ann", MODEL, P.CREATE_MODEL_VERSION)
    with pytest.raises(ConflictError) as caught:
        call()
    assert "secret" not in str(caught.value)


def test_a_replayed_copy_needs_the_right_on_the_model_that_it_made(people):
    """What was made with CREATE_MODEL on the schema is not told of again where the model itself is denied."""
    people.gates("user:ann")
    people.give("user:ann", "main.default", P.CREATE_MODEL)
    people.give("user:ann", MODEL, P.EXECUTE)
    source = register(people.admin, MODEL)
    ann = people("user:ann")

    def call():
        return ann.copy_model_version(source.ref, "main.default.copied", idempotency_key="k")

    assert call() == call()
    people.admin.deny("user:ann", P.ALL_PRIVILEGES, "main.default.copied")
    with pytest.raises((NotFoundError, PermissionDeniedError)):
        call()


@pytest.mark.parametrize("manages", [True, False])
def test_what_was_begun_is_finished_by_who_began_it(people, manages):
    """Nobody else sends files for a pending version or finalizes it; who may not see it learns nothing of it."""
    people.gates("user:ann", "user:bob")
    for name in ("user:ann", "user:bob"):
        people.give(name, MODEL, P.CREATE_MODEL_VERSION, P.EXECUTE)
    if manages:
        people.give("user:bob", MODEL, P.MANAGE)
    begun = people("user:ann").create_model_version(MODEL)
    manifest = upload(people("user:ann"), begun, model_files(b"anns"))
    error = PermissionDeniedError if manages else NotFoundError
    for call in (
        lambda: people("user:bob").finalize_model_version(begun.ref, manifest),
        lambda: upload(people("user:bob"), begun, model_files(b"bobs")),
    ):
        with pytest.raises(error):
            call()
    assert people("user:ann").finalize_model_version(begun.ref, manifest).version == begun.version
