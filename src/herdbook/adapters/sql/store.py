"""A metastore in SQLite: one writer at a time, readers that block nobody, everything durable on commit."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool, StaticPool

from herdbook.adapters.sql.dialect import SQLITE
from herdbook.adapters.sql.driver_errors import translate, translated
from herdbook.adapters.sql.reads import SqlReads, SqlResolver
from herdbook.adapters.sql.schema_state import ensure_schema
from herdbook.adapters.sql.sql_text import insert_sql
from herdbook.adapters.sql.statements import Compiler, Row, Runner
from herdbook.adapters.sql.tables import metastore
from herdbook.adapters.sql.writes import SqlWrites
from herdbook.errors import InvalidArgumentError, UnavailableError
from herdbook.ports.metadata import MetadataStore, ReadTransaction, Resolver, WriteTransaction

BUSY_S = 30.0
_PRAGMAS = (
    f"PRAGMA busy_timeout = {int(BUSY_S * 1000)}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -65536",
    "PRAGMA mmap_size = 1073741824",
)


class SqlStore(MetadataStore):
    """Holds one metastore in one SQLite database."""

    inline_reads = True

    def __init__(self, engine: Engine, database: str | None) -> None:
        self._engine = engine
        self._database = database
        self._compiler = Compiler(sqlite_dialect.dialect(paramstyle="named"), SQLITE)
        # One writer a process; SQLite's own lock then only arbitrates between processes. In memory there is but one
        # connection, so readers take turns on it too.
        self._writer = threading.RLock()
        self._local = threading.local()
        self._pid = os.getpid()
        self._inherited: list[object] = []
        self._point = _PointResolver(self)

    @classmethod
    def open(cls, url: str) -> SqlStore:
        """Open a database, making its tables where it is new.

        Args:
            url: `sqlite:////absolute/file.db`, percent-encoded, or `sqlite://` for one in memory.

        Raises:
            InvalidArgumentError: the URL is none.
            UnavailableError: the database cannot be opened now, or is of a newer Herdbook.
            IntegrityError: the file is no database, or something else's.
        """
        parsed = make_url(url)
        if parsed.get_backend_name() != "sqlite":
            raise InvalidArgumentError(f"{url!r} is not a SQLite URL.", hint="Write sqlite:////absolute/file.db.")
        if parsed.query:
            raise InvalidArgumentError(f"{url!r} has options, which SQLite is not given.", hint="Write '?' as %3F.")
        database = None if parsed.database in (None, "", ":memory:") else parsed.database
        engine = _engine(database)
        try:
            with translated():
                ensure_schema(engine, database)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, database)

    @property
    def engine(self) -> Engine:
        """The engine, for tests and bulk tools."""
        return self._engine

    @property
    def point(self) -> Resolver:
        """Single-statement reads on a connection that the thread keeps."""
        return self._point

    @contextmanager
    def read(self) -> Iterator[ReadTransaction]:
        """Open a consistent read."""
        with self.turn(), translated(), self._cursor("BEGIN") as runner:
            yield SqlReads(runner)

    @contextmanager
    def write(self, *, exclusive: bool = False) -> Iterator[WriteTransaction]:
        """Open a write transaction; SQLite's is alone in any case."""
        del exclusive
        with self._writing() as runner:
            yield SqlWrites(runner)

    def metastore_id(self) -> str | None:
        """Return the metastore's id; None where there is none."""
        with self.turn(), translated(), self._cursor("BEGIN") as runner:
            row = runner.one("SELECT id FROM metastore")
        return None if row is None else str(row[0])

    def create_metastore(self, metastore_id: str, *, seal_key: bytes, at_ms: int) -> bool:
        """Make the metastore's row; returns False where another process was first."""
        with self._writing() as runner:
            if runner.one("SELECT id FROM metastore") is not None:
                return False
            row = {"id": metastore_id, "seal_key": seal_key, "created_at": at_ms}
            runner.run(insert_sql(metastore, *row), **row)
            return True

    def close(self) -> None:
        """Release all connections; those that other threads keep go when the threads do."""
        held = self._local.__dict__.pop("held", None)
        self._local.__dict__.pop("runner", None)
        if held is not None:
            held.close()
        self._engine.dispose()

    @property
    def shared(self) -> bool:
        """Whether all threads share one connection."""
        return self._database is None

    @contextmanager
    def _writing(self) -> Iterator[Runner]:
        self._after_fork()
        writer = self._writer
        if not writer.acquire(timeout=BUSY_S):
            raise UnavailableError(f"The registry was busy for {BUSY_S:.0f} seconds.", hint="Try again.")
        try:
            with translated(), self._cursor("BEGIN IMMEDIATE") as runner:
                yield runner
        finally:
            writer.release()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn where all threads share one connection."""
        self._after_fork()
        if self.shared:
            with self._writer:
                yield
        else:
            yield

    @contextmanager
    def _cursor(self, begin: str) -> Iterator[Runner]:
        connection = self._engine.raw_connection()
        try:
            cursor = connection.cursor()
            driver: Any = connection.driver_connection
            if begin == "BEGIN" and driver.in_transaction:
                # In memory there is one connection: a read inside this thread's own transaction is a part of it.
                yield Runner(cursor, self._compiler)
                return
            cursor.execute(begin)
            try:
                yield Runner(cursor, self._compiler)
                cursor.execute("COMMIT")
            except BaseException:
                # Also where the commit failed, or the pool would hand on an open transaction. The driver's own method
                # asks SQLite first, which has rolled back by itself where the disk is full.
                connection.rollback()
                raise
            cursor.close()
        finally:
            connection.close()

    def _after_fork(self) -> None:
        """Give up locks and connections that a parent process made: SQLite's must not cross a fork."""
        if self._pid == os.getpid():
            return
        if self._database is not None:
            # Kept, because closing them is also something that only the parent may do.
            self._inherited.append((self._engine.pool, self._local))
            self._engine.dispose(close=False)
        self._writer = threading.RLock()
        self._local = threading.local()
        self._pid = os.getpid()

    def point_runner(self) -> Runner:
        """Return the runner that this thread keeps for single statements."""
        self._after_fork()
        runner: Runner | None = getattr(self._local, "runner", None)
        if runner is None:
            held = self._engine.raw_connection()
            runner = Runner(held.cursor(), self._compiler)
            # The pool gets the connection back when the thread, and with it this reference, is gone.
            self._local.held, self._local.runner = held, runner
        return runner


class _PointResolver(SqlResolver):
    """Resolves without a transaction around the statement."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._run = _PointRunner(store)


class _PointRunner(Runner):
    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def one(self, statement: Any, /, **parameters: Any) -> Row | None:
        """Return the only row; reading to the end leaves no read transaction open."""
        try:
            if self._store.shared:
                with self._store.turn():
                    found = self._store.point_runner().all(statement, **parameters)
            else:
                found = self._store.point_runner().all(statement, **parameters)
        except sqlite3.Error as error:
            raise translate(error) from error
        return found[0] if found else None


def _engine(database: str | None) -> Engine:
    if database is None:
        engine = create_engine(
            "sqlite://", poolclass=StaticPool, pool_reset_on_return=None, connect_args={"check_same_thread": False}
        )
    else:
        engine = create_engine(
            URL.create("sqlite", database=database),
            poolclass=QueuePool,
            pool_size=8,
            max_overflow=-1,
            pool_reset_on_return=None,
            connect_args={"check_same_thread": False, "timeout": BUSY_S, "cached_statements": 512},
        )

    def prepare(connection: sqlite3.Connection, _: object) -> None:
        # Transactions are begun and ended by name; the driver is not to do it on its own.
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(pragma)

    event.listen(engine, "connect", prepare)
    return engine
