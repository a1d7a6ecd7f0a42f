"""What the tables share: their metadata, ids, and keys that are compared byte by byte."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, MetaData, String, TextClause, text

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


def only_where(condition: TextClause) -> dict[str, Any]:
    """An index over some of a table's rows."""
    return {"sqlite_where": condition, "postgresql_where": condition}


def identity() -> Column[str]:
    """The id that a row is known by."""
    return Column("id", String(32), primary_key=True)


def key_column(name: str = "key", *, length: int = 767) -> Column[str]:
    """Text that is compared and ordered byte by byte, whatever the database's own collation is."""
    return Column(name, String(length).with_variant(String(length, collation="C"), "postgresql"), nullable=False)
