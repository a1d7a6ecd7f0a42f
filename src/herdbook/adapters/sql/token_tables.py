"""The table of API tokens; of their secrets it holds digests."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from herdbook.adapters.sql.columns import identity, metadata

api_tokens = Table(
    "api_tokens",
    metadata,
    identity(),
    Column("principal_id", String(32), nullable=False),
    Column("secret_sha256", String(64), nullable=False),
    Column("minted_by", String(64), nullable=False),
    Column("parent_id", String(32)),
    Column("comment", Text),
    Column("privileges", Text, nullable=False),
    Column("securable_id", String(32)),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("revoked_by", String(64)),
    Index("uq_api_tokens_secret_sha256", "secret_sha256", unique=True),
    Index("ix_api_tokens_principal_id_id", "principal_id", "id"),
    Index("ix_api_tokens_parent_id", "parent_id"),
)
