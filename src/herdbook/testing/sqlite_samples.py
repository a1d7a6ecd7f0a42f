"""A store in a SQLite file, for tests of what only such a one does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from herdbook.adapters.sql.store import SqlStore
from herdbook.ports.metadata import MetadataStore
from herdbook.testing.metadata_samples import StoreFixtures


class SqliteFixtures(StoreFixtures):
    """The fixtures of a store, over a file."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """The file."""
        return tmp_path / "herdbook.db"

    @pytest.fixture
    def store(self, path: Path) -> Iterator[MetadataStore]:
        """An empty store."""
        store = SqlStore.open(f"sqlite:///{path}")
        yield store
        store.close()
