"""The S3 server that tests use is one a run, and ends with it."""

from __future__ import annotations

import fcntl
import http.client
from urllib.parse import urlsplit

import pytest

from herdbook.testing.s3_server import find_weed, shared_server


def test_the_server_is_shared_and_ends_with_its_last_user(s3, tmp_path):
    """Whoever comes while somebody uses it gets the same server; when all have left it is gone."""
    with shared_server(find_weed(), tmp_path) as first:
        with shared_server(find_weed(), tmp_path) as second:
            assert second == first
        first.create_bucket("still-there")
    assert first.endpoint != s3.endpoint
    with (tmp_path / "s3-users").open("ab") as users:
        fcntl.flock(users, fcntl.LOCK_EX)  # Held by the server until it has stopped.
    assert not (tmp_path / "s3-address").exists()
    connection = http.client.HTTPConnection(urlsplit(first.endpoint).netloc, timeout=5)
    with pytest.raises(ConnectionRefusedError):
        connection.request("GET", "/healthz")
