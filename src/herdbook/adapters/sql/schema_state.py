"""Which schema a database has: made at once when new, upgraded when old, refused when newer."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection

from herdbook.adapters.sql.tables import metadata
from herdbook.errors import IntegrityError, UnavailableError

REVISION = "0002"
"""The revision that this version of Herdbook works with."""

_KNOWN = ("0001", "0002")
_STATE = "SELECT name FROM sqlite_master WHERE type = 'table'"


def ensure_schema(engine: Engine, database: str | None) -> None:
    """Make, upgrade or accept the schema.

    Args:
        engine: The database.
        database: Its file; None for one in memory.

    Raises:
        UnavailableError: the schema is of a newer Herdbook.
        IntegrityError: the database is something else's.
    """
    with engine.connect() as connection:
        # A look takes no lock, so opening waits for no writer.
        found = stored_revision(connection) or _make(connection, database)
    if found != REVISION:
        _upgrade(engine, database, found)


def _make(connection: Connection, database: str | None) -> str:
    """Make the schema, unless another process was first; returns the revision that is there now."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    found = stored_revision(connection)
    if found is None:
        if connection.execute(text(_STATE)).first() is not None:
            connection.exec_driver_sql("ROLLBACK")
            raise IntegrityError(
                f"The database {database} is not a Herdbook registry: it has other tables.", hint="Name another file."
            )
        metadata.create_all(connection)
        stamp(connection, REVISION)
    connection.exec_driver_sql("COMMIT")
    return found or REVISION


def stored_revision(connection: Connection) -> str | None:
    """Return the revision that a database is stamped with; None where it has no stamp."""
    names = {row[0] for row in connection.execute(text(_STATE))}
    if "alembic_version" not in names:
        return None
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return None if row is None else str(row[0])


def stamp(connection: Connection, revision: str) -> None:
    """Write a revision as Alembic does."""
    connection.exec_driver_sql(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
        "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})


def _upgrade(engine: Engine, database: str | None, found: str) -> None:
    if found not in _KNOWN:
        raise UnavailableError(
            f"The database has schema {found}, and this Herdbook knows {REVISION} at most.",
            hint="Use the Herdbook that wrote it, or a newer one.",
        )
    if database is not None:
        _back_up(database, found)
    from herdbook.adapters.sql.migrations import upgrade  # noqa: PLC0415 Alembic takes 0.9 s to import

    upgrade(engine)


def _back_up(database: str, found: str) -> None:
    target = Path(f"{database}.{found}.{time.strftime('%Y%m%dT%H%M%S')}.backup")
    with sqlite3.connect(database) as source, sqlite3.connect(target) as copy:
        source.backup(copy)
