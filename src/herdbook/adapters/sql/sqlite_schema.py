"""The schema of a SQLite database: made at once when new, upgraded when old, refused when newer."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection

from herdbook.adapters.sql.schema_state import REVISION, read_stamp, refuse_unknown, stamp
from herdbook.adapters.sql.tables import metadata
from herdbook.errors import IntegrityError

_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"


def ensure(engine: Engine, database: str | None) -> str:
    """Make, upgrade or accept the schema; returns the revision that was there before.

    Args:
        engine: The database.
        database: Its file; None for one in memory.

    Raises:
        UnavailableError: the schema is of a newer Herdbook.
        IntegrityError: the database is something else's.
    """
    with engine.connect() as connection:
        # A look takes no lock, so opening waits for no writer.
        found = _stored(connection) or _make(connection, database)
    if found != REVISION:
        refuse_unknown(found)
        if database is not None:
            _back_up(database, found)
        from herdbook.adapters.sql.migrations import upgrade  # noqa: PLC0415 Alembic takes 0.9 s to import

        upgrade(engine)
    return found


def _make(connection: Connection, database: str | None) -> str:
    """Make the schema, unless another process was first; returns the revision that is there now."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    found = _stored(connection)
    if found is None:
        if connection.execute(text(_TABLES)).first() is not None:
            connection.exec_driver_sql("ROLLBACK")
            raise IntegrityError(
                f"The database {database} is not a Herdbook registry: it has other tables.", hint="Name another file."
            )
        metadata.create_all(connection)
        stamp(connection, REVISION)
    connection.exec_driver_sql("COMMIT")
    return found or REVISION


def _stored(connection: Connection) -> str | None:
    """Return the revision that a database is stamped with; None where it has no stamp."""
    names = {row[0] for row in connection.execute(text(_TABLES))}
    return read_stamp(connection) if "alembic_version" in names else None


def _back_up(database: str, found: str) -> None:
    target = Path(f"{database}.{found}.{time.strftime('%Y%m%dT%H%M%S')}.backup")
    with sqlite3.connect(database) as source, sqlite3.connect(target) as copy:
        source.backup(copy)
