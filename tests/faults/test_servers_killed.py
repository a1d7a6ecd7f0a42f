"""SIGKILL of one of two server processes in the midst of its work: the other goes on, and nothing is half there."""

from __future__ import annotations

import functools
import io
import os

import pytest

from herdbook.adapters.files.shelves import Shelves
from herdbook.adapters.http_registry.registry import HttpRegistry
from herdbook.adapters.http_registry.transport import Transport
from herdbook.adapters.sql.postgres_runner import PostgresRunner
from herdbook.adapters.sql.postgres_store import _Session
from herdbook.bootstrap import open_registry
from herdbook.entities import FileStat, Manifest, VersionStatus
from herdbook.errors import UnavailableError
from herdbook.ports.artifacts import BLOCK
from herdbook.ports.registry import FileUpload
from herdbook.settings import PluginSettings, Settings
from herdbook.testing import kills
from herdbook.testing.acknowledged import Acknowledged, end_leases
from herdbook.testing.many_servers import ForkedServer
from herdbook.testing.samples import model_files, register
from herdbook_objectstore.writing import ObjectWriter

pytestmark = pytest.mark.timeout(600)

MODEL = "main.default.iris"
WATCHED = [
    (PostgresRunner, ("one", "all", "run", "later", "many")),
    (_Session, ("begin", "commit")),
    (Shelves, ("place",)),
    (ObjectWriter, ("write", "commit")),
]
STRIDE = 9
"""Of how many steps one is tried, unless all are asked for."""


def connected(server):
    # A request that lost its server is not to be sent again and again.
    return HttpRegistry(Transport(server.url))


@pytest.fixture(params=["folder", "bucket"])
def settings(request, tmp_path):
    """Where the bytes are: in a folder that both servers reach, or in an S3 server."""
    if request.param == "bucket":
        return request.getfixturevalue("s3_settings")()
    return Settings(artifact_root=str(tmp_path / "artifacts"), plugins=PluginSettings(enabled=False))


@pytest.fixture
def start(postgres_url, settings):
    """Start servers of one registry; `step` is the one at which a server dies."""
    started = []
    with open_registry(postgres_url, settings=settings) as registry:
        registry.create_registered_model(MODEL)
        register(registry, MODEL, model_files(b"one"))
        register(registry, MODEL, model_files(b"two"))

    def start(step=None):
        then = None if step is None else functools.partial(kills.die_at, step, WATCHED)
        started.append(ForkedServer(postgres_url, settings, then=then))
        return started[-1]

    yield start
    for server in started:
        with server:
            pass


@pytest.fixture
def survivor(start):
    with connected(start()) as registry:
        yield registry


@pytest.fixture
def every_step(request, start):
    """Do work at servers each of which dies at a later step, until one outlives it."""
    # Odd, so that servers die both before a call and after one.
    stride = 1 if request.config.getoption("--every-kill") else STRIDE

    def run(work):
        step, survived = 1, False
        while not survived:
            server = start(step)
            with connected(server) as registry:
                work(registry)
            survived = server.alive
            server.kill()
            step += stride
        assert step > 3 * stride, "too few steps were watched for this test to mean anything"

    return run


def test_mid_register(survivor, every_step, postgres_url):
    """Killed anywhere in a registration, the version is whole or not READY; repeated elsewhere, it is made once."""
    told = Acknowledged(MODEL)
    before = len(survivor.list_model_versions(MODEL).items)
    tries = 0

    def work(registry):
        nonlocal tries
        tries += 1
        content, key = f"weights {tries}".encode(), f"key-{tries}"
        if told.register(registry, content, key=key) is None:
            # Who does not know what became of a request sends it again, to whoever answers.
            version = survivor.create_model_version(MODEL, idempotency_key=key)
            if version.status is not VersionStatus.READY:
                end_leases(postgres_url)
                assert told.register(survivor, content, key=key) is not None
        told.check(survivor)

    every_step(work)
    assert told.refused > 0
    versions = survivor.list_model_versions(MODEL, max_results=1000).items
    assert len(versions) == before + tries, "a request that was repeated made a second version"
    assert {version.status for version in versions} == {VersionStatus.READY}
    told.check_sweep(survivor)


def test_mid_alias_move(survivor, every_step):
    """Killed anywhere in a move, the alias is where it was or where it should be; its history has no gap."""
    told = Acknowledged(MODEL)
    told.move(survivor, 2)

    def work(registry):
        told.move(registry, 1)
        told.check(survivor)
        assert survivor.get_model_version_by_alias(told.slot).version in (1, 2)
        assert told.move(survivor, 2) is not None

    every_step(work)
    assert told.refused > 0
    told.check_sweep(survivor)


def test_mid_upload(survivor, start):
    """A server that dies while bytes come in leaves no file; another takes them again, and the sweep tidies up."""
    server = start()
    version = survivor.create_model_version(MODEL)
    content = os.urandom(3 * BLOCK)

    class Killing(io.BytesIO):
        """The server dies when a block of it is sent."""

        def readinto(self, buffer):
            if self.tell() > 0:
                server.kill()
            return super().readinto(buffer)

    def send(registry, source):
        stat = FileStat(path="model.bin", size=len(content))
        small = model_files()["MLmodel"]
        files = [
            FileUpload(file=FileStat(path="MLmodel", size=len(small)), source=io.BytesIO(small)),
            FileUpload(file=stat, source=source),
        ]
        return Manifest.of(registry.upload_model_version_files(version.ref, files))

    with connected(server) as registry, pytest.raises(UnavailableError):
        send(registry, Killing(content))
    assert survivor.get_model_version(version.ref).status is VersionStatus.PENDING_REGISTRATION
    manifest = send(survivor, io.BytesIO(content))
    assert survivor.finalize_model_version(version.ref, manifest).status is VersionStatus.READY
    assert b"".join(survivor.read_model_version_file(version.ref, "model.bin")) == content
    Acknowledged(MODEL).check_sweep(survivor)
