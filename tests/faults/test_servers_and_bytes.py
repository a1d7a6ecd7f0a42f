"""Two servers whose artifact store breaks off, is silent or is full: what was acknowledged stays, the rest says 503."""

from __future__ import annotations

import functools
import io
import resource
import uuid
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx2
import pytest
from attrs import evolve

from herdbook.adapters.http_registry.registry import HttpRegistry
from herdbook.adapters.http_registry.transport import Transport
from herdbook.api import PREFIX
from herdbook.bootstrap import open_registry
from herdbook.entities import FileStat, Manifest, VersionStatus
from herdbook.errors import UnavailableError
from herdbook.ports.registry import FileUpload
from herdbook.settings import PluginSettings, Settings
from herdbook.testing.acknowledged import Acknowledged, Writers, end_leases
from herdbook.testing.many_servers import ForkedServer
from herdbook.testing.samples import model_files, register
from herdbook.testing.tcp_proxy import TcpProxy

pytestmark = pytest.mark.timeout(300)

MODEL = "main.default.iris"
SLOT = f"{MODEL}@champion"
MIB = 1024 * 1024


def found(url, settings):
    with open_registry(url, settings=settings) as registry:
        registry.create_registered_model(MODEL)
        register(registry, MODEL, model_files(b"one"))
        registry.set_registered_model_alias(SLOT, 1)


def send(registry, version, content):
    small = model_files()["MLmodel"]
    files = {"MLmodel": small, "model.bin": content}
    uploads = [
        FileUpload(file=FileStat(path=path, size=len(data)), source=io.BytesIO(data)) for path, data in files.items()
    ]
    return Manifest.of(registry.upload_model_version_files(version.ref, uploads))


def register_again(registry, version, content):
    """Send what could not be sent before; then the version is READY and right, and a sweep tidies up the rest."""
    manifest = send(registry, version, content)
    assert registry.finalize_model_version(version.ref, manifest).status is VersionStatus.READY
    assert b"".join(registry.read_model_version_file(version.ref, "model.bin")) == content
    Acknowledged(MODEL).check_sweep(registry)


class TestDisk:
    @pytest.fixture
    def settings(self, tmp_path):
        return Settings(artifact_root=str(tmp_path / "artifacts"), plugins=PluginSettings(enabled=False))

    def test_a_full_disk(self, postgres_url, settings):
        """A file that finds no room is a 503 and leaves nothing; what needs none goes on; with room it is taken."""
        found(postgres_url, settings)
        full = functools.partial(resource.setrlimit, resource.RLIMIT_FSIZE, (MIB, MIB))
        content = b"x" * (3 * MIB)
        with ForkedServer(postgres_url, settings, then=full) as server, HttpRegistry(Transport(server.url)) as registry:
            version = registry.create_model_version(MODEL)
            with pytest.raises(UnavailableError, match=r"no room|refused"):
                send(registry, version, content)
            assert registry.get_model_version_by_alias(SLOT).version == 1
            small = register(registry, MODEL, model_files(b"small"))
            assert small.status is VersionStatus.READY
            assert registry.get_model_version(version.ref).status is VersionStatus.PENDING_REGISTRATION
        with ForkedServer(postgres_url, settings) as server, HttpRegistry(Transport(server.url)) as registry:
            register_again(registry, version, content)


class TestObjectStore:
    @pytest.fixture
    def proxy(self, s3):
        parts = urlsplit(s3.endpoint)
        with TcpProxy(parts.hostname, parts.port) as proxy:
            yield proxy

    @pytest.fixture
    def settings(self, s3, s3_settings, proxy):
        return s3_settings(f"http://127.0.0.1:{proxy.port}", retries=0, retry_timeout_s=3.0, timeout_s=3.0)

    @pytest.fixture
    def registries(self, postgres_url, settings, s3_settings):
        # A bucket's first object takes longer than the servers are to wait.
        found(postgres_url, evolve(s3_settings(), artifact_root=settings.artifact_root))
        with ExitStack() as stack:
            servers = [stack.enter_context(ForkedServer(postgres_url, settings)) for _ in range(2)]
            yield [stack.enter_context(HttpRegistry(Transport(server.url))) for server in servers]

    def test_an_upload_is_broken_off(self, registries, proxy):
        """Where the store breaks off in the midst of a file, nothing of it counts, and it can be sent again."""
        one, other = registries
        content = uuid.uuid4().bytes * (3 * MIB // 16)
        version = one.create_model_version(MODEL)
        proxy.cut_after(MIB)
        path = f"{PREFIX}/models/{MODEL}/versions/{version.version}/files/model.bin"
        # Herdbook's own client would send it again at once.
        answer = httpx2.put(one._transport.server + path, content=content, timeout=60)
        assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
        assert answer.headers["retry-after"].isdigit()
        assert "object store" in answer.json()["detail"]
        assert proxy.broken_off > 0
        assert other.get_model_version(version.ref).status is VersionStatus.PENDING_REGISTRATION
        register_again(other, version, content)

    @pytest.mark.parametrize("how", ["cut", "silent"])
    def test_names_are_resolved_without_the_store(self, registries, proxy, how):
        """While no byte can be had, downloads and uploads say 503, and whatever needs none goes on."""
        one, other = registries
        version = one.create_model_version(MODEL)
        with getattr(proxy, how)():
            with pytest.raises(UnavailableError):
                b"".join(one.read_model_version_file(f"{MODEL}/1", "model.bin"))
            with pytest.raises(UnavailableError):
                send(other, version, b"x" * 1000)
            for registry in registries:
                assert registry.get_model_version_by_alias(SLOT).version == 1
                registry.update_registered_model(MODEL, comment="meanwhile")
        register_again(one, version, b"x" * 1000)

    def test_under_load(self, registries, proxy, postgres_url):
        """The store goes and comes back while others register: all that was acknowledged is there, and whole."""
        models = [f"main.default.m{number}" for number in range(3)]
        told = [Acknowledged(model) for model in models]
        for model in models:
            registries[0].create_registered_model(model)
        with Writers(registries, told) as writers:
            for fault in (proxy.cut, proxy.silent):
                writers.wait_acknowledged(6)
                with fault():
                    writers.wait_refused()
            writers.wait_acknowledged(6)
        end_leases(postgres_url)
        for each in told:
            each.check(registries[0])
        told[0].check_sweep(registries[1])
