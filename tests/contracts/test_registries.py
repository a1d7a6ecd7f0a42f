"""The registry contract, over SQLite in a file and in memory, over PostgreSQL, and through the front door."""

from __future__ import annotations

import pytest

from herdbook.adapters.http_registry.registry import HttpRegistry
from herdbook.adapters.http_registry.transport import Transport
from herdbook.bootstrap import open_registry
from herdbook.names import PrincipalName
from herdbook.settings import Settings
from herdbook.testing.http_server import ServedMetastore
from herdbook.testing.registry_contract import RegistryContract

FOUNDER = PrincipalName.parse("user:os/founder")


class TestSqliteFile(RegistryContract):
    @pytest.fixture
    def registry(self, make_metastore):
        metastore = make_metastore()
        return metastore.for_caller(metastore.asserted(FOUNDER))


class TestSqliteMemory(RegistryContract):
    @pytest.fixture
    def registry(self, make_metastore):
        metastore = make_metastore("sqlite://")
        return metastore.for_caller(metastore.asserted(FOUNDER))


class TestPostgres(RegistryContract):
    @pytest.fixture
    def registry(self, make_metastore, postgres_url):
        # `make_metastore` is torn down last, so it is closed here, before the rows are deleted.
        metastore = make_metastore(postgres_url)
        yield metastore.for_caller(metastore.asserted(FOUNDER))
        metastore.close()


class TestPostgresByUri(RegistryContract):
    @pytest.fixture
    def registry(self, tmp_path, postgres_url):
        settings = Settings(artifact_root=str(tmp_path / "artifacts"))
        with open_registry(postgres_url, settings=settings) as registry:
            yield registry


class TestEmbeddedFolder(RegistryContract):
    @pytest.fixture
    def registry(self, tmp_path):
        with open_registry(str(tmp_path / "registry"), settings=Settings()) as registry:
            yield registry


class TestOverHttp(RegistryContract):
    @pytest.fixture
    def registry(self, make_metastore):
        metastore = make_metastore()
        with ServedMetastore(metastore) as server:
            transport = Transport(server.url, token=str(FOUNDER))
            with HttpRegistry(transport) as registry:
                yield registry
