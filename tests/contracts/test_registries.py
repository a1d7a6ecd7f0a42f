"""The registry contract, over SQLite in a file and in memory, and through the front door."""

from __future__ import annotations

import pytest

from herdbook.bootstrap import open_registry
from herdbook.names import PrincipalName
from herdbook.settings import Settings
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


class TestEmbeddedFolder(RegistryContract):
    @pytest.fixture
    def registry(self, tmp_path):
        with open_registry(str(tmp_path / "registry"), settings=Settings()) as registry:
            yield registry
