"""Statements to PostgreSQL, several in one round trip where nobody waits for what each of them says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from sqlalchemy.sql import ClauseElement

from herdbook.adapters.sql.postgres_wire import Answer, Asked, Wire
from herdbook.adapters.sql.statements import Compiler, Row, Runner

Statement = str | ClauseElement


class PostgresRunner(Runner):
    """Runs statements on one connection.

    Args:
        driver: The connection; nothing else runs on it meanwhile.
        wire: Its statements.
        compiler: Compiles them.
    """

    def __init__(self, driver: psycopg.Connection[Row], wire: Wire, compiler: Compiler) -> None:
        super().__init__(driver.cursor(), compiler)
        self._wire = wire
        self._kept: list[Asked] = []

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

    def begin(self, statements: Sequence[str]) -> None:
        """Begin a transaction; whatever is left of the last one is dropped."""
        self._kept = []
        self._wire.ask([(sql, {}) for sql in statements])

    def commit(self) -> str:
        """Commit, after what is still to be run; returns what PostgreSQL says that it did."""
        return self._asked("COMMIT", {}).done

    def forget(self) -> None:
        """Drop what is still to be run: the transaction is over."""
        self._kept = []

    def _answered(self, statement: Statement, parameters: dict[str, Any]) -> Answer:
        return self._asked(self._compiler.sql(statement), parameters)

    def _asked(self, sql: str, parameters: dict[str, Any]) -> Answer:
        kept, self._kept = self._kept, []
        return self._wire.ask([*kept, (sql, parameters)])
