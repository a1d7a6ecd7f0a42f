"""The metadata store contract over SQLite, in a file and in memory, and over PostgreSQL."""

from __future__ import annotations

import pytest

from herdbook.adapters.sql.store import SqlStore
from herdbook.testing.metadata_names_contract import MetadataNamesContract
from herdbook.testing.metadata_new_versions_contract import NewVersionsContract
from herdbook.testing.metadata_store_contract import MetadataStoreContract
from herdbook.testing.metadata_together_contract import TogetherContract


class TestSqliteFile(MetadataStoreContract, MetadataNamesContract, NewVersionsContract, TogetherContract):
    @pytest.fixture
    def store(self, tmp_path):
        store = SqlStore.open(f"sqlite:///{tmp_path / 'herdbook.db'}")
        yield store
        store.close()


class TestSqliteMemory(MetadataStoreContract, MetadataNamesContract, NewVersionsContract, TogetherContract):
    @pytest.fixture
    def store(self):
        store = SqlStore.open("sqlite://")
        yield store
        store.close()


class TestPostgres(MetadataStoreContract, MetadataNamesContract, NewVersionsContract, TogetherContract):
    @pytest.fixture
    def store(self, postgres_url):
        store = SqlStore.open(postgres_url)
        yield store
        store.close()
