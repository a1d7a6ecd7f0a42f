"""A real server over a metastore, and raw requests to it."""

from __future__ import annotations

import httpx2
import pytest

from herdbook.names import PrincipalName
from herdbook.testing.http_server import ServedMetastore

FOUNDER = PrincipalName.parse("user:os/founder")


@pytest.fixture
def metastore(make_metastore):
    return make_metastore()


@pytest.fixture
def server(metastore):
    with ServedMetastore(metastore) as server:
        yield server


@pytest.fixture
def http(server):
    """Asks as the founder."""
    with httpx2.Client(base_url=server.url, headers={"authorization": f"Bearer {FOUNDER}"}) as client:
        yield client
