"""No verb reads for a caller what the caller may not execute, also when rights change on the way (R26)."""

from __future__ import annotations

import pytest
from attrs import evolve

from herdbook.entities import Lineage, Manifest, VersionStatus
from herdbook.errors import InvalidArgumentError, NotFoundError, PermissionDeniedError
from herdbook.names import VersionRef
from herdbook.service.finalizing import Finalizing
from herdbook.testing.samples import model_files, register, upload
from herdbook.verdicts import Privilege

P = Privilege
SOURCE = "main.default.iris"
OWN = "main.default.own"
LINEAGE = Lineage(parents=(VersionRef.parse(f"{SOURCE}/1"),))
# Rights on the source that fall short of EXECUTE, with the refusal that they meet.
SHORT = {
    "none": ((), NotFoundError),
    "browse": ((P.BROWSE,), PermissionDeniedError),
    "read": ((P.READ_METADATA,), PermissionDeniedError),
    "manage": ((P.MANAGE, P.APPROVE, P.MODIFY, P.SET_ALIAS, P.CREATE_MODEL_VERSION), PermissionDeniedError),
}
# Ways in which EXECUTE on the source goes away.
LOSS = {
    "revoke": lambda p: p.admin.revoke("role:lead", P.EXECUTE, SOURCE),
    "deny": lambda p: p.admin.deny("user:ann", P.EXECUTE, SOURCE),
    "leave": lambda p: p.admin.remove_member("role:lead", "user:ann"),
    "group": lambda p: p.admin.delete_principal("role:lead"),
}


@pytest.fixture
def ann(people):
    """Return ann, who registers in a model of her own and has nothing on the source."""
    people.gates("user:ann")
    people.admin.create_registered_model(OWN)
    people.give("user:ann", OWN, P.ALL_PRIVILEGES)
    people.give("user:ann", "main.default", P.CREATE_MODEL)
    return people("user:ann")


@pytest.fixture
def executing(people, ann):
    """Return ann, who may execute the source through a role."""
    people.admin.add_member("role:lead", "user:ann")
    people.give("role:lead", SOURCE, P.EXECUTE)
    return ann


def untouched(people):
    """Return whether nothing came into being."""
    models = {str(model.name) for model in people.admin.search_registered_models().items}
    return models == {SOURCE, OWN} and people.admin.list_model_versions(OWN).items == ()


@pytest.mark.parametrize("short", SHORT)
@pytest.mark.parametrize("target", [OWN, "main.default.new"])
def test_copying_needs_execute_on_the_source(people, ann, short, target):
    """Into one's own model and into a new one: without EXECUTE nothing is copied and nothing made."""
    privileges, error = SHORT[short]
    people.give("user:ann", SOURCE, *privileges)
    with pytest.raises(error):
        ann.copy_model_version(f"{SOURCE}/1", target)
    assert untouched(people)
    people.give("user:ann", SOURCE, P.EXECUTE)
    assert ann.copy_model_version(f"{SOURCE}/1", target).status is VersionStatus.READY


@pytest.mark.parametrize("short", SHORT)
def test_naming_a_parent_needs_execute_on_it(people, ann, short):
    """A version is not said to come from what its author may not execute."""
    privileges, error = SHORT[short]
    people.give("user:ann", SOURCE, *privileges)
    for more in ({}, {"manifest": Manifest.of(people.admin.list_model_version_files(f"{SOURCE}/1").items)}):
        with pytest.raises(error):
            ann.create_model_version(OWN, lineage=LINEAGE, **more)
    assert untouched(people)


@pytest.mark.parametrize("loss", LOSS)
def test_a_right_that_goes_between_create_and_finalize(people, executing, loss):
    """EXECUTE is asked again in the transaction that makes the version READY, which it then does not become."""
    begun = executing.create_model_version(OWN, lineage=LINEAGE)
    manifest = upload(executing, begun, model_files(b"child"))
    LOSS[loss](people)
    with pytest.raises((PermissionDeniedError, NotFoundError)):
        executing.finalize_model_version(begun.ref, manifest)
    assert people.admin.get_model_version(begun.ref).status is VersionStatus.PENDING_REGISTRATION
    people.give("user:ann", SOURCE, P.EXECUTE)
    if loss == "deny":
        people.admin.lift_deny("user:ann", P.EXECUTE, SOURCE)
    assert executing.finalize_model_version(begun.ref, manifest).status is VersionStatus.READY


def test_a_source_that_is_deleted_in_between(people, executing):
    """A parent in the trash, or purged, makes nothing READY."""
    begun = executing.create_model_version(OWN, lineage=LINEAGE)
    manifest = upload(executing, begun, model_files(b"child"))
    gone = people.admin.get_registered_model(SOURCE).id
    people.admin.delete_registered_model_alias(f"{SOURCE}@champion")
    people.admin.delete_registered_model(SOURCE, force=True)
    for purge in (lambda: None, lambda: people.admin.purge_registered_model(gone)):
        purge()
        with pytest.raises(NotFoundError):
            executing.finalize_model_version(begun.ref, manifest)


@pytest.fixture
def on_describe(people, monkeypatch):
    """Return a function: what it is given happens once, when the files of a version are read to be judged."""
    admission = people.metastore.core.admission
    describe = admission.describe

    def arrange(event):
        def first(*words):
            monkeypatch.setattr(admission, "describe", describe)
            event()
            return describe(*words)

        monkeypatch.setattr(admission, "describe", first)

    return arrange


@pytest.mark.parametrize("loss", LOSS)
def test_a_right_that_goes_while_a_version_is_judged(people, executing, on_describe, loss):
    """Between lease and verdict EXECUTE on a parent goes away: the verdict is a refusal."""
    begun = executing.create_model_version(OWN, lineage=LINEAGE)
    manifest = upload(executing, begun, model_files(b"child"))
    on_describe(lambda: LOSS[loss](people))
    with pytest.raises((PermissionDeniedError, NotFoundError)):
        executing.finalize_model_version(begun.ref, manifest)
    assert people.admin.get_model_version(begun.ref).status is VersionStatus.PENDING_REGISTRATION


@pytest.mark.parametrize("loss", LOSS)
def test_held_files_are_proved_again_at_the_verdict(people, executing, on_describe, loss):
    """Files that were not sent because of EXECUTE elsewhere are lacking once that is gone, judged already or not."""
    begun = executing.create_model_version(OWN)
    held = Manifest.of(people.admin.list_model_version_files(f"{SOURCE}/1").items)
    on_describe(lambda: LOSS[loss](people))
    with pytest.raises(InvalidArgumentError, match="lacks 2 file"):
        executing.finalize_model_version(begun.ref, held)
    assert people.admin.get_model_version(begun.ref).status is VersionStatus.PENDING_REGISTRATION


@pytest.mark.parametrize("target", [OWN, "main.default.new"])
@pytest.mark.parametrize("loss", LOSS)
def test_a_right_that_goes_between_naming_and_copying(people, executing, monkeypatch, target, loss):
    """The source was found and read; before the copy is written EXECUTE on it goes away, and there is no copy."""
    store = people.metastore.core.store
    write = store.write

    def first(**how):
        monkeypatch.setattr(store, "write", write)
        LOSS[loss](people)
        return write(**how)

    monkeypatch.setattr(store, "write", first)
    with pytest.raises((PermissionDeniedError, NotFoundError)):
        executing.copy_model_version(f"{SOURCE}/1", target)
    assert untouched(people)


def test_another_version_under_the_name_is_not_copied(people, executing, monkeypatch):
    """What has the source's name by the time of the copy is not what was named: nothing is copied."""
    store = people.metastore.core.store
    write = store.write

    def first(**how):
        monkeypatch.setattr(store, "write", write)
        people.admin.rename_registered_model(SOURCE, "main.default.moved")
        people.admin.create_registered_model(SOURCE)
        register(people.admin, SOURCE, model_files(b"another"))
        people.give("user:ann", SOURCE, P.EXECUTE)
        return write(**how)

    monkeypatch.setattr(store, "write", first)
    with pytest.raises(Exception, match="another version by now"):
        executing.copy_model_version(f"{SOURCE}/1", OWN)
    assert people.admin.list_model_versions(OWN).items == ()


def test_a_narrower_token_of_the_same_person_finishes_nothing_wider(people, executing):
    """What a person began is not finished with a token that does not reach the source (R24)."""
    begun = executing.create_model_version(OWN, lineage=LINEAGE)
    manifest = upload(executing, begun, model_files(b"child"))
    narrow = people("user:ann", scope=(set(P), OWN))
    with pytest.raises(NotFoundError):
        narrow.finalize_model_version(begun.ref, manifest)
    with pytest.raises(NotFoundError):
        narrow.copy_model_version(f"{SOURCE}/1", OWN)


def test_another_callers_finalize_is_no_way_around(people, executing):
    """Who may execute everything cannot be made to finish what its author may not."""
    begun = executing.create_model_version(OWN, lineage=LINEAGE)
    manifest = upload(executing, begun, model_files(b"child"))
    LOSS["revoke"](people)
    with pytest.raises(PermissionDeniedError, match="begun by"):
        people.admin.finalize_model_version(begun.ref, manifest)
    core, caller = people.metastore.core, people.caller("user:ann")
    with pytest.raises((PermissionDeniedError, NotFoundError)):
        Finalizing(core, evolve(caller, client="admin"), begun.ref, manifest).run()
