"""SQLite as a metadata store when commits, disks, locks and processes fail, or when processes fork."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from herdbook.adapters.sql.store import SqlStore
from herdbook.errors import ConcurrentUpdateError, UnavailableError
from herdbook.names import CatalogName
from herdbook.testing.forking import forked, needs_fork
from herdbook.testing.metadata_samples import StoreFixtures, exists, insert_catalog
from herdbook.testing.sqlite_samples import SqliteFixtures


class TestFile(SqliteFixtures):
    def test_a_failed_commit_leaves_nothing_open(self, ready):
        """Where the commit itself fails, the change is taken back and the next transaction works."""
        orphan = """INSERT INTO schemas (id, catalog_id, name, key, owner_id, created_at, created_by, updated_at,
            updated_by) VALUES ('1', 'nowhere', 's', 'x.s', 'a', 1, 'a', 1, 'a')"""
        with pytest.raises(ConcurrentUpdateError, match="gone"), ready.write() as tx:
            tx._run.run("PRAGMA defer_foreign_keys = ON")
            tx._run.run(orphan)
        with ready.write() as tx:
            insert_catalog(tx, "after")
        with ready.read() as tx:
            assert tx._run.one("SELECT count(*) FROM schemas") == (0,)
        assert exists(ready, "after")

    def test_a_full_disk(self, ready):
        """A database that may not grow refuses the change whole, says so, and goes on reading."""
        with ready.write() as tx:
            pages = tx._run.one("PRAGMA page_count")[0]
        with pytest.raises(UnavailableError, match="full"), ready.write() as tx:
            tx._run.one(f"PRAGMA max_page_count = {pages + 4}")
            for number in range(5000):
                insert_catalog(tx, f"c{number}")
        assert not exists(ready, "c0")
        with ready.write() as tx:
            insert_catalog(tx, "little")
        assert exists(ready, "little")

    def test_a_locked_database(self, ready, tmp_path):
        """Where another program keeps the lock, waiting ends with UnavailableError and nothing is changed."""
        with ready.read() as tx:
            tx._run.one("PRAGMA busy_timeout = 200")
        other = sqlite3.connect(tmp_path / "herdbook.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError, match="locked"), ready.write():
            pass
        SqlStore.open(f"sqlite:///{tmp_path / 'herdbook.db'}").close()
        other.close()
        with ready.write() as tx:
            insert_catalog(tx, "after")

    def test_a_thread_waits_for_its_turn_only_so_long(self, ready, monkeypatch):
        """A writer that cannot get its turn is told that the registry is busy."""
        monkeypatch.setattr("herdbook.adapters.sql.sqlite_store.BUSY_S", 0.1)
        with ready.write(), ThreadPoolExecutor(1) as pool:

            def work():
                with ready.write():
                    pass

            with pytest.raises(UnavailableError, match="busy"):
                pool.submit(work).result()

    @needs_fork
    def test_a_fork_opens_connections_of_its_own(self, ready):
        """A child reads and writes with connections of its own, and the parent's go on working."""
        with ready.write() as tx:
            insert_catalog(tx, "before")
        assert exists(ready, "before")
        assert forked(lambda: both_ways(ready, "before", "child"))
        with ready.write() as tx:
            insert_catalog(tx, "parent")
        assert exists(ready, "child")
        assert exists(ready, "parent")


class TestMemory(StoreFixtures):
    @pytest.fixture
    def store(self):
        store = SqlStore.open("sqlite://")
        yield store
        store.close()

    @needs_fork
    def test_a_fork_keeps_its_copy(self, ready):
        """A child has a copy of what was there, and what it writes stays in the child."""
        with ready.write() as tx:
            insert_catalog(tx, "before")
        assert forked(lambda: both_ways(ready, "before", "child"))
        assert not exists(ready, "child")


def both_ways(store, there, new):
    with store.write() as tx:
        insert_catalog(tx, new)
    with store.read() as tx:
        return tx.catalog(CatalogName.parse(there)).row is not None and exists(store, there) and exists(store, new)
