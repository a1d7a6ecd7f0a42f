"""SIGKILL at every step of an import and of an export: run again, each ends as if nothing had happened."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import herdbook
from herdbook.adapters.files.shelves import Shelves
from herdbook.adapters.files.store import FileStore
from herdbook.adapters.sql.statements import Runner
from herdbook.bootstrap import open_registry
from herdbook.client.archive.writing import ArchiveWriter
from herdbook.settings import Settings
from herdbook.testing.archive_samples import fill, members, snapshot

pytestmark = [pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"), pytest.mark.timeout(600)]

_WATCHED = [
    (Runner, ("one", "run", "later", "many")),
    (os, ("fsync", "open", "write")),
    (Shelves, ("place",)),
    (FileStore, ("_sync_all",)),
]
_EXPORTING = [
    (ArchiveWriter, ("blob", "document", "_cut", "holds", "finish")),
    (os, ("fsync", "open")),
    (Path, ("rename",)),
]


def die_at(step: int, watched) -> None:
    """From now on, kill this process at its n-th watched call: half of them before it, half after it."""
    count = 0

    def counting(call):
        def counted(*args, **kwargs):
            nonlocal count
            count += 1
            if count == step and step % 2:
                os.kill(os.getpid(), signal.SIGKILL)
            result = call(*args, **kwargs)
            if count >= step:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return counted

    for owner, names in watched:
        for name in names:
            setattr(owner, name, counting(getattr(owner, name)))


def survives(work, folder: Path, step: int, watched) -> bool:
    """Do the work in a process that dies at a step; tells whether it came to its end before that."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with open_registry(str(folder), settings=Settings()) as registry:
                die_at(step, watched)
                work(registry)
                code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0, "the work itself failed"
    return True


@pytest.fixture
def source(tmp_path):
    """A filled registry's folder."""
    with open_registry(str(tmp_path / "source"), settings=Settings()) as registry:
        fill(registry)
    return tmp_path / "source"


def let_leases_end(folder: Path) -> None:
    """What a minute would do: nobody holds a lease any more."""
    with closing(sqlite3.connect(folder / "herdbook.db")) as database:
        database.execute("UPDATE model_versions SET lease_expires_at = 1 WHERE lease_expires_at IS NOT NULL")
        database.commit()


def test_import(source, tmp_path):
    """Killed anywhere and run again, an import leaves exactly the registry that a clean one leaves."""
    archive = tmp_path / "prod.tar"
    with open_registry(str(source), settings=Settings()) as registry:
        herdbook.export_archive("prod", archive, registry=registry)
    empty, folder = tmp_path / "empty", tmp_path / "folder"
    open_registry(str(empty), settings=Settings()).close()
    shutil.copytree(empty, tmp_path / "clean")
    with open_registry(str(tmp_path / "clean"), settings=Settings()) as registry:
        herdbook.import_archive(archive, registry=registry)
        wanted = snapshot(registry)

    def work(registry):
        herdbook.import_archive(archive, registry=registry)

    step, done = 0, False
    while not done:
        # Dying before a call is dying after the one before it, so every other step sees every state but a few.
        step += 1 if step < 40 else 2
        shutil.copytree(empty, folder)
        done = survives(work, folder, step, _WATCHED)
        let_leases_end(folder)
        with open_registry(str(folder), settings=Settings()) as registry:
            work(registry)
            assert snapshot(registry) == wanted, step
        shutil.rmtree(folder)
        assert step < 5000, "the work never came to its end"
    assert step > 200, "too few steps were watched for this test to mean anything"


def test_export(source, tmp_path):
    """Killed anywhere, an export leaves no archive or a whole one; run again, it makes the archive of a clean run."""

    def content(path):
        return [(name, data) for name, data in members(path) if not name.endswith("export.json")]

    with open_registry(str(source), settings=Settings()) as registry:
        herdbook.export_archive("prod", tmp_path / "clean.tar", registry=registry)
    target = tmp_path / "x.tar"

    def work(registry):
        herdbook.export_archive("prod", target, registry=registry)

    step, resumed, done = 0, 0, False
    while not done:
        step += 1
        done = survives(work, source, step, _EXPORTING)
        if not target.exists():
            with open_registry(str(source), settings=Settings()) as registry:
                resumed += herdbook.export_archive("prod", target, registry=registry).resumed
        assert content(target) == content(tmp_path / "clean.tar")
        assert not target.with_name("x.tar.partial").exists()
        target.unlink()
    assert step > 30
    assert resumed > 10
