"""Loads many rows into a database of either kind, past whatever owns its tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import psycopg

Row = dict[str, Any]


class Bulk(Protocol):
    """One transaction that only inserts."""

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        """Insert rows that all have the same columns."""
        ...


class _SqliteBulk:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        if rows:
            columns = list(rows[0])
            marks = ", ".join(f":{column}" for column in columns)
            self._connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)


class _PostgresBulk:
    def __init__(self, cursor: psycopg.Cursor[Any]) -> None:
        self._cursor = cursor

    def insert(self, table: str, rows: Sequence[Row]) -> None:
        if rows:
            columns = list(rows[0])
            with self._cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row([row[column] for column in columns])


@contextmanager
def bulk_sqlite(file: Path) -> Iterator[Bulk]:
    """Load into a SQLite file that has its tables."""
    connection = sqlite3.connect(file)
    try:
        with connection:
            yield _SqliteBulk(connection)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


@contextmanager
def bulk_postgres(url: str) -> Iterator[Bulk]:
    """Load into a PostgreSQL database that has its tables, then do what autovacuum would come to do."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        # What is loaded refers to nothing that is not there; each check would be planned for tables still empty.
        cursor.execute("SET session_replication_role = replica")
        yield _PostgresBulk(cursor)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM (ANALYZE, FREEZE)")
        connection.execute("CHECKPOINT")
