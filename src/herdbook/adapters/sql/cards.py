"""What a page shows of each model and version, kept on its row, and gathered anew by every change of it."""

from __future__ import annotations

from herdbook.policy.facts import TagHolder

_GATHERED = {
    "tags": "SELECT [[object t.key, t.value]] FROM tags t WHERE t.owner_id = registered_models.id",
    "aliases": """SELECT [[object al.alias, av.version]] FROM aliases al JOIN model_versions av ON av.id = al.version_id
        WHERE al.model_id = registered_models.id AND al.valid_to IS NULL""",
    "latest_version": """SELECT max(lv.version) FROM model_versions lv
        WHERE lv.model_id = registered_models.id AND lv.status = 'READY' AND lv.deleted_at IS NULL""",
}


def _gather(*columns: str) -> str:
    kept = ", ".join(f"{column} = ({_GATHERED[column]})" for column in columns)
    return f"UPDATE registered_models SET {kept}"


_OF_MODEL = "WHERE id = :id"
_OF_VERSION = "WHERE id = (SELECT v.model_id FROM model_versions v WHERE v.id = :id)"
TAGS = {
    TagHolder.MODEL.value: f"{_gather('tags')} {_OF_MODEL}",
    TagHolder.VERSION.value: """UPDATE model_versions SET tags = (SELECT [[object t.key, t.value]] FROM tags t
        WHERE t.owner_id = :id) WHERE id = :id""",
}
"""After the tags of model or version `:id` changed."""
ALIASES = f"{_gather('aliases')} {_OF_MODEL}"
"""After an alias of model `:id` was set or ended."""
STATUS = f"{_gather('latest_version')} {_OF_VERSION}"
"""After version `:id` became READY, or came back from the trash."""
GONE = f"{_gather('aliases', 'latest_version')} {_OF_VERSION}"
"""After version `:id` went to the trash."""
