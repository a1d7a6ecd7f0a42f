"""Fixtures that several test modules use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from herdbook.adapters.files.store import FileStore
from herdbook.adapters.owner_authorizer import OwnerAuthorizer
from herdbook.adapters.sql.store import SqlStore
from herdbook.adapters.system import SystemClock, Uuid7Ids
from herdbook.bootstrap import load_plugins, read_policy
from herdbook.names import PrincipalName
from herdbook.ports.authorizer import Authorizer
from herdbook.service import Founding, Metastore
from herdbook.settings import Settings

FOUNDER = PrincipalName.parse("user:os/founder")


@pytest.fixture
def make_metastore(tmp_path: Path) -> Iterator[Callable[..., Metastore]]:
    """Open metastores over a database URL; all are closed afterwards."""
    opened: list[Metastore] = []

    def make(url: str | None = None, authorizer: Authorizer | None = None, policies: str | None = None) -> Metastore:
        store = SqlStore.open(url or f"sqlite:///{tmp_path / 'herdbook.db'}")
        metastore = Metastore(
            store=store,
            artifacts=FileStore(tmp_path / "artifacts"),
            authorizer=authorizer or OwnerAuthorizer(),
            checks=load_plugins(Settings()),
            clock=SystemClock(),
            ids=Uuid7Ids(),
        )
        opened.append(metastore)
        metastore.open(Founding(creator=FOUNDER, policy=read_policy(policies)))
        return metastore

    yield make
    for metastore in opened:
        metastore.close()
