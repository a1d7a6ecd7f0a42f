"""How what the model remembers must look in the registry's answers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from herdbook.entities import Manifest
from herdbook.entities.files import FileEntry
from herdbook.testing.machine.state import MODEL, READY, State, Thing, Version
from herdbook.wire import to_json

if TYPE_CHECKING:
    from herdbook.entities import Catalog, ModelVersion, Page, RegisteredModel, Schema

OTHER = "user:os/other"


def check_thing(state: State, thing: Thing, shown: Catalog | Schema | RegisteredModel) -> None:
    """Compare a catalog, schema or registered model with what is remembered of it."""
    seen: dict[str, Any] = {
        "id": shown.id,
        "name": str(shown.name),
        "comment": shown.comment,
        "owner": shown.owner,
        "people": {shown.created_by, shown.updated_by},
        "row_version": shown.row_version,
    }
    wanted: dict[str, Any] = {
        "id": thing.id,
        "name": thing.name,
        "comment": thing.comment,
        "owner": state.me if thing.mine else OTHER,
        "people": {state.me},
        "row_version": thing.row_version,
    }
    if thing.kind is MODEL:
        ready = [v.number for v in thing.versions if v.status == READY and not v.trashed]
        seen |= {name: getattr(shown, name) for name in ("tags", "aliases", "latest_version")}
        wanted |= {
            "tags": thing.tags,
            "aliases": {entry.alias: entry.version.number for entry in thing.aliases.values()},
            "latest_version": max(ready, default=None),
        }
    _same(seen, wanted)


def check_version(state: State, version: Version, shown: ModelVersion) -> None:
    """Compare a version with what is remembered of it."""
    known = [parent for parent in version.parents if parent.live]
    seen = {
        "id": shown.id,
        "name": str(shown.ref),
        "status": shown.status.value,
        "comment": shown.comment,
        "people": {shown.author, shown.updated_by},
        "tags": shown.tags,
        "row_version": shown.row_version,
        "aliases": shown.aliases,
        "run_id": shown.lineage.run_id,
        "parents": [str(parent) for parent in shown.lineage.parents],
        "hidden": shown.lineage.hidden_parents,
    }
    wanted = {
        "id": version.id,
        "name": version.name,
        "status": version.status,
        "comment": version.comment,
        "people": {state.me},
        "tags": version.tags,
        "row_version": version.row_version,
        "aliases": tuple(e.alias for e in version.model.aliases.values() if e.version is version),
        "run_id": version.run_id,
        "parents": [parent.name for parent in known],
        "hidden": len(version.parents) - len(known),
    }
    _same(seen, wanted)
    if version.status == READY:
        manifest = manifest_of(version.files)
        assert shown.manifest_sha256 == hashlib.sha256(to_json(manifest)).hexdigest()
        assert (shown.total_size, shown.file_count) == (manifest.total_size, len(manifest.files))
        assert shown.model is not None
        assert shown.model.signature is not None


def check_page(page: Page[Any], total: int, max_results: int) -> None:
    """Compare a first page's length, and whether another one follows, with how much there is."""
    assert len(page.items) == min(total, max_results)
    assert (page.next_page_token is None) == (total <= max_results)


def manifest_of(files: dict[str, bytes]) -> Manifest:
    """Return the manifest of files."""
    return Manifest.of(
        [FileEntry(path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest()) for path, data in files.items()]
    )


def _same(seen: dict[str, Any], wanted: dict[str, Any]) -> None:
    wrong = {name: (seen[name], value) for name, value in wanted.items() if seen[name] != value}
    assert not wrong, f"{wanted['name']} shows (seen, wanted): {wrong}"
