"""What a page shows of each model and version, on its row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns, and gather what they hold."""
    name = sa.Column("full_name", sa.String(length=767), server_default="", nullable=False)
    op.add_column("registered_models", name)
    for column in ("tags", "aliases"):
        op.add_column("registered_models", sa.Column(column, sa.Text(), server_default="{}", nullable=False))
    op.add_column("registered_models", sa.Column("latest_version", sa.BigInteger(), nullable=True))
    gathered = "coalesce(CAST(json_object_agg({0}) AS text), '{{}}')"
    if op.get_bind().dialect.name == "sqlite":
        gathered = "json_group_object({0})"
    op.execute(f"""UPDATE registered_models SET
        full_name = (SELECT c.name || '.' || s.name FROM schemas s JOIN catalogs c ON c.id = s.catalog_id
            WHERE s.id = registered_models.schema_id) || '.' || name,
        tags = (SELECT {gathered.format("t.key, t.value")} FROM tags t WHERE t.owner_id = registered_models.id),
        aliases = (SELECT {gathered.format("a.alias, v.version")}
            FROM aliases a JOIN model_versions v ON v.id = a.version_id
            WHERE a.model_id = registered_models.id AND a.valid_to IS NULL),
        latest_version = (SELECT max(v.version) FROM model_versions v
            WHERE v.model_id = registered_models.id AND v.status = 'READY' AND v.deleted_at IS NULL)""")
    op.add_column("model_versions", sa.Column("tags", sa.Text(), server_default="{}", nullable=False))
    op.execute(f"""UPDATE model_versions SET
        tags = (SELECT {gathered.format("t.key, t.value")} FROM tags t WHERE t.owner_id = model_versions.id)
        WHERE id IN (SELECT owner_id FROM tags)""")
