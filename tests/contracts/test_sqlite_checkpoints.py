"""The write-ahead log of SQLite is carried into the database beside those who write, and does not grow without end."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext

import pytest

from herdbook.adapters.sql import sqlite_checkpoints, sqlite_store
from herdbook.adapters.sql.sqlite_checkpoints import CHANGES, LONG, SHORTER, Checkpoints
from herdbook.adapters.sql.store import SqlStore
from herdbook.errors import UnavailableError
from herdbook.testing.forking import forked, needs_fork
from herdbook.testing.metadata_samples import StoreFixtures, exists, insert_catalog
from herdbook.testing.sqlite_samples import SqliteFixtures

PAGE = 4096


def change(store, name):
    with store.write() as tx:
        insert_catalog(tx, name)


def changed(store, name):
    change(store, name)
    return exists(store, name)


def log_bytes(path):
    return path.with_name(f"{path.name}-wal").stat().st_size


class TestStore(SqliteFixtures):
    def carried(self, path, names):
        """Return how many of the names are in the database itself."""
        alone = path.with_name("alone.db")
        shutil.copyfile(path, alone)
        found = SqlStore.open(f"sqlite:///{alone}")
        try:
            return sum(exists(found, name) for name in names)
        finally:
            found.close()

    def test_another_thread_carries_it(self, ready, path, monkeypatch):
        """Who commits never does it; after so many changes what they wrote is in the database itself."""
        threads = set()
        carry = ready._checkpoints._carry

        def noted():
            threads.add(threading.current_thread())
            return carry()

        monkeypatch.setattr(ready._checkpoints, "_carry", noted)
        names = [f"c{number}" for number in range(CHANGES)]
        for name in names:
            change(ready, name)
        ready._checkpoints.end()
        assert self.carried(path, names) >= CHANGES - 2
        assert threads
        assert threading.current_thread() not in threads

    def test_those_done_together_count_one_by_one(self, ready, path):
        """A commit of many changes has a log as long as many commits."""
        names = [f"c{number}" for number in range(CHANGES)]
        ready.together([lambda name=name: change(ready, name) for name in names])
        change(ready, "last")
        ready._checkpoints.end()
        assert self.carried(path, names) == CHANGES

    def test_nobody_waits_for_a_long_reader(self, ready, monkeypatch):
        """While somebody reads what was before, the log grows, and changes go on."""
        monkeypatch.setattr(sqlite_checkpoints, "CHANGES", 4)
        monkeypatch.setattr(sqlite_checkpoints, "LONG", 1)
        monkeypatch.setattr(sqlite_store, "BUSY_S", 5)
        with ready.read() as tx:
            before = tx.revision()
            for number in range(200):
                change(ready, f"c{number}")
            assert tx.revision() == before
        assert exists(ready, "c199")

    @needs_fork
    def test_a_forked_process_has_a_thread_of_its_own(self, ready, path):
        """What a parent process began is not waited for by its child, whose changes are carried as well."""
        for number in range(CHANGES):
            change(ready, f"p{number}")
        ready._checkpoints._doing.result(60)
        names = [f"c{number}" for number in range(CHANGES)]

        def work():
            for name in names:
                change(ready, name)
            ready._checkpoints.end()
            return True

        assert forked(work)
        assert self.carried(path, names) >= CHANGES - 2

    @needs_fork
    def test_a_fork_waits_until_nobody_is_kept_from_writing(self, ready, monkeypatch):
        """A child would take the locks of its parent's thread for held by itself, and nobody would release them."""
        monkeypatch.setattr(sqlite_checkpoints, "LONG", 1)
        monkeypatch.setattr(sqlite_store, "BUSY_S", 2)
        alone, begun = ready._checkpoints._alone, threading.Event()

        @contextmanager
        def slowly():
            with alone() as is_alone:
                assert is_alone
                begun.set()
                time.sleep(0.3)
                yield is_alone

        monkeypatch.setattr(ready._checkpoints, "_alone", slowly)
        for number in range(CHANGES):
            change(ready, f"c{number}")
        assert begun.wait(60)
        assert forked(lambda: changed(ready, "child"))
        change(ready, "parent")
        assert exists(ready, "child")

    @needs_fork
    def test_a_child_that_forks_waits_for_nobody(self, ready):
        """What stood still in its parent is none of its own, whether it has used the store or not."""

        def fork_again():
            waited = []
            ready._checkpoints.pause = lambda: waited.append(1)
            return forked(lambda: changed(ready, "grandchild")) and waited == []

        assert forked(fork_again)
        assert exists(ready, "grandchild")

    def test_a_round_gives_way_to_who_writes_for_long(self, ready, monkeypatch):
        """It is made another time; who waits for its end, as a fork does, does not wait for that change."""
        monkeypatch.setattr(sqlite_checkpoints, "LONG", 1)
        monkeypatch.setattr(sqlite_store, "_ALONE_S", 0.05)
        for number in range(CHANGES - 2):
            change(ready, f"c{number}")
        with ready.write() as tx:
            insert_catalog(tx, "long")
            for _ in range(2):
                ready._checkpoints.count(1)
            ready._checkpoints._doing.result(60)
        assert exists(ready, "long")

    def test_a_round_gives_way_to_another_process_too(self, ready, path, monkeypatch, caplog):
        """Its lock is asked for a moment, and whoever closes the store waits no longer than that."""
        monkeypatch.setattr(sqlite_checkpoints, "LONG", 1)
        monkeypatch.setattr(sqlite_store, "_ALONE_S", 0.05)
        for number in range(CHANGES - 2):
            change(ready, f"c{number}")
        other = sqlite3.connect(path, isolation_level=None)
        try:
            other.execute("BEGIN IMMEDIATE")
            ready._checkpoints.count(2)
            ready._checkpoints._doing.result(20)
            other.execute("COMMIT")
        finally:
            other.close()
        change(ready, "after")
        assert exists(ready, "after")
        assert caplog.text == ""


class TestGrowth(StoreFixtures):
    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "herdbook.db"

    @pytest.fixture
    def store(self, path, monkeypatch):
        monkeypatch.setattr(sqlite_checkpoints, "CHANGES", 8)
        monkeypatch.setattr(sqlite_checkpoints, "LONG", 100)
        # SQLite itself is to do nothing.
        pragmas = (*sqlite_store._PRAGMAS, "PRAGMA wal_autocheckpoint = 0")
        monkeypatch.setattr(sqlite_store, "_PRAGMAS", pragmas)
        store = SqlStore.open(f"sqlite:///{path}")
        yield store
        store.close()

    def test_the_log_does_not_grow_without_end(self, ready, path):
        """Four threads write without a pause, so a change falls into every checkpoint, and still it begins anew."""
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda number: change(ready, f"c{number}"), range(3000)))
        # Of 14,000 pages.
        assert log_bytes(path) < 7000 * PAGE
        assert all(exists(ready, f"c{number}") for number in range(0, 3000, 50))


class TestRounds:
    @pytest.fixture
    def asked(self):
        return []

    def rounds(self, asked, pages, *, is_alone=True):
        def carry():
            asked.append("carry")
            return pages

        def alone():
            asked.append("alone")
            return nullcontext(enter_result=is_alone)

        return Checkpoints(carry, alone)

    def test_a_short_log_is_carried_beside_others(self, asked):
        """Nobody is kept from writing."""
        rounds = self.rounds(asked, LONG - 1)
        for _ in range(CHANGES):
            rounds.count(1)
        rounds.end()
        assert asked == ["carry"]

    def test_a_long_one_is_carried_alone_at_the_end(self, asked):
        """First as much as can be without keeping others from writing, so that this takes a moment."""
        rounds = self.rounds(asked, LONG)
        for _ in range(CHANGES):
            rounds.count(1)
        rounds.end()
        assert asked == ["carry"] * (1 + SHORTER) + ["alone", "carry"]

    def test_where_somebody_else_writes_the_end_is_left_to_the_next_round(self, asked, caplog):
        """That is nothing to be told of."""
        rounds = self.rounds(asked, LONG, is_alone=False)
        for _ in range(CHANGES):
            rounds.count(1)
        rounds.end()
        assert asked == ["carry"] * (1 + SHORTER) + ["alone"]
        assert caplog.text == ""

    def test_a_fault_of_ours_is_told_of(self, caplog):
        """Nobody waits for a round, so nobody would see its exception."""

        def carry():
            raise ZeroDivisionError("ours")

        rounds = Checkpoints(carry, nullcontext)
        for _ in range(CHANGES):
            rounds.count(1)
        rounds.end()
        assert "ours" in caplog.text

    def test_what_cannot_be_carried_is_told_of_and_tried_again(self, caplog):
        """The disk may be full; changes are as safe in the log."""
        tried = []

        def carry():
            tried.append(1)
            raise UnavailableError("disk full")

        rounds = Checkpoints(carry, nullcontext)
        with caplog.at_level(logging.WARNING, logger="herdbook.sqlite"):
            for _ in range(2):
                for _ in range(CHANGES):
                    rounds.count(1)
                rounds._doing.result(60)
        rounds.end()
        assert len(tried) == 2
        assert "disk full" in caplog.text

    def test_changes_go_on_after_its_end(self, asked):
        """A process that ends may still write."""
        rounds = self.rounds(asked, 0)
        rounds.end()
        for _ in range(CHANGES):
            rounds.count(1)
        assert asked == []
