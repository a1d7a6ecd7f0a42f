"""Large files over HTTP: past the parser on the way in, by the kernel on the way out."""

from __future__ import annotations

import hashlib
import http.client
import socket
import time
from urllib.parse import urlsplit

import pytest

from herdbook.adapters.http_registry import stretches
from herdbook.adapters.http_registry.registry import HttpRegistry
from herdbook.adapters.http_registry.transport import Transport
from herdbook.api import PREFIX
from herdbook.entities.files import FileStat
from herdbook.errors import IntegrityError
from herdbook.names import PrincipalName
from herdbook.ports.registry import FileUpload
from herdbook.server.connections import Bounds
from herdbook.server.running import Running
from herdbook.testing.http_server import ServedMetastore
from herdbook.testing.samples import model_files, register

FOUNDER = PrincipalName.parse("user:os/founder")
MODEL = "main.default.iris"
AUTHORIZED = {"authorization": f"Bearer {FOUNDER}"}
CONTENT = b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(200_000))
FILES = f"{PREFIX}/models/{MODEL}/versions/1/files"
URL = f"{FILES}/model.bin"
MIB = 1024 * 1024


@pytest.fixture
def registry(metastore):
    registry = metastore.for_caller(metastore.asserted(FOUNDER))
    registry.create_registered_model(MODEL)
    return registry


@pytest.fixture
def pending(registry):
    return registry.create_model_version(MODEL)


@pytest.fixture
def ready(registry):
    return register(registry, MODEL, model_files(CONTENT))


@pytest.fixture
def remote(server):
    with HttpRegistry(Transport(server.url, token=str(FOUNDER))) as remote:
        yield remote


@pytest.fixture
def connection(server):
    parts = urlsplit(server.url)
    made = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    yield made
    made.close()


def asked(connection, method, url, body=None, **headers):
    connection.request(method, url, body=body, headers={**AUTHORIZED, **headers})
    answer = connection.getresponse()
    return answer.status, answer.read()


def raw_request(method, url, *headers):
    head = (f"{method} {url} HTTP/1.1", "host: localhost", f"authorization: Bearer {FOUNDER}", *headers)
    return ("\r\n".join(head) + "\r\n\r\n").encode()


def staged(metastore):
    store = metastore.core.artifacts
    return list(store.blobs()), store.remove_staging(before_ms=2**62, dry_run=True)


@pytest.mark.parametrize("size", [MIB - 1, MIB + 1, 5 * MIB, len(CONTENT)])
def test_one_connection_takes_one_upload_after_the_other(connection, registry, pending, size):
    """Whatever its length, each is stored as it was sent, and the connection goes on with the next request."""
    for name, content in (("a", CONTENT[:size]), ("b", CONTENT[-size:])):
        status, body = asked(connection, "PUT", f"{FILES}/{name}", body=content)
        assert status == 200
        assert hashlib.sha256(content).hexdigest().encode() in body
    assert asked(connection, "GET", f"{PREFIX}/models/{MODEL}")[0] == 200


def test_a_body_in_chunks_is_taken_as_well(connection, registry, pending):
    """How long it is cannot be known beforehand, so it goes the plain way."""
    parts = (CONTENT[start : start + MIB] for start in range(0, len(CONTENT), MIB))
    size = {"herdbook-file-size": str(len(CONTENT))}
    connection.request("PUT", f"{FILES}/a", body=parts, headers={**AUTHORIZED, **size}, encode_chunked=True)
    assert connection.getresponse().status == 200


def test_what_a_refused_client_still_sends_is_dropped(server, metastore, registry):
    """It learns why before all is sent, nothing is stored, and its connection goes on."""
    before = staged(metastore)
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as sock:
        length = f"content-length: {len(CONTENT)}"
        sock.sendall(raw_request("PUT", f"{PREFIX}/models/{MODEL}/versions/9/files/a", length) + CONTENT[:MIB])
        refusal = http.client.HTTPResponse(sock)
        refusal.begin()
        assert refusal.status == 404
        refusal.read()
        sock.sendall(CONTENT[MIB:] + raw_request("GET", f"{PREFIX}/models/{MODEL}"))
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        assert answer.status == 200
    assert staged(metastore) == before


def test_parts_are_answered_in_the_order_they_were_asked_for(server, ready):
    """Requests that are sent ahead do not mix with the part that the kernel is sending."""
    parts = urlsplit(server.url)
    ranges = [(0, 3 * MIB), (3 * MIB, 3 * MIB + 5), (2 * MIB, 5 * MIB), (7, 9)]
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as sock:
        sock.sendall(b"".join(raw_request("GET", URL, f"range: bytes={a}-{b - 1}") for a, b in ranges))
        stream = sock.makefile("rb")
        for a, b in ranges:
            assert stream.readline().startswith(b"HTTP/1.1 206")
            headers = http.client.parse_headers(stream)
            assert int(headers["content-length"]) == b - a
            assert stream.read(b - a) == CONTENT[a:b]


def test_a_client_that_leaves_during_a_download_harms_nobody(server, connection, ready):
    """Whoever comes next is served."""
    parts = urlsplit(server.url)
    for _ in range(3):
        with socket.create_connection((parts.hostname, parts.port), timeout=60) as sock:
            sock.sendall(raw_request("GET", URL, f"range: bytes=0-{len(CONTENT) - 1}"))
            assert sock.recv(12) == b"HTTP/1.1 206"
    assert asked(connection, "GET", URL, range=f"bytes=1-{2 * MIB}") == (206, CONTENT[1 : 2 * MIB + 1])


def test_a_client_that_takes_nothing_is_sent_away(metastore, registry):
    """It keeps a connection, and not a thread; the answer is cut short."""
    register(registry, MODEL, model_files(CONTENT * 4))
    with ServedMetastore(metastore, running=Running(bounds=Bounds(stall_s=0.2))) as server:
        parts = urlsplit(server.url)
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.settimeout(60)
            sock.connect((parts.hostname, parts.port))
            sock.sendall(raw_request("GET", URL, f"range: bytes=0-{4 * len(CONTENT) - 1}"))
            # The server's end waits for all requests, so here it has given this one up.
            server.__exit__(None, None, None)
            came = 0
            while block := _received(sock):
                came += len(block)
    assert 0 < came < 4 * len(CONTENT)


def _received(sock):
    try:
        return sock.recv(MIB)
    except ConnectionResetError:
        return b""


def upload_of(path, size):
    return FileUpload(file=FileStat(path="a", size=size), source=path.open("rb"))


def test_a_real_file_is_sent_from_where_its_stream_stands(remote, pending, tmp_path):
    """The kernel sends what the caller would have read, and it is hashed beside that."""
    (tmp_path / "a").write_bytes(b"skipped" + CONTENT)
    upload = upload_of(tmp_path / "a", len(CONTENT))
    told = []
    with upload.source as source:
        source.read(7)
        (entry,) = remote.upload_model_version_files(pending.ref, [upload], progress=told.append)
    assert entry.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert sum(told) == len(CONTENT)


@pytest.mark.parametrize("change", [1, -1])
def test_a_file_that_has_changed_its_size_is_not_sent(remote, pending, metastore, tmp_path, change):
    """Longer or shorter than announced is an error, and nothing is stored."""
    before = staged(metastore)
    (tmp_path / "a").write_bytes(CONTENT)
    upload = upload_of(tmp_path / "a", len(CONTENT) + change)
    with upload.source, pytest.raises(IntegrityError, match="was announced with"):
        remote.upload_model_version_files(pending.ref, [upload])
    # The server comes to know a little later that no more comes, and may even begin a little later.
    quiet = 0
    for _ in range(500):
        quiet = quiet + 1 if staged(metastore) == before else 0
        if quiet == 25:
            break
        time.sleep(0.02)
    assert quiet == 25


@pytest.mark.parametrize("announced", [True, False])
def test_bytes_of_a_file_that_changed_on_the_way_are_noticed(remote, pending, tmp_path, monkeypatch, announced):
    """By the server where the digest was announced, and by the client where it was found out on the way."""
    (tmp_path / "a").write_bytes(CONTENT)
    monkeypatch.setattr(stretches.Stretch, "send", lambda self, sock: sock.sendall(bytes(self.count)))
    sha256 = hashlib.sha256(CONTENT).hexdigest() if announced else None
    with (tmp_path / "a").open("rb") as source:
        upload = FileUpload(file=FileStat(path="a", size=len(CONTENT), sha256=sha256), source=source)
        with pytest.raises(IntegrityError):
            remote.upload_model_version_files(pending.ref, [upload])
