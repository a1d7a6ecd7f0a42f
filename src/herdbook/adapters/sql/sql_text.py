"""Insert statements, made of the tables' own columns."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Table


@cache
def insert_sql(table: Table, *columns: str) -> str:
    """Return `INSERT INTO table (columns) VALUES (:columns)`; raises KeyError for a column that the table lacks."""
    names = [table.c[column].name for column in columns]
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"
