"""PostgreSQL as a metadata store when its server crashes, or processes die or fork."""

from __future__ import annotations

import os
import signal

import pytest

from herdbook.adapters.sql.store import SqlStore
from herdbook.errors import UnavailableError
from herdbook.names import CatalogName
from herdbook.testing.metadata_samples import StoreFixtures, exists, insert_catalog
from herdbook.testing.postgres_server import PostgresServer, find_postgres

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def has(store, *names):
    with store.read() as tx:
        return [tx.catalog(CatalogName.parse(name)).row is not None for name in names]


class TestServer(StoreFixtures):
    @pytest.fixture
    def server(self, postgres_server):
        """A server that may be stopped; that there can be one, the other has shown."""
        with PostgresServer(find_postgres()) as server:
            yield server

    @pytest.fixture
    def store(self, server):
        store = SqlStore.open(server.url())
        yield store
        store.close()

    def test_a_server_that_goes_and_comes_back(self, ready, server):
        """While the server is gone every call says so; once it is back, the same store works again."""
        with ready.write() as tx:
            insert_catalog(tx, "before")
        assert exists(ready, "before")
        server.kill()
        # The first on a connection that was lost: neither it nor another one is there.
        with pytest.raises(UnavailableError, match="reached"), ready.write() as tx:
            insert_catalog(tx, "never")
        for call in (lambda: exists(ready, "x"), lambda: has(ready, "x"), ready.metastore_id):
            with pytest.raises(UnavailableError) as gone:
                call()
            assert gone.value.hint
        with pytest.raises(UnavailableError), ready.write(exclusive=True):
            pass
        with pytest.raises(UnavailableError, match="reached"):
            SqlStore.open(server.url())
        server.start()
        assert exists(ready, "before")
        server.kill()
        server.start()
        with ready.write() as tx:
            insert_catalog(tx, "after")
        server.kill()
        server.start()
        assert has(ready, "before", "after") == [True, True]


class TestPostgres(StoreFixtures):
    @pytest.fixture
    def store(self, postgres_url):
        store = SqlStore.open(postgres_url)
        yield store
        store.close()

    def test_a_connection_lost_in_a_transaction(self, ready):
        """Where the connection goes in the midst of a change, nothing is kept and the next change works."""
        with pytest.raises(UnavailableError), ready.write() as tx:
            insert_catalog(tx, "lost")
            end_session(ready, tx)
            insert_catalog(tx, "never")
        with ready.write() as tx:
            insert_catalog(tx, "next")
        assert has(ready, "lost", "never", "next") == [False, False, True]

    def test_a_connection_lost_at_the_commit(self, ready):
        """Where nobody can know whether a change was committed, the error says just that."""
        with pytest.raises(UnavailableError, match="being committed") as lost, ready.write() as tx:
            insert_catalog(tx, "lost")
            end_session(ready, tx)
        assert "read it again" in lost.value.hint
        assert has(ready, "lost") == [False]

    @needs_fork
    def test_a_fork_opens_connections_of_its_own(self, ready):
        """A child reads and writes with connections of its own, and the parent's go on working."""
        with ready.write() as tx:
            insert_catalog(tx, "before")
        assert exists(ready, "before")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with ready.write() as tx:
                    insert_catalog(tx, "child")
                code = 0 if has(ready, "before", "child") == [True, True] else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        with ready.write() as tx:
            insert_catalog(tx, "parent")
        assert exists(ready, "child")
        assert has(ready, "parent") == [True]

    @needs_fork
    def test_a_writer_that_dies_leaves_nothing(self, ready):
        """A process killed in the midst of an exclusive change leaves neither its lock nor its rows."""
        child = os.fork()
        if child == 0:
            with ready.write(exclusive=True) as tx:
                insert_catalog(tx, "dead")
                os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(child, 0)
        with ready.write(exclusive=True) as tx:
            insert_catalog(tx, "alive")
        assert has(ready, "dead", "alive") == [False, True]


def end_session(store, tx):
    """End the session of a transaction from outside, and wait until it has ended."""
    pid = tx._run._cursor.connection.info.backend_pid
    with store.read() as other:
        assert other._run.one("SELECT pg_terminate_backend(CAST(:pid AS integer), 10000)", pid=pid) == (True,)
