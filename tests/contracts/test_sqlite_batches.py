"""What is done together over SQLite lets others go on before it waits: for the disk, and for who else writes."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from herdbook.adapters.sql.store import SqlStore
from herdbook.testing.metadata_samples import StoreFixtures, exists, insert_catalog


class TestStore(StoreFixtures):
    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "herdbook.db"

    @pytest.fixture
    def store(self, path):
        store = SqlStore.open(f"sqlite:///{path}")
        yield store
        store.close()

    def test_before_the_commit(self, ready):
        """Everything is written then, and nothing of it is there for others."""
        seen = []
        with ThreadPoolExecutor(1) as other:
            ready.together(
                [inserts(ready, "one"), inserts(ready, "two")],
                lambda: seen.append([other.submit(exists, ready, name).result(10) for name in ("one", "two")]),
            )
        assert seen == [[False, False]]
        assert exists(ready, "one")
        assert exists(ready, "two")

    def test_before_another_process_is_waited_for(self, ready, path):
        """One that has SQLite's lock; it is given back only when the others have gone on."""
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        states = []

        def end():
            states.append(other.in_transaction)
            if other.in_transaction:
                other.rollback()

        try:
            assert ready.together([inserts(ready, "one")], end) == ["one"]
        finally:
            other.close()
        assert states == [True, False]
        assert exists(ready, "one")

    def test_before_another_thread_is_waited_for(self, ready):
        """One that writes by itself; it ends only when the others have gone on."""
        writes, go_on = threading.Event(), threading.Event()

        def write():
            with ready.write() as tx:
                insert_catalog(tx, "before")
                writes.set()
                assert go_on.wait(10)

        with ThreadPoolExecutor(1) as other:
            written = other.submit(write)
            assert writes.wait(10)
            assert ready.together([inserts(ready, "one")], go_on.set) == ["one"]
            written.result(10)
        assert exists(ready, "before")
        assert exists(ready, "one")

    def test_others_that_cannot_go_on_leave_nothing_open(self, ready, path):
        """Whatever comes of letting them, what was done ends, and whoever writes next can."""

        def fails():
            raise OSError("nobody is there")

        with pytest.raises(OSError, match="nobody is there"):
            ready.together([inserts(ready, "one")], fails)
        other = sqlite3.connect(path, isolation_level=None, timeout=0)
        other.execute("BEGIN IMMEDIATE")
        other.rollback()
        other.close()
        assert exists(ready, "one")
        assert ready.together([inserts(ready, "two")]) == ["two"]

    def test_also_where_nothing_is_written(self, ready):
        """Jobs that are all refused let others go on as well."""
        called = []
        assert ready.together([lambda: "refused"], lambda: called.append(1)) == ["refused"]
        assert called

    def test_a_lock_is_waited_for_as_ever_afterwards(self, ready, path):
        """Who asked once without waiting has not made its connection one that never does."""
        ready.together([inserts(ready, "one")], lambda: None)
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.2, other.rollback)
        timer.start()
        try:
            assert ready.together([inserts(ready, "two")]) == ["two"]
        finally:
            timer.join()
            other.close()


def inserts(store, name):
    def job():
        with store.write() as tx:
            insert_catalog(tx, name)
        return name

    return job
