"""R27: parts of a file belong to one principal, operation and version; what is staged is trusted once it is proved."""

from __future__ import annotations

import hashlib
import io

import pytest
from attrs import evolve

from herdbook.adapters.files.store import FileStore
from herdbook.entities import FileStat, Manifest, SlotNeed, StagedParts
from herdbook.entities.files import FileEntry
from herdbook.errors import (
    ConflictError,
    IntegrityError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    TooLargeError,
)
from herdbook.policy.limits import FileLimits
from herdbook.ports.registry import FileUpload
from herdbook.testing.samples import model_files, upload
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"
PART = 1000
CONTENT = b"a" * PART + b"b" * PART + b"the end"


@pytest.fixture(params=["folder", "bucket"])
def store(request, tmp_path):
    """What takes small parts."""
    if request.param == "folder":
        return FileStore(tmp_path / "parts", part_bytes=PART)
    store = request.getfixturevalue("open_bucket")()
    store._parts.part_bytes = PART
    return store


@pytest.fixture
def people(make_people, make_metastore, store):
    """Ann and Bob, who may register versions of a model whose bytes lie there."""
    people = make_people(make_metastore("sqlite://", artifacts=store))
    people.gates("user:ann", "user:bob")
    people.give("user:ann", MODEL, P.CREATE_MODEL_VERSION, P.EXECUTE)
    people.give("user:bob", MODEL, P.CREATE_MODEL_VERSION)
    return people


def stat(content=CONTENT, path="model.bin", *, known=True):
    sha256 = hashlib.sha256(content).hexdigest()
    return FileStat(path=path, size=len(content), sha256=sha256 if known else None)


def entry(content=CONTENT, path="model.bin"):
    return FileEntry(path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def send(registry, version, number, content=CONTENT, path="model.bin"):
    """Send one part of a file."""
    offset = number * PART
    part = content[offset : offset + PART]
    source = FileUpload(file=stat(content, path, known=False), source=io.BytesIO(part))
    return registry.stage_model_version_file(version.ref, source, offset=offset, length=len(part))


def held(registry, version, content=CONTENT, path="model.bin"):
    """Return what the plan says is held of a file."""
    file = stat(content, path, known=False)
    (slot,) = registry.upload_plan(version.name, [file], version=version.version, direct=True).slots
    return slot.parts.held


def left(people):
    """Return how many things stand in staging."""
    return people.metastore.core.artifacts.remove_staging(before_ms=2**60, dry_run=True)


def test_what_was_sent_in_parts_is_a_file_of_the_version(people):
    """Its author sends parts, sees which are held, has the file taken in, and finds it; asked again it is the same."""
    ann = people("user:ann")
    version = ann.create_model_version(MODEL)
    assert send(ann, version, 2) == StagedParts(part_bytes=PART, held=(2,))
    with pytest.raises(ConflictError, match="missing"):
        ann.take_in_model_version_file(version.ref, stat())
    assert send(ann, version, 0).held == held(ann, version) == (0, 2)
    send(ann, version, 1)
    assert ann.take_in_model_version_file(version.ref, stat()) == entry()
    assert ann.take_in_model_version_file(version.ref, stat()) == entry()
    assert left(people) == 0
    (slot,) = ann.upload_plan(MODEL, [stat()], version=version.version, direct=True).slots
    assert (slot.need, slot.parts) == (SlotNeed.HELD, None)
    rest = upload(ann, version, {"MLmodel": model_files()["MLmodel"]})
    ready = ann.finalize_model_version(version.ref, Manifest.of([*rest.files, entry()]))
    assert b"".join(ann.read_model_version_file(ready.ref, "model.bin")) == CONTENT


def test_parts_are_of_one_principal_and_one_version(people):
    """What was sent for one version is found by nobody else, for no other version, and under no other path."""
    ann, bob = people("user:ann"), people("user:bob")
    hers, other, his = (registry.create_model_version(MODEL) for registry in (ann, ann, bob))
    for number in range(3):
        send(ann, hers, number)
    assert held(ann, hers) == (0, 1, 2)
    for registry, version, path in ((bob, his, "model.bin"), (ann, other, "model.bin"), (ann, hers, "other.bin")):
        assert held(registry, version, path=path) == ()
        with pytest.raises(ConflictError, match="Nothing was sent"):
            registry.take_in_model_version_file(version.ref, stat(path=path))
    for use in (lambda: send(bob, hers, 0), lambda: bob.take_in_model_version_file(hers.ref, stat())):
        with pytest.raises(NotFoundError):
            use()
    people.give("user:bob", MODEL, P.MANAGE)
    for use in (
        lambda: send(bob, hers, 0),
        lambda: held(bob, hers),
        lambda: bob.take_in_model_version_file(hers.ref, stat()),
    ):
        with pytest.raises(PermissionDeniedError, match="begun by"):
            use()
    assert ann.take_in_model_version_file(hers.ref, stat()) == entry()


def test_every_use_is_authorized_again(people):
    """Who lost the right, or has a token without it, sends no part, learns of none, and has nothing taken in."""
    ann = people("user:ann")
    version = ann.create_model_version(MODEL)
    for number in range(3):
        send(ann, version, number)

    def uses(registry):
        return (
            lambda: send(registry, version, 0, path="other.bin"),
            lambda: held(registry, version),
            lambda: registry.take_in_model_version_file(version.ref, stat()),
        )

    people.admin.revoke("user:ann", P.CREATE_MODEL_VERSION, MODEL)
    for use in uses(ann):
        with pytest.raises(PermissionDeniedError):
            use()
    people.give("user:ann", MODEL, P.CREATE_MODEL_VERSION)
    for use in uses(people("user:ann", scope=([P.EXECUTE], MODEL))):
        with pytest.raises(PermissionDeniedError):
            use()
    assert entry().sha256 not in {blob.sha256 for blob in people.metastore.core.artifacts.blobs()}
    assert ann.take_in_model_version_file(version.ref, stat()) == entry()


def test_a_file_that_is_held_elsewhere_has_to_be_sent(people):
    """Knowing the digest of somebody's file gives nobody the file (R26)."""
    upload(people.admin, people.admin.create_model_version(MODEL), {"model.bin": CONTENT})
    bob = people("user:bob")
    version = bob.create_model_version(MODEL)
    with pytest.raises(ConflictError):
        bob.take_in_model_version_file(version.ref, stat())
    for number in range(3):
        send(bob, version, number, b"?" * len(CONTENT))
    with pytest.raises(IntegrityError):
        bob.take_in_model_version_file(version.ref, stat())
    assert held(bob, version) == ()


def test_only_a_pending_version_takes_parts(people):
    """Once a version is READY nothing more is kept for it."""
    ann = people("user:ann")
    version = ann.create_model_version(MODEL)
    send(ann, version, 0)
    ann.finalize_model_version(version.ref, upload(ann, version, model_files(b"something else")))
    for use in (lambda: send(ann, version, 1), lambda: ann.take_in_model_version_file(version.ref, stat())):
        with pytest.raises(ConflictError, match="READY"):
            use()
    assert left(people) == 1
    people.admin.sweep_artifacts(grace_s=0)
    assert left(people) == 0


def test_what_is_too_large_is_refused_before_it_is_read(people):
    """A file over the limit, or beyond what else is on its way to the version, is refused unread."""
    core = people.metastore.core
    people.metastore._core = evolve(core, limits=FileLimits(max_file_bytes=3 * PART, max_version_bytes=4 * PART))
    ann = people("user:ann")
    version = ann.create_model_version(MODEL)
    with pytest.raises(TooLargeError, match="a file"):
        send(ann, version, 0, b"x" * (3 * PART + 1))
    assert left(people) == 0
    send(ann, version, 0)
    source = io.BytesIO(bytes(PART))
    beyond = FileUpload(file=stat(CONTENT, "other.bin"), source=source)
    with pytest.raises(TooLargeError, match="a version"):
        ann.stage_model_version_file(version.ref, beyond, offset=0, length=PART)
    assert source.tell() == 0
    assert left(people) == 1
    # What is there of the file itself does not count against it.
    for number in (1, 2):
        send(ann, version, number)
    assert ann.take_in_model_version_file(version.ref, stat()) == entry()
    with pytest.raises(TooLargeError, match="a version"):
        send(ann, version, 0, path="other.bin")


def test_small_files_are_sent_whole(people):
    """A file that would be a single part has no parts, and nothing is taken in without its digest."""
    ann = people("user:ann")
    version = ann.create_model_version(MODEL)
    small = FileStat(path="small", size=PART)
    (slot,) = ann.upload_plan(MODEL, [small], version=version.version, direct=True).slots
    assert slot.parts is None
    with pytest.raises(InvalidArgumentError, match="whole"):
        ann.stage_model_version_file(
            version.ref, FileUpload(file=small, source=io.BytesIO(bytes(PART))), offset=0, length=PART
        )
    for number in range(3):
        send(ann, version, number)
    with pytest.raises(InvalidArgumentError, match="digest"):
        ann.take_in_model_version_file(version.ref, stat(known=False))
