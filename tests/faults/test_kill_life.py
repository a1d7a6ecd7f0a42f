"""SIGKILL at every step of rename, delete, restore, purge, copy and transfer: all of it happened, or nothing."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing

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
from herdbook.testing.samples import WEIGHTS, model_files, register

pytestmark = [pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"), pytest.mark.timeout(300)]

FOUNDER = PrincipalName.parse("user:os/founder")
OTHER = PrincipalName.parse("user:os/other")
_WATCHED = [
    (Runner, ("one", "all", "run", "later", "many")),
    (os, ("fsync", "open", "write", "unlink")),
    (Shelves, ("place",)),
    (FileStore, ("remove", "_sync_all")),
]
# What was there before and is there after, whatever the verb was.
_SETTLED = ("policy_revisions", "principals", "memberships", "grants")


def opened(folder):
    metastore = Metastore(
        store=SqlStore.open(f"sqlite:///{folder / 'herdbook.db'}"),
        artifacts=FileStore(folder / "artifacts"),
        authorizer=CasbinAuthorizer(shipped_model()),
        checks=load_plugins(Settings()),
        clock=SystemClock(),
        ids=Uuid7Ids(),
    )
    metastore.open(Founding(creator=FOUNDER, policy=read_policy(None)))
    return metastore, metastore.for_caller(metastore.asserted(FOUNDER))


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A registry with a catalog of two schemas, three models, versions, tags, an alias's past, and some trash."""
    folder = tmp_path_factory.mktemp("filled")
    metastore, registry = opened(folder)
    metastore.asserted(OTHER)
    registry.create_catalog("lab")
    for schema in ("lab.risk", "lab.fraud"):
        registry.create_schema(schema)
    for name in ("lab.risk.iris", "lab.risk.churn", "lab.fraud.cards"):
        registry.create_registered_model(name, tags={"team": "risk"})
        register(registry, name)
    register(registry, "lab.risk.iris", model_files(b"second"))
    registry.set_registered_model_alias("lab.risk.iris@champion", 1)
    registry.delete_registered_model_alias("lab.risk.iris@champion")
    registry.set_model_version_tag("lab.risk.iris/1", "k", "v")
    registry.copy_model_version("lab.risk.iris/1", "lab.fraud.copy")
    registry.delete_model_version("lab.risk.iris/2")
    registry.create_catalog("old")
    registry.create_schema("old.risk")
    registry.create_registered_model("old.risk.iris")
    register(registry, "old.risk.iris", model_files(b"old"))
    registry.delete_catalog("old", force=True)
    metastore.close()
    return folder


def seen(folder):
    """Return all that the registry shows, and the number of audit rows; whatever is READY is whole."""
    metastore, registry = opened(folder)
    shown = []
    for catalog in registry.list_catalogs().items:
        shown.append(catalog)
        for schema in registry.list_schemas(catalog.name).items:
            shown.append(schema)
            for model in registry.list_registered_models(schema.name).items:
                shown.append(model)
                for version in registry.list_model_versions(model.name).items:
                    shown.append(version)
                    assert version.status is VersionStatus.READY
                    files = registry.list_model_version_files(version.ref).items
                    assert len(files) == version.file_count
                    if str(schema.owner) == str(catalog.owner) == str(model.owner) == str(FOUNDER):
                        for file in files:
                            assert sum(map(len, registry.read_model_version_file(version.ref, file.path))) == file.size
    shown += registry.list_deleted("metastore:").items
    with metastore.core.store.read() as tx:
        ledger = [tx._run.one(f"SELECT count(*) FROM {table}") for table in ("audit", "outbox")]
        settled = [tx._run.one(f"SELECT count(*) FROM {table}") for table in _SETTLED]
        gaps = tx._run.all("SELECT securable_id FROM outbox GROUP BY securable_id HAVING count(*) <> max(event_seq)")
        assert gaps == []
    metastore.close()
    with closing(sqlite3.connect(folder / "herdbook.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    return shown, ledger, settled


def trashed(registry, name):
    return next(item.id for item in registry.list_deleted("metastore:").items if item.name == name)


WORK = {
    "rename catalog": lambda r: r.rename_catalog("lab", "prod"),
    "rename schema": lambda r: r.rename_schema("lab.risk", "lab.RISKY"),
    "rename model": lambda r: r.rename_registered_model("lab.risk.iris", "lab.risk.flower"),
    "delete catalog": lambda r: r.delete_catalog("lab", force=True),
    "delete model": lambda r: r.delete_registered_model("lab.risk.iris", force=True),
    "delete version": lambda r: r.delete_model_version("lab.risk.iris/1"),
    "restore catalog": lambda r: r.restore_catalog(trashed(r, "old")),
    "restore renamed": lambda r: r.restore_catalog(trashed(r, "old"), new_name="archive"),
    "restore version": lambda r: r.restore_model_version("lab.risk.iris/2"),
    "purge catalog": lambda r: r.purge_catalog(trashed(r, "old")),
    "purge version": lambda r: r.purge_model_version("lab.risk.iris/2"),
    "copy": lambda r: r.copy_model_version("lab.risk.churn/1", "lab.risk.iris", tags={"a": "b"}),
    "copy into new": lambda r: r.copy_model_version("lab.risk.churn/1", "lab.fraud.new", tags={"a": "b"}),
    "transfer": lambda r: r.transfer_ownership("lab.risk", OTHER),
}


def without_times(shown):
    """Return what is shown as text, but for ids and times, which each run makes anew."""
    drop = {"id", "created_at", "updated_at", "deleted_at"}
    return sorted(str({name: getattr(item, name) for name in _fields(item) if name not in drop}) for item in shown)


def _fields(item):
    return [attribute.name for attribute in item.__attrs_attrs__]


@pytest.mark.parametrize("verb", WORK)
def test_all_or_nothing(verb, filled, tmp_path):
    """Killed anywhere, the registry is as it was or as the verb leaves it, and the ledger says which."""
    work = WORK[verb]
    shutil.copytree(filled, tmp_path / "done")
    before, ledger, settled = seen(tmp_path / "done")
    metastore, registry = opened(tmp_path / "done")
    work(registry)
    metastore.close()
    after, after_ledger, _ = seen(tmp_path / "done")
    assert after_ledger != ledger
    nothing = step = 0
    folder = tmp_path / "0"
    shutil.copytree(filled, folder)
    while True:
        step += 1

        def begin(folder=folder):
            _, registry = opened(folder)
            return lambda: work(registry)

        done = kills.survives(begin, step, _WATCHED)
        now, now_ledger, now_settled = seen(folder)
        assert now_settled == settled
        if now_ledger == ledger:
            # As if nothing had been: the next attempt begins with what this one left.
            assert now == before
            nothing += 1
        else:
            assert now_ledger == after_ledger
            assert without_times(now) == without_times(after)
            shutil.rmtree(folder)
            folder = tmp_path / str(step)
            shutil.copytree(filled, folder)
        if done:
            break
        assert step < 500, "the work never came to its end"
    assert now_ledger == after_ledger
    assert nothing > 4, "too few steps were watched for this test to mean anything"


def test_bytes_of_what_was_purged_are_freed_later(filled, tmp_path):
    """A purge that was killed leaves bytes that the next sweep frees, and none that anything needs goes with them."""
    shutil.copytree(filled, tmp_path / "x")
    metastore, registry = opened(tmp_path / "x")
    old = trashed(registry, "old")
    metastore.close()

    def begin():
        _, registry = opened(tmp_path / "x")

        def work():
            registry.purge_catalog(old)
            registry.sweep_artifacts(grace_s=0)

        return work

    step, least = 0, 12
    while not kills.survives(begin, (step := step + 1), _WATCHED):
        metastore, registry = opened(tmp_path / "x")
        gone = not any(item.id == old for item in registry.list_deleted("metastore:").items)
        metastore.close()
        if gone:
            break
    assert step >= least
    metastore, registry = opened(tmp_path / "x")
    registry.sweep_artifacts(grace_s=0)
    assert registry.sweep_artifacts(grace_s=0).removed_blobs == 0
    assert b"".join(registry.read_model_version_file("lab.fraud.copy/1", "model.bin")) == WEIGHTS
    restored = registry.restore_model_version("lab.risk.iris/2")
    assert b"".join(registry.read_model_version_file(restored.ref, "model.bin")) == b"second"
    metastore.close()
