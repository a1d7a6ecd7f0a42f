"""The S3 server that tests use is one a run, and ends with it."""

from __future__ import annotations

import fcntl
import http.client
from urllib.parse import urlsplit

import pytest

from herdbook.testing.s3_server import find_weed, shared_server


def wait_for_lock(path):
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def test_the_server_is_shared_and_ends_with_its_last_user(s3, tmp_path):
    """Whoever comes while somebody uses it gets the same server; when all have left it is gone."""
    with shared_server(find_weed(), tmp_path) as first:
        with shared_server(find_weed(), tmp_path) as second:
            assert second == first
        first.create_bucket("still-there")
    assert first.endpoint != s3.endpoint
    while (tmp_path / "s3-address").exists():
        wait_for_lock(tmp_path / "s3-users")  # Whoever keeps the server waits for it too, and may come second.
    wait_for_lock(tmp_path / "s3-users")  # It is held until the server has stopped.
    connection = http.client.HTTPConnection(urlsplit(first.endpoint).netloc, timeout=5)
    with pytest.raises(ConnectionRefusedError):
        connection.request("GET", "/healthz")
