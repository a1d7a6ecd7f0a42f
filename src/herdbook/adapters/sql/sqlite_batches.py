"""Changes that share one commit: the disk is waited for once, and each of them stands or falls alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import PoolProxiedConnection

from herdbook.adapters.sql.driver_errors import translate, translated
from herdbook.adapters.sql.sqlite_transactions import BUSY_S, begun_within
from herdbook.adapters.sql.sqlite_writers import Writers
from herdbook.adapters.sql.statements import Compiler, Row, Runner
from herdbook.errors import RegistryError, UnavailableError

R = TypeVar("R")


class Batch:
    """The changes of the jobs that one thread does together.

    Each has a savepoint of its own in a transaction that ends with the batch; one that must be alone ends it early,
    and the next change begins another.

    Args:
        connect: Returns a connection that nobody else has.
        compiler: Compiles the statements.
        writer: Held by whoever writes.
        committed: Told, by whoever may write, how many changes were committed.
    """

    def __init__(
        self,
        connect: Callable[[], PoolProxiedConnection],
        compiler: Compiler,
        writer: Writers,
        committed: Callable[[int], None],
    ) -> None:
        self._connect = connect
        self._compiler = compiler
        self._writer = writer
        self._committed = committed
        self._meanwhile: Callable[[], None] | None = None
        self._open: _Together | None = None
        self._joined: list[_Together] = []

    def outcomes(
        self, jobs: Sequence[Callable[[], R]], meanwhile: Callable[[], None] | None = None
    ) -> list[R | RegistryError]:
        """Do the jobs; return what each returned, or the error of the commit that held its changes.

        Args:
            jobs: What to do.
            meanwhile: Called before anybody is waited for; see `MetadataStore.together`.
        """
        self._meanwhile = meanwhile
        found: list[tuple[R, list[_Together]]] = []
        try:
            for job in jobs:
                self._joined = []
                found.append((job(), self._joined))
        finally:
            self._end()
        return [next((each.failed for each in joined if each.failed), outcome) for outcome, joined in found]

    @contextmanager
    def change(self, *, alone: bool) -> Iterator[Runner]:
        """Run one change; undone on an exception.

        Args:
            alone: Whether no other change may be in the same commit.

        Raises:
            UnavailableError: somebody else writes for too long.
            RegistryError: what the driver raised.
        """
        if alone or (self._open is not None and self._open.failed is not None):
            self._end()
        together = self._open = self._open or self._begin()
        self._joined.append(together)
        try:
            with translated(), together.change() as runner:
                yield runner
        finally:
            if alone:
                self._end()
        if alone and together.failed is not None:
            raise together.failed

    def single(self, statement: Any, parameters: dict[str, Any]) -> list[Row] | None:
        """Return the rows of one reading statement as the changes before it left them; None where none is open.

        Every commit makes another connection read its pages anew; this one has them.
        """
        together = self._open
        if together is None or together.failed is not None:
            return None
        # What it finds may come to nothing with them.
        self._joined.append(together)
        return together.runner.all(statement, **parameters)

    def _begin(self) -> _Together:
        if not self._writer.acquire(BUSY_S, self._meanwhile):
            raise UnavailableError(f"The registry was busy for {BUSY_S:.0f} seconds.", hint="Try again.")
        try:
            with translated():
                return _Together(self._connect(), self._compiler, self._meanwhile)
        except BaseException:
            self._writer.release()
            raise

    def _end(self) -> None:
        together, self._open = self._open, None
        try:
            _let_go_on(self._meanwhile)
        finally:
            # Whatever that does, nothing stays open.
            if together is not None:
                self._finish(together)

    def _finish(self, together: _Together) -> None:
        try:
            together.finish()
            self._committed(together.changes)
        finally:
            self._writer.release()


class _Together:
    """One transaction with several changes in it."""

    def __init__(
        self, connection: PoolProxiedConnection, compiler: Compiler, meanwhile: Callable[[], None] | None
    ) -> None:
        self._connection = connection
        self._driver: Any = connection.driver_connection
        self.failed: RegistryError | None = None
        self.changes = 0
        try:
            self._cursor = connection.cursor()
            self.runner = Runner(self._cursor, compiler)
            if meanwhile is None or not begun_within(self._driver, 0):
                _let_go_on(meanwhile)
                self._cursor.execute("BEGIN IMMEDIATE")
        except BaseException:
            connection.close()
            raise

    @contextmanager
    def change(self) -> Iterator[Runner]:
        self.changes += 1
        self._cursor.execute("SAVEPOINT change")
        try:
            yield self.runner
            self._cursor.execute("RELEASE change")
        except BaseException as error:
            if self._driver.in_transaction:
                self._cursor.execute("ROLLBACK TO change")
                self._cursor.execute("RELEASE change")
            else:
                # SQLite has undone everything, what came before too.
                self.failed = _ours(error)
            raise

    def finish(self) -> None:
        """Commit; what fails is kept for all that have a change in it."""
        try:
            if self.failed is None:
                self._cursor.execute("COMMIT")
        except sqlite3.Error as error:
            self.failed = translate(error)
        finally:
            # The driver's own method asks SQLite first, which has rolled back by itself where the disk is full.
            self._connection.rollback()
            self._cursor.close()
            self._connection.close()


def _let_go_on(meanwhile: Callable[[], None] | None) -> None:
    if meanwhile is not None:
        meanwhile()


def _ours(error: BaseException) -> RegistryError:
    return error if isinstance(error, RegistryError) else translate(error)
