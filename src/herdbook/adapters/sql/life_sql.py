"""The statements over the trash, names and owners."""

from __future__ import annotations

from herdbook.adapters.sql import resolve_sql as r

TRASHED_CATALOG = f"""SELECT {r.CATALOG_CHAIN}, NULL
    FROM catalogs c CROSS JOIN metastore ms WHERE c.id = :id AND c.deleted_at IS NOT NULL"""
TRASHED_SCHEMA = f"""SELECT {r.SCHEMA_CHAIN}, CASE WHEN c.deleted_at IS NOT NULL THEN c.id END
    FROM schemas s JOIN catalogs c ON c.id = s.catalog_id CROSS JOIN metastore ms
    WHERE s.id = :id AND s.deleted_at IS NOT NULL"""
TRASHED_MODEL = f"""SELECT {r.MODEL_CHAIN}, CASE WHEN c.deleted_at IS NOT NULL THEN c.id
    WHEN s.deleted_at IS NOT NULL THEN s.id END
    {r.MODEL_TREE} CROSS JOIN metastore ms WHERE m.id = :id AND m.deleted_at IS NOT NULL"""
TRASHED_VERSION = f"""{r.VERSION_SELECT}
    LEFT JOIN model_versions v ON v.model_id = m.id AND v.version = :version
        AND v.deleted_at IS NOT NULL AND v.purged_at IS NULL
    {r.VERSION_PEOPLE} WHERE m.key = :key AND m.deleted_at IS NULL"""

SCHEMAS_INSIDE = f"""SELECT s.key, {r.SCHEMA_CHAIN} FROM schemas s JOIN catalogs c ON c.id = s.catalog_id
    CROSS JOIN metastore ms WHERE s.catalog_id = :id AND s.deleted_at IS NULL AND s.key > :after
    ORDER BY s.key LIMIT :limit"""
MODELS_INSIDE = f"""SELECT m.key, {r.MODEL_CHAIN} {r.MODEL_TREE} CROSS JOIN metastore ms
    WHERE m.{{container}} = :id AND m.deleted_at IS NULL AND m.key > :after ORDER BY m.key LIMIT :limit"""
ALIASED = """SELECT m.id, m.full_name, v.version, a.alias FROM registered_models m
    JOIN aliases a ON a.model_id = m.id AND a.valid_to IS NULL
    JOIN model_versions v ON v.id = a.version_id AND v.deleted_at IS NULL
    WHERE {within} AND m.deleted_at IS NULL ORDER BY m.key, v.version, a.key"""

_DELETED = """SELECT '{kind}' AS kind, {x}.id AS id, {name} AS name, {x}.deleted_at AS at, {x}.deleted_by AS who
    {source} WHERE {x}.deleted_at IS NOT NULL AND {within}"""
_CATALOGS = _DELETED.format(kind="CATALOG", x="c", name="c.name", source="FROM catalogs c", within="{within}")
_SCHEMAS = _DELETED.format(
    kind="SCHEMA",
    x="s",
    name="c.name || '.' || s.name",
    source="FROM schemas s JOIN catalogs c ON c.id = s.catalog_id AND c.deleted_at IS NULL",
    within="{within}",
)
_MODEL_NAME = "c.name || '.' || s.name || '.' || m.name"
_LIVE_TREE = """FROM registered_models m JOIN schemas s ON s.id = m.schema_id AND s.deleted_at IS NULL
    JOIN catalogs c ON c.id = m.catalog_id AND c.deleted_at IS NULL"""
_MODELS = _DELETED.format(kind="REGISTERED_MODEL", x="m", name=_MODEL_NAME, source=_LIVE_TREE, within="{within}")
_VERSIONS = _DELETED.format(
    kind="MODEL_VERSION",
    x="v",
    name=f"{_MODEL_NAME} || '/' || CAST(v.version AS text)",
    source=f"{_LIVE_TREE} JOIN model_versions v ON v.model_id = m.id",
    within="v.purged_at IS NULL AND m.deleted_at IS NULL AND {within}",
)


def deleted(within: dict[str, str]) -> str:
    """Return the statement that lists what was deleted.

    Args:
        within: For each kind that is listed, which of its rows are meant.
    """
    parts = {"CATALOG": _CATALOGS, "SCHEMA": _SCHEMAS, "REGISTERED_MODEL": _MODELS, "MODEL_VERSION": _VERSIONS}
    union = " UNION ALL ".join(parts[kind].format(within=which) for kind, which in within.items())
    return f"""SELECT d.kind, d.id, d.name, d.at, coalesce(p.written, d.who) FROM ({union}) d
        LEFT JOIN principals p ON p.id = d.who
        WHERE d.at < :at OR (d.at = :at AND d.id < :id) ORDER BY d.at DESC, d.id DESC LIMIT :limit"""
