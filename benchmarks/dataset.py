"""What both registries are filled with: names, tags, runs and times that depend on numbers alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from attrs import frozen

from herdbook.entities import FileEntry, Manifest
from herdbook.formats.mlmodel import generate_mlmodel
from herdbook.names import ModelName
from herdbook.testing.samples import SIGNATURE, WEIGHTS

ALIAS = "champion"
FIRST_MS = 1_700_000_000_000
STEP_MS = 60_000
MODELS_PER_SCHEMA = 1000
SCHEMAS_PER_CATALOG = 10
SHARING = 10
"""How many models, or versions, have one value of the tag that is searched for."""
TASKS = ("classification", "regression", "ranking")
MLMODEL = generate_mlmodel(SIGNATURE)
FILES = {"MLmodel": MLMODEL, "model.bin": WEIGHTS}


@frozen(kw_only=True)
class Dataset:
    """A registry of a size.

    Args:
        models: How many registered models there are.
        versions: How many versions each of them has.
    """

    models: int
    versions: int

    @property
    def teams(self) -> int:
        """How many values the tag `team` of models has."""
        return max(self.models // SHARING, 1)

    @property
    def builds(self) -> int:
        """How many values the tag `build` of versions has."""
        return max(self.models * self.versions // SHARING, 1)

    def schemas(self) -> Iterator[range]:
        """Yield the numbers of the models of each schema."""
        for first in range(0, self.models, MODELS_PER_SCHEMA):
            yield range(first, min(first + MODELS_PER_SCHEMA, self.models))

    def model_tags(self, number: int) -> dict[str, str]:
        """Return a model's tags: one that few others share, and one that a third of them do."""
        return {"team": team(number % self.teams), "task": TASKS[number % len(TASKS)]}

    def version_tags(self, number: int, version: int) -> dict[str, str]:
        """Return the tags of a model's version."""
        return {"build": build((number * self.versions + version - 1) % self.builds)}


def model_name(number: int) -> ModelName:
    """Return a model's name; 1,000 lie in a schema, 10 schemas in a catalog."""
    schema = number // MODELS_PER_SCHEMA
    catalog = schema // SCHEMAS_PER_CATALOG
    return ModelName(catalog=f"cat{catalog:03}", schema=f"sch{schema:04}", model=f"model-{number:06}")


def run_id(number: int, version: int) -> str:
    """Return the run that a version came from: each has one of its own."""
    return hashlib.sha256(f"{number}/{version}".encode()).hexdigest()[:32]


def made_at_ms(number: int, version: int = 0) -> int:
    """Return when a model (version 0) or a version of it was made."""
    return FIRST_MS + number * STEP_MS + version


def team(value: int) -> str:
    """Return a value of the tag `team`."""
    return f"team-{value:06}"


def build(value: int) -> str:
    """Return a value of the tag `build`."""
    return f"build-{value:06}"


def manifest() -> Manifest:
    """Return the manifest that every version has."""
    return Manifest.of(
        [FileEntry(path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest()) for path, data in FILES.items()]
    )
