"""The models of one catalog in the order in which they were last updated."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Put an index that holds the order in the place of the one that finds a catalog's models."""
    columns: list[str | sa.TextClause] = ["catalog_id", sa.text("updated_at DESC"), "key"]
    op.create_index("ix_registered_models_catalog_id_updated_at_key", "registered_models", columns)
    op.drop_index("ix_registered_models_catalog_id", table_name="registered_models")
