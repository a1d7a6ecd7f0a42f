"""What tables are made of; times are milliseconds since 1970 (UTC), ids are 32 hexadecimal digits."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    MetaData,
    String,
    TextClause,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

LIVE = text("deleted_at IS NULL")
CURRENT = text("valid_to IS NULL")
PENDING = text("status = 'PENDING_REGISTRATION'")


def only(condition: TextClause) -> dict[str, Any]:
    """Return what makes an index one over some of a table's rows."""
    return {"sqlite_where": condition, "postgresql_where": condition}


def new_id() -> Column[str]:
    """Return the column of a row's own id."""
    return Column("id", String(32), primary_key=True)


def key(name: str = "key", *, length: int = 767) -> Column[str]:
    """Return a column of text that is compared and ordered byte by byte, whatever the database's own collation is."""
    return Column(name, String(length).with_variant(String(length, collation="C"), "postgresql"), nullable=False)


def life() -> list[Column[object]]:
    """Return the columns that say when and by whom a row came, changed and went."""
    return [
        Column("created_at", BigInteger, nullable=False),
        Column("created_by", String(64), nullable=False),
        Column("updated_at", BigInteger, nullable=False),
        Column("updated_by", String(64), nullable=False),
        Column("row_version", Integer, nullable=False, server_default="1"),
        Column("event_seq", BigInteger, nullable=False, server_default="0"),
        Column("deleted_at", BigInteger),
        Column("deleted_by", String(64)),
    ]


def deleted_with() -> Column[str | None]:
    """Return the column of the container whose deletion took a thing along, and whose restoration brings it back."""
    return Column("deleted_with", String(32))
