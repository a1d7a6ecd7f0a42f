"""The registry beside MLflow's own SqlAlchemyStore, in process, on SQLite and PostgreSQL, in one run."""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import warnings
from pathlib import Path

from dataset import Dataset
from jobs import Job, jobs_of
from measuring import Effort, measure
from pairs import opened
from places import DATABASES
from round_trips import round_trips
from tables import flatness, table

FULL = Effort(rounds=7, calls=200, seconds=0.6)
QUICK = Effort(rounds=1, calls=5, seconds=0.5)
TARGETED = 100_000
"""With how many models the targets hold."""


def main() -> int:
    """Measure and print tables; 1 where a target is missed."""
    arguments = _arguments()
    warnings.filterwarnings("ignore")
    effort = QUICK if arguments.quick else FULL
    sizes = [20] if arguments.quick and arguments.models is None else arguments.models or [100, 10_000, TARGETED]
    datasets = [Dataset(models=models, versions=arguments.versions) for models in sorted(sizes)]
    missed = False
    for database in arguments.databases.split(","):
        with tempfile.TemporaryDirectory(prefix="herdbook-bench-", dir=scratch_folder(arguments.folder)) as scratch:
            missed |= _compare(database, datasets, Path(scratch), effort)
    return int(missed)


def _compare(database: str, datasets: list[Dataset], folder: Path, effort: Effort) -> bool:
    """Compare on one kind of database; returns whether a target was missed."""
    missed = False
    with opened(database, datasets, folder) as pairs:
        jobs = {pair.dataset.models: jobs_of(pair) for pair in pairs}
        for listed in jobs.values():
            for job in listed:
                job.check(random.Random(3))
        figures = measure([(models, job) for models, listed in jobs.items() for job in listed], pairs, effort)
        for models, listed in jobs.items():
            targeted = models >= TARGETED
            text, late = table(database, models, listed, figures, targeted=targeted)
            missed |= late
            print(text, flush=True)
        if len(datasets) > 1:
            text, late = flatness(database, [pair.dataset.models for pair in pairs], jobs, figures)
            missed |= late
            print(text, flush=True)
        if database == "postgresql":
            print(_trips(jobs[pairs[-1].dataset.models]))
    return missed


def _trips(listed: list[Job]) -> str:
    lines = ["postgresql, round trips of a request\n", "| work | Herdbook | MLflow |", "|---|---|---|"]
    for job in listed:
        mine, theirs = round_trips(job)
        lines.append(f"| {job.name} | {mine} | {theirs} |")
    return "\n".join(lines) + "\n"


def scratch_folder(given: Path | None) -> Path:
    """Return where the databases are made; a temporary folder is often in memory, where nothing is durable."""
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        return given
    lasting = Path("/var/tmp")
    return lasting if os.access(lasting, os.W_OK) else Path.cwd()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", default=",".join(DATABASES), help="which, with commas between")
    parser.add_argument("--models", type=int, nargs="+", help="how many; several sizes are measured in turns")
    parser.add_argument("--versions", type=int, default=3, help="of each model")
    parser.add_argument("--folder", type=Path, help="where the databases are made (a real disk)")
    parser.add_argument("--quick", action="store_true", help="20 models and few calls: does it run?")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
