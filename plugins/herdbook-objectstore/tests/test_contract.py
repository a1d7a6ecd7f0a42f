"""The artifact store contract over a real S3 server."""

from __future__ import annotations

import secrets
import uuid

import obstore
import pytest

from herdbook.ports.presigning import StagedSlot
from herdbook.testing.artifact_store_contract import ArtifactStoreContract
from herdbook.testing.parts_contract import PartsContract
from herdbook.testing.presign_contract import PresignContract, send


@pytest.fixture(scope="module")
def whole_bucket(s3):
    name = f"whole-{uuid.uuid4().hex}"
    s3.create_bucket(name)
    return name


class TestS3(ArtifactStoreContract, PresignContract):
    @pytest.fixture
    def store(self, open_root):
        return open_root()

    @pytest.fixture
    def damage(self, store):
        def change(sha256, content):
            obstore.put(store._blobs.objects, store._keys.blob(sha256), content)

        return change

    @pytest.fixture
    def begun(self, store):
        # Parts do not show in a bucket before they are one object: what shows is what somebody else sent.
        send(store.presign_put(StagedSlot(session=secrets.token_hex(16), number=0), expires_s=60), b"begun")


class TestWholeBucketOneByOne(TestS3):
    @pytest.fixture
    def store(self, open_root, whole_bucket):
        store = open_root(f"s3://{whole_bucket}", concurrency=1, read_ahead=1)
        yield store
        for found in obstore.list(store._blobs.objects).collect():
            obstore.delete(store._blobs.objects, found["path"])


class TestParts(PartsContract):
    @pytest.fixture
    def store(self, open_root):
        store = open_root()
        store._parts.part_bytes = 1024 * 1024 + 1
        return store
