"""Which revisions of the schema there are, and what a database's stamp says of it."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import Connection

from herdbook.errors import UnavailableError

_SCRIPT = re.compile(r"(\d{4})_\w+\.py")


def known_revisions() -> tuple[str, ...]:
    """Return every revision, the oldest first: they are numbered, and each migration's file begins with its number."""
    found = (_SCRIPT.fullmatch(path.name) for path in (Path(__file__).parent / "migrations" / "versions").iterdir())
    return tuple(sorted(match[1] for match in found if match is not None))


REVISION = known_revisions()[-1]
"""The revision that this version of Herdbook works with."""


def refuse_unknown(found: str) -> None:
    """Refuse a revision that this version of Herdbook does not know.

    Raises:
        UnavailableError: it is a newer one's.
    """
    if found not in known_revisions():
        raise UnavailableError(
            f"The database has schema {found}, and this Herdbook knows {REVISION} at most.",
            hint="Use the Herdbook that wrote it, or a newer one.",
        )


def read_stamp(connection: Connection) -> str | None:
    """Return the revision in the table `alembic_version`, which must be there; None where it is empty."""
    row = connection.execute(text("SELECT version_num FROM alembic_version")).first()
    return None if row is None else str(row[0])


def stamp(connection: Connection, revision: str) -> None:
    """Write a revision as Alembic does."""
    connection.exec_driver_sql(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
        "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})
