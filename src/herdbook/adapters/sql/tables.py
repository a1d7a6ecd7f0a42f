"""The tables of a metastore; times are milliseconds since 1970 (UTC), ids are 32 hexadecimal digits."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from herdbook.adapters.sql import policy_tables, token_tables
from herdbook.adapters.sql.columns import CURRENT, LIVE, identity, key_column, only_where

metadata = policy_tables.grants.metadata
"""All tables, those of policies and tokens too."""

api_tokens = token_tables.api_tokens

_PENDING = text("status = 'PENDING_REGISTRATION'")


def _life() -> list[Column[object]]:
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


def _deleted_with() -> Column[str | None]:
    """The container whose deletion took a thing along, and whose restoration brings it back."""
    return Column("deleted_with", String(32))


metastore = Table(
    "metastore",
    metadata,
    identity(),
    Column("seal_key", LargeBinary, nullable=False),
    Column("policy_revision", BigInteger, nullable=False, server_default="0"),
    Column("tree_revision", BigInteger, nullable=False, server_default="0"),
    Column("event_seq", BigInteger, nullable=False, server_default="0"),
    Column("created_at", BigInteger, nullable=False),
    # One database holds one metastore.
    Column("only", Integer, nullable=False, unique=True, server_default="1"),
)

catalogs = Table(
    "catalogs",
    metadata,
    identity(),
    Column("name", String(255), nullable=False),
    key_column(length=255),
    Column("comment", Text),
    Column("owner_id", String(32), nullable=False),
    *_life(),
    Index("uq_catalogs_key_live", "key", unique=True, **only_where(LIVE)),
    Index("ix_catalogs_owner_id", "owner_id"),
)

schemas = Table(
    "schemas",
    metadata,
    identity(),
    Column("catalog_id", String(32), ForeignKey("catalogs.id"), nullable=False),
    Column("name", String(255), nullable=False),
    key_column(length=511),
    Column("comment", Text),
    Column("owner_id", String(32), nullable=False),
    *_life(),
    _deleted_with(),
    Index("uq_schemas_key_live", "key", unique=True, **only_where(LIVE)),
    Index("ix_schemas_catalog_id", "catalog_id"),
    Index("ix_schemas_owner_id", "owner_id"),
)

registered_models = Table(
    "registered_models",
    metadata,
    identity(),
    Column("catalog_id", String(32), ForeignKey("catalogs.id"), nullable=False),
    Column("schema_id", String(32), ForeignKey("schemas.id"), nullable=False),
    Column("name", String(255), nullable=False),
    key_column(),
    Column("comment", Text),
    Column("owner_id", String(32), nullable=False),
    Column("last_version", BigInteger, nullable=False, server_default="0"),
    *_life(),
    _deleted_with(),
    # What each page of models shows, kept here by cards.py: gathering it for each row takes most of a page's time.
    Column("full_name", String(767), nullable=False, server_default=""),
    Column("tags", Text, nullable=False, server_default="{}"),
    Column("aliases", Text, nullable=False, server_default="{}"),
    Column("latest_version", BigInteger),
    Index("uq_registered_models_key_live", "key", unique=True, **only_where(LIVE)),
    Index("ix_registered_models_schema_id_key", "schema_id", "key"),
    Index("ix_registered_models_owner_id", "owner_id"),
    # Newest first, then by name, as searches order them.
    Index("ix_registered_models_created_at_key", text("created_at DESC"), "key", **only_where(LIVE)),
    Index("ix_registered_models_updated_at_key", text("updated_at DESC"), "key", **only_where(LIVE)),
    Index("ix_registered_models_catalog_id_updated_at_key", "catalog_id", text("updated_at DESC"), "key"),
)

manifests = Table(
    "manifests",
    metadata,
    identity(),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("total_size", BigInteger, nullable=False),
    Column("file_count", Integer, nullable=False),
    # What the files were read to say: it depends on nothing but their bytes.
    Column("description", Text),
)

manifest_files = Table(
    "manifest_files",
    metadata,
    Column("manifest_id", String(32), ForeignKey("manifests.id"), nullable=False),
    key_column("path", length=1024),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    PrimaryKeyConstraint("manifest_id", "path"),
    Index("ix_manifest_files_sha256", "sha256"),
    Index("ix_manifest_files_size", "size"),
    sqlite_with_rowid=False,
)

model_versions = Table(
    "model_versions",
    metadata,
    identity(),
    Column("model_id", String(32), ForeignKey("registered_models.id"), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("status", String(32), nullable=False),
    Column("status_reason", Text),
    Column("comment", Text),
    Column("author_id", String(32), nullable=False),
    Column("lineage", Text, nullable=False),
    Column("run_id", Text),
    Column("experiment_id", Text),
    Column("logged_model_id", Text),
    Column("manifest_id", String(32), ForeignKey("manifests.id")),
    Column("rejections", Text),
    Column("lease_token", BigInteger, nullable=False, server_default="0"),
    Column("lease_expires_at", BigInteger),
    *_life(),
    # Its row stays, so that its number is never used again.
    Column("purged_at", BigInteger),
    Column("source", Text),
    # Kept here by cards.py, as on models.
    Column("tags", Text, nullable=False, server_default="{}"),
    UniqueConstraint("model_id", "version"),
    Index("ix_model_versions_run_id", "run_id"),
    Index("ix_model_versions_logged_model_id", "logged_model_id"),
    Index("ix_model_versions_manifest_id_model_id", "manifest_id", "model_id"),
    # Only the few that are pending: an index on every status would be chosen where a narrower one is right.
    Index("ix_model_versions_pending", "updated_at", **only_where(_PENDING)),
    Index("ix_model_versions_source", text("substr(source, 1, 200)")),
    Index("ix_model_versions_created_at", text("created_at DESC"), **only_where(LIVE)),
    Index("ix_model_versions_updated_at", text("updated_at DESC"), **only_where(LIVE)),
)

version_sources = Table(
    "version_sources",
    metadata,
    Column("version_id", String(32), ForeignKey("model_versions.id"), nullable=False),
    Column("source_version_id", String(32), nullable=False),
    Column("source_manifest_sha256", String(64), nullable=False),
    Column("position", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("version_id", "source_version_id"),
    Index("ix_version_sources_source_version_id", "source_version_id"),
)

uploads = Table(
    "uploads",
    metadata,
    Column("version_id", String(32), ForeignKey("model_versions.id"), nullable=False),
    key_column("path", length=1024),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("version_id", "path"),
    Index("ix_uploads_sha256", "sha256"),
)

aliases = Table(
    "aliases",
    metadata,
    identity(),
    Column("model_id", String(32), ForeignKey("registered_models.id"), nullable=False),
    Column("alias", String(255), nullable=False),
    key_column(length=255),
    Column("version_id", String(32), ForeignKey("model_versions.id"), nullable=False),
    Column("valid_from", BigInteger, nullable=False),
    Column("valid_to", BigInteger),
    Column("set_by", String(64), nullable=False),
    Column("ended_by", String(64)),
    Column("reason", Text),
    Index("uq_aliases_model_id_key_current", "model_id", "key", unique=True, **only_where(CURRENT)),
    Index("ix_aliases_model_id_key_valid_from", "model_id", "key", "valid_from"),
    Index("ix_aliases_version_id", "version_id"),
    Index("ix_aliases_key_current", "key", "model_id", "version_id", **only_where(CURRENT)),
)

tags = Table(
    "tags",
    metadata,
    Column("owner_kind", String(32), nullable=False),
    Column("owner_id", String(32), nullable=False),
    key_column(length=250),
    Column("value", Text, nullable=False),
    Column("set_at", BigInteger, nullable=False),
    Column("set_by", String(64), nullable=False),
    PrimaryKeyConstraint("owner_id", "key"),
    # A whole value may be longer than an index entry can be.
    Index("ix_tags_owner_kind_key_value", "owner_kind", "key", text("substr(value, 1, 200)"), "owner_id"),
    sqlite_with_rowid=False,
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("principal_id", String(64), nullable=False),
    Column("operation", String(64), nullable=False),
    Column("key", String(255), nullable=False),
    Column("request_sha256", String(64), nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("principal_id", "operation", "key"),
    Index("ix_idempotency_expires_at", "expires_at"),
)

outbox = Table(
    "outbox",
    metadata,
    identity(),
    Column("at", BigInteger, nullable=False),
    Column("type", String(64), nullable=False),
    Column("securable_kind", String(32), nullable=False),
    Column("securable_id", String(32), nullable=False),
    Column("event_seq", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    UniqueConstraint("securable_id", "event_seq"),
)

subscriber_cursors = Table(
    "subscriber_cursors",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("position", String(32), nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    identity(),
    Column("at", BigInteger, nullable=False),
    Column("principal_id", String(64), nullable=False),
    Column("operation", String(64), nullable=False),
    Column("securable_kind", String(32), nullable=False),
    Column("securable_id", String(64), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("leaf_index", BigInteger),
    Index("ix_audit_securable_id", "securable_id", "id"),
    Index("ix_audit_principal_id", "principal_id", "id"),
)
