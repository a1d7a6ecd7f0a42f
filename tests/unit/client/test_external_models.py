"""External models through a real registry: registered, judged, compared, and not loaded."""

from __future__ import annotations

import pytest

import herdbook
from herdbook.bootstrap import open_registry
from herdbook.entities import Effect, VersionStatus
from herdbook.errors import ConflictError, InvalidArgumentError, NotFoundError, RuleViolationError, UnsupportedError

NAME = "main.default.chat"
ENDPOINT = "https://models.example.org/v1/chat"
SIGNATURE = {"inputs": [{"type": "string", "name": "text"}], "outputs": [{"type": "string"}]}


@pytest.fixture
def registry(tmp_path):
    with open_registry(str(tmp_path / "registry")) as opened:
        yield opened


def register(registry, **facts):
    return herdbook.register_external_model(
        NAME, registry=registry, **{"endpoint": ENDPOINT, "signature": SIGNATURE, **facts}
    )


def test_an_external_model_is_one_document(registry):
    """The version is READY, has one file, and the registry itself read the endpoint from it."""
    version = register(registry, provider="example", params={"deployment": "large"}, tags={"a": "b"}, comment="c")
    assert (version.status, version.file_count, version.tags, version.comment) == (
        *(VersionStatus.READY, 1, {"a": "b"}),
        "c",
    )
    assert version.model.external == herdbook.ExternalModel(
        endpoint=ENDPOINT, provider="example", params={"deployment": "large"}
    )
    assert version.model.signature.inputs[0].name == "text"
    assert version.lineage.source == ENDPOINT
    assert [file.path for file in registry.list_model_version_files(version.ref).items] == ["MLmodel"]
    # The second version needs no bytes, and is described from those that are held.
    again = register(registry, provider="example", params={"deployment": "large"})
    assert (again.version, again.model.external) == (2, version.model.external)


def test_a_repeated_call_goes_on_with_its_version(registry):
    """The same idempotency key gives the same version."""
    assert register(registry, idempotency_key="k").ref == register(registry, idempotency_key="k").ref


def test_an_external_model_is_judged_like_any(registry):
    """Without a signature the rule refuses it, and names what demands it."""
    with pytest.raises(RuleViolationError, match="signature-required"):
        register(registry, signature=None)


def test_a_document_that_hides_its_endpoint_is_refused(registry, tmp_path):
    """A folder whose MLmodel says that it is external, but not acceptably where, does not come in."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "MLmodel").write_text(
        "flavors: {herdbook_external: {endpoint: 'https://me:pw@a.example'}}\n"
        'signature: {inputs: \'[{"type": "long"}]\', outputs: \'[{"type": "long"}]\'}\n'
    )
    with pytest.raises(RuleViolationError, match=r"flavors\.herdbook_external.*a user or a password"):
        herdbook.register_model(folder, NAME, registry=registry)


@pytest.mark.parametrize(
    "facts", [{"endpoint": "somewhere"}, {"params": {"api_key": "x"}}, {"params": 3}, {"signature": 3}]
)
def test_what_is_not_acceptable_makes_nothing(registry, facts):
    """A mistake is refused before a model or a version number is made."""
    with pytest.raises(InvalidArgumentError):
        register(registry, **facts)
    with pytest.raises(NotFoundError):
        registry.get_registered_model(NAME)


@pytest.mark.parametrize("flavor", [None, "herdbook_external"])
def test_loading_one_says_where_it_is_served(registry, flavor):
    """load_model says what it is and gives the endpoint, whatever is installed."""
    version = register(registry, provider="example")
    with pytest.raises(UnsupportedError, match="is an external model: it is served by example at") as caught:
        herdbook.load_model(version.ref, registry=registry, flavor=flavor)
    assert caught.value.details["endpoint"] == ENDPOINT
    assert ENDPOINT in caught.value.message


def test_versions_are_compared_by_any_name(registry):
    """By number, by alias and by latest; the signature is judged, what is the same is not told."""
    first = register(registry)
    wider = {**SIGNATURE, "inputs": [*SIGNATURE["inputs"], {"type": "long", "name": "n"}]}
    second = register(registry, signature=wider, endpoint=f"{ENDPOINT}/2")
    registry.set_registered_model_alias(f"{NAME}@champion", 1)
    found = herdbook.diff_model_versions(f"models:/{NAME}@champion", f"{NAME}/latest", registry=registry)
    assert (found.old, found.new) == (first.ref, second.ref)
    assert [(change.path, change.effect) for change in found.signature.changes] == [("n", Effect.BREAKING)]
    assert [change.path for change in found.files] == ["MLmodel"]
    assert [change.name for change in found.external] == ["endpoint"]
    assert found.flavors == found.tags == found.requirements == ()


def test_versions_of_two_models_are_compared(registry):
    """The same document under two names differs in nothing."""
    first = register(registry)
    other = herdbook.register_external_model(
        "main.default.other", endpoint=ENDPOINT, signature=SIGNATURE, registry=registry
    )
    found = herdbook.diff_model_versions(first.ref, other.ref, registry=registry)
    assert found == herdbook.VersionDiff(old=first.ref, new=other.ref)


def test_what_is_not_finalized_is_not_compared(registry):
    """A pending version's files are not known, so there is no diff that could mislead."""
    first = register(registry)
    pending = registry.create_model_version(NAME)
    with pytest.raises(ConflictError, match="PENDING_REGISTRATION"):
        herdbook.diff_model_versions(first.ref, pending.ref, registry=registry)
