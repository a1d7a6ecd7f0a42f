"""Opens and fills a registry of ours and MLflow's store, side by side on the same kind of database."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy
from attrs import frozen
from dataset import FILES, Dataset
from places import Place, Places, places
from seed_herdbook import HerdbookSeed
from seed_mlflow import seed_mlflow

from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.adapters.files.store import FileStore
from herdbook.adapters.sql.store import SqlStore
from herdbook.adapters.system import SystemClock, Uuid7Ids
from herdbook.bootstrap import load_plugins, read_policy, shipped_model
from herdbook.names import PrincipalName
from herdbook.service import Founding, GovernedRegistry, Metastore
from herdbook.settings import Settings

OWNER = PrincipalName.parse("user:os/bench")


@frozen(kw_only=True)
class Pair:
    """The two that are compared, filled alike.

    Args:
        dataset: With what.
        registry: Our registry as the owner of everything uses it: the whole gate, audit and events.
        mlflow: MLflow's SqlAlchemyStore.
        one_row: Writes a row and commits it, past everything: into our database, and into MLflow's.
        urls: Where the two databases are, as each side's server takes it.
        artifacts: The folder in which ours keeps bytes.
    """

    dataset: Dataset
    registry: GovernedRegistry
    mlflow: Any
    one_row: tuple[Callable[[], None], Callable[[], None]]
    urls: tuple[str, str]
    artifacts: Path


@contextmanager
def opened(database: str, datasets: list[Dataset], folder: Path, kept: Path | None = None) -> Iterator[list[Pair]]:
    """Open a pair for each dataset, all on one kind of database.

    Args:
        database: One of DATABASES.
        datasets: What to fill them with.
        folder: Where everything is kept while it is used.
        kept: Where what was filled stays, so that later runs need not fill it; None keeps nothing.
    """
    with ExitStack() as stack:
        made = stack.enter_context(places(database, folder, kept))
        yield [stack.enter_context(_pair(dataset, made, folder)) for dataset in datasets]


@contextmanager
def _pair(dataset: Dataset, made: Places, folder: Path) -> Iterator[Pair]:
    began, size = time.perf_counter(), f"{dataset.models}x{dataset.versions}"
    artifacts = folder / f"artifacts-{dataset.models}"
    ours = made.filled(f"herdbook_{size}", lambda place: _fill_ours(place, artifacts, dataset))
    theirs = made.filled(f"mlflow_{size}", lambda place: _fill_theirs(place, dataset))
    took, how = time.perf_counter() - began, "copied" if made.copied else "made"
    print(f"{how} {dataset.models:,} models x {dataset.versions} twice in {took:.0f} s", file=sys.stderr)
    store = SqlStore.open(ours.url)
    metastore = _metastore(store, artifacts)
    mlflow = _open_mlflow(theirs.mlflow_url)
    registry = metastore.for_caller(metastore.asserted(OWNER))
    try:
        with _one_row(store.engine) as mine, _one_row(mlflow.engine) as peer:
            yield Pair(
                dataset=dataset,
                registry=registry,
                mlflow=mlflow,
                one_row=(mine, peer),
                urls=(ours.url, theirs.mlflow_url),
                artifacts=artifacts,
            )
    finally:
        metastore.close()
        mlflow.engine.dispose()


def _fill_ours(place: Place, artifacts: Path, dataset: Dataset) -> None:
    metastore = _metastore(SqlStore.open(place.url), artifacts)
    try:
        with place.load() as bulk:
            HerdbookSeed(bulk, metastore.asserted(OWNER), dataset).run()
    finally:
        metastore.close()


def _fill_theirs(place: Place, dataset: Dataset) -> None:
    mlflow = _open_mlflow(place.mlflow_url)
    columns = {column["name"] for column in sqlalchemy.inspect(mlflow.engine).get_columns("registered_models")}
    with place.load() as bulk:
        seed_mlflow(bulk, dataset, {"workspace": "default"} if "workspace" in columns else {})
    mlflow.engine.dispose()


@contextmanager
def _one_row(engine: sqlalchemy.Engine) -> Iterator[Callable[[], None]]:
    connection = engine.raw_connection()
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE one_row (number INTEGER)")
    connection.commit()

    def write() -> None:
        cursor.execute("INSERT INTO one_row VALUES (1)")
        connection.commit()

    try:
        yield write
    finally:
        connection.close()


def _metastore(store: SqlStore, folder: Path) -> Metastore:
    artifacts = FileStore(folder)
    for data in FILES.values():
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
    return metastore


def _open_mlflow(url: str) -> Any:
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore  # noqa: PLC0415 the peer: 2 s to import

    logging.disable(logging.INFO)
    return SqlAlchemyStore(url)
