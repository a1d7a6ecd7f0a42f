"""Fills a registry of ours by bulk, with the rows that its verbs would have written, ledger and all."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, cast

from bulk import Bulk, Row
from dataset import ALIAS, MLMODEL, Dataset, made_at_ms, manifest, model_name, run_id

from herdbook.adapters.system import Uuid7Ids
from herdbook.entities import Caller, Lineage, Link, VersionStatus
from herdbook.entities.ledger import AuditRow, Event
from herdbook.formats.mlmodel import describe_model
from herdbook.ports.metadata import Stamp, WriteTransaction
from herdbook.service.ledger import Happened, record
from herdbook.verdicts import Operation, SecurableKind
from herdbook.wire import to_json

_OWNS = "owner of the model"


class HerdbookSeed:
    """Makes the rows, a schema's models at a time.

    Args:
        bulk: Where they go.
        caller: Who made it all.
        dataset: What is made.
    """

    def __init__(self, bulk: Bulk, caller: Caller, dataset: Dataset) -> None:
        self._bulk = bulk
        self._caller = caller
        self._dataset = dataset
        self._ids = Uuid7Ids()
        self._catalogs: dict[str, str] = {}
        self._manifest_id = self._ids.new()

    def run(self) -> None:
        """Insert everything."""
        self._insert_manifest()
        for numbers in self._dataset.schemas():
            catalog_id, schema_id = self._insert_containers(numbers[0])
            self._insert_models(numbers, catalog_id, schema_id)

    def _insert_manifest(self) -> None:
        held = manifest()
        row = {
            "id": self._manifest_id,
            "sha256": hashlib.sha256(to_json(held)).hexdigest(),
            "total_size": held.total_size,
            "file_count": len(held.files),
            "description": to_json(describe_model(MLMODEL)).decode(),
        }
        self._bulk.insert("manifests", [row])
        files = [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in held.files]
        self._bulk.insert("manifest_files", [{"manifest_id": self._manifest_id, **file} for file in files])

    def _insert_containers(self, first: int) -> tuple[str, str]:
        name, life = model_name(first), self._life(made_at_ms(first))
        owner = {"owner_id": self._caller.principal_id, **life}
        if name.catalog not in self._catalogs:
            self._catalogs[name.catalog] = self._ids.new()
            row = {"id": self._catalogs[name.catalog], "name": name.catalog, "key": name.catalog, **owner}
            self._bulk.insert("catalogs", [row])
        catalog_id, schema_id = self._catalogs[name.catalog], self._ids.new()
        row = {"id": schema_id, "catalog_id": catalog_id, "name": name.schema, "key": name.parent.key, **owner}
        self._bulk.insert("schemas", [row])
        return catalog_id, schema_id

    def _insert_models(self, numbers: Iterable[int], catalog_id: str, schema_id: str) -> None:
        tables: dict[str, list[Row]] = {"registered_models": [], "model_versions": [], "aliases": [], "tags": []}
        ledger = _Ledger(self._ids, self._caller)
        for number in numbers:
            name, model_id, at = model_name(number), self._ids.new(), made_at_ms(number)
            link = Link(id=model_id, kind=SecurableKind.REGISTERED_MODEL, name=str(name))
            tags = self._dataset.model_tags(number)
            tables["tags"] += self._tags("registered_model", model_id, tags, at)
            detail: dict[str, Any] = {"comment": None, "tags": tags}
            ledger.add(Operation.CREATE_REGISTERED_MODEL, link, "registered_model.created", detail, at)
            for version in range(1, self._dataset.versions + 1):
                tables["model_versions"].append(self._version(number, version, model_id))
                version_id, at = tables["model_versions"][-1]["id"], made_at_ms(number, version)
                tags = self._dataset.version_tags(number, version)
                tables["tags"] += self._tags("model_version", version_id, tags, at)
                tables["model_versions"][-1]["tags"] = json.dumps(tags, separators=(",", ":"))
                detail = {"version": version, "version_id": version_id, "status": "READY", "tags": tags}
                ledger.add(Operation.CREATE_MODEL_VERSION, link, "model_version.created", detail, at)
            tables["aliases"].append(self._alias(model_id, version_id, at))
            detail = {"alias": ALIAS, "version": self._dataset.versions, "was": 0}
            ledger.add(Operation.SET_REGISTERED_MODEL_ALIAS, link, "model_version_alias.created", detail, at)
            life = {**self._life(made_at_ms(number)), "updated_at": at, "event_seq": ledger.seen[model_id]}
            row = {"id": model_id, "catalog_id": catalog_id, "schema_id": schema_id, "name": name.model, **life}
            row |= {"key": name.key, "owner_id": self._caller.principal_id, "last_version": self._dataset.versions}
            card = {"tags": self._dataset.model_tags(number), "aliases": {ALIAS: self._dataset.versions}}
            row |= {column: json.dumps(shown, separators=(",", ":")) for column, shown in card.items()}
            row |= {"full_name": str(name), "latest_version": self._dataset.versions}
            tables["registered_models"].append(row)
        for table, rows in (*tables.items(), ("audit", ledger.audited), ("outbox", ledger.emitted)):
            self._bulk.insert(table, rows)

    def _version(self, number: int, version: int, model_id: str) -> Row:
        lineage = Lineage(run_id=run_id(number, version))
        return {
            "id": self._ids.new(),
            "model_id": model_id,
            "version": version,
            "status": VersionStatus.READY.value,
            "author_id": self._caller.principal_id,
            "lineage": to_json(lineage).decode(),
            "run_id": lineage.run_id,
            "manifest_id": self._manifest_id,
            **self._life(made_at_ms(number, version)),
        }

    def _alias(self, model_id: str, version_id: str, at: int) -> Row:
        row = {"id": self._ids.new(), "model_id": model_id, "alias": ALIAS, "key": ALIAS, "version_id": version_id}
        return {**row, "valid_from": at, "set_by": self._caller.principal_id}

    def _tags(self, kind: str, owner_id: str, tags: dict[str, str], at: int) -> list[Row]:
        set_by = {"set_at": at, "set_by": self._caller.principal_id}
        return [
            {"owner_kind": kind, "owner_id": owner_id, "key": key, "value": value, **set_by}
            for key, value in tags.items()
        ]

    def _life(self, at: int) -> Row:
        who = self._caller.principal_id
        return {"created_at": at, "created_by": who, "updated_at": at, "updated_by": who}


class _Ledger:
    """Takes what the service records of a change, as rows."""

    def __init__(self, ids: Uuid7Ids, caller: Caller) -> None:
        self._ids = ids
        self._caller = caller
        self.audited: list[Row] = []
        self.emitted: list[Row] = []
        self.seen: Counter[str] = Counter()

    def add(self, operation: Operation, on: Link, event: str, detail: dict[str, Any], at: int) -> None:
        """Record a change as the gate does."""
        happened = Happened(on=on, event=event, detail=detail)
        stamp = Stamp(at_ms=at, by=self._caller.principal_id)
        sink = cast("WriteTransaction", self)
        record(sink, self._ids, self._caller, operation, happened, stamp, reason=None, because=_OWNS)

    def audit(self, row: AuditRow) -> None:
        """Take an audit row."""
        self.audited.append(
            {
                "id": row.id,
                "at": row.at_ms,
                "principal_id": row.principal_id,
                "operation": row.operation,
                "securable_kind": row.securable_kind.value,
                "securable_id": row.securable_id,
                "payload": row.payload,
                "sha256": row.sha256,
            }
        )

    def emit(self, event: Event) -> int:
        """Take an event, counted on its securable."""
        self.seen[event.securable_id] += 1
        self.emitted.append(
            {
                "id": event.id,
                "at": event.at_ms,
                "type": event.type,
                "securable_kind": event.securable_kind.value,
                "securable_id": event.securable_id,
                "event_seq": self.seen[event.securable_id],
                "payload": event.payload,
            }
        )
        return self.seen[event.securable_id]
