"""The trash: what went there together, and which versions were purged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; nothing could be deleted before."""
    op.add_column("schemas", sa.Column("deleted_with", sa.String(length=32), nullable=True))
    op.add_column("registered_models", sa.Column("deleted_with", sa.String(length=32), nullable=True))
    op.add_column("model_versions", sa.Column("purged_at", sa.BigInteger(), nullable=True))
