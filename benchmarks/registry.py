"""Resolve alias and create version, in process on SQLite, beside MLflow's own SqlAlchemyStore in the same run."""

from __future__ import annotations

import argparse
import logging
import random
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from seed import MLMODEL, WEIGHTS, manifest, names, seed_herdbook, seed_mlflow

from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.adapters.files.store import FileStore
from herdbook.adapters.sql.store import SqlStore
from herdbook.adapters.system import SystemClock, Uuid7Ids
from herdbook.bootstrap import load_plugins, read_policy, shipped_model
from herdbook.names import PrincipalName
from herdbook.service import Founding, GovernedRegistry, Metastore
from herdbook.settings import Settings

OWNER = PrincipalName.parse("user:os/bench")
TARGETS = {"resolve alias": 20.0, "create version": 3.0}


def open_herdbook(folder: Path, models: int, versions: int) -> GovernedRegistry:
    """Open and seed a registry of ours, the whole gate in place."""
    store, artifacts = SqlStore.open(f"sqlite:///{folder / 'herdbook.db'}"), FileStore(folder / "artifacts")
    for data in (MLMODEL, WEIGHTS):
        with artifacts.writer() as writer:
            writer.write(data)
            writer.commit()
    metastore = Metastore(
        store=store,
        artifacts=artifacts,
        authorizer=CasbinAuthorizer(shipped_model()),
        checks=load_plugins(Settings()),
        clock=SystemClock(),
        ids=Uuid7Ids(),
    )
    metastore.open(Founding(creator=OWNER, policy=read_policy(None)))
    seed_herdbook(store, OWNER, models, versions)
    return metastore.for_caller(metastore.asserted(OWNER))


def open_mlflow(folder: Path, models: int, versions: int):  # noqa: ANN201 MLflow's class, imported late
    """Open and seed MLflow's registry store."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore  # noqa: PLC0415 the peer

    database = folder / "mlflow.db"
    store = SqlAlchemyStore(f"sqlite:///{database}")
    seed_mlflow(database, models, versions)
    return store


def p50(call: Callable[[str], object], chosen: list[str]) -> float:
    """Return the median time of a call, in microseconds."""
    times = []
    for name in chosen:
        start = time.perf_counter()
        call(name)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def main() -> int:
    """Run interleaved rounds and print the table; 1 where a ratio is under its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=100_000)
    parser.add_argument("--versions", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--folder", type=Path, default=None, help="where the databases are made (a real disk)")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory(prefix="herdbook-bench-", dir=arguments.folder) as scratch:
        ours = open_herdbook(Path(scratch), arguments.models, arguments.versions)
        peer = open_mlflow(Path(scratch), arguments.models, arguments.versions)
        held = manifest()
        jobs: dict[str, tuple[Callable[[str], object], Callable[[str], object]]] = {
            "resolve alias": (
                lambda name: ours.get_model_version_by_alias(f"{name}@champion"),
                lambda name: peer.get_model_version_by_alias(name, "champion"),
            ),
            "create version": (
                lambda name: ours.create_model_version(name, manifest=held),
                lambda name: peer.create_model_version(name, "s3://bucket/model", run_id="r" * 32),
            ),
        }
        everyone, rng = [str(name) for name in names(arguments.models)], random.Random(7)
        results: dict[str, list[tuple[float, float]]] = {job: [] for job in jobs}
        for round_number in range(arguments.rounds + 1):
            for job, (mine, theirs) in jobs.items():
                chosen = [rng.choice(everyone) for _ in range(arguments.calls)]
                pair = (p50(mine, chosen), p50(theirs, chosen))
                if round_number:  # the first round warms both up
                    results[job].append(pair)
    print(f"\n{arguments.models:,} models x {arguments.versions} versions, SQLite, p50 of {arguments.rounds} rounds")
    print("| work | Herdbook, us | MLflow, us | ratio | target |\n|---|---|---|---|---|")
    missed = False
    for job, pairs in results.items():
        mine, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = theirs / mine
        missed |= ratio < TARGETS[job]
        print(f"| {job} | {mine:.0f} | {theirs:.0f} | {ratio:.1f}x | {TARGETS[job]:g}x |")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
