"""The six things that are timed, and the least that a write can take, with how each registry is asked."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from attrs import frozen
from dataset import ALIAS, build, manifest, model_name, run_id, team
from pairs import Pair

from herdbook.entities import Lineage

PAGE = 100
CREATE = "create version"


@frozen(kw_only=True)
class Job:
    """One kind of request.

    Args:
        name: What is done.
        targets: By database, how many times as fast as MLflow ours has to be with the most models.
        choose: Draws what to ask for.
        mine: Asks ours.
        theirs: Asks MLflow's.
        alike: Makes of each answer what both have in common.
        flat: Up to how many times as long ours may take with ten times the models (SQLite).
    """

    name: str
    targets: dict[str, float]
    choose: Callable[[random.Random], Any]
    mine: Callable[[Any], Any]
    theirs: Callable[[Any], Any]
    alike: Callable[[Any], Any]
    flat: float | None = None

    def check(self, rng: random.Random) -> None:
        """Refuse to compare what answers differently."""
        asked = self.choose(rng)
        mine, theirs = self.alike(self.mine(asked)), self.alike(self.theirs(asked))
        if not mine or mine != theirs:
            raise SystemExit(f"{self.name} ({asked}): the answers differ:\n{mine}\n{theirs}")


def jobs_of(pair: Pair) -> list[Job]:
    """Return the jobs over a pair."""
    ours, mlflow, dataset = pair.registry, pair.mlflow, pair.dataset
    held = manifest()

    def model(rng: random.Random) -> int:
        return rng.randrange(dataset.models)

    def name(rng: random.Random) -> str:
        return str(model_name(model(rng)))

    return [
        Job(
            name=CREATE,
            targets={"sqlite": 3, "postgresql": 10},
            choose=model,
            mine=lambda n: ours.create_model_version(
                str(model_name(n)), manifest=held, lineage=Lineage(run_id=run_id(n, 0))
            ),
            theirs=lambda n: mlflow.create_model_version(str(model_name(n)), "s3://bucket/model", run_id=run_id(n, 0)),
            alike=_version,
        ),
        Job(
            name="(one row, committed)",
            targets={},
            choose=lambda _: None,
            mine=lambda _: pair.one_row[0](),
            theirs=lambda _: pair.one_row[1](),
            alike=lambda _: True,
        ),
        Job(
            name="resolve alias",
            targets={"sqlite": 20, "postgresql": 10},
            choose=name,
            mine=lambda n: ours.get_model_version_by_alias(f"{n}@{ALIAS}"),
            theirs=lambda n: mlflow.get_model_version_by_alias(n, ALIAS),
            alike=_version,
        ),
        Job(
            name="get version",
            targets={"postgresql": 10},
            choose=lambda rng: (name(rng), rng.randint(1, dataset.versions)),
            mine=lambda asked: ours.get_model_version(f"{asked[0]}/{asked[1]}"),
            theirs=lambda asked: mlflow.get_model_version(*asked),
            alike=_version,
        ),
        Job(
            name="first page",
            targets={"sqlite": 30, "postgresql": 10},
            choose=lambda _: None,
            mine=lambda _: ours.search_registered_models(max_results=PAGE).items,
            theirs=lambda _: mlflow.search_registered_models(max_results=PAGE),
            alike=lambda found: [_model(one) for one in found],
        ),
        Job(
            name="search by tag",
            targets={"sqlite": 100, "postgresql": 10},
            choose=lambda rng: f"tags.team = '{team(rng.randrange(dataset.teams))}'",
            mine=lambda asked: ours.search_registered_models(asked, max_results=PAGE).items,
            theirs=lambda asked: mlflow.search_registered_models(filter_string=asked, max_results=PAGE),
            alike=lambda found: [_model(one) for one in found],
            flat=2,
        ),
        Job(
            name="versions by tag",
            targets={"sqlite": 100, "postgresql": 10},
            choose=lambda rng: f"tags.build = '{build(rng.randrange(dataset.builds))}'",
            mine=lambda asked: ours.search_model_versions(asked, max_results=PAGE).items,
            theirs=lambda asked: mlflow.search_model_versions(filter_string=asked, max_results=PAGE),
            # Without an order each has its own.
            alike=lambda found: sorted(_version(one) for one in found),
            flat=2,
        ),
    ]


def _version(found: Any) -> tuple[Any, ...]:
    """Return what both say of a version."""
    lineage = getattr(found, "lineage", found)
    return str(found.name), int(found.version), str(found.status), lineage.run_id, sorted(found.tags.items())


def _model(found: Any) -> tuple[Any, ...]:
    """Return what both say of a registered model."""
    aliases = sorted((alias, int(version)) for alias, version in found.aliases.items())
    return str(found.name), sorted(found.tags.items()), aliases
