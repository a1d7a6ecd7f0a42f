"""SQL that is compiled once for a dialect and then goes straight to the driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from sqlalchemy import text
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement

from herdbook.adapters.sql.dialect import Forms

Row = tuple[Any, ...]


class Cursor(Protocol):
    """What is used of a driver's cursor."""

    @property
    def rowcount(self) -> int:
        """How many rows the last statement touched."""
        ...

    def execute(self, sql: str, parameters: Any = ..., /) -> Any:
        """Run a statement."""
        ...

    def executemany(self, sql: str, parameters: Any, /) -> Any:
        """Run a statement for each set of parameters."""
        ...

    def fetchone(self) -> Any:
        """Return the next row."""
        ...

    def fetchall(self) -> Sequence[Any]:
        """Return the rows that are left."""
        ...


class Compiler:
    """Compiles Core statements and `:name` text, with the forms in it, for one dialect, once each."""

    # Those of searches have as many shapes as callers think of.
    KEPT = 1024

    def __init__(self, dialect: Dialect, forms: Forms) -> None:
        self._dialect = dialect
        self._forms = forms
        self._compiled: dict[int, tuple[object, str]] = {}
        self._texts: dict[str, str] = {}

    def sql(self, statement: str | ClauseElement) -> str:
        """Return the driver's text of a statement."""
        if isinstance(statement, str):
            made = self._texts.get(statement)
            if made is None:
                if len(self._texts) >= self.KEPT:
                    self._texts.clear()
                made = self._texts[statement] = self._text(statement)
            return made
        # The statement is kept beside its text, so its id cannot come to mean another.
        known = self._compiled.get(id(statement))
        if known is None:
            known = self._compiled[id(statement)] = (statement, str(statement.compile(dialect=self._dialect)))
        return known[1]

    def _text(self, statement: str) -> str:
        return str(text(self._forms.expand(statement)).compile(dialect=self._dialect))


class Runner:
    """Runs statements on one driver cursor.

    Args:
        cursor: The cursor.
        compiler: Compiles the statements.
        committed: Whether what a read finds is committed, and does not only stand in a transaction that goes on.
    """

    def __init__(self, cursor: Cursor, compiler: Compiler, *, committed: bool = True) -> None:
        self.committed = committed
        self._cursor = cursor
        self._compiler = compiler

    def one(self, statement: str | ClauseElement, /, **parameters: Any) -> Row | None:
        """Return the first row; None where there is none."""
        self._cursor.execute(self._compiler.sql(statement), parameters)
        row: Row | None = self._cursor.fetchone()
        return row

    def all(self, statement: str | ClauseElement, /, **parameters: Any) -> list[Row]:
        """Return every row."""
        self._cursor.execute(self._compiler.sql(statement), parameters)
        rows: list[Row] = self._cursor.fetchall()  # type: ignore[assignment]  # a list, with both drivers
        return rows

    def run(self, statement: str | ClauseElement, /, **parameters: Any) -> int:
        """Run a statement and return how many rows it touched."""
        self._cursor.execute(self._compiler.sql(statement), parameters)
        return self._cursor.rowcount

    def later(self, statement: str | ClauseElement, /, **parameters: Any) -> None:
        """Run a statement, at the latest before the next one and before the commit; where it fails, that one does."""
        self._cursor.execute(self._compiler.sql(statement), parameters)

    def memory(self) -> dict[str, Any]:
        """Return what was read before and is the same still, to look into and to add to; here that is nothing."""
        return {}

    def expect_long(self) -> None:
        """Be told that the next statement may take long for each of its steps: what has to be brief ends here."""

    def many(self, statement: str | ClauseElement, rows: Sequence[dict[str, Any]]) -> None:
        """Run a statement for each set of parameters."""
        if rows:
            self._cursor.executemany(self._compiler.sql(statement), rows)
