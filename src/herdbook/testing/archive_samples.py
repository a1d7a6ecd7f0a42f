"""A registry that is worth exporting, what can be compared of it, and archives put together by hand."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

from herdbook.client.archive import layout
from herdbook.client.archive.blocks import BLOCK, END, header, padding, parse
from herdbook.entities import DatasetRef, Lineage, VersionStatus
from herdbook.errors import RuleViolationError
from herdbook.ports.registry import Registry
from herdbook.testing.samples import model_files, register
from herdbook.wire import unstructure

SCORER, RANKER = "prod.fraud.scorer", "prod.fraud.ranker"


def fill(registry: Registry) -> None:
    """Make a catalog with two models: versions with parents, one that was refused, aliases that moved and went."""
    registry.create_catalog("prod", comment="What customers see")
    registry.create_schema("prod.fraud", comment="Card fraud")
    registry.create_registered_model(SCORER, comment="Scores", tags={"team": "risk", "empty": ""})
    registry.create_registered_model(RANKER)
    first = register(registry, SCORER, lineage=Lineage(run_id="r1", datasets=(DatasetRef(name="cards"),)))
    # The ranker comes first by name, and is made from the scorer.
    ranked = register(registry, RANKER, model_files(b"ranks"), lineage=Lineage(parents=(first.ref,)))
    with suppress(RuleViolationError):
        register(registry, SCORER, model_files(b"unsigned", signed=False))
    third = register(registry, SCORER, model_files(b"third"), lineage=Lineage(parents=(ranked.ref,)))
    registry.update_model_version(third.ref, comment="better")
    registry.set_model_version_tag(third.ref, "stage", "candidate")
    for number in (1, 3, 1):
        registry.set_registered_model_alias(f"{SCORER}@champion", number, reason=f"try {number}")
    registry.set_registered_model_alias(f"{SCORER}@Old", 1)
    registry.delete_registered_model_alias(f"{SCORER}@old")
    registry.set_registered_model_alias(f"{SCORER}@old", 3)
    registry.delete_registered_model_alias(f"{SCORER}@old")


def snapshot(registry: Registry) -> dict[str, Any]:
    """Return everything that can be seen of a registry, but for ids and times."""
    found: dict[str, Any] = {}
    for catalog in registry.list_catalogs().items:
        found[str(catalog.name)] = catalog.comment
        for schema in registry.list_schemas(catalog.name).items:
            found[str(schema.name)] = schema.comment
            for listed in registry.list_registered_models(schema.name).items:
                model = registry.get_registered_model(listed.name)
                found[str(model.name)] = (model.comment, model.tags, model.aliases, model.latest_version)
                found |= _versions(registry, str(model.name)) | _aliases(registry, str(model.name))
    return found


def _versions(registry: Registry, name: str) -> dict[str, Any]:
    found = {}
    for version in registry.list_model_versions(name, max_results=1000).items:
        files = {}
        if version.status is VersionStatus.READY:
            for file in registry.list_model_version_files(version.ref).items:
                files[file.path] = b"".join(registry.read_model_version_file(version.ref, file.path))
                assert hashlib.sha256(files[file.path]).hexdigest() == file.sha256
        lineage = unstructure(version.lineage)
        for origin in lineage["imported"]:
            del origin["archive"]
        told = (version.status, version.status_reason, version.comment, version.tags, version.aliases)
        found[str(version.ref)] = (*told, version.manifest_sha256, lineage, files)
    return found


def _aliases(registry: Registry, name: str) -> dict[str, Any]:
    found = {}
    for alias in registry.list_registered_model_aliases(name, ended=True):
        history = registry.list_alias_history(f"{name}@{alias.alias}", max_results=1000).items
        found[f"{name}@{alias.alias}"] = [(a.alias, a.version, a.reason, a.valid_to is None) for a in history]
    return found


def members(path: Path) -> list[tuple[str, bytes]]:
    """Return the members of an archive, without its index."""
    data, position, found = path.read_bytes(), 0, []
    while position < len(data) - len(END):
        name, size = parse(data[position : position + BLOCK])
        found.append((name, data[position + BLOCK : position + BLOCK + size]))
        position += BLOCK + size + padding(size)
    return [(name, content) for name, content in found if name != layout.INDEX]


def put_together(path: Path, parts: list[tuple[str, bytes]]) -> Path:
    """Write an archive of these members, whatever they are, with an index that is right."""
    lines = b"".join(layout.index_line(hashlib.sha256(data).hexdigest(), len(data), name) for name, data in parts)
    with path.open("wb") as stream:
        for name, data in [*parts, (layout.INDEX, lines)]:
            stream.write(header(name, len(data)) + data + bytes(padding(len(data))))
        stream.write(END)
    return path
