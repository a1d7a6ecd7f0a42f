"""R30: what CREATE_MODEL_VERSION includes, and what an author may read."""

from __future__ import annotations

import pytest

from herdbook.errors import NotFoundError, PermissionDeniedError, RuleViolationError
from herdbook.testing.samples import model_files, register, upload
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"


@pytest.fixture
def author(people):
    """Return ann, who may register versions and nothing else."""
    people.gates("user:ann")
    people.give("user:ann", MODEL, P.CREATE_MODEL_VERSION)
    return people("user:ann")


def test_it_includes_knowing_the_model(people, author):
    """The model is listed to them, and its fields are refused, not missing."""
    assert [str(model.name) for model in author.list_registered_models("main.default").items] == [MODEL]
    [seen] = author.search_registered_models().items
    assert (seen.owner, seen.latest_version, seen.aliases) == (None, None, {})
    with pytest.raises(PermissionDeniedError, match="READ_METADATA"):
        author.get_registered_model(MODEL)


def test_an_author_reads_status_and_verdicts(author):
    """Of what they registered, by every verb that answers with it, whether it was admitted or refused."""
    made = register(author, MODEL, model_files(b"mine"))
    again = author.get_model_version(made.ref)
    assert (again.version, again.status.value, again.model, again.manifest_sha256) == (2, "READY", None, None)
    assert (again.comment, again.tags, again.file_count) == (None, {}, None)
    begun = author.create_model_version(MODEL, comment="words")
    manifest = upload(author, begun, model_files(b"unsigned", signed=False))
    with pytest.raises(RuleViolationError):
        author.finalize_model_version(begun.ref, manifest)
    refused = author.get_model_version(begun.ref)
    assert refused.status.value == "FAILED_REGISTRATION"
    assert [rejection.rule for rejection in refused.rejections] == ["signature-required"]


def test_not_the_bytes_nor_anothers(author):
    """Neither their own version's bytes and files, nor anything of a version of somebody else's."""
    made = register(author, MODEL, model_files(b"mine"))
    for call in (
        lambda: author.read_model_version_file(made.ref, "model.bin"),
        lambda: author.list_model_version_files(made.ref),
        lambda: author.get_model_version(f"{MODEL}/1"),
        lambda: author.get_model_version(f"{MODEL}/99"),
        lambda: author.list_model_versions(MODEL),
        lambda: author.get_model_version_by_alias(f"{MODEL}@champion"),
    ):
        with pytest.raises(PermissionDeniedError):
            call()
    assert author.search_model_versions().items == ()


def test_without_knowing_the_model_an_author_reads_nothing(people, author):
    """The right gone, what one registered once answers like what does not exist."""
    made = register(author, MODEL, model_files(b"mine"))
    people.admin.revoke("user:ann", P.CREATE_MODEL_VERSION, MODEL)
    with pytest.raises(NotFoundError):
        author.get_model_version(made.ref)
