"""Fills MLflow's registry store by bulk with the same models, versions, aliases and tags."""

from __future__ import annotations

from bulk import Bulk, Row
from dataset import ALIAS, Dataset, made_at_ms, model_name, run_id


def seed_mlflow(bulk: Bulk, dataset: Dataset, everywhere: dict[str, str]) -> None:
    """Insert everything.

    Args:
        bulk: Where it goes.
        dataset: What is made.
        everywhere: Columns that every table has besides, with their values: the workspace.
    """
    for numbers in dataset.schemas():
        tables: dict[str, list[Row]] = {
            "registered_models": [],
            "registered_model_tags": [],
            "model_versions": [],
            "model_version_tags": [],
            "registered_model_aliases": [],
        }
        for number in numbers:
            model = {"name": str(model_name(number)), **everywhere}
            times = {"creation_time": made_at_ms(number), "last_updated_time": made_at_ms(number, dataset.versions)}
            tables["registered_models"].append({**model, **times})
            tables["registered_model_tags"] += _tags(model, dataset.model_tags(number))
            for version in range(1, dataset.versions + 1):
                tables["model_versions"].append({**model, **_version(number, version)})
                tags = dataset.version_tags(number, version)
                tables["model_version_tags"] += _tags({**model, "version": version}, tags)
            tables["registered_model_aliases"].append({**model, "alias": ALIAS, "version": dataset.versions})
        for table, rows in tables.items():
            bulk.insert(table, rows)


def _tags(of: Row, tags: dict[str, str]) -> list[Row]:
    return [{**of, "key": key, "value": value} for key, value in tags.items()]


def _version(number: int, version: int) -> Row:
    at, location = made_at_ms(number, version), f"s3://bucket/{run_id(number, version)}/model"
    return {
        "version": version,
        "creation_time": at,
        "last_updated_time": at,
        "current_stage": "None",
        "source": location,
        "storage_location": location,
        "run_id": run_id(number, version),
        "status": "READY",
    }
