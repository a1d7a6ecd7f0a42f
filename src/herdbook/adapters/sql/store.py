"""The metadata store over a SQL database: what SQLite and PostgreSQL share."""

from __future__ import annotations

import os
import threading
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import Enum
from typing import Any
from weakref import WeakSet

from sqlalchemy import Engine

from herdbook.adapters.sql.postgres_options import PostgresOptions
from herdbook.adapters.sql.reads import SqlReads, SqlResolver
from herdbook.adapters.sql.remembered_ranges import RememberedRanges
from herdbook.adapters.sql.schema_state import REVISION
from herdbook.adapters.sql.sql_text import insert_sql
from herdbook.adapters.sql.statements import Compiler, Row, Runner
from herdbook.adapters.sql.tables import metastore
from herdbook.adapters.sql.writes import SqlWrites
from herdbook.errors import InvalidArgumentError
from herdbook.ports.metadata import MetadataStore, ReadTransaction, Resolver, WriteTransaction


class Mode(Enum):
    """What a transaction is for."""

    READ = "read"
    WRITE = "write"
    EXCLUSIVE = "exclusive"


class SqlStore(MetadataStore):
    """Holds one metastore in one database."""

    def __init__(self, engine: Engine, compiler: Compiler) -> None:
        self._engine = engine
        self._compiler = compiler
        # What each thread keeps: its connection for single statements.
        self._local = threading.local()
        self._remembered = RememberedRanges()
        # Whether a fork has been told of that nobody has given up the parent's things for; and who is at it.
        self.is_inherited = False
        self.handing_over = threading.Lock()
        self._inherited: list[object] = []
        self._point = SqlResolver(_PointRunner(self))
        _OPENED.add(self)

    @staticmethod
    def open(url: str, options: PostgresOptions | None = None) -> SqlStore:
        """Open the database that a URL names, making its tables where it is new.

        Args:
            url: `sqlite:////absolute/file.db`, percent-encoded; `sqlite://` for one in memory; or
                `postgresql://user@host/database`, as libpq reads it.
            options: Limits of connections to PostgreSQL; None takes those that hold unless set.

        Raises:
            InvalidArgumentError: the URL is none of these.
            UnavailableError: the database cannot be opened now, is of a newer Herdbook, or waits for an upgrade.
            IntegrityError: the database is damaged, or something else's.
        """
        return _kind(url).open_url(url, options)

    @staticmethod
    def upgrade(url: str, options: PostgresOptions | None = None) -> tuple[str, str]:
        """Bring a database to the newest schema, making its tables where it is new.

        Args:
            url: As `open` takes it.
            options: As `open` takes them.

        Returns:
            The schema's revision before and now.

        Raises:
            InvalidArgumentError, UnavailableError, IntegrityError: as `open`.
        """
        return _kind(url).upgrade_url(url, options), REVISION

    @classmethod
    @abstractmethod
    def open_url(cls, url: str, options: PostgresOptions | None = None) -> SqlStore:
        """Open a database of this kind; see `open`."""

    @classmethod
    @abstractmethod
    def upgrade_url(cls, url: str, options: PostgresOptions | None = None) -> str:
        """Upgrade a database of this kind and return the revision that it had; see `upgrade`."""

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
        with self.transaction(Mode.READ) as runner:
            reads = SqlReads(runner)
            reads.remembered = self._remembered if runner.committed else None
            yield reads

    @contextmanager
    def write(self, *, exclusive: bool = False) -> Iterator[WriteTransaction]:
        """Open a write transaction."""
        with self.transaction(Mode.EXCLUSIVE if exclusive else Mode.WRITE) as runner:
            yield self.writes(runner)

    def metastore_id(self) -> str | None:
        """Return the metastore's id; None where there is none."""
        with self.transaction(Mode.READ) as runner:
            row = runner.one("SELECT id FROM metastore")
        return None if row is None else str(row[0])

    def create_metastore(self, metastore_id: str, *, seal_key: bytes, at_ms: int) -> bool:
        """Make the metastore's row; returns False where another process was first."""
        row = {"id": metastore_id, "seal_key": seal_key, "created_at": at_ms}
        with self.transaction(Mode.WRITE) as runner:
            return runner.run(f"{insert_sql(metastore, *row)} ON CONFLICT DO NOTHING", **row) > 0

    def has_current_schema(self) -> bool:
        """Compare the database's stamp with the schema of this version."""
        with self.transaction(Mode.READ) as runner:
            row = runner.one("SELECT version_num FROM alembic_version")
        return row is not None and row[0] == REVISION

    @abstractmethod
    def transaction(self, mode: Mode) -> AbstractContextManager[Runner]:
        """Run statements in one transaction; commits on leaving, rolls back on an exception."""

    @abstractmethod
    def single(self, statement: Any, parameters: dict[str, Any]) -> list[Row]:
        """Return the rows of one reading statement, without a transaction around it."""

    def memory(self) -> dict[str, Any]:
        """Return what was read by `single` in this thread, of which nothing can have changed since; here nothing."""
        return {}

    def writes(self, runner: Runner) -> SqlWrites:
        """Return the write transaction over a runner."""
        return SqlWrites(runner)

    def settle(self) -> bool:
        """Have nothing of its own under way while this process forks; returns False where there is nothing to end."""
        return False

    def go_on(self) -> None:
        """Go on after `settle`."""

    @abstractmethod
    def give_up_inherited(self) -> None:
        """Forget what the parent process made."""

    def _after_fork(self) -> None:
        """Give up, once, what a parent process made; no thread goes on before."""
        if not self.is_inherited:
            return
        with self.handing_over:
            if self.is_inherited:
                self.give_up_inherited()
                self.is_inherited = False


# To ask for the process's number with every statement is a call of the system.
_OPENED: WeakSet[SqlStore] = WeakSet()
# Of each thread that forks: the stores that wait until it has.
_forking = threading.local()


def _settle() -> None:
    _forking.settled = [store for store in tuple(_OPENED) if store.settle()]


def _go_on() -> None:
    for store in _forking.__dict__.pop("settled", ()):
        store.go_on()


def _tell_of_fork() -> None:
    for store in tuple(_OPENED):
        # Some thread of the parent may have had it.
        store.handing_over = threading.Lock()
        store.is_inherited = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_settle, after_in_parent=_go_on, after_in_child=_tell_of_fork)


class _PointRunner(Runner):
    """Reads one row without a transaction; reading to the end leaves nothing open."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def one(self, statement: Any, /, **parameters: Any) -> Row | None:
        """Return the only row."""
        found = self._store.single(statement, parameters)
        return found[0] if found else None

    def memory(self) -> dict[str, Any]:
        """Return what is remembered until anything is committed."""
        return self._store.memory()


def _kind(url: str) -> type[SqlStore]:
    """Return the store for a URL's kind of database; raises InvalidArgumentError where there is none."""
    name = url.partition(":")[0].partition("+")[0]
    if name == "sqlite":
        from herdbook.adapters.sql.sqlite_store import SqliteStore  # noqa: PLC0415 only what is used is imported

        return SqliteStore
    if name == "postgresql":
        from herdbook.adapters.sql.postgres_store import PostgresStore  # noqa: PLC0415 psycopg is an extra

        return PostgresStore
    raise InvalidArgumentError(
        f"{name!r} is not a database that Herdbook knows.",
        hint="Write sqlite:////absolute/file.db or postgresql://user@host/database.",
    )
