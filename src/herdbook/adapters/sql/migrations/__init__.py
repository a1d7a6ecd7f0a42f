"""Migrations, run by Alembic; imported only where a database's schema is not the current one."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from herdbook.adapters.sql.postgres_locks import SCHEMA_LOCK


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring a database to a revision, in one transaction that excludes every other upgrade.

    Args:
        engine: The database.
        revision: Where to; `head` is the newest.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    with engine.connect() as connection:
        for statement in ("BEGIN IMMEDIATE",) if engine.dialect.name == "sqlite" else ("BEGIN", SCHEMA_LOCK):
            connection.exec_driver_sql(statement)
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.exec_driver_sql("COMMIT")
