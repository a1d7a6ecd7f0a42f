"""The schema of a PostgreSQL database: made at once when new, upgraded only when asked, refused when newer."""

from __future__ import annotations

from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection

from herdbook.adapters.sql.postgres_locks import SCHEMA_LOCK
from herdbook.adapters.sql.schema_state import REVISION, read_stamp, refuse_unknown, stamp
from herdbook.adapters.sql.tables import metadata
from herdbook.errors import IntegrityError, InvalidArgumentError, UnavailableError

_TABLES = "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"


def ensure(engine: Engine) -> None:
    """Make or accept the schema.

    Raises:
        UnavailableError: the schema is an older one, which waits for `herdbook db upgrade`, or of a newer Herdbook.
        IntegrityError: the database is something else's.
        InvalidArgumentError: the database cannot hold every text.
    """
    with engine.connect() as connection:
        found = _stored(connection) or _make(connection)
    refuse_unknown(found)
    if found != REVISION:
        # Other processes may be at work with the old schema, so nobody upgrades it by the way.
        raise UnavailableError(
            f"The database has schema {found}, and this Herdbook works with {REVISION}.",
            hint="Make a backup, stop what uses the old one, then run `herdbook db upgrade`.",
        )


def upgrade(engine: Engine) -> str:
    """Bring the schema to the newest revision, making it where there is none; returns the one that was there.

    Raises:
        UnavailableError: the schema is of a newer Herdbook.
        IntegrityError: the database is something else's.
    """
    with engine.connect() as connection:
        found = _stored(connection) or _make(connection)
    refuse_unknown(found)
    if found != REVISION:
        from herdbook.adapters.sql import migrations  # noqa: PLC0415 Alembic takes 0.9 s to import

        migrations.upgrade(engine)
    return found


def _make(connection: Connection) -> str:
    """Make the schema, unless another process was first; returns the revision that is there now."""
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise InvalidArgumentError(
            f"The database has the encoding {encoding}, which cannot hold every text.",
            hint="Make one WITH ENCODING 'UTF8' TEMPLATE template0.",
        )
    connection.exec_driver_sql("BEGIN")
    connection.exec_driver_sql(SCHEMA_LOCK)
    found = _stored(connection)
    if found is None:
        other = connection.execute(text(_TABLES)).scalar()
        if other is not None:
            connection.exec_driver_sql("ROLLBACK")
            raise IntegrityError(
                f"The database is not a Herdbook registry: it has other tables ({other}).",
                hint="Name another database, or another schema with ?options=-csearch_path%3DNAME.",
            )
        metadata.create_all(connection)
        stamp(connection, REVISION)
    connection.exec_driver_sql("COMMIT")
    return found or REVISION


def _stored(connection: Connection) -> str | None:
    """Return the revision that a database is stamped with; None where it has no stamp."""
    names = {row[0] for row in connection.execute(text(_TABLES))}
    return read_stamp(connection) if "alembic_version" in names else None
