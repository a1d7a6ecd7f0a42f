"""R32: which bytes are readable, and what is metadata."""

from __future__ import annotations

import pytest

from herdbook.errors import ConflictError, NotFoundError, PermissionDeniedError, RuleViolationError
from herdbook.testing.samples import model_files, upload
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"


def test_bytes_are_readable_only_when_ready(people):
    """What is pending or failed gives no bytes to anyone, its author and an admin included."""
    people.gates("user:ann")
    people.give("user:ann", MODEL, P.ALL_PRIVILEGES)
    ann = people("user:ann")
    pending = ann.create_model_version(MODEL)
    upload(ann, pending, model_files(b"mine"))
    failed = ann.create_model_version(MODEL)
    manifest = upload(ann, failed, model_files(b"unsigned", signed=False))
    with pytest.raises(RuleViolationError):
        ann.finalize_model_version(failed.ref, manifest)
    people.give("user:os/founder", "main", P.EXECUTE)
    for version in (pending, failed):
        for registry in (ann, people.admin):
            with pytest.raises(ConflictError, match="only when it is READY"):
                registry.read_model_version_file(version.ref, "model.bin")


def test_a_deleted_versions_bytes_are_not_readable(people):
    """In the trash a version is missing, to whoever could read it before."""
    people.admin.delete_registered_model_alias(f"{MODEL}@champion")
    people.admin.delete_model_version(f"{MODEL}/1")
    with pytest.raises(NotFoundError):
        people.admin.read_model_version_file(f"{MODEL}/1", "model.bin")


def test_names_sizes_digests_and_signature_are_metadata(people):
    """READ_METADATA reads them, and no file's contents, the MLmodel document's included."""
    people.gates("user:ann")
    people.give("user:ann", MODEL, P.READ_METADATA)
    ann = people("user:ann")
    files = {file.path: file for file in ann.list_model_version_files(f"{MODEL}/1").items}
    assert set(files) == {"MLmodel", "model.bin"}
    assert all(len(file.sha256) == 64 and file.size > 0 for file in files.values())
    version = ann.get_model_version(f"{MODEL}/1")
    assert version.model.signature.inputs
    assert version.total_size == sum(file.size for file in files.values())
    for path in (*files, "no.bin"):
        with pytest.raises(PermissionDeniedError, match="EXECUTE"):
            ann.read_model_version_file(f"{MODEL}/1", path)
