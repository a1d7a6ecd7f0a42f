"""R27: signed URLs belong to one principal, operation and version; what is staged is trusted once its digest is proved.

Over a real S3 server: what it answers to a URL is a part of the rule.
"""

from __future__ import annotations

import hashlib
import http
import json
import time

import pytest

from herdbook.entities import FileStat, Manifest
from herdbook.entities.files import FileEntry
from herdbook.errors import (
    ConflictError,
    IntegrityError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    UnsupportedError,
)
from herdbook.ports.presigning import LARGEST_PUT, LONGEST_URL_S, UrlSettings
from herdbook.settings import load_settings
from herdbook.testing.presign_contract import exchange, send
from herdbook.testing.samples import model_files, upload
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"
SENT = b"sent straight to the store"
OK, FORBIDDEN = http.HTTPStatus.OK, http.HTTPStatus.FORBIDDEN


def stat(content=SENT, path="model.bin", *, known=True):
    sha256 = hashlib.sha256(content).hexdigest()
    return FileStat(path=path, size=len(content), sha256=sha256 if known else None)


def entry(content=SENT, path="model.bin"):
    return FileEntry(path=path, size=len(content), sha256=hashlib.sha256(content).hexdigest())


def place(registry, version, content=SENT, path="model.bin"):
    """Return the URL by which a file of a pending version is put to its place."""
    (slot,) = registry.upload_plan(
        version.name, [stat(content, path, known=False)], version=version.version, direct=True
    ).slots
    return slot.via


def whole(registry, ref, path="model.bin"):
    return b"".join(registry.read_model_version_file(ref, path))


@pytest.fixture
def make(make_people, make_metastore, open_bucket):
    """Make people whose bytes lie in a bucket; Ann and Bob may register versions of a model, and Ann read them."""

    def with_urls(**urls):
        store = open_bucket()
        signed_urls = UrlSettings(**{"from_bytes": 1, "life_s": 60, **urls})
        people = make_people(make_metastore("sqlite://", artifacts=store, signed_urls=signed_urls))
        people.gates("user:ann", "user:bob")
        people.give("user:ann", MODEL, P.CREATE_MODEL_VERSION, P.EXECUTE)
        people.give("user:bob", MODEL, P.CREATE_MODEL_VERSION)
        return people

    return with_urls


@pytest.fixture
def people(make):
    return make()


def blobs(people):
    """Return what is published."""
    return {blob.sha256 for blob in people.metastore.core.artifacts.blobs()}


def staged(people):
    """Return how many files stand in staging."""
    return people.metastore.core.artifacts.remove_staging(before_ms=2**60, dry_run=True)


def finish(registry, version, content=SENT):
    """Send the rest of a version's files and finalize it."""
    rest = upload(registry, version, {"MLmodel": model_files()["MLmodel"]})
    return registry.finalize_model_version(version.ref, Manifest.of([*rest.files, entry(content)]))


def test_what_is_put_and_taken_in_is_a_file_of_the_version(people):
    """Its author puts a file to its place, has it taken in, and finds it in the version; the place is empty then."""
    ann = people("user:ann")
    version = ann.create_model_version(MODEL)
    url = place(ann, version)
    assert (url.method, send(url, SENT)) == ("PUT", OK)
    assert entry().sha256 not in blobs(people)
    assert ann.take_in_model_version_file(version.ref, stat()) == entry()
    assert staged(people) == 0
    ready = finish(ann, version)
    assert whole(ann, ready.ref) == SENT
    assert exchange(ann.locate_model_version_file(ready.ref, "model.bin").url)[:2] == (OK, SENT)


def test_a_place_is_of_one_principal_and_one_version(people):
    """What was put for one version is found by nobody else, for no other version, and under no other path."""
    ann, bob = people("user:ann"), people("user:bob")
    hers, other, his = (registry.create_model_version(MODEL) for registry in (ann, ann, bob))
    assert send(place(ann, hers), SENT) == OK
    for registry, version, path in ((bob, his, "model.bin"), (ann, other, "model.bin"), (ann, hers, "other.bin")):
        with pytest.raises(ConflictError, match="Nothing was sent"):
            registry.take_in_model_version_file(version.ref, stat(path=path))
    with pytest.raises(NotFoundError):
        bob.take_in_model_version_file(hers.ref, stat())
    people.give("user:bob", MODEL, P.MANAGE)
    with pytest.raises(PermissionDeniedError, match="begun by"):
        bob.take_in_model_version_file(hers.ref, stat())
    with pytest.raises(PermissionDeniedError, match="begun by"):
        place(bob, hers)
    assert ann.take_in_model_version_file(hers.ref, stat()) == entry()


def test_every_use_is_authorized_again(people):
    """Who lost the right gets no URL, and nothing that they put with an old one is taken in."""
    ann = people("user:ann")
    version = ann.create_model_version(MODEL)
    url = place(ann, version)
    people.admin.revoke("user:ann", P.CREATE_MODEL_VERSION, MODEL)
    assert send(url, SENT) == OK
    for use in (lambda: ann.take_in_model_version_file(version.ref, stat()), lambda: place(ann, version)):
        with pytest.raises(PermissionDeniedError):
            use()
    assert entry().sha256 not in blobs(people)
    cut = people("user:ann", scope=([P.EXECUTE], MODEL))
    people.give("user:ann", MODEL, P.CREATE_MODEL_VERSION)
    with pytest.raises(PermissionDeniedError):
        cut.take_in_model_version_file(version.ref, stat())
    assert ann.take_in_model_version_file(version.ref, stat()) == entry()


def test_an_old_url_changes_nothing_that_is_published(people):
    """A URL that still lives after its file was taken in, or its version finalized, reaches staging and no more."""
    ann = people("user:ann")
    version = ann.create_model_version(MODEL)
    url = place(ann, version)
    assert send(url, SENT) == OK
    ann.take_in_model_version_file(version.ref, stat())
    assert send(url, b"other bytes, put later on") == OK
    with pytest.raises(IntegrityError):
        ann.take_in_model_version_file(version.ref, stat())
    ready = finish(ann, version)
    assert send(url, b"and once more") == OK
    assert whole(ann, ready.ref) == SENT
    with pytest.raises(ConflictError, match="no longer change"):
        ann.take_in_model_version_file(version.ref, stat(b"and once more"))
    with pytest.raises(ConflictError, match="no longer change"):
        place(ann, version)
    people.admin.sweep_artifacts(grace_s=0)
    assert staged(people) == 0
    assert whole(ann, ready.ref) == SENT


def test_what_somebody_else_put_there_is_not_taken_in(people):
    """Whoever got hold of a URL can spoil what is staged, and not make it a file: its digest is not the author's."""
    ann = people("user:ann")
    version = ann.create_model_version(MODEL)
    url = place(ann, version)
    assert send(url, SENT) == OK
    assert send(url, SENT[::-1]) == OK
    before = blobs(people)
    with pytest.raises(IntegrityError):
        ann.take_in_model_version_file(version.ref, stat())
    with pytest.raises(InvalidArgumentError, match="digest"):
        ann.take_in_model_version_file(version.ref, stat(known=False))
    assert blobs(people) == before
    with pytest.raises(InvalidArgumentError, match="lacks"):
        finish(ann, version)
    assert send(url, SENT) == OK
    assert ann.take_in_model_version_file(version.ref, stat()) == entry()


def test_a_digest_is_no_proof(people):
    """Who names the digest of bytes that they may not read gets neither the bytes nor a version of them (R26)."""
    secret = model_files()["model.bin"]
    bob = people("user:bob")
    version = bob.create_model_version(MODEL)
    with pytest.raises(ConflictError, match="Nothing was sent"):
        bob.take_in_model_version_file(version.ref, stat(secret))
    assert send(place(bob, version), b"x" * len(secret)) == OK
    with pytest.raises(IntegrityError):
        bob.take_in_model_version_file(version.ref, stat(secret))
    with pytest.raises(InvalidArgumentError, match="lacks"):
        finish(bob, version, secret)


def test_a_url_is_given_to_who_may_read_the_bytes(people):
    """Only EXECUTE on a READY version gives a URL to read; its author, an APPROVER and readers of metadata get none."""
    ann, bob = people("user:ann"), people("user:bob")
    assert exchange(ann.locate_model_version_file(f"{MODEL}/1", "model.bin").url)[1] == model_files()["model.bin"]
    people.give("user:bob", MODEL, P.READ_METADATA)
    for nobody in (bob, people("user:ann", scope=([P.CREATE_MODEL_VERSION], MODEL))):
        with pytest.raises(PermissionDeniedError):
            nobody.locate_model_version_file(f"{MODEL}/1", "model.bin")
    with pytest.raises(NotFoundError):
        people("service:bot").locate_model_version_file(f"{MODEL}/1", "model.bin")
    with pytest.raises(NotFoundError, match="no file"):
        ann.locate_model_version_file(f"{MODEL}/1", "nothing")
    begun = ann.create_model_version(MODEL)
    send(place(ann, begun), SENT)
    ann.take_in_model_version_file(begun.ref, stat())
    with pytest.raises(ConflictError, match="only when it is READY"):
        ann.locate_model_version_file(begun.ref, "model.bin")


def test_urls_end(make):
    """A URL that has ended is refused by the store, whatever it was for, and no setting lets one live for long."""
    people = make(life_s=1)
    ann = people("user:ann")
    version = ann.create_model_version(MODEL)
    writing, reading = place(ann, version), ann.locate_model_version_file(f"{MODEL}/1", "model.bin").url
    end = time.monotonic() + 60
    while send(reading) == OK and time.monotonic() < end:
        time.sleep(0.1)  # Nothing but time ends it.
    assert send(reading) == FORBIDDEN
    assert send(writing, SENT) == FORBIDDEN
    assert staged(people) == 0
    for life_s in (0, -1, int(LONGEST_URL_S) + 1):
        with pytest.raises(InvalidArgumentError, match="lives for"):
            UrlSettings(life_s=life_s)


def test_urls_are_given_for_what_they_are_asked_for(make):
    """None is given unless asked for, none for what is held, or too small or large; without a version it is refused."""
    people = make(from_bytes=10)
    ann = people("user:ann")
    version = ann.create_model_version(MODEL)
    held = model_files()["MLmodel"]
    asked = [
        stat(SENT, known=False),
        stat(held, "MLmodel"),
        FileStat(path="small", size=9),
        FileStat(path="large", size=LARGEST_PUT + 1),
        FileStat(path="just", size=LARGEST_PUT),
    ]
    slots = ann.upload_plan(MODEL, asked, version=version.version, direct=True).slots
    assert [slot.via is not None for slot in slots] == [True, False, False, False, True]
    assert all(slot.via is None for slot in ann.upload_plan(MODEL, asked, version=version.version).slots)
    with pytest.raises(InvalidArgumentError, match="none is named"):
        ann.upload_plan(MODEL, asked, direct=True)
    assert ann.locate_model_version_file(f"{MODEL}/1", "model.bin").url is None


def test_switched_off(make):
    """Where URLs are switched off none is given, and nothing is taken in from staging."""
    people = make(enabled=False)
    ann = people("user:ann")
    version = ann.create_model_version(MODEL)
    assert place(ann, version) is None
    assert ann.locate_model_version_file(f"{MODEL}/1", "model.bin").url is None
    with pytest.raises(UnsupportedError, match="from staging"):
        ann.take_in_model_version_file(version.ref, stat())


def test_the_settings(tmp_path):
    """`[signed_urls]` of herdbook.toml; a wrong word, or a life that is too long, is refused with its line."""
    path = tmp_path / "herdbook.toml"
    path.write_text("[signed_urls]\nenabled = false\nlife_s = 900\nfrom_bytes = 0\n")
    assert load_settings(path, environ={}).signed_urls == UrlSettings(enabled=False, life_s=900, from_bytes=0)
    for line, wrong in (("life_s = 901", "901"), ("from_bytes = -1", "from_bytes is -1"), ("lifes = 3", "lifes")):
        path.write_text(f"[signed_urls]\n{line}\n")
        with pytest.raises(InvalidArgumentError, match=wrong) as caught:
            load_settings(path, environ={})
        assert "herdbook.toml:" in caught.value.message


def test_what_is_taken_in_is_recorded(people):
    """It has its row in the audit log, as an upload through the server has."""
    ann = people("user:ann")
    version = ann.create_model_version(MODEL)
    send(place(ann, version), SENT)
    ann.take_in_model_version_file(version.ref, stat())
    query = "SELECT payload FROM audit WHERE operation = 'upload_model_version_files' ORDER BY id DESC LIMIT 1"
    [[payload]] = people.rows(query)
    assert json.loads(payload)["by"] == ann.get_current_principal().id
    assert json.loads(payload)["detail"] == {"version": version.version, "files": 1, "bytes": len(SENT)}
