"""The trash: what went there together, which versions were purged; and the order of a version's sources."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; nothing could be deleted before."""
    op.add_column("schemas", sa.Column("deleted_with", sa.String(length=32), nullable=True))
    op.add_column("registered_models", sa.Column("deleted_with", sa.String(length=32), nullable=True))
    op.add_column("version_sources", sa.Column("position", sa.Integer(), server_default="0", nullable=False))
    op.add_column("model_versions", sa.Column("purged_at", sa.BigInteger(), nullable=True))
