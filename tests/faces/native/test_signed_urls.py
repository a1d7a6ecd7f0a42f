"""Large files over signed URLs: straight to and from the object store, and through the server where that cannot be."""

from __future__ import annotations

import hashlib
import http
import io
import os
import socket
import tempfile
import threading
import time
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from attrs import evolve

import herdbook
from herdbook.adapters.http_registry.direct import DirectWay
from herdbook.adapters.http_registry.registry import HttpRegistry
from herdbook.adapters.http_registry.repeating import TRIES
from herdbook.adapters.http_registry.transport import Transport
from herdbook.bootstrap import load_plugins, locate, open_metastore
from herdbook.entities import FileStat, Manifest, SignedUrl, VersionStatus
from herdbook.errors import IntegrityError, UnavailableError
from herdbook.ports.presigning import UrlSettings
from herdbook.ports.registry import FileUpload
from herdbook.server.watching import Watch
from herdbook.settings import os_principal
from herdbook.testing.http_server import ServedMetastore
from herdbook.testing.presign_contract import send
from herdbook.testing.samples import model_files
from herdbook.testing.tcp_proxy import TcpProxy

MODEL = "main.default.iris"
MIB = 1024 * 1024


class Lines:
    """A log that keeps its lines."""

    def __init__(self):
        self.told = []

    def info(self, event, **more):
        self.told.append((event, more))

    warning = error = debug = info

    def requests(self):
        """What was asked, and how many bytes came and went with it."""
        return [
            (more["operation"], more["method"], more["received"], more["sent"])
            for event, more in self.told
            if event == "request"
        ]

    def moved(self):
        """How many bytes passed through the servers."""
        return sum(received + sent for _, _, received, sent in self.requests())

    def come_to(self, more_than):
        """Wait for so many: a client has the last byte before the server has its line."""
        until = time.monotonic() + 10
        while self.moved() <= more_than and time.monotonic() < until:
            time.sleep(0.01)
        return self.moved() > more_than


@pytest.fixture
def lines():
    return Lines()


@pytest.fixture
def serve(tmp_path, s3_settings, lines):
    """Serve one registry, which lies in SQLite and a bucket, by as many servers as asked for; yields their clients."""

    @contextmanager
    def serving(count=1, *, settings=None, **urls):
        chosen = evolve(settings or s3_settings(), signed_urls=UrlSettings(**{"from_bytes": MIB, "life_s": 60, **urls}))
        location = locate(f"sqlite:///{tmp_path / 'registry.db'}", chosen)
        opened, clients, servers = [], [], []
        try:
            for _ in range(count):
                opened.append(open_metastore(location, chosen, load_plugins(chosen)))
                servers.append(ServedMetastore(opened[-1], watch=Watch(log=lines)).__enter__())
                clients.append(HttpRegistry(Transport(servers[-1].url, token=str(os_principal()))))
            yield clients
        finally:
            for each in clients:
                each.close()
            for server in servers:
                server.__exit__(None, None, None)
            for metastore in opened:
                metastore.close()

    return serving


@pytest.fixture
def proxy(s3):
    """What clients reach the object store through."""
    parts = urlsplit(s3.endpoint)
    with TcpProxy(parts.hostname, parts.port) as proxy:
        yield proxy


@pytest.fixture
def outside(s3_settings):
    """Settings of a server that reaches its bucket, which clients find at another port."""

    def make(port):
        settings = s3_settings()
        options = settings.plugin_options["objectstore"]
        s3 = {**options["s3"], "public_endpoint": f"http://127.0.0.1:{port}"}
        return evolve(settings, plugin_options={"objectstore": {**options, "s3": s3}})

    return make


def put_in(registry, content, progress=None):
    """Register a model with one large file, by the three verbs."""
    version = registry.create_model_version(MODEL)
    files = model_files(content)
    uploads = [FileUpload(file=FileStat(path=p, size=len(c)), source=io.BytesIO(c)) for p, c in files.items()]
    entries = registry.upload_model_version_files(version.ref, uploads, progress=progress)
    return registry.finalize_model_version(version.ref, Manifest.of(entries))


def fetch(registry, ref, folder, progress=None):
    """Return the large file of a version, fetched into a folder."""
    path = folder / f"file-{len(list(folder.iterdir()))}"
    with path.open("x+b") as target:
        registry.copy_model_version_file(ref, "model.bin", target, progress=progress)
    return path.read_bytes()


def test_bytes_do_not_pass_through_the_servers(serve, lines, tmp_path):
    """A large file goes straight to the store and back, whichever of two servers is asked, and nothing else changes."""
    content = os.urandom(9 * MIB + 1)
    with serve(2) as (one, other):
        one.create_registered_model(MODEL)
        model = tmp_path / "model"
        model.mkdir()
        for path, data in model_files(content).items():
            (model / path).write_bytes(data)
        sent = []
        version = herdbook.register_model(model, MODEL, registry=one, progress=sent.append)
        assert version.status is VersionStatus.READY
        assert sum(sent) == sum(len(data) for data in model_files(content).values())
        came = []
        folder = herdbook.download_artifacts(f"models:/{version.ref}", tmp_path / "back", registry=other)
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == model_files(content)
        assert fetch(other, version.ref, tmp_path, came.append) == content
        assert sum(came) == len(content)
        assert lines.moved() < 100_000
        # What is begun at one server is ended at the other.
        begun = one.create_model_version(MODEL)
        stat = FileStat(path="again", size=len(content))
        (slot,) = one.upload_plan(MODEL, [stat], version=begun.version, direct=True).slots
        with closing(DirectWay(one._transport.server)) as way:
            way.put(slot.via, [content], len(content))
        taken = other.take_in_model_version_file(begun.ref, evolve(stat, sha256=digest(content)))
        # Who lost the answer asks again, and gets the same one.
        assert one.take_in_model_version_file(begun.ref, evolve(stat, sha256=digest(content))) == taken
        assert lines.moved() < 100_000
    assert not any("Signature" in str(line) for line in lines.told)
    # Who was given a URL to read is recorded, as who read through the server is.
    located = f"/models/{MODEL}/versions/{version.version}/file-locations/model.bin"
    told = [more for event, more in lines.told if event == "downloaded" and more["target"] == located]
    assert sum(each["count"] for each in told) == 2
    assert {each["operation"] for each in told} == {"read_model_version_file"}


class Once(io.RawIOBase):
    """A file that can be read once."""

    def __init__(self, file):
        self.file = file

    def readable(self):
        return True

    def read(self, count=-1):
        return self.file.read(count)

    readinto = None


@contextmanager
def answering(status):
    """Answer all requests with one status; yields the port, and the methods of what was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            asked.append(self.command)
            left = int(self.headers.get("content-length", 0))
            while left:
                left -= len(self.rfile.read(min(left, MIB)))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        locals().update(do_GET=answer, do_PUT=answer)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port, asked
        finally:
            server.shutdown()
            thread.join()


class Store:
    """How the object store fails in the midst of a transfer, called as its progress: once, at the first bytes."""

    def __init__(self, fail):
        self.fail = fail
        self.told = 0

    def __call__(self, count):
        first, self.told = self.told == 0, self.told + count
        if first:
            self.fail()


def test_a_lost_answer_costs_nothing(serve, lines):
    """Where the answer to taking a file in is lost, that is asked again; the file is not sent again."""
    content = os.urandom(4 * MIB)
    with serve() as (registry,):
        registry.create_registered_model(MODEL)
        losing = Losing(registry._transport.server, token=str(os_principal()))
        with HttpRegistry(losing) as unlucky:
            version = put_in(unlucky, content)
        assert losing.lost == 1
        assert b"".join(registry.read_model_version_file(version.ref, "model.bin")) == content
    assert lines.moved() < len(content) + 100_000


class Losing(Transport):
    """Loses the first answer about a file that was taken in."""

    lost = 0

    def ask(self, method, path, **more):
        answer = super().ask(method, path, **more)
        if path.endswith("files:take-in") and not self.lost:
            self.lost += 1
            raise UnavailableError("The answer is lost.")
        return answer


class TestWhereTheStoreFails:
    """What cannot go straight goes through the server; what breaks off goes on where it was."""

    content = os.urandom(9 * MIB)
    # More than the sockets on the way hold.
    large = os.urandom(40 * MIB)

    @pytest.fixture
    def registry(self, serve, outside, proxy):
        with serve(settings=outside(proxy.port)) as (registry,):
            registry.create_registered_model(MODEL)
            yield registry

    def test_it_is_out_of_reach(self, serve, outside, lines, tmp_path):
        """Where no client can reach the store, it is tried once, and all bytes go through the server."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            closed = taken.getsockname()[1]
        with serve(settings=outside(closed)) as (registry,):
            registry.create_registered_model(MODEL)
            version = put_in(registry, self.content)
            assert fetch(registry, version.ref, tmp_path) == self.content
            assert lines.come_to(2 * len(self.content))

    @pytest.mark.parametrize("status", [200, 403, 404, 503])
    def test_it_refuses(self, serve, outside, lines, tmp_path, status):
        """What answers everything in one way is no store: it is asked a few times, and no more of this client."""
        with answering(status) as (port, asked), serve(settings=outside(port)) as (registry,):
            registry.create_registered_model(MODEL)
            version = put_in(registry, self.content)
            assert len(asked) == {200: 1, 503: TRIES}.get(status, 2)
            assert fetch(registry, version.ref, tmp_path) == self.content
            # It took the file, so it is asked for it; what it answers is not what was asked for.
            assert [method for method in asked if method == "GET"] == (["GET"] if status == http.HTTPStatus.OK else [])
            assert lines.come_to(2 * len(self.content))

    def test_an_upload_breaks_off(self, registry, proxy, lines):
        """It is put again from its beginning, and counted once."""
        proxy.cut_after(3 * MIB)
        sent = []
        version = put_in(registry, self.content, sent.append)
        assert proxy.broken_off > 0
        assert version.status is VersionStatus.READY
        assert sum(sent) == sum(map(len, model_files(self.content).values()))
        assert lines.moved() < 100_000

    def test_an_upload_finds_nobody(self, registry, proxy, lines, tmp_path):
        """A store that goes in the midst of an upload is left alone, and the file is sent through the server."""
        with ExitStack() as stack:
            sent = Store(lambda: stack.enter_context(proxy.cut()))
            version = put_in(registry, self.content, sent)
        assert sent.told == sum(map(len, model_files(self.content).values()))
        assert lines.come_to(len(self.content))
        # It is left alone for a while, though it is back.
        assert fetch(registry, version.ref, tmp_path) == self.content
        assert lines.come_to(2 * len(self.content))

    def test_a_download_breaks_off(self, registry, proxy, lines, tmp_path):
        """It goes on from where it was, straight from the store."""
        version = put_in(registry, self.large)
        before = lines.moved()
        came = Store(proxy.break_off)
        assert fetch(registry, version.ref, tmp_path, came) == self.large
        assert came.told == len(self.large)
        assert proxy.broken_off > 0
        assert lines.moved() - before < 100_000

    def test_a_download_finds_nobody(self, registry, proxy, lines, tmp_path):
        """What is missing of a file comes through the server."""
        version = put_in(registry, self.large)
        before = lines.moved()
        with ExitStack() as stack:
            came = Store(lambda: stack.enter_context(proxy.cut()))
            assert fetch(registry, version.ref, tmp_path, came) == self.large
        assert came.told == len(self.large)
        assert MIB < lines.moved() - before < len(self.large)

    def test_a_url_ends_on_the_way(self, serve, outside, proxy, lines, tmp_path):
        """A download whose URL has ended meanwhile goes on with another one."""
        with serve(settings=outside(proxy.port), life_s=2) as (registry,):
            registry.create_registered_model(MODEL)
            version = put_in(registry, self.large)
            before = lines.moved()
            signed = []

            def wait_and_break():
                signed.append(registry.locate_model_version_file(version.ref, "model.bin").url)
                while send(signed[0]) == http.HTTPStatus.OK:
                    time.sleep(0.3)  # Nothing but time ends it.
                proxy.break_off()

            came = Store(wait_and_break)
            assert fetch(registry, version.ref, tmp_path, came) == self.large
            assert came.told == len(self.large)
            assert lines.moved() - before < 100_000
            assert len([each for each in lines.requests() if each[0] == "read_model_version_file"]) == 3


class TestWhereItIsNotWanted:
    """The client goes through the server where no URL is given, or where one is less safe than the server is."""

    def test_switched_off(self, serve, lines, tmp_path):
        """Where the server gives no URLs nobody asks for any."""
        content = os.urandom(3 * MIB)
        with serve(enabled=False) as (registry,):
            assert registry._transport.ask("GET", "/", repeatable=True)["direct_from_bytes"] is None
            registry.create_registered_model(MODEL)
            version = put_in(registry, content)
            assert fetch(registry, version.ref, tmp_path) == content
        assert "upload_plan" not in {operation for operation, *_ in lines.requests()}
        assert lines.come_to(2 * len(content))

    def test_a_file_that_changes(self, serve):
        """A file that is not what was announced is refused, as it is through the server."""
        content = os.urandom(2 * MIB)
        other = FileStat(path="a", size=len(content), sha256=digest(b"other"))
        with serve() as (registry,):
            registry.create_registered_model(MODEL)
            begun = registry.create_model_version(MODEL)
            for stat in (FileStat(path="a", size=len(content) - 1), FileStat(path="a", size=len(content) + 1), other):
                with pytest.raises(IntegrityError):
                    registry.upload_model_version_files(begun.ref, [FileUpload(file=stat, source=io.BytesIO(content))])

    def test_what_can_be_read_once(self, serve, lines):
        """A source that cannot be read again goes through the server: there would be no second way for it."""
        content = os.urandom(2 * MIB)
        with serve() as (registry,), tempfile.TemporaryFile() as file:
            registry.create_registered_model(MODEL)
            begun = registry.create_model_version(MODEL)
            file.write(content)
            file.seek(0)
            once = Once(file)
            stat = FileStat(path="a", size=len(content))
            (entry,) = registry.upload_model_version_files(begun.ref, [FileUpload(file=stat, source=once)])
        assert entry.sha256 == digest(content)
        assert lines.come_to(len(content))

    def test_small_files(self, serve, lines, tmp_path):
        """Files below the bound go through the server."""
        content = os.urandom(2 * MIB)
        with serve(from_bytes=len(content) + 1) as (registry,):
            registry.create_registered_model(MODEL)
            version = put_in(registry, content)
            assert fetch(registry, version.ref, tmp_path) == content
        assert "upload_plan" not in {operation for operation, *_ in lines.requests()}
        assert lines.come_to(2 * len(content))

    @pytest.mark.parametrize(
        ("server", "url", "open_"),
        [
            ("http://127.0.0.1", "http://127.0.0.1:{port}/b/k?s=1", True),
            ("https://127.0.0.1", "http://127.0.0.1:{port}/b/k?s=1", False),
            ("https://127.0.0.1", "https://127.0.0.1:{port}/b/k?s=1", True),
            ("http://127.0.0.1", "ftp://127.0.0.1:{port}/b/k", False),
            ("http://127.0.0.1", "file:///etc/passwd", False),
            ("http://127.0.0.1", "http://127.0.0.1:0/b/k?s=1", False),
            ("http://127.0.0.1", "http:///b/k?s=1", False),
            ("http://127.0.0.1", "", False),
        ],
    )
    def test_which_urls_are_followed(self, server, url, open_):
        """Only to a store that listens, over HTTP, and never without TLS where the server has it."""
        with socket.create_server(("127.0.0.1", 0)) as store, closing(DirectWay(server)) as way:
            told = url.format(port=store.getsockname()[1])
            signed = SignedUrl(method="GET", url=told, expires_at=datetime.now(UTC))
            assert way.is_open(signed) is open_
            way.avoid(signed)
            assert not way.is_open(signed)


def digest(content):
    return hashlib.sha256(content).hexdigest()
