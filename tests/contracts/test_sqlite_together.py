"""What SQLite promises of jobs that share a commit, beyond the contract: one end for all, and that others can go on."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from herdbook.errors import ConcurrentUpdateError, RegistryError, UnavailableError
from herdbook.names import SchemaName
from herdbook.testing.metadata_samples import ALICE_ID, exists, insert_catalog, new_id, stamp
from herdbook.testing.sqlite_samples import SqliteFixtures


class TestTogether(SqliteFixtures):
    def inserts(self, store, name, then=lambda tx: None):
        def job():
            try:
                with store.write() as tx:
                    insert_catalog(tx, name)
                    then(tx)
            except RegistryError as error:
                return error
            return name

        return job

    def test_nobody_sees_them_before_they_are_committed(self, ready):
        """Until the last job is done, a reader sees nothing of the first; then everything."""

        def elsewhere():
            seen = []
            reader = threading.Thread(target=lambda: seen.append(exists(ready, "a")))
            reader.start()
            reader.join(60)
            return seen

        assert ready.together([self.inserts(ready, "a"), elsewhere]) == ["a", [False]]
        assert exists(ready, "a")

    def test_those_after_it_read_it_already(self, ready):
        """A job sees what those before it left, not what was undone, and all of it is committed before it is told."""

        def undone(tx):
            raise ConcurrentUpdateError("after all")

        jobs = [self.inserts(ready, "a"), self.inserts(ready, "b", undone)]
        _, _, *seen = ready.together([*jobs, lambda: exists(ready, "a"), lambda: exists(ready, "b")])
        assert seen == [True, False]

    def test_they_fail_with_their_commit(self, ready):
        """A commit that the database refuses ends every job that changed or read something in it, and no other."""

        def spoil(tx):
            tx._run.run("PRAGMA defer_foreign_keys = ON")
            nowhere, name = new_id(), SchemaName.parse("b.s")
            tx.insert_schema(new_id(), nowhere, name, comment=None, owner_id=ALICE_ID, stamp=stamp())

        jobs = [lambda: "first", self.inserts(ready, "a"), self.inserts(ready, "b", spoil), lambda: "nothing"]
        *outcomes, seen = ready.together([*jobs, lambda: exists(ready, "a")])
        assert [type(outcome) for outcome in outcomes[1:3]] == [ConcurrentUpdateError] * 2
        assert outcomes[::3] == ["first", "nothing"]
        # What it saw was never so.
        assert isinstance(seen, ConcurrentUpdateError)
        assert not exists(ready, "a")
        assert not exists(ready, "b")
        assert ready.together([self.inserts(ready, "a")]) == ["a"]

    def test_what_the_database_undoes_by_itself_fails_for_all(self, ready):
        """Where SQLite ends the whole transaction, those before are told as well, and those after begin another."""

        def end_it(tx):
            tx._run.run("ROLLBACK")
            raise UnavailableError("the disk is full")

        jobs = [self.inserts(ready, "a"), self.inserts(ready, "b", end_it), self.inserts(ready, "c")]
        first, second, third = ready.together(jobs)
        assert isinstance(first, UnavailableError)
        assert isinstance(second, UnavailableError)
        assert third == "c"
        assert [exists(ready, name) for name in ("a", "b", "c")] == [False, False, True]

    def test_other_threads_write_between_batches(self, ready):
        """Threads that write one by one, and threads that write in batches, all get through."""

        def alone(number):
            for each in range(20):
                self.inserts(ready, f"alone{number}x{each}")()

        def batched(number):
            for each in range(5):
                jobs = [self.inserts(ready, f"batch{number}x{each}x{one}") for one in range(4)]
                assert ready.together(jobs) == [f"batch{number}x{each}x{one}" for one in range(4)]

        threads = [threading.Thread(target=work, args=(n,)) for n in range(3) for work in (alone, batched)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        with ready.read() as tx:
            assert tx._run.one("SELECT count(*) FROM catalogs") == (120,)

    def test_others_go_on_before_the_commit(self, ready):
        """Everything is written then, and nothing of it is there for others."""
        seen = []
        with ThreadPoolExecutor(1) as other:
            ready.together(
                [self.inserts(ready, "one"), self.inserts(ready, "two")],
                lambda: seen.append([other.submit(exists, ready, name).result(10) for name in ("one", "two")]),
            )
        assert seen == [[False, False]]
        assert exists(ready, "one")
        assert exists(ready, "two")

    def test_others_go_on_before_another_process_is_waited_for(self, ready, path):
        """One that has SQLite's lock; it is given back only when the others have gone on."""
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        states = []

        def end():
            states.append(other.in_transaction)
            if other.in_transaction:
                other.rollback()

        try:
            assert ready.together([self.inserts(ready, "one")], end) == ["one"]
        finally:
            other.close()
        assert states == [True, False]
        assert exists(ready, "one")

    def test_others_go_on_before_another_thread_is_waited_for(self, ready):
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
            assert ready.together([self.inserts(ready, "one")], go_on.set) == ["one"]
            written.result(10)
        assert exists(ready, "before")
        assert exists(ready, "one")

    def test_others_that_cannot_go_on_leave_nothing_open(self, ready, path):
        """Whatever comes of letting them, what was done ends, and whoever writes next can."""

        def fails():
            raise OSError("nobody is there")

        with pytest.raises(OSError, match="nobody is there"):
            ready.together([self.inserts(ready, "one")], fails)
        other = sqlite3.connect(path, isolation_level=None, timeout=0)
        other.execute("BEGIN IMMEDIATE")
        other.rollback()
        other.close()
        assert exists(ready, "one")
        assert ready.together([self.inserts(ready, "two")]) == ["two"]

    def test_others_go_on_where_nothing_is_written(self, ready):
        """Jobs that are all refused let others go on as well."""
        called = []
        assert ready.together([lambda: "refused"], lambda: called.append(1)) == ["refused"]
        assert called

    def test_a_lock_is_waited_for_as_ever_afterwards(self, ready, path):
        """Who asked once without waiting has not made its connection one that never does."""
        ready.together([self.inserts(ready, "one")], lambda: None)
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.2, other.rollback)
        timer.start()
        try:
            assert ready.together([self.inserts(ready, "two")]) == ["two"]
        finally:
            timer.join()
            other.close()
