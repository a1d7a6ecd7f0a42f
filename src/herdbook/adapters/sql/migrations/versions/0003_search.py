"""What searches need: versions by source, and indexes by tag, alias and time."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_LIVE = sa.text("deleted_at IS NULL")
_CURRENT = sa.text("valid_to IS NULL")


def upgrade() -> None:
    """Add the column and the indexes."""
    op.add_column("model_versions", sa.Column("source", sa.Text(), nullable=True))
    lineage = "CAST(lineage AS jsonb)" if op.get_bind().dialect.name == "postgresql" else "lineage"
    op.execute(f"UPDATE model_versions SET source = {lineage} ->> 'source'")
    op.create_index("ix_model_versions_source", "model_versions", [sa.text("substr(source, 1, 200)")])
    for column in ("created_at", "updated_at"):
        newest = sa.text(f"{column} DESC")
        _index_live(f"ix_registered_models_{column}_key", "registered_models", [newest, "key"])
        _index_live(f"ix_model_versions_{column}", "model_versions", [newest])
    columns = ["key", "model_id", "version_id"]
    op.create_index("ix_aliases_key_current", "aliases", columns, sqlite_where=_CURRENT, postgresql_where=_CURRENT)
    by_value: list[str | sa.TextClause] = ["owner_kind", "key", sa.text("substr(value, 1, 200)"), "owner_id"]
    op.create_index("ix_tags_owner_kind_key_value", "tags", by_value)
    op.drop_index("ix_tags_key_value", table_name="tags")


def _index_live(name: str, table: str, columns: Sequence[str | sa.TextClause]) -> None:
    op.create_index(name, table, columns, sqlite_where=_LIVE, postgresql_where=_LIVE)
