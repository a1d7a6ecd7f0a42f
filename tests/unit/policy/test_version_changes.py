"""What changed between two versions: only what differs, each fact under its own name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from attrs import evolve
from hypothesis import HealthCheck, given, settings

from herdbook.entities import (
    DatasetRef,
    Effect,
    ExternalModel,
    FileEntry,
    Lineage,
    Manifest,
    ModelDescription,
    ModelVersion,
    ValueChange,
    VersionDiff,
    VersionStatus,
)
from herdbook.formats.signatures import parse_signature
from herdbook.names import ModelName, VersionRef
from herdbook.policy.version_changes import diff_versions
from herdbook.testing import strategies as ours

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FIRST = ModelVersion(
    id="1", name=ModelName.parse("main.default.iris"), version=1, status=VersionStatus.READY, author="user:a",
    created_at=NOW, updated_at=NOW, updated_by="user:a",
)  # fmt: skip


VERSIONS = ours.values(ModelVersion).map(lambda version: evolve(version, version=1 + abs(version.version) % 9))

# Whole versions take a while to draw on a machine that is busy.
slow_to_make = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])


def diff(old: ModelVersion, new: ModelVersion) -> VersionDiff:
    return diff_versions(old, new, old_files=(), new_files=())


def told(changes: tuple[ValueChange, ...]) -> list[tuple[str, str | None, str | None]]:
    return [(change.name, change.old, change.new) for change in changes]


def described(**facts: Any) -> ModelVersion:
    return evolve(FIRST, model=ModelDescription(**facts))


@slow_to_make
@given(VERSIONS, ours.manifests())
def test_nothing_changed_from_a_version_to_itself(version: ModelVersion, manifest: Manifest) -> None:
    """A version compared with itself has no change of any kind."""
    found = diff_versions(version, version, old_files=manifest.files, new_files=manifest.files)
    assert found == VersionDiff(old=version.ref, new=version.ref)


@slow_to_make
@given(VERSIONS, VERSIONS)
def test_the_other_way_round_is_the_mirror(old: ModelVersion, new: ModelVersion) -> None:
    """What the one direction calls old, the other calls new."""
    there, back = diff(old, new), diff(new, old)
    for part in ("flavors", "requirements", "external", "metadata", "tags", "lineage"):
        assert told(getattr(there, part)) == [(name, o, n) for name, n, o in told(getattr(back, part))]


def test_files_are_told_by_path() -> None:
    """Added, removed and changed files come with both sizes and digests; the same ones do not come."""

    def entry(path: str, size: int, digit: str = "0") -> FileEntry:
        return FileEntry(path=path, size=size, sha256=digit * 64)

    old = [entry("a", 1), entry("b", 2), entry("c", 3)]
    new = [entry("b", 2, "1"), entry("c", 3), entry("d", 4)]
    found = diff_versions(FIRST, FIRST, old_files=old, new_files=new).files
    assert [(change.path, change.old, change.new) for change in found] == [
        ("a", old[0], None),
        ("b", old[1], new[0]),
        ("d", None, new[2]),
    ]


def test_what_the_files_say_is_told_setting_by_setting() -> None:
    """Flavors and their settings, packages by their names whatever their spelling, and metadata."""
    old = described(
        flavors={"sklearn": {"sklearn_version": "1.6", "code": None}, "python_function": {"env": {"a": 1}}},
        requirements=("scikit_learn==1.6", "numpy<3", "numpy>=2", "-r more.txt"),
        metadata={"team": "fraud"},
    )
    new = described(
        flavors={"sklearn": {"sklearn_version": "1.7"}, "onnx": {}},
        requirements=("Scikit-Learn==1.7", "numpy<3", "numpy>=2", "pandas [all] ; python_version > '3'"),
        metadata={"team": "fraud", "tier": 1},
    )
    found = diff(old, new)
    assert told(found.flavors) == [
        ("onnx", None, ""),
        ("python_function", "", None),
        ("python_function.env", '{"a": 1}', None),
        ("sklearn.code", "null", None),
        ("sklearn.sklearn_version", "1.6", "1.7"),
    ]
    assert told(found.requirements) == [
        ("-r more.txt", "-r more.txt", None),
        ("pandas", None, "pandas [all] ; python_version > '3'"),
        ("scikit-learn", "scikit_learn==1.6", "Scikit-Learn==1.7"),
    ]
    assert told(found.metadata) == [("tier", None, "1")]


def test_what_people_say_is_told_too() -> None:
    """Tags, comment and every field of lineage."""
    parent = VersionRef.parse("main.default.base/2")
    old = evolve(FIRST, tags={"a": "1", "b": "2"}, lineage=Lineage(run_id="r1", environment={"python": "3.11"}))
    new = evolve(
        FIRST,
        tags={"a": "1", "b": "3"},
        comment="better",
        lineage=Lineage(run_id="r2", parents=(parent,), datasets=(DatasetRef(name="d"),)),
    )
    found = diff(old, new)
    assert told(found.tags) == [("b", "2", "3")]
    assert found.comment == ValueChange(name="comment", new="better")
    assert told(found.lineage) == [
        ("datasets", None, '[{"context": null, "digest": null, "name": "d", "source": null}]'),
        ("environment.python", "3.11", None),
        ("parents", None, "main.default.base/2"),
        ("run_id", "r1", "r2"),
    ]


def test_external_models_are_told_by_endpoint_and_params() -> None:
    """The flavor's settings are told once, as what they are."""
    external = ExternalModel(endpoint="https://a.example/v1", params={"deployment": "x"})
    moved = evolve(external, endpoint="https://a.example/v2", provider="a", params={"deployment": "y"})
    old, new = (
        described(external=made, flavors={"herdbook_external": {"endpoint": made.endpoint}})
        for made in (external, moved)
    )
    found = diff(old, new)
    assert found.flavors == ()
    assert told(found.external) == [
        ("endpoint", "https://a.example/v1", "https://a.example/v2"),
        ("params.deployment", "x", "y"),
        ("provider", None, "a"),
    ]


def test_the_signature_is_judged() -> None:
    """The verdict on the signature is that of its own diff, from the old version to the new one."""
    narrow, wide = (parse_signature({"inputs": [{"type": kind, "name": "x"}]}) for kind in ("integer", "long"))
    assert diff(described(signature=narrow), described(signature=wide)).signature.effect is Effect.COMPATIBLE
    assert diff(described(signature=wide), described(signature=narrow)).signature.effect is Effect.BREAKING
