"""What SQLite as a metadata store promises beyond the contract, to threads and to whoever names the wrong file."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.adapters.sql.sqlite_checkpoints import CHANGES
from herdbook.adapters.sql.store import SqlStore
from herdbook.bootstrap import shipped_model
from herdbook.entities import Caller
from herdbook.errors import AlreadyExistsError, IntegrityError, InvalidArgumentError
from herdbook.names import CatalogName
from herdbook.testing.metadata_ledger_contract import line
from herdbook.testing.metadata_samples import ALICE_ID, MODEL, StoreFixtures, add_version, exists, insert_catalog, stamp
from herdbook.testing.sqlite_samples import SqliteFixtures


def test_what_is_no_database_is_refused(tmp_path):
    """A file that is no database is left as it is, and the error says what to do."""
    path = tmp_path / "text.db"
    path.write_text("not a database, but long enough to be read as the header of one " * 20)
    before = path.read_bytes()
    with pytest.raises(IntegrityError) as refused:
        SqlStore.open(f"sqlite:///{path}")
    assert refused.value.hint
    assert path.read_bytes() == before


def test_a_new_file_that_another_process_begins_to_fill_is_waited_for(tmp_path):
    """SQLite refuses to change how a file is written while somebody else writes it, whatever the busy timeout is."""
    path = tmp_path / "new.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.3, other.execute, ("COMMIT",))
    timer.start()
    try:
        SqlStore.open(f"sqlite:///{path}").close()
    finally:
        timer.join()
        other.close()


def test_other_urls_are_refused():
    """A URL of a database that is not known is a mistake of the caller's."""
    with pytest.raises(InvalidArgumentError, match="mysql"):
        SqlStore.open("mysql://host/db")


class TestFile(SqliteFixtures):
    def test_a_read_goes_on_seeing_what_it_began_with(self, ready):
        """Whatever is committed meanwhile, one read transaction has one answer."""
        with ready.read() as tx:
            assert tx.revision() == 0
            with ready.write() as other:
                insert_catalog(other, "new")
            assert tx.catalog(CatalogName.parse("new")).chain is None
        assert exists(ready, "new")

    def test_one_winner_of_a_name(self, ready):
        """Of threads that want one name, in several spellings, one gets it and the others are told."""

        def work(name):
            try:
                with ready.write() as tx:
                    insert_catalog(tx, name)
            except AlreadyExistsError:
                return 0
            return 1

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(work, ["Prod", "prod", "PROD", "pROD"] * 4)) == 1

    def test_an_unknown_line_takes_no_other_along(self, ready, tree):
        """Where a newer version wrote a line, nobody judges whom it speaks of: others of its lines may deny."""
        with ready.write(exclusive=True) as tx:
            lines = [line("b" * 32, tree.model_id), line("b" * 32, tree.catalog_id), line(ALICE_ID, tree.model_id)]
            tx.change_rights(add=lines, reason=None, stamp=stamp())
            tx._run.run("UPDATE grants SET privilege = 'SOMETHING_NEW' WHERE id = :id", id=lines[0].id)
        authorizer = CasbinAuthorizer(shipped_model())
        with ready.read() as tx:
            authorizer.replace(tx.snapshot())
        assert authorizer.closure(Caller(principal_id=ALICE_ID))
        with pytest.raises(IntegrityError, match="SOMETHING_NEW"):
            authorizer.closure(Caller(principal_id="b" * 32))

    def test_a_brief_job_is_broken_off(self, ready):
        """A job that reads much is given up in the middle; what comes after it, and other threads, go on."""
        slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT max(i) FROM n"

        def ask(sql):
            with ready.read() as tx:
                return tx._run.all(sql)

        assert ready.briefly(lambda: ask("SELECT 1")) == [(1,)]
        assert ready.briefly(lambda: ask(slow)) is None
        # The same connection, which is to know nothing of it.
        assert ask(slow) == [(100000,)]
        with ThreadPoolExecutor(1) as pool:
            assert ready.briefly(lambda: pool.submit(ask, slow).result()) == [(100000,)]
        with pytest.raises(InvalidArgumentError, match="of its own"):
            ready.briefly(self.refuse)

    def refuse(self):
        raise InvalidArgumentError("of its own")


class TestMemory(StoreFixtures):
    @pytest.fixture
    def store(self):
        store = SqlStore.open("sqlite://")
        yield store
        store.close()

    def test_no_thread_makes_checkpoints(self, ready):
        """It has no log, and one connection, which is not to be used by two threads at once."""
        before = threading.active_count()
        for number in range(2 * CHANGES):
            with ready.write() as tx:
                insert_catalog(tx, f"c{number}")
        assert threading.active_count() == before

    def test_threads_share_one_database(self, ready, tree):
        """Threads take turns on the one connection, readers and writers alike."""

        def work(number):
            if number % 2:
                return ready.point.model(MODEL).row.id
            with ready.write() as tx:
                add_version(tx, tree.model_id)
            with ready.read() as tx:
                return tx.model(MODEL).row.id

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(work, range(64))) == {tree.model_id}
        assert ready.point.latest(MODEL).row.version.version == 32

    def test_a_thread_that_ends_ends_nobodys_transaction(self, ready):
        """A reader's thread that goes away while another writes takes nothing of that away."""
        looked, leave = threading.Event(), threading.Event()

        def reader():
            exists(ready, "x")
            looked.set()
            leave.wait(10)

        thread = threading.Thread(target=reader)
        thread.start()
        assert looked.wait(10)
        with ready.write() as tx:
            insert_catalog(tx, "kept")
            leave.set()
            thread.join(10)
        assert exists(ready, "kept")

    def test_nothing_is_brief_where_threads_share_a_connection(self, ready):
        """A job might have to wait for a writer."""
        assert ready.briefly(lambda: "done") is None
