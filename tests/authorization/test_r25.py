"""R25: what ends with a principal, and what stays."""

from __future__ import annotations

import pytest

from herdbook.entities import FileStat, VersionStatus
from herdbook.errors import NotFoundError, PermissionDeniedError, UnauthenticatedError
from herdbook.service import Authentication
from herdbook.testing.samples import model_files, register, upload
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"


@pytest.fixture
def left(people):
    """Return the people after ann, who owned, wrote and granted things, was deleted; and her open session."""
    people.gates("user:ann", "user:bob")
    people.admin.add_member("role:lead", "user:ann")
    people.give("user:ann", MODEL, P.ALL_PRIVILEGES)
    people.give("user:ann", "main.default", P.CREATE_MODEL)
    ann = people("user:ann")
    ann.create_registered_model("main.default.hers")
    register(ann, "main.default.hers", model_files(b"hers"))
    ann.grant("user:bob", P.EXECUTE, "main.default.hers")
    pending = ann.create_model_version("main.default.hers")
    manifest = upload(ann, pending, model_files(b"half done"))
    people.admin.delete_principal("user:ann")
    return people, ann, pending, manifest


def test_grants_memberships_and_sight_end_at_once(left):
    """A session that was open knows and lists nothing any more, and lines and memberships are ended on record."""
    people, ann, _, _ = left
    for call in (
        lambda: ann.get_registered_model("main.default.hers"),
        lambda: ann.get_model_version("main.default.hers/1"),
        lambda: ann.grant("user:bob", P.EXECUTE, MODEL),
    ):
        with pytest.raises(NotFoundError):
            call()
    assert ann.search_registered_models().items == ()
    assert people.admin.list_members("role:lead").items == ()
    assert people.rows(
        "SELECT count(*) FROM grants WHERE principal_id NOT IN "
        "(SELECT id FROM principals WHERE deleted_at IS NULL) AND valid_to IS NULL"
    ) == [(0,)]


def test_uploads_end(left):
    """What was begun goes no further, by anybody, and the sweep frees it."""
    people, ann, pending, manifest = left
    with pytest.raises(NotFoundError):
        upload(ann, pending, model_files(b"more"))
    with pytest.raises(NotFoundError):
        ann.finalize_model_version(pending.ref, manifest)
    with pytest.raises(PermissionDeniedError):
        people.admin.finalize_model_version(pending.ref, manifest)
    plan = people.admin.upload_plan(MODEL, [FileStat(path="model.bin", size=9)])
    assert all(slot.need.value != "HELD" for slot in plan.slots)
    assert people.admin.sweep_artifacts(grace_s=0).abandoned_versions == 1
    assert people.admin.get_model_version(pending.ref).status is VersionStatus.FAILED_REGISTRATION


def test_it_stays_owner_and_author_of_record_without_rights(left):
    """Its name stands where it stood until a container's manager hands the thing on."""
    people, _, _, _ = left
    model = people.admin.get_registered_model("main.default.hers")
    assert (model.owner, model.created_by) == ("user:ann", "user:ann")
    assert people.admin.get_model_version("main.default.hers/1").author == "user:ann"
    people.give("user:bob", "main.default", P.MANAGE)
    people("user:bob").transfer_ownership("main.default.hers", "user:bob")
    assert people.admin.get_registered_model("main.default.hers").owner == "user:bob"


def test_grants_it_made_stay(left):
    """Who was given something by it keeps that."""
    people, _, _, _ = left
    assert b"".join(people("user:bob").read_model_version_file("main.default.hers/1", "model.bin"))
    [line] = people.admin.list_grants("main.default.hers", principal="user:bob").items
    assert line.granted_by == "user:ann"


def test_deleting_a_group_takes_what_it_carried(people):
    """Its lines and memberships end, so its members lose what came through it."""
    people.admin.add_member("group:team", "user:ann")
    people.gates("group:team")
    people.give("group:team", MODEL, P.EXECUTE)
    assert people.may("user:ann", P.EXECUTE, MODEL)
    people.admin.delete_principal("group:team")
    people.admin.create_principal("group:team")
    assert not people.may("user:ann", P.EXECUTE, MODEL)
    people.admin.add_member("group:team", "user:ann")
    assert not people.may("user:ann", P.EXECUTE, MODEL)


@pytest.mark.parametrize("who", ["user:ann", "service:bot"])
def test_tokens_end_at_once_and_a_namesake_gets_none(people, who):
    """Disabled, they stand still; deleted, they are over, and a new principal of the name has none of them."""
    door = Authentication(people.metastore)
    secret = people(who).create_token(expires_in_s=3600).secret
    opened = people.metastore.for_caller(door.caller_for(f"Bearer {secret}"))
    people.admin.update_principal(who, enabled=False)
    for call in (
        lambda: door.caller_for(f"Bearer {secret}"),
        opened.list_tokens,
        lambda: opened.create_token(expires_in_s=1),
    ):
        with pytest.raises(UnauthenticatedError):
            call()
    people.admin.update_principal(who, enabled=True)
    assert door.caller_for(f"Bearer {secret}").principal_id == people.admin.get_principal(who).id
    people.admin.delete_principal(who)
    people.admin.create_principal(who)
    for call in (
        lambda: door.caller_for(f"Bearer {secret}"),
        opened.list_tokens,
        lambda: opened.create_token(expires_in_s=1),
    ):
        with pytest.raises(UnauthenticatedError):
            call()
    assert people(who).list_tokens().items == ()
    assert people.rows("SELECT count(*) FROM api_tokens WHERE revoked_at IS NULL") == [(0,)]


def test_tokens_that_it_made_for_others_stay(people):
    """They are the others'."""
    people.admin.grant("user:ann", P.MANAGE, "metastore:")
    secret = people("user:ann").create_token(expires_in_s=3600, principal="service:bot").secret
    people.admin.delete_principal("user:ann")
    caller = Authentication(people.metastore).caller_for(f"Bearer {secret}")
    assert caller.principal_id == people.admin.get_principal("service:bot").id
    assert [token.minted_by for token in people("service:bot").list_tokens().items] == ["user:ann"]
