"""What an attacker, a bad clock and odd folders must not get out of the core."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from herdbook.bootstrap import open_registry
from herdbook.client import download_artifacts, register_model
from herdbook.entities import Lineage, Manifest, TokenScope, VersionStatus
from herdbook.errors import ConcurrentUpdateError, InvalidArgumentError, PermissionDeniedError, RegistryError
from herdbook.names import PrincipalName, VersionRef
from herdbook.service import Metastore
from herdbook.service.core import to_time
from herdbook.service.finalizing import Finalizing
from herdbook.verdicts import Privilege

FOUNDER = PrincipalName.parse("user:os/founder")
MODEL = "main.default.scorer"
SIGNATURE = {"inputs": [{"type": "double", "name": "x"}], "outputs": [{"type": "long"}]}
Make = Callable[..., Metastore]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a folder with one file."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights").write_bytes(b"weights")
    return folder


def _scoped(metastore: Metastore, model_id: str, *privileges: Privilege) -> Any:
    scope = TokenScope(securable_id=model_id, privileges=frozenset(privileges))
    return metastore.for_caller(evolve(metastore.asserted(FOUNDER), scope=scope))


def _register(metastore: Metastore, source: Path, name: str = MODEL, **more: Any) -> Any:
    registry = metastore.for_caller(metastore.asserted(FOUNDER))
    return registry, register_model(source, name, registry=registry, signature=SIGNATURE, **more)


def test_a_held_file_with_another_size_is_not_held(make_metastore: Make, source: Path) -> None:
    """A version never becomes READY with a size that its bytes do not have: rules judge sizes."""
    registry, version = _register(make_metastore(), source)
    files = registry.list_model_version_files(version.ref).items
    lie = Manifest.of([evolve(file, size=file.size + 1) for file in files])
    begun = registry.create_model_version(MODEL, manifest=lie)
    assert begun.status is VersionStatus.PENDING_REGISTRATION
    with pytest.raises(InvalidArgumentError, match="lacks 2 file"):
        registry.finalize_model_version(begun.ref, lie)


def test_parents_beyond_a_scope_are_not_shown(make_metastore: Make, source: Path) -> None:
    """Lineage shows no parent that the reader may not know of (R28, R24), by any verb that reads versions."""
    metastore = make_metastore()
    registry, parent = _register(metastore, source, "main.default.secret")
    ref = VersionRef.parse("main.default.secret/1")
    _, child = _register(metastore, source, lineage=Lineage(parents=(ref,)))
    registry.set_registered_model_alias(f"{MODEL}@a", 1)
    scoped = _scoped(metastore, registry.get_registered_model(MODEL).id, Privilege.READ_METADATA)
    assert registry.get_model_version(child.ref).lineage.parents == (parent.ref,)
    assert scoped.get_model_version(child.ref).lineage.parents == ()
    assert scoped.list_model_versions(MODEL).items[0].lineage.parents == ()
    assert scoped.get_model_version_by_alias(f"{MODEL}@a").lineage.parents == ()


def test_a_replay_shows_an_author_no_more_than_get_does(make_metastore: Make, source: Path) -> None:
    """An author without READ_METADATA gets status and verdicts from a replayed create, nothing else (R30)."""
    metastore = make_metastore()
    registry, _ = _register(metastore, source)
    scoped = _scoped(metastore, registry.get_registered_model(MODEL).id, Privilege.CREATE_MODEL_VERSION)
    begun = scoped.create_model_version(MODEL, idempotency_key="k")
    registry.update_model_version(begun.ref, comment="not for the author")
    assert scoped.create_model_version(MODEL, idempotency_key="k").comment is None


def test_assignments_do_not_overlap_when_the_clock_steps_back(make_metastore: Make, source: Path) -> None:
    """At any time an alias pointed to one version at most, and as_of finds the one that the history names."""
    metastore = make_metastore()
    registry, _ = _register(metastore, source)
    _register(metastore, source)
    model_id, start = registry.get_registered_model(MODEL).id, 4_000_000_000_000
    first, second = (registry.get_model_version(f"{MODEL}/{n}").id for n in (1, 2))
    stamp = evolve(metastore.core.stamp(metastore.asserted(FOUNDER)), at_ms=start)
    with metastore.core.store.write() as tx:
        tx.set_alias(model_id, "a", first, reason=None, new_id="1", stamp=stamp)
        tx.delete_alias(model_id, "a", stamp=evolve(stamp, at_ms=start + 1000))
        tx.set_alias(model_id, "a", second, reason=None, new_id="2", stamp=evolve(stamp, at_ms=start + 500))
    newer, older = registry.list_alias_history(f"{MODEL}@a").items
    assert newer.valid_from >= older.valid_to
    assert registry.get_model_version_by_alias(f"{MODEL}@a", as_of=to_time(start + 1001)).version == 2


def test_a_refused_end_gives_the_lease_back(
    make_metastore: Make, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where finalize says 'finalize it again', that works at once and not after the lease."""
    registry, version = _register(make_metastore(), source)
    manifest = Manifest.of(registry.list_model_version_files(version.ref).items)
    begun = registry.create_model_version(MODEL)
    with monkeypatch.context() as patched:

        def moved(*_: object) -> None:
            raise ConcurrentUpdateError("The rules changed.")

        patched.setattr(Finalizing, "_end", moved)
        with pytest.raises(ConcurrentUpdateError):
            registry.finalize_model_version(begun.ref, manifest)
    assert registry.finalize_model_version(begun.ref, manifest).status is VersionStatus.READY


def test_a_refusal_in_memory_is_the_refusal_of_a_file(make_metastore: Make) -> None:
    """On one shared connection a refused verb names the right, and its transaction is rolled back."""
    metastore = make_metastore("sqlite://")
    registry = metastore.for_caller(metastore.asserted(FOUNDER))
    model_id = registry.create_registered_model(MODEL).id
    scoped = _scoped(metastore, model_id, Privilege.CREATE_MODEL_VERSION)
    with pytest.raises(PermissionDeniedError, match="APPLY_TAG"):
        scoped.create_model_version(MODEL, tags={"a": "b"})
    with pytest.raises(PermissionDeniedError, match="READ_METADATA"):
        scoped.list_model_versions(MODEL)
    assert registry.create_model_version(MODEL).version == 1


@pytest.mark.parametrize("name", ["a%20b", "a?b=c", "a#b", "a b", "ü"])
def test_a_folder_of_any_name_holds_its_own_registry(tmp_path: Path, name: str) -> None:
    """Database and bytes lie in the folder that was named, never in one whose name decodes to the same."""
    with open_registry(str(tmp_path / name)) as registry:
        registry.list_catalogs()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert {"herdbook.db", "artifacts"} <= {path.name for path in (tmp_path / name).iterdir()}


def test_a_linked_folder_is_not_dropped_silently(make_metastore: Make, source: Path, tmp_path: Path) -> None:
    """No version is READY without files that its folder shows."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "more").write_bytes(b"more")
    (source / "data").symlink_to(tmp_path / "data")
    with pytest.raises(InvalidArgumentError, match="link to a folder"):
        _register(make_metastore(), source)


@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        ("create_model_version", {"manifest": {"files": []}}),
        ("create_model_version", {"tags": "ab"}),
        ("create_model_version", {"lineage": {"run_id": "1"}}),
        ("read_model_version_file", {"ref": f"{MODEL}/1", "path": "\ud800"}),
        ("read_model_version_file", {"ref": f"{MODEL}/1", "path": []}),
        ("get_model_version_by_alias", {"ref": f"{MODEL}@a", "as_of": "2026-01-01T00:00:00Z"}),
        ("sweep_artifacts", {"grace_s": float("inf")}),
        ("sweep_artifacts", {"grace_s": "1"}),
        ("get_effective_rules", {"securable": 5}),
    ],
)
def test_what_is_of_another_type_is_an_invalid_argument(
    make_metastore: Make, source: Path, verb: str, arguments: dict[str, Any]
) -> None:
    """A wrong type is answered by our error, never by one of Python's or of the database's."""
    registry, _ = _register(make_metastore(), source)
    if verb == "create_model_version":
        arguments = {"name": MODEL, **arguments}
    with pytest.raises(RegistryError) as caught:
        getattr(registry, verb)(**arguments)
    assert type(caught.value) is InvalidArgumentError


def test_a_download_into_the_current_folder_lands_in_it(
    make_metastore: Make, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty folder that is there is filled, not replaced: also where it is the current one, or a link."""
    registry, version = _register(make_metastore(), source)
    here, link = tmp_path / "here", tmp_path / "link"
    here.mkdir()
    (tmp_path / "linked").mkdir()
    link.symlink_to(tmp_path / "linked")
    monkeypatch.chdir(here)
    for target in (Path(), link):
        download_artifacts(version.ref, target, registry=registry)
        assert {path.name for path in target.iterdir()} == {"MLmodel", "weights"}
