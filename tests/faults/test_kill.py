"""SIGKILL at every step of register, alias move and sweep: nothing is half visible, and no registered byte is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.adapters.files.shelves import Shelves
from herdbook.adapters.files.store import FileStore
from herdbook.adapters.sql.statements import Runner
from herdbook.adapters.sql.store import SqlStore
from herdbook.adapters.system import SystemClock, Uuid7Ids
from herdbook.bootstrap import load_plugins, read_policy, shipped_model
from herdbook.entities import VersionStatus
from herdbook.names import PrincipalName
from herdbook.service import Founding, Metastore
from herdbook.settings import Settings
from herdbook.testing import kills
from herdbook.testing.samples import model_files, register, upload

pytestmark = [pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"), pytest.mark.timeout(600)]

FOUNDER = PrincipalName.parse("user:os/founder")
NAME = "main.default.iris"
_WATCHED = [
    (Runner, ("one", "all", "run", "later", "many")),
    (os, ("fsync", "utime", "open", "write", "unlink")),
    (Shelves, ("place",)),
    (FileStore, ("remove", "_sync_all")),
]


def open_metastore(folder: Path) -> Metastore:
    metastore = Metastore(
        store=SqlStore.open(f"sqlite:///{folder / 'herdbook.db'}"),
        artifacts=FileStore(folder / "artifacts"),
        authorizer=CasbinAuthorizer(shipped_model()),
        checks=load_plugins(Settings()),
        clock=SystemClock(),
        ids=Uuid7Ids(),
    )
    metastore.open(Founding(creator=FOUNDER, policy=read_policy(None)))
    return metastore


def opened(folder: Path):
    metastore = open_metastore(folder)
    return metastore, metastore.for_caller(metastore.asserted(FOUNDER))


def survives(work, folder: Path, step: int) -> bool:
    """Do the work in a process that dies at a step; tells whether it came to its end before that."""

    def begin():
        _, registry = opened(folder)
        return lambda: work(registry, step)

    return kills.survives(begin, step, _WATCHED)


def check(folder: Path) -> None:
    """Everything that is visible is whole."""
    metastore, registry = opened(folder)
    try:
        for version in registry.list_model_versions(NAME, max_results=1000).items:
            if version.status is not VersionStatus.READY:
                assert version.status in (VersionStatus.PENDING_REGISTRATION, VersionStatus.FAILED_REGISTRATION)
                continue
            assert version.model is not None
            files = registry.list_model_version_files(version.ref).items
            assert len(files) == version.file_count
            for file in files:
                assert sum(map(len, registry.read_model_version_file(version.ref, file.path))) == file.size
        for alias in registry.list_registered_model_aliases(NAME):
            assert registry.get_model_version(f"{NAME}/{alias.version}").status is VersionStatus.READY
        for blob in metastore.core.artifacts.blobs():
            assert sum(map(len, metastore.core.artifacts.read(blob.sha256))) == blob.size
        with metastore.core.store.read() as tx:
            audited = tx._run.one("SELECT count(*) FROM outbox o LEFT JOIN audit a ON a.at = o.at WHERE a.id IS NULL")
        assert audited == (0,)
    finally:
        metastore.close()


def run_to_the_end(work, folder: Path, *, least: int, before=None) -> None:
    step = 0
    while True:
        step += 1
        if before is not None:
            before(step)
        done = survives(work, folder, step)
        check(folder)
        if done:
            break
        assert step < 2000, "the work never came to its end"
    assert step > least, "too few steps were watched for this test to mean anything"


@pytest.fixture
def folder(tmp_path):
    metastore, registry = opened(tmp_path)
    registry.create_registered_model(NAME)
    register(registry, NAME, model_files(b"first"))
    metastore.close()
    return tmp_path


def test_register(folder):
    """Killed anywhere in register, a version is READY and whole, or it is not READY."""

    def work(registry, step):
        version = registry.create_model_version(NAME, tags={"step": str(step)})
        manifest = upload(registry, version, model_files(f"weights {step}".encode()))
        registry.finalize_model_version(version.ref, manifest)

    run_to_the_end(work, folder, least=40)


def test_register_many_files(folder):
    """The same where files share one wait for the disk."""

    def work(registry, step):
        files = {f"part-{i:02}": f"{step} {i}".encode() for i in range(20)} | model_files(str(step).encode())
        register(registry, NAME, files)

    run_to_the_end(work, folder, least=60)


def test_create_in_one_transaction(folder):
    """A version of held files is there whole, or not at all."""

    def work(registry, step):
        files = registry.list_model_version_files(f"{NAME}/1").items
        from herdbook.entities import Manifest

        registry.create_model_version(NAME, manifest=Manifest.of(files))

    run_to_the_end(work, folder, least=15)
    metastore, registry = opened(folder)
    statuses = {version.status for version in registry.list_model_versions(NAME).items}
    metastore.close()
    assert statuses == {VersionStatus.READY}


def test_alias_move(folder):
    """An alias points to the old version or to the new one, never to none or to both."""
    metastore, registry = opened(folder)
    register(registry, NAME, model_files(b"second"))
    registry.set_registered_model_alias(f"{NAME}@champion", 1)
    metastore.close()

    def work(registry, step):
        registry.set_registered_model_alias(f"{NAME}@champion", 1 + step % 2)
        registry.set_registered_model_alias(f"{NAME}@champion", 2 - step % 2)

    step = 0
    while True:
        step += 1
        done = survives(work, folder, step)
        check(folder)
        metastore, registry = opened(folder)
        aliases = registry.list_registered_model_aliases(NAME)
        history = registry.list_alias_history(f"{NAME}@champion", max_results=1000).items
        metastore.close()
        assert len(aliases) == 1
        assert [entry.valid_to for entry in history[1:]] == [entry.valid_from for entry in history[:-1]]
        if done:
            break
    assert step > 15


def test_sweep(folder):
    """Killed anywhere in a sweep, no byte of a READY version is gone, and the next sweep finishes the work."""

    def litter(step):
        metastore, registry = opened(folder)
        version = registry.create_model_version(NAME)
        upload(registry, version, {"orphan": f"orphan {step}".encode()})
        metastore.close()

    def work(registry, step):
        registry.sweep_artifacts(grace_s=0)

    run_to_the_end(work, folder, least=10, before=litter)
    metastore, registry = opened(folder)
    report = registry.sweep_artifacts(grace_s=0)
    metastore.close()
    assert (report.abandoned_versions, report.removed_blobs) == (0, 0)
    assert report.kept_blobs == 2
