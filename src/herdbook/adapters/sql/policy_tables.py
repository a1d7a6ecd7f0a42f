"""The tables of who may do what: principals, memberships, lines of policy, and the files that they come from."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, PrimaryKeyConstraint, String, Table, Text

from herdbook.adapters.sql.columns import LIVE, identity, key_column, metadata, only_where

principals = Table(
    "principals",
    metadata,
    identity(),
    Column("kind", String(16), nullable=False),
    Column("source", String(255), nullable=False, server_default=""),
    Column("name", String(255), nullable=False),
    Column("written", String(600), nullable=False),
    key_column(),
    Column("enabled", Integer, nullable=False, server_default="1"),
    Column("issuer", Text),
    Column("subject", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(64)),
    Column("updated_at", BigInteger),
    Column("updated_by", String(64)),
    Column("deleted_at", BigInteger),
    Column("deleted_by", String(64)),
    Index("uq_principals_key_live", "key", unique=True, **only_where(LIVE)),
    Index("ix_principals_issuer_subject", "issuer", "subject"),
)

memberships = Table(
    "memberships",
    metadata,
    identity(),
    Column("member_id", String(32), nullable=False),
    Column("group_id", String(32), nullable=False),
    Column("origin", Text, nullable=False),
    Column("valid_from", BigInteger, nullable=False),
    Column("valid_to", BigInteger),
    Column("created_by", String(64), nullable=False),
    Column("ended_by", String(64)),
    Index("ix_memberships_member_id", "member_id"),
    Index("ix_memberships_group_id", "group_id"),
)

grants = Table(
    "grants",
    metadata,
    identity(),
    Column("principal_id", String(32), nullable=False),
    Column("privilege", String(32), nullable=False),
    Column("effect", String(8), nullable=False),
    Column("securable_kind", String(32), nullable=False),
    Column("securable_id", String(32), nullable=False),
    Column("alias_key", String(255)),
    Column("origin", Text, nullable=False),
    Column("file", Text),
    Column("line", Integer),
    Column("valid_from", BigInteger, nullable=False),
    Column("valid_to", BigInteger),
    Column("granted_by", String(64), nullable=False),
    Column("ended_by", String(64)),
    Column("reason", Text),
    Index("ix_grants_principal_id", "principal_id"),
    Index("ix_grants_securable_id", "securable_id"),
)

policy_revisions = Table(
    "policy_revisions",
    metadata,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", String(64), nullable=False),
    Column("applied_at", BigInteger, nullable=False),
    Column("applied_by", String(64), nullable=False),
    Column("reason", Text),
)

policy_files = Table(
    "policy_files",
    metadata,
    Column("revision", BigInteger, nullable=False),
    key_column("path", length=1024),
    Column("text", Text, nullable=False),
    PrimaryKeyConstraint("revision", "path"),
)

policy_changes = Table(
    "policy_changes",
    metadata,
    Column("revision", BigInteger, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("added", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("item", Text, nullable=False),
    PrimaryKeyConstraint("revision", "seq"),
)

policy_names = Table(
    "policy_names",
    metadata,
    Column("kind", String(16), nullable=False),
    key_column(),
    Column("id", String(32), nullable=False),
    Column("revision", BigInteger, nullable=False),
    PrimaryKeyConstraint("kind", "key"),
)

name_denies = Table(
    "name_denies",
    metadata,
    key_column(),
    # Empty where it is on no alias slots.
    key_column("alias_key", length=255),
    Column("securable_kind", String(32), nullable=False),
    Column("principal_id", String(32), nullable=False),
    Column("privilege", String(32), nullable=False),
    Column("origin", Text, nullable=False),
    PrimaryKeyConstraint("key", "alias_key", "principal_id", "privilege"),
)
