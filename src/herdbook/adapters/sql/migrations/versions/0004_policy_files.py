"""Policy files: what their names stand for, and the denies that hold for whatever bears a name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the tables; files had no lines before, and rules hold by name until the next apply."""
    op.create_table(
        "policy_names",
        sa.Column("kind", sa.String(length=16), nullable=False),
        _key("key", 767),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "key", name=op.f("pk_policy_names")),
    )
    op.create_table(
        "name_denies",
        _key("key", 767),
        _key("alias_key", 255),
        sa.Column("securable_kind", sa.String(length=32), nullable=False),
        sa.Column("principal_id", sa.String(length=32), nullable=False),
        sa.Column("privilege", sa.String(length=32), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", "alias_key", "principal_id", "privilege", name=op.f("pk_name_denies")),
    )


def _key(name: str, length: int) -> sa.Column[str]:
    in_bytes = sa.String(length=length, collation="C")
    return sa.Column(name, sa.String(length=length).with_variant(in_bytes, "postgresql"), nullable=False)
