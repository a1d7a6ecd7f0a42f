"""A metastore in PostgreSQL: many processes write, each waiting only for those that change the same thing."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakMethod, WeakSet

import psycopg
from attrs import evolve
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.numeric import Int8Dumper
from sqlalchemy import Engine, create_engine

from herdbook.adapters.sql import postgres_schema
from herdbook.adapters.sql.dialect import POSTGRESQL
from herdbook.adapters.sql.postgres_errors import translated
from herdbook.adapters.sql.postgres_locks import BEGIN, PostgresWrites
from herdbook.adapters.sql.postgres_options import PostgresOptions
from herdbook.adapters.sql.postgres_runner import PostgresRunner
from herdbook.adapters.sql.postgres_wire import Wire
from herdbook.adapters.sql.statements import Compiler, Row, Runner
from herdbook.adapters.sql.store import Mode, SqlStore
from herdbook.errors import InternalError, InvalidArgumentError, UnavailableError

_WIRE = "herdbook wire"
POOL = 8
SHARED = 32
"""Connections that go round, so that no thread is short of one which another keeps and does not use."""
_SETTINGS = {
    "client_encoding": "UTF8",
    "random_page_cost": "1.1",
    "jit": "off",
    "enable_bitmapscan": "off",
    "enable_seqscan": "off",
    "plan_cache_mode": "force_generic_plan",
}
"""What a session is told besides its timeouts: a statement reads a few rows by an index, also where the planner of a
server with the settings of long ago would read a table through, and compile it. Rows are read in the order of an
index, so that reading ends with the page: a bitmap is made of all rows first. A plan is made once for each statement,
as on SQLite: making one takes as long as reading a page, and which index to read does not depend on the values. It must
not depend on how small a table was at that time either: a table that was empty is read through as fast as its index."""
_CONNECT: dict[str, Any] = {
    "autocommit": True,
    "prepare_threshold": 2,
    "keepalives_idle": 30,
    "tcp_user_timeout": 30_000,
    "application_name": "herdbook",
}


class PostgresStore(SqlStore):
    """Holds one metastore in one PostgreSQL database (or one schema of it)."""

    def __init__(self, engine: Engine, options: PostgresOptions) -> None:
        super().__init__(engine, Compiler(engine.dialect, POSTGRESQL))
        self._kept: WeakSet[_Session] = WeakSet()
        self._most_kept = max(0, options.connections - SHARED)

    @classmethod
    def open_url(cls, url: str, options: PostgresOptions | None = None) -> PostgresStore:
        """Open a database, making its tables where it is empty."""
        chosen = options or PostgresOptions()
        engine = engine_of(url, chosen)
        try:
            with translated():
                postgres_schema.ensure(engine)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, chosen)

    @classmethod
    def upgrade_url(cls, url: str, options: PostgresOptions | None = None) -> str:
        """Upgrade a database, however long its statements take."""
        engine = engine_of(url, evolve(options or PostgresOptions(), statement_timeout_s=0))
        try:
            with translated():
                return postgres_schema.upgrade(engine)
        finally:
            engine.dispose()

    @contextmanager
    def transaction(self, mode: Mode) -> Iterator[Runner]:
        """Run statements in one transaction, on the connection that the thread keeps where it is free."""
        self._after_fork()
        with translated():
            session = self._take()
            try:
                session.begin(mode)
                yield session.runner
                session.commit(mode)
            except BaseException:
                session.roll_back()
                raise
            finally:
                self._give_back(session)

    def single(self, statement: Any, parameters: dict[str, Any]) -> list[Row]:
        """Return the rows of one reading statement, in one round trip."""
        self._after_fork()
        with translated():
            session = self._take()
            try:
                return session.runner.all(statement, **parameters)
            except psycopg.OperationalError:
                if not session.broken:
                    raise
            finally:
                self._give_back(session)
            # The server was restarted, or dropped what was idle: a read may simply be repeated, once.
            session = self._take()
            try:
                return session.runner.all(statement, **parameters)
            finally:
                self._give_back(session)

    def writes(self, runner: Runner) -> PostgresWrites:
        """Return the write transaction over a runner."""
        return PostgresWrites(runner)

    def close(self) -> None:
        """Close all connections, those that other threads keep too."""
        for session in tuple(self._kept):
            session.drop()
        self._local = threading.local()
        self._engine.dispose()

    def _take(self) -> _Session:
        """Return the thread's session, or a further one where that is in the midst of a transaction."""
        kept: _Session | None = getattr(self._local, "kept", None)
        if kept is not None and not kept.busy:
            kept.busy = True
            return kept
        session = _Session(self._engine, self._compiler)
        if kept is None and len(self._kept) < self._most_kept:
            # The pool gets the connection back when the thread, and with it this reference, is gone.
            self._local.kept = session
            self._kept.add(session)
            session.busy = True
        return session

    def _give_back(self, session: _Session) -> None:
        session.busy = False
        kept = getattr(self._local, "kept", None) is session
        if session.broken:
            if kept:
                del self._local.kept
                self._kept.discard(session)
            session.drop()
        elif not kept:
            session.release()

    def give_up_inherited(self) -> None:
        """Give up connections that a parent process made: two processes must not talk on one."""
        # Kept, because closing them would end the parent's sessions.
        self._inherited.append((self._engine.pool, self._local, tuple(self._kept)))
        self._local = threading.local()
        self._kept = WeakSet()
        self._engine.dispose(close=False)


class _Session:
    """One connection, for one thing at a time."""

    def __init__(self, engine: Engine, compiler: Compiler) -> None:
        self._engine = engine
        # Each of the two would keep the other, and the thread that is gone the connection.
        self.runner = PostgresRunner(self._connected(), compiler, WeakMethod(self._renewed))
        self.busy = False

    @property
    def broken(self) -> bool:
        """Whether the connection is lost."""
        return self._driver.closed

    def begin(self, mode: Mode) -> None:
        """Begin a transaction; one that nothing may run beside has its lock then, others with their first statement."""
        self.runner.begin(BEGIN[mode], alone=mode is Mode.EXCLUSIVE)

    def commit(self, mode: Mode) -> None:
        """Commit; raises UnavailableError that says so where nobody can know whether it was committed."""
        try:
            done = self.runner.commit()
        except psycopg.OperationalError as error:
            if mode is Mode.READ or not self.broken:
                raise
            raise UnavailableError(
                "The connection to the database was lost while a change was being committed.",
                hint="It may have been made or not: read it again before you repeat it.",
            ) from error
        if done != "COMMIT":
            raise InternalError("A transaction went on after a statement of it had failed; it was rolled back.")

    def roll_back(self) -> None:
        """Leave the transaction, if there is one and the connection is there."""
        self.runner.forget()
        if not self.broken:
            # Where this fails the connection is lost, and the server rolls back by itself.
            with suppress(psycopg.OperationalError):
                self._driver.rollback()

    def release(self) -> None:
        """Give the connection to the pool."""
        self._connection.close()

    def drop(self) -> None:
        """Throw the connection away, and with it what else is idle: it was very likely lost too."""
        if self._connection.is_valid:
            self._connection.invalidate()
        self._engine.dispose()

    def _renewed(self) -> Wire:
        self.drop()
        return self._connected()

    def _connected(self) -> Wire:
        self._connection = self._engine.raw_connection()
        self._driver: psycopg.Connection[Row] = self._connection.driver_connection  # type: ignore[assignment]  # the pool's type is any driver's
        wire: Wire | None = self._connection.info.get(_WIRE)
        if wire is None:
            # It stays with the connection: another session finds its statements prepared.
            wire = self._connection.info[_WIRE] = Wire(self._driver)
        return wire


def engine_of(url: str, options: PostgresOptions | None = None) -> Engine:
    """Return an engine over a database; libpq reads the URL, so all its options may stand in it.

    Args:
        url: The URL.
        options: Limits; None takes those that hold unless set.

    Raises:
        InvalidArgumentError: libpq cannot read it.
    """
    target = f"postgresql:{url.partition(':')[2]}"
    try:
        conninfo_to_dict(target)
    except psycopg.ProgrammingError:
        # Its message has the URL, in which a password may stand.
        raise InvalidArgumentError(
            "The PostgreSQL URL cannot be read.", hint="Write postgresql://user@host/database, percent-encoded."
        ) from None

    chosen = options or PostgresOptions()
    told = "".join(f"SET {name} = '{value}';" for name, value in {**chosen.session(), **_SETTINGS}.items())
    # libpq counts whole seconds, and takes 0 for no limit.
    patience = max(1, math.ceil(chosen.connect_timeout_s))

    def connect() -> psycopg.Connection[Any]:
        connection: psycopg.Connection[Any] = psycopg.connect(target, connect_timeout=patience, **_CONNECT)
        connection.prepared_max = 500
        # One type for every whole number, and a statement is prepared once.
        connection.adapters.register_dumper(int, Int8Dumper)
        connection.execute(told)
        return connection

    return create_engine(
        "postgresql+psycopg://",
        creator=connect,
        pool_size=min(POOL, chosen.connections),
        max_overflow=max(0, chosen.connections - POOL),
        pool_timeout=chosen.connection_wait_s,
        pool_reset_on_return=None,
        use_native_hstore=False,
    )
