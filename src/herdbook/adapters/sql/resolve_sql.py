"""The statements that resolve a name: the chain, the policy revision and the row, in one round trip."""

from __future__ import annotations

_METASTORE = "ms.id, ms.policy_revision"
CATALOG_CHAIN = f"c.id, c.name, c.owner_id, {_METASTORE}"
SCHEMA_CHAIN = f"s.id, s.name, s.owner_id, {CATALOG_CHAIN}"
MODEL_CHAIN = f"m.id, m.name, m.owner_id, {SCHEMA_CHAIN}"


def _container_columns(x: str) -> str:
    return f"""{x}.id, {x}.comment, po.written, {x}.created_at, {_person(x, "created_by")},
    {x}.updated_at, {_person(x, "updated_by")}, {x}.row_version"""


def _person(x: str, column: str) -> str:
    """Return the name of who made or changed a thing: mostly its owner, who is looked up already."""
    return f"""CASE WHEN {x}.{column} = {x}.owner_id THEN po.written
    ELSE coalesce((SELECT p.written FROM principals p WHERE p.id = {x}.{column}), {x}.{column}) END"""


def _people(x: str) -> str:
    return f"""
    LEFT JOIN principals po ON po.id = {x}.owner_id"""


CATALOG_COLUMNS = f"c.name, {_container_columns('c')}"
SCHEMA_COLUMNS = f"c.name, s.name, {_container_columns('s')}"
MODEL_COLUMNS = f"""m.full_name, {_container_columns("m")}, m.tags, m.aliases, m.latest_version"""
VERSION_COLUMNS = """v.id, v.version, v.status, v.status_reason, v.comment, v.author_id,
    coalesce(pa.written, v.author_id), v.created_at, v.updated_at, coalesce(pu.written, v.updated_by),
    v.row_version, v.lineage, v.manifest_id, mf.sha256, mf.total_size, mf.file_count, mf.description, v.rejections,
    v.lease_token, v.lease_expires_at,
    v.tags, m.aliases,
    (SELECT [[object CAST(vs.position AS text), vs.source_version_id]] FROM version_sources vs
     WHERE vs.version_id = v.id),
    m.full_name"""

CATALOG_FROM = f"FROM catalogs c {_people('c')}"
SCHEMA_FROM = f"FROM schemas s JOIN catalogs c ON c.id = s.catalog_id {_people('s')}"
MODEL_TREE = """FROM registered_models m
    JOIN schemas s ON s.id = m.schema_id JOIN catalogs c ON c.id = m.catalog_id"""
MODEL_FROM = f"FROM registered_models m {_people('m')}"
VERSION_PEOPLE = """
    LEFT JOIN manifests mf ON mf.id = v.manifest_id
    LEFT JOIN principals pa ON pa.id = v.author_id
    LEFT JOIN principals pu ON pu.id = v.updated_by"""
VERSION_FROM = f"FROM model_versions v JOIN registered_models m ON m.id = v.model_id {VERSION_PEOPLE}"

METASTORE = f"SELECT {_METASTORE} FROM metastore ms"
CATALOG = f"""SELECT {CATALOG_CHAIN}, {CATALOG_COLUMNS} {CATALOG_FROM} CROSS JOIN metastore ms
    WHERE c.key = :key AND c.deleted_at IS NULL"""
SCHEMA = f"""SELECT {SCHEMA_CHAIN}, {SCHEMA_COLUMNS} {SCHEMA_FROM} CROSS JOIN metastore ms
    WHERE s.key = :key AND s.deleted_at IS NULL"""
_MODEL = f"SELECT {MODEL_CHAIN}, {MODEL_COLUMNS} {MODEL_TREE} {_people('m')} CROSS JOIN metastore ms"
MODEL = f"{_MODEL} WHERE m.key = :key AND m.deleted_at IS NULL"
MODEL_BY_ID = f"{_MODEL} WHERE m.id = :id AND m.deleted_at IS NULL"

VERSION_SELECT = f"SELECT {MODEL_CHAIN}, {VERSION_COLUMNS} {MODEL_TREE} CROSS JOIN metastore ms"
VERSION = f"""{VERSION_SELECT}
    LEFT JOIN model_versions v ON v.model_id = m.id AND v.version = :version AND v.deleted_at IS NULL
    {VERSION_PEOPLE} WHERE m.key = :key AND m.deleted_at IS NULL"""
VERSION_BY_ID = f"""{VERSION_SELECT}
    JOIN model_versions v ON v.model_id = m.id AND v.id = :id AND v.deleted_at IS NULL
    {VERSION_PEOPLE} WHERE m.deleted_at IS NULL"""
LATEST = f"""{VERSION_SELECT}
    LEFT JOIN model_versions v ON v.model_id = m.id AND v.version = m.latest_version
    {VERSION_PEOPLE} WHERE m.key = :key AND m.deleted_at IS NULL"""
_ALIAS = """LEFT JOIN model_versions v ON v.id = a.version_id AND v.deleted_at IS NULL"""
ALIAS = f"""{VERSION_SELECT}
    LEFT JOIN aliases a ON a.model_id = m.id AND a.key = :alias AND a.valid_to IS NULL
    {_ALIAS} {VERSION_PEOPLE} WHERE m.key = :key AND m.deleted_at IS NULL"""
ALIAS_AS_OF = f"""{VERSION_SELECT}
    LEFT JOIN aliases a ON a.model_id = m.id AND a.key = :alias
        AND a.valid_from <= :at AND (a.valid_to IS NULL OR a.valid_to > :at)
    {_ALIAS} {VERSION_PEOPLE} WHERE m.key = :key AND m.deleted_at IS NULL"""

VERSIONS_OF_MODEL = f"""SELECT {VERSION_COLUMNS} FROM registered_models m
    JOIN model_versions v ON v.model_id = m.id AND v.deleted_at IS NULL
    {VERSION_PEOPLE} WHERE m.id = :model AND v.version < :before
    AND (v.status = 'READY' OR :reader = '' OR v.author_id = :reader) ORDER BY v.version DESC LIMIT :limit"""
ABANDONED = f"""SELECT {VERSION_COLUMNS} FROM registered_models m
    JOIN model_versions v ON v.model_id = m.id
    {VERSION_PEOPLE} WHERE v.status = 'PENDING_REGISTRATION' AND v.purged_at IS NULL AND v.updated_at <= :before
    AND (v.lease_expires_at IS NULL OR v.lease_expires_at <= :now) ORDER BY v.updated_at LIMIT :limit"""
