"""Fills registries with many models by bulk, for benchmarks: ours, and MLflow's."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from herdbook.adapters.sql.store import SqlStore
from herdbook.entities import FileEntry, Lineage, Manifest
from herdbook.formats.mlmodel import describe_model, generate_mlmodel
from herdbook.names import ModelName, PrincipalName
from herdbook.testing.samples import SIGNATURE
from herdbook.wire import to_json

MODELS_PER_SCHEMA = 1000
MLMODEL = generate_mlmodel(SIGNATURE)
WEIGHTS = b"weights"


def names(models: int) -> Iterator[ModelName]:
    """Yield model names, 1,000 to a schema, 10 schemas to a catalog."""
    for number in range(models):
        schema = number // MODELS_PER_SCHEMA
        yield ModelName(catalog=f"cat{schema // 10:03}", schema=f"sch{schema:04}", model=f"model-{number:06}")


def manifest() -> Manifest:
    """Return the manifest that every seeded version has."""
    files = {"MLmodel": MLMODEL, "model.bin": WEIGHTS}
    return Manifest.of(
        [FileEntry(path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest()) for path, data in files.items()]
    )


def seed_herdbook(store: SqlStore, owner: PrincipalName, models: int, versions: int) -> None:
    """Insert models with READY versions and an alias `champion` on the last, straight into the tables."""
    now = time.time_ns() // 1_000_000
    with store.write() as tx:
        principal = tx.principal(owner)
        if principal is None:
            raise SystemExit(f"{owner} does not exist")
        who, run = principal.id, tx._run  # noqa: SLF001 bulk loading goes past the port
        life = {"created_at": now, "created_by": who, "updated_at": now, "updated_by": who}
        held = manifest()
        manifest_id = tx.insert_manifest(held, hashlib.sha256(to_json(held)).hexdigest(), new_id=f"{0:032x}")
        described = to_json(describe_model(MLMODEL)).decode()
        run.run("UPDATE manifests SET description = :text WHERE id = :id", text=described, id=manifest_id)
        tree, rows, version_rows, alias_rows = _tree(run, who, life), [], [], []
        lineage = to_json(Lineage(run_id="r" * 32)).decode()
        for number, name in enumerate(names(models), 1):
            catalog_id, schema_id = tree(name)
            model_id = f"{number:032x}"
            rows.append(
                {"id": model_id, "catalog_id": catalog_id, "schema_id": schema_id, "name": name.model, "key": name.key}
                | {"owner_id": who, "last_version": versions, **life}
            )
            for version in range(1, versions + 1):
                version_rows.append(
                    {"id": f"{number:024x}{version:08x}", "model_id": model_id, "version": version, "status": "READY"}
                    | {"author_id": who, "lineage": lineage, "manifest_id": manifest_id, **life}
                )
            alias_rows.append(
                {"id": model_id, "model_id": model_id, "alias": "champion", "key": "champion"}
                | {"version_id": f"{number:024x}{versions:08x}", "valid_from": now, "set_by": who}
            )
        for table, batch in (("registered_models", rows), ("model_versions", version_rows), ("aliases", alias_rows)):
            columns = list(batch[0])
            marks = ", ".join(f":{column}" for column in columns)
            run.many(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", batch)


def _tree(run, who, life):  # noqa: ANN001, ANN202 a local helper of the seeder
    known: dict[str, str] = {}

    def ids(name: ModelName) -> tuple[str, str]:
        for kind, key, level in (("catalogs", name.catalog, name.catalog), ("schemas", name.parent.key, name.schema)):
            if key in known:
                continue
            known[key] = hashlib.sha256(key.encode()).hexdigest()[:32]
            row = {"id": known[key], "name": level, "key": key, "owner_id": who, **life}
            if kind == "schemas":
                row["catalog_id"] = known[name.catalog]
            columns = list(row)
            marks = ", ".join(f":{column}" for column in columns)
            run.run(f"INSERT INTO {kind} ({', '.join(columns)}) VALUES ({marks})", **row)
        return known[name.catalog], known[name.parent.key]

    return ids


def seed_mlflow(database: Path, models: int, versions: int) -> None:
    """Insert the same models into the tables of MLflow's registry store, which must exist."""
    now = time.time_ns() // 1_000_000
    with sqlite3.connect(database) as connection:
        _insert(connection, "registered_models", ({"name": str(n), **_times(now)} for n in names(models)))
        _insert(
            connection,
            "model_versions",
            (
                {"name": str(n), "version": v, "current_stage": "None", "source": "s3://bucket/model", **_times(now)}
                | {"run_id": "r" * 32, "status": "READY", "storage_location": "s3://bucket/model"}
                for n in names(models)
                for v in range(1, versions + 1)
            ),
        )
        _insert(
            connection,
            "registered_model_aliases",
            ({"name": str(n), "alias": "champion", "version": versions} for n in names(models)),
        )


def _times(now: int) -> dict[str, int]:
    return {"creation_time": now, "last_updated_time": now}


def _insert(connection: sqlite3.Connection, table: str, rows: Iterator[dict[str, object]]) -> None:
    first = next(rows)
    known = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
    if "workspace" in known:
        first["workspace"] = "default"
    columns = list(first)
    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(f':{c}' for c in columns)})"
    connection.execute(sql, first)
    extra = {"workspace": "default"} if "workspace" in known else {}
    connection.executemany(sql, ({**row, **extra} for row in rows))
