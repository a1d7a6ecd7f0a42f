"""Large files over HTTP, part by part: after a cut only what is missing is sent, and what is wrong is found out."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import time
from urllib.parse import urlsplit

import pytest

from herdbook.adapters.files.store import FileStore
from herdbook.adapters.http_registry import parts, repeating, sending
from herdbook.adapters.http_registry.registry import HttpRegistry
from herdbook.adapters.http_registry.streams import Streams
from herdbook.adapters.http_registry.transport import Transport
from herdbook.api import PREFIX
from herdbook.api.files import CONTENT_DIGEST_HEADER, digest_value
from herdbook.entities import FileStat, Manifest, VersionStatus
from herdbook.errors import UnavailableError
from herdbook.names import PrincipalName
from herdbook.ports.presigning import UrlSettings
from herdbook.ports.registry import FileUpload
from herdbook.server.watching import Watch
from herdbook.testing.http_server import ServedMetastore
from herdbook.testing.samples import model_files, upload
from herdbook.testing.tcp_proxy import TcpProxy

FOUNDER = PrincipalName.parse("user:os/founder")
MODEL = "main.default.iris"
MIB = 1024 * 1024
PART = 2 * MIB
SIZE = 6 * PART + 12345
SOCKETS = 4 * MIB
"""What may be on its way when a connection breaks, or is refused."""
VERSION = f"{PREFIX}/models/{MODEL}/versions/1"
PARTS = f"{VERSION}/file-parts/model.bin"


class Lines:
    """A log that keeps what was received with each request."""

    def __init__(self):
        self.received = []

    def info(self, event, **more):
        if event == "request" and "/file" in more.get("target", more.get("path", "/file")):
            self.received.append(more["received"])

    warning = error = debug = info


@pytest.fixture
def metastore(request, make_metastore, tmp_path):
    """Its bytes lie in a folder, or in a bucket where that is asked for."""
    if getattr(request, "param", "folder") == "folder":
        return make_metastore(artifacts=FileStore(tmp_path / "parts", part_bytes=PART))
    store = request.getfixturevalue("open_bucket")()
    store._parts.part_bytes = PART
    return make_metastore("sqlite://", artifacts=store, signed_urls=UrlSettings(enabled=False))


@pytest.fixture
def lines():
    return Lines()


@pytest.fixture
def server(metastore, lines):
    with ServedMetastore(metastore, watch=Watch(log=lines)) as server:
        yield server


@pytest.fixture
def proxy(server):
    """Where the client finds the server."""
    parts = urlsplit(server.url)
    with TcpProxy(parts.hostname, parts.port) as proxy:
        yield proxy


@pytest.fixture
def remote(proxy, monkeypatch):
    monkeypatch.setattr(sending, "PART_BYTES", PART)
    monkeypatch.setattr(repeating, "FIRST_PAUSE_S", 0.01)
    with HttpRegistry(Transport(f"http://127.0.0.1:{proxy.port}", token=str(FOUNDER))) as remote:
        remote.create_registered_model(MODEL)
        yield remote


@pytest.fixture
def version(remote):
    return remote.create_model_version(MODEL)


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "weights"
    path.write_bytes(os.urandom(SIZE))
    return path


@pytest.fixture(params=["one connection", "several connections", "through memory"])
def how(request, monkeypatch):
    """How the parts after the first one travel; what is encrypted goes through the client's memory."""
    if request.param == "through memory":
        monkeypatch.setattr(Streams, "by_kernel", False)
    monkeypatch.setattr(parts, "FAST", float("inf") if request.param == "several connections" else 0)
    return request.param


def send(remote, version, path, progress=None):
    with path.open("rb") as source:
        file = FileStat(path="model.bin", size=path.stat().st_size)
        (entry,) = remote.upload_model_version_files(
            version.ref, [FileUpload(file=file, source=source)], progress=progress
        )
    assert (entry.size, entry.sha256) == (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
    return entry


def finish(remote, version, path, entry):
    rest = upload(remote, version, {"MLmodel": model_files()["MLmodel"]})
    ready = remote.finalize_model_version(version.ref, Manifest.of([*rest.files, entry]))
    assert ready.status is VersionStatus.READY
    with (path.parent / "back").open("x+b") as target:
        remote.copy_model_version_file(ready.ref, "model.bin", target)
    assert (path.parent / "back").read_bytes() == path.read_bytes()


def held(remote, version):
    file = FileStat(path="model.bin", size=SIZE)
    return remote.upload_plan(MODEL, [file], version=version.version, direct=True).slots[0].parts.held


def test_a_large_file_goes_up_in_parts(remote, version, weights, how, lines):
    """Over one connection or several: it arrives, each byte is sent once and told of once."""
    told = []
    entry = send(remote, version, weights, told.append)
    assert sum(told) == SIZE
    assert SIZE < sum(lines.received) < SIZE + 10_000
    puts = sum(count >= 12345 for count in lines.received)
    assert puts == (7 if how == "several connections" else 2)
    finish(remote, version, weights, entry)


def test_it_goes_on_within_one_upload(remote, version, weights, how, proxy, lines):
    """A connection that breaks costs the parts that were under way, and no more."""
    proxy.cut_after(4 * PART + MIB)
    told = []
    entry = send(remote, version, weights, told.append)
    assert proxy.broken_off > 0
    assert sum(told) == SIZE
    under_way = parts.CONNECTIONS if how == "several connections" else 1
    assert sum(lines.received) < SIZE + under_way * PART + SOCKETS
    finish(remote, version, weights, entry)


def test_it_goes_on_after_the_client_gave_up(remote, version, weights, how, proxy, lines, monkeypatch):
    """Another upload, of another client, sends only what the server does not hold."""
    with monkeypatch.context() as patch:
        patch.setattr(parts, "TRIES", 1)
        proxy.cut_after(4 * PART + MIB)
        with pytest.raises(UnavailableError):
            send(remote, version, weights)
    before = held(remote, version)
    assert before
    with HttpRegistry(Transport(f"http://127.0.0.1:{proxy.port}", token=str(FOUNDER))) as again:
        told = []
        entry = send(again, version, weights, told.append)
        # The server may have had some more in its hands.
        assert sum(told) <= sum(min(PART, SIZE - number * PART) for number in range(7) if number not in before)
        under_way = parts.CONNECTIONS if how == "several connections" else 1
        assert sum(lines.received) < SIZE + under_way * PART + SOCKETS
        finish(again, version, weights, entry)


@pytest.mark.parametrize("metastore", ["bucket"], indirect=True)
def test_over_a_bucket_it_is_the_same(remote, version, weights, how, proxy, monkeypatch):
    """What goes through a server to an object store goes on where it was too."""
    with monkeypatch.context() as patch:
        patch.setattr(parts, "TRIES", 1)
        proxy.cut_after(4 * PART + MIB)
        with pytest.raises(UnavailableError):
            send(remote, version, weights)
    before = held(remote, version)
    assert before
    told = []
    entry = send(remote, version, weights, told.append)
    assert sum(told) <= sum(min(PART, SIZE - number * PART) for number in range(7) if number not in before)
    finish(remote, version, weights, entry)


def test_a_file_that_has_changed_is_sent_anew(remote, version, weights, proxy, monkeypatch):
    """Parts of what the file was before are found out, dropped, and sent again, without anybody's help."""
    with monkeypatch.context() as patch:
        patch.setattr(parts, "TRIES", 1)
        proxy.cut_after(2 * PART + MIB)
        with pytest.raises(UnavailableError):
            send(remote, version, weights)
    assert held(remote, version)
    weights.write_bytes(os.urandom(SIZE))
    finish(remote, version, weights, send(remote, version, weights))


def test_what_is_read_through_a_buffer_is_sent_from_where_it_stands(remote, version, weights):
    """A file that was read a little of before is sent from there, whole or not at all."""
    whole = weights.read_bytes()
    weights.write_bytes(b"head" + whole)
    with weights.open("rb") as source:
        assert source.read(4) == b"head"
        file = FileStat(path="model.bin", size=SIZE, sha256=hashlib.sha256(whole).hexdigest())
        (entry,) = remote.upload_model_version_files(version.ref, [FileUpload(file=file, source=source)])
    assert entry.sha256 == file.sha256


def test_a_part_with_another_digest(http, remote, version):
    """Content-Digest proves a part: one that does not have it is refused, and is not held."""
    part, size = b"x" * PART, {"offset": 0, "size": SIZE}
    wrong = {CONTENT_DIGEST_HEADER: digest_value(hashlib.sha256(b"y" * PART).hexdigest())}
    answer = http.put(PARTS, params=size, content=part, headers=wrong)
    assert (answer.status_code, answer.json()["code"]) == (500, "INTEGRITY")
    assert held(remote, version) == ()
    right = {CONTENT_DIGEST_HEADER: digest_value(hashlib.sha256(part).hexdigest())}
    answer = http.put(PARTS, params=size, content=part, headers=right)
    assert (answer.status_code, answer.json()) == (200, {"part_bytes": PART, "held": [0]})
    again = http.put(PARTS, params=size, content=part)
    assert (again.status_code, again.json()["code"]) == (409, "CONFLICT")


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ({"offset": 1, "size": SIZE}, {}),
        ({"offset": -PART, "size": SIZE}, {}),
        ({"offset": 0, "size": PART + 1}, {"transfer-encoding": "chunked"}),
        ({"offset": 0, "size": PART + 1}, {CONTENT_DIGEST_HEADER: "sha-256=:no:"}),
        ({"offset": 0}, {}),
        ({"offset": "x", "size": SIZE}, {}),
        ({"offset": 0, "size": SIZE, "more": 1}, {}),
        ({"offset": PART, "size": PART + 1}, {}),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(http, version, query, headers):
    """Whatever is not whole parts of one file is a 400."""
    content = iter([b"x" * PART]) if headers.get("transfer-encoding") else b"x" * PART
    answer = http.put(PARTS, params=query, content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_ARGUMENT")


def test_the_server_stops_in_the_midst(remote, version, weights, server, metastore, monkeypatch, proxy):
    """What is held is on the disk, not in a server: another one, over the same folder, goes on with it."""
    monkeypatch.setattr(parts, "TRIES", 1)
    proxy.cut_after(3 * PART + MIB)
    with pytest.raises(UnavailableError):
        send(remote, version, weights)
    # The server may still be busy with what came before the cut.
    while server.waiting:
        time.sleep(0.01)
    before = held(remote, version)
    folder = metastore.core.artifacts._root
    monkeypatch.setattr(metastore.core.artifacts, "_parts", FileStore(folder, part_bytes=PART)._parts)
    with HttpRegistry(Transport(server.url, token=str(FOUNDER))) as again:
        assert held(again, version) == before
        finish(again, version, weights, send(again, version, weights))


def test_another_client_sends_what_the_document_says(http, remote, version, weights):
    """The way without our client: parts by PUT, then files:take-in."""
    content = weights.read_bytes()
    for offset in range(0, SIZE, PART):
        answer = http.put(PARTS, params={"offset": offset, "size": SIZE}, content=content[offset : offset + PART])
        assert answer.status_code == 200
    file = {"path": "model.bin", "size": SIZE, "sha256": hashlib.sha256(content).hexdigest()}
    answer = http.post(f"{VERSION}/files:take-in", json={"file": file})
    assert (answer.status_code, answer.json()) == (200, file)


def test_a_file_system_without_locks(remote, version, weights, monkeypatch):
    """Where parts cannot be kept apart a file goes up whole, as small ones do."""

    def refused(*_):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "fcntl", refused)
    entry = send(remote, version, weights)
    monkeypatch.undo()
    finish(remote, version, weights, entry)
