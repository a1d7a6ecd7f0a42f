"""Statements to PostgreSQL, several in one round trip where nobody waits for what each of them says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from sqlalchemy.sql import ClauseElement

from herdbook.adapters.sql.postgres_wire import Answer, Asked, Wire
from herdbook.adapters.sql.statements import Compiler, Row, Runner

Statement = str | ClauseElement


class PostgresRunner(Runner):
    """Runs statements on one connection.

    Args:
        wire: The statements of a connection; nothing else runs on it meanwhile.
        compiler: Compiles them.
        renewed: Returns what returns those of another connection, in place of one that was lost.
    """

    def __init__(self, wire: Wire, compiler: Compiler, renewed: Callable[[], Callable[[], Wire] | None]) -> None:
        super().__init__(wire.cursor(), compiler)
        self._wire = wire
        self._renewed = renewed
        self._kept: list[Asked] = []
        self._begins = False

    def one(self, statement: Statement, /, **parameters: Any) -> Row | None:
        """Return the first row; None where there is none."""
        rows = self._answered(statement, parameters).rows
        return rows[0] if rows else None

    def all(self, statement: Statement, /, **parameters: Any) -> list[Row]:
        """Return every row."""
        return self._answered(statement, parameters).rows

    def run(self, statement: Statement, /, **parameters: Any) -> int:
        """Run a statement and return how many rows it touched."""
        return self._answered(statement, parameters).touched

    def later(self, statement: Statement, /, **parameters: Any) -> None:
        """Run a statement before the next one that is waited for, in the same round trip."""
        self._kept.append((self._compiler.sql(statement), parameters))

    def many(self, statement: Statement, rows: Sequence[dict[str, Any]]) -> None:
        """Run a statement for each set of parameters."""
        sql = self._compiler.sql(statement)
        self._kept += [(sql, row) for row in rows]

    def begin(self, statements: Sequence[str], *, alone: bool) -> None:
        """Begin a transaction; whatever is left of the last one is dropped.

        Args:
            statements: What it begins with.
            alone: Whether to wait for that; else it goes with the first statement that is waited for.
        """
        self._kept = [(sql, {}) for sql in statements]
        self._begins = True
        if alone:
            sql, parameters = self._kept.pop()
            self._asked(sql, parameters)

    def commit(self) -> str:
        """Commit, after what is still to be run; returns what PostgreSQL says that it did."""
        # Whether it was done is not known where the connection is lost: it is never asked for again.
        self._begins = False
        return self._asked("COMMIT", {}).done

    def forget(self) -> None:
        """Drop what is still to be run: the transaction is over."""
        self._kept = []
        self._begins = False

    def _answered(self, statement: Statement, parameters: dict[str, Any]) -> Answer:
        return self._asked(self._compiler.sql(statement), parameters)

    def _asked(self, sql: str, parameters: dict[str, Any]) -> Answer:
        asked = [*self._kept, (sql, parameters)]
        self._kept, begins, self._begins = [], self._begins, False
        try:
            return self._wire.ask(asked)
        except psycopg.OperationalError:
            renewed = self._renewed()
            if not begins or not self._wire.is_lost or renewed is None:
                raise
        # The server was restarted, or dropped what was idle: nothing was done before this.
        self._wire = renewed()
        self._cursor = self._wire.cursor()
        return self._wire.ask(asked)
