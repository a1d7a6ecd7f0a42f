"""A metastore in SQLite: one writer at a time, readers that block nobody, everything durable on commit."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool, StaticPool

from herdbook.adapters.sql import sqlite_schema
from herdbook.adapters.sql.dialect import SQLITE
from herdbook.adapters.sql.driver_errors import translate, translated
from herdbook.adapters.sql.postgres_options import PostgresOptions
from herdbook.adapters.sql.sqlite_batches import Batch
from herdbook.adapters.sql.sqlite_brief import BRIEF_BYTES, STEPS_A_LOOK, Brief, BriefRunner
from herdbook.adapters.sql.sqlite_checkpoints import BACKSTOP, Checkpoints
from herdbook.adapters.sql.sqlite_transactions import BUSY_S, begun_within, is_busy, wait_at_most, whole
from herdbook.adapters.sql.sqlite_writers import Writers
from herdbook.adapters.sql.statements import Compiler, Row, Runner
from herdbook.adapters.sql.store import Mode, SqlStore
from herdbook.errors import InvalidArgumentError, RegistryError, UnavailableError

R = TypeVar("R")

_ALONE_S = 0.5
REMEMBERED = 1024
"""Rows that a thread remembers."""
_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -8192",
    f"PRAGMA wal_autocheckpoint = {BACKSTOP}",
)


class SqliteStore(SqlStore):
    """Holds one metastore in one SQLite database."""

    inline_reads = True

    def __init__(self, engine: Engine, database: str | None) -> None:
        super().__init__(engine, Compiler(sqlite_dialect.dialect(paramstyle="named"), SQLITE))
        self._database = database
        # One writer at a time; SQLite's own lock is for other programs. In memory there is but one connection, so
        # readers take turns on it too.
        self._writer = Writers(database)
        self._checkpoints = self._new_checkpoints()

    @classmethod
    def open_url(cls, url: str, _options: PostgresOptions | None = None) -> SqliteStore:
        """Open a database, upgraded where it is old."""
        database = database_of(url)
        engine = engine_of(database)
        try:
            with translated():
                sqlite_schema.ensure(engine, database)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, database)

    @classmethod
    def upgrade_url(cls, url: str, _options: PostgresOptions | None = None) -> str:
        """Upgrade a database, with a backup beside it."""
        database = database_of(url)
        engine = engine_of(database)
        try:
            with translated():
                return sqlite_schema.ensure(engine, database)
        finally:
            engine.dispose()

    @contextmanager
    def transaction(self, mode: Mode) -> Iterator[Runner]:
        """Run statements in one transaction: a writer is alone anyway."""
        self._after_fork()
        if mode is Mode.READ:
            brief: Brief | None = getattr(self._local, "brief", None)
            with self._turn(), translated(), self._cursor("BEGIN") if brief is None else self._in(brief) as runner:
                yield runner
            return
        batch: Batch | None = getattr(self._local, "batch", None)
        if batch is not None:
            with batch.change(alone=mode is Mode.EXCLUSIVE) as runner:
                yield runner
            return
        writer = self._writer
        if not writer.acquire(BUSY_S):
            raise UnavailableError(f"The registry was busy for {BUSY_S:.0f} seconds.", hint="Try again.")
        try:
            with translated(), self._cursor("BEGIN IMMEDIATE") as runner:
                yield runner
            self._changed(1)
        finally:
            writer.release()

    def together(
        self, jobs: Sequence[Callable[[], R]], meanwhile: Callable[[], None] | None = None
    ) -> list[R | RegistryError]:
        """Do jobs one after the other, with one commit for what they change."""
        self._after_fork()
        if self._database is None:
            return super().together(jobs, meanwhile)
        connect = self._engine.raw_connection
        batch = self._local.batch = Batch(connect, self._compiler, self._writer, self._changed)
        try:
            return batch.outcomes(jobs, meanwhile)
        finally:
            self._local.batch = None

    def briefly(self, job: Callable[[], R]) -> R | None:
        """Do a job in so many steps; None where it takes more, or where all threads share one connection."""
        if self._database is None:
            return None
        brief = self._local.brief = Brief()
        try:
            return job()
        except RegistryError as error:
            if brief.is_over or getattr(error.__cause__, "sqlite_errorcode", None) == sqlite3.SQLITE_TOOBIG:
                return None
            raise
        finally:
            self._local.brief = None

    def single(self, statement: Any, parameters: dict[str, Any]) -> list[Row]:
        """Return the rows of one reading statement."""
        self._after_fork()
        try:
            if self._database is None:
                with self._writer:
                    return self._kept().all(statement, **parameters)
            batch: Batch | None = getattr(self._local, "batch", None)
            rows = None if batch is None else batch.single(statement, parameters)
            if rows is not None:
                return rows
            return self._kept().all(statement, **parameters)
        except sqlite3.Error as error:
            raise translate(error) from error

    def memory(self) -> dict[str, Any]:
        """Return what this thread remembers, which is nothing where anything was committed since it was asked last.

        Source: https://www.sqlite.org/pragma.html#pragma_data_version
        """
        self._after_fork()
        if self._database is None or getattr(self._local, "batch", None) is not None:
            return {}
        try:
            version = self._kept().one("PRAGMA data_version")
        except sqlite3.Error as error:
            raise translate(error) from error
        known, kept = getattr(self._local, "memory", (None, {}))
        if known != version or len(kept) > REMEMBERED:
            kept = {}
            self._local.memory = version, kept
        remembered: dict[str, Any] = kept
        return remembered

    def close(self) -> None:
        """Release all connections; those that other threads keep go when the threads do."""
        self._after_fork()
        self._checkpoints.end()
        held = self._local.__dict__.pop("held", None)
        self._local.__dict__.pop("runner", None)
        self._local.__dict__.pop("memory", None)
        if held is not None:
            held.close()
        self._engine.dispose()
        self._writer.close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Wait for one's turn where all threads share one connection."""
        if self._database is None:
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
                yield Runner(cursor, self._compiler, committed=False)
                return
            with whole(driver, cursor, begin):
                yield Runner(cursor, self._compiler)
            cursor.close()
        finally:
            connection.close()

    @contextmanager
    def _in(self, brief: Brief) -> Iterator[Runner]:
        """Read on the connection that this thread keeps for single statements, which has their pages."""
        self._kept()
        driver: Any = self._local.held.driver_connection
        if driver.in_transaction:
            with self._cursor("BEGIN") as runner:
                yield runner
            return
        cursor = driver.cursor()
        driver.set_progress_handler(brief.look, STEPS_A_LOOK)
        bytes_before = driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, BRIEF_BYTES)
        try:
            with whole(driver, cursor, "BEGIN"):
                yield BriefRunner(cursor, self._compiler, brief)
        finally:
            driver.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, bytes_before)
            driver.set_progress_handler(None, 0)
            cursor.close()

    def give_up_inherited(self) -> None:
        """Give up locks and connections that a parent process made: SQLite's must not cross a fork."""
        if self._database is not None:
            # Kept, because closing them is also something that only the parent may do.
            self._inherited.append((self._engine.pool, self._local))
            self._engine.dispose(close=False)
        self._local = threading.local()
        self._writer.close()
        self._writer = Writers(self._database)
        self._checkpoints = self._new_checkpoints()

    def _new_checkpoints(self) -> Checkpoints:
        return Checkpoints(self._carry, self._alone)

    def _changed(self, changes: int) -> None:
        if self._database is not None:
            self._checkpoints.count(changes)

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Keep everybody from writing; yields False where somebody does, here or in another process, and goes on."""
        if not self._writer.acquire(_ALONE_S):
            yield False
            return
        try:
            connection = self._engine.raw_connection()
            driver: Any = connection.driver_connection
            try:
                with translated():
                    has_begun = begun_within(driver, _ALONE_S)
                if not has_begun:
                    yield False
                    return
                try:
                    yield True
                finally:
                    # Nothing was written.
                    driver.rollback()
            finally:
                connection.close()
        finally:
            self._writer.release()

    def settle(self) -> bool:
        """Have no checkpoint under way: a child process would take its locks for held for ever."""
        # Those of a parent stand still for ever.
        return not self.is_inherited and self._checkpoints.pause()

    def go_on(self) -> None:
        """Let checkpoints be made again."""
        self._checkpoints.go_on()

    def _carry(self) -> int:
        """Carry what can be from the write-ahead log into the database; returns the pages of the log."""
        with translated():
            row = self._kept().one("PRAGMA wal_checkpoint(PASSIVE)")
        return 0 if row is None else int(row[1])

    def _kept(self) -> Runner:
        """Return the runner that this thread keeps for single statements."""
        runner: Runner | None = getattr(self._local, "runner", None)
        if runner is None:
            held = self._engine.raw_connection()
            runner = Runner(held.cursor(), self._compiler)
            # The pool gets the connection back when the thread, and with it this reference, is gone.
            self._local.held, self._local.runner = held, runner
        return runner


def database_of(url: str) -> str | None:
    """Return the file that a SQLite URL names; None is a database in memory."""
    parsed = make_url(url)
    if parsed.query:
        raise InvalidArgumentError(f"{url!r} has options, which SQLite is not given.", hint="Write '?' as %3F.")
    return None if parsed.database in (None, "", ":memory:") else parsed.database


def engine_of(database: str | None) -> Engine:
    """Return an engine over a file; None is one in memory."""
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
            # The one that was used last has the pages that are asked for again.
            pool_use_lifo=True,
            pool_reset_on_return=None,
            connect_args={"check_same_thread": False, "timeout": BUSY_S, "cached_statements": 512},
        )

    def prepare(connection: sqlite3.Connection, _: object) -> None:
        # Transactions are begun and ended by name; the driver is not to do it on its own.
        connection.isolation_level = None
        wait_at_most(connection, BUSY_S)
        _write_ahead(connection)
        for pragma in _PRAGMAS:
            connection.execute(pragma)

    event.listen(engine, "connect", prepare)
    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Have the database write ahead; of those that open a new one at the same moment one makes it do so.

    The others may be told at once that it is locked, whatever the busy timeout is: each has begun to read what it would
    have to wait for the others to stop reading.
    """
    until = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > until:
                raise
            time.sleep(0.005)
        else:
            return
