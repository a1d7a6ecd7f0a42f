"""R26: sources and digests; more about parents and copies is in test_confused_deputy."""

from __future__ import annotations

import pytest

from herdbook.entities import FileStat, Lineage, Manifest, SlotNeed, VersionStatus
from herdbook.errors import InvalidArgumentError
from herdbook.names import VersionRef
from herdbook.testing.samples import model_files, register
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"
OWN = "main.default.own"


@pytest.fixture
def bob(people):
    """Return bob, who registers in a model of his own."""
    people.gates("user:bob")
    people.admin.create_registered_model(OWN)
    people.give("user:bob", OWN, P.ALL_PRIVILEGES)
    return people("user:bob")


@pytest.mark.parametrize("privilege", [P.READ_METADATA, P.BROWSE, P.MANAGE, P.APPROVE])
def test_a_digest_is_no_proof(people, bob, privilege):
    """Who knows a file's digest and may not EXECUTE a version that holds it has to send the file."""
    people.give("user:bob", MODEL, privilege)
    files = people.admin.list_model_version_files(f"{MODEL}/1").items
    named = [FileStat(path=file.path, size=file.size, sha256=file.sha256) for file in files]
    sized = [FileStat(path=file.path, size=file.size) for file in files]
    for stats in (named, sized):
        assert {slot.need for slot in bob.upload_plan(OWN, stats).slots} == {SlotNeed.BYTES}
    begun = bob.create_model_version(OWN, manifest=Manifest.of(files))
    assert begun.status is VersionStatus.PENDING_REGISTRATION
    with pytest.raises(InvalidArgumentError, match="lacks 2 file"):
        bob.finalize_model_version(begun.ref, Manifest.of(files))


def test_execute_skips_what_is_held(people, bob):
    """With EXECUTE nothing has to be sent, and without it again what was skipped is lacking."""
    people.give("user:bob", MODEL, P.EXECUTE)
    files = people.admin.list_model_version_files(f"{MODEL}/1").items
    assert {
        slot.need
        for slot in bob.upload_plan(OWN, [FileStat(path=f.path, size=f.size, sha256=f.sha256) for f in files]).slots
    } == {SlotNeed.HELD}
    begun = bob.create_model_version(OWN)
    people.admin.revoke("user:bob", P.EXECUTE, MODEL)
    with pytest.raises(InvalidArgumentError, match="lacks 2 file"):
        bob.finalize_model_version(begun.ref, Manifest.of(files))


def test_a_source_resolves_once_to_an_id(people, bob):
    """A parent that is renamed, and another that gets its name, change nothing: the version named first is meant."""
    people.give("user:bob", MODEL, P.EXECUTE)
    begun = bob.create_model_version(OWN, lineage=Lineage(parents=(VersionRef.parse(f"{MODEL}/1"),)))
    people.admin.rename_registered_model(MODEL, "main.default.renamed")
    people.admin.create_registered_model(MODEL)
    register(people.admin, MODEL, model_files(b"another"))
    people.admin.deny("user:bob", P.ALL_PRIVILEGES, MODEL)
    from herdbook.testing.samples import upload

    made = bob.finalize_model_version(begun.ref, upload(bob, begun, model_files(b"child")))
    assert [str(parent) for parent in made.lineage.parents] == ["main.default.renamed/1"]
