"""What changed from one version to another: signature, files, and what is said of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import fields

from herdbook.entities import FileEntry, Lineage, ModelDescription, ModelVersion
from herdbook.entities.changes import FileChange, ValueChange, VersionDiff
from herdbook.formats.external import EXTERNAL_FLAVOR
from herdbook.policy.signature_changes import diff_signatures
from herdbook.wire import unstructure

_PACKAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?=$|[\s\[<>=!~;@(,])")
_SEPARATORS = re.compile(r"[-_.]+")


def diff_versions(
    old: ModelVersion, new: ModelVersion, *, old_files: Iterable[FileEntry], new_files: Iterable[FileEntry]
) -> VersionDiff:
    """Compare two versions, of one model or of two.

    Args:
        old: The version to compare with.
        new: The version to compare.
        old_files: Every file of the old one.
        new_files: Every file of the new one.

    Returns:
        Only what differs; the signature is judged for callers of the old version that call the new one.
    """
    before, after = old.model or ModelDescription(), new.model or ModelDescription()
    comment = _values({"comment": old.comment}, {"comment": new.comment})
    return VersionDiff(
        old=old.ref,
        new=new.ref,
        signature=diff_signatures(before.signature, after.signature),
        files=_files(old_files, new_files),
        flavors=_values(_flavors(before), _flavors(after)),
        requirements=_values(_packages(before.requirements), _packages(after.requirements)),
        external=_values(_external(before), _external(after)),
        metadata=_values(before.metadata, after.metadata),
        tags=_values(old.tags, new.tags),
        lineage=_values(_origin(old.lineage), _origin(new.lineage)),
        comment=comment[0] if comment else None,
    )


def _files(old: Iterable[FileEntry], new: Iterable[FileEntry]) -> tuple[FileChange, ...]:
    before, after = ({entry.path: entry for entry in entries} for entries in (old, new))
    return tuple(
        FileChange(path=path, old=before.get(path), new=after.get(path))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    )


def _values(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[ValueChange, ...]:
    before, after = ({key: _text(value) for key, value in values.items()} for values in (old, new))
    return tuple(
        ValueChange(name=name, old=before.get(name), new=after.get(name))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _flavors(model: ModelDescription) -> dict[str, Any]:
    """Return flavors and their settings in one level; a flavor itself is there as an empty text."""
    made: dict[str, Any] = {}
    for name, settings in model.flavors.items():
        made[name] = "" if isinstance(settings, dict) else _said(settings)
        # What an external model's flavor says is told as such.
        if isinstance(settings, dict) and name != EXTERNAL_FLAVOR:
            made.update({f"{name}.{key}": _said(value) for key, value in settings.items()})
    return made


def _said(value: Any) -> Any:
    """Return a value so that an explicit null is told from one that is not there."""
    return "null" if value is None else value


def _packages(requirements: Iterable[str]) -> dict[str, str]:
    """Return package -> all its lines; a line that names no package stands for itself."""
    made: dict[str, str] = {}
    for line in requirements:
        found = _PACKAGE.match(line)
        name = _SEPARATORS.sub("-", found.group().lower()) if found else line
        made[name] = f"{made[name]}, {line}" if name in made else line
    return made


def _external(model: ModelDescription) -> dict[str, Any]:
    if model.external is None:
        return {}
    params = {f"params.{name}": _said(value) for name, value in model.external.params.items()}
    return {"endpoint": model.external.endpoint, "provider": model.external.provider, **params}


def _origin(lineage: Lineage) -> dict[str, Any]:
    made = {field.name: getattr(lineage, field.name) for field in fields(Lineage)}
    environment = made.pop("environment")
    parents = ", ".join(str(parent) for parent in made.pop("parents"))
    datasets = [unstructure(dataset) for dataset in made.pop("datasets")]
    imported = [unstructure(origin) for origin in made.pop("imported")]
    made |= {"parents": parents or None, "datasets": datasets or None, "imported": imported or None}
    return made | {f"environment.{name}": value for name, value in environment.items()}
