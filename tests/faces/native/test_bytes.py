"""Bytes over HTTP: parts, what a file is, many at once, and what stays of a client that goes away."""

from __future__ import annotations

import hashlib
import io
import socket
from urllib.parse import urlsplit

import pytest

from herdbook.adapters.http_registry import fetching, streams
from herdbook.adapters.http_registry.registry import HttpRegistry
from herdbook.adapters.http_registry.transport import Transport
from herdbook.api import PREFIX
from herdbook.api.files import BUNDLE_TYPE, SMALL_FILE, Bundle, bundle_head, digest_value
from herdbook.client import register_model
from herdbook.client.download import download_artifacts
from herdbook.entities import FileStat, SlotNeed
from herdbook.errors import IntegrityError, UnavailableError
from herdbook.names import PrincipalName
from herdbook.ports.registry import FileUpload
from herdbook.server.native import incoming
from herdbook.testing.samples import SIGNATURE, model_files, register

FOUNDER = PrincipalName.parse("user:os/founder")
MODEL = "main.default.iris"
DATA = bytes(range(256)) * 40
SHA256 = hashlib.sha256(DATA).hexdigest()
FILES = f"{PREFIX}/models/{MODEL}/versions/1/files"
URL = f"{FILES}/model.bin"


@pytest.fixture
def registry(metastore):
    registry = metastore.for_caller(metastore.asserted(FOUNDER))
    registry.create_registered_model(MODEL)
    return registry


@pytest.fixture
def ready(registry):
    return register(registry, MODEL, model_files(DATA))


@pytest.fixture
def pending(registry):
    return registry.create_model_version(MODEL)


@pytest.fixture
def remote(server):
    with HttpRegistry(Transport(server.url, token=str(FOUNDER))) as remote:
        yield remote


def sent(http, files, cut=None):
    stats = [FileStat(path=path, size=len(content), sha256=sha256) for path, content, sha256 in files]
    body = b"".join([bundle_head(stats), *(content for _, content, _ in files)])
    return http.post(FILES, content=body[:cut], headers={"content-type": BUNDLE_TYPE})


def staged(metastore):
    """Return what lies in the store: blobs, and files on their way in."""
    store = metastore.core.artifacts
    return list(store.blobs()), store.remove_staging(before_ms=2**62, dry_run=True)


def test_a_file_says_what_it_is(http, ready):
    """Its digest is entity tag and Repr-Digest; a browser saves it."""
    for answer in (http.get(URL), http.head(URL)):
        assert answer.status_code == 200
        assert answer.headers["etag"] == f'"{SHA256}"'
        assert answer.headers["repr-digest"] == digest_value(SHA256)
        assert answer.headers["content-length"] == str(len(DATA))
        assert answer.headers["accept-ranges"] == "bytes"
        assert answer.headers["content-disposition"] == "attachment"
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert http.get(URL).content == DATA
    assert http.head(URL).content == b""


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-9", 5, 10),
        ("bytes=100-", 100, len(DATA)),
        ("bytes=-7", len(DATA) - 7, len(DATA)),
        ("bytes=-999999", 0, len(DATA)),
        ("bytes=9-999999", 9, len(DATA)),
    ],
)
def test_a_part_is_answered_as_such(http, ready, asked, start, end):
    """206, with where it stands in the whole."""
    answer = http.get(URL, headers={"range": asked})
    assert (answer.status_code, answer.content) == (206, DATA[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(DATA)}"
    assert answer.headers["repr-digest"] == digest_value(SHA256)


@pytest.mark.parametrize("asked", ["bytes=9-5", "bytes=-", "lines=1-2", "bytes=0-1,4-5", "bytes=a-b", "bytes=1"])
def test_what_is_no_range_of_ours_is_passed_over(http, ready, asked):
    """The whole file comes, as RFC 9110 has it."""
    answer = http.get(URL, headers={"range": asked})
    assert (answer.status_code, answer.content) == (200, DATA)


@pytest.mark.parametrize("asked", [f"bytes={len(DATA)}-", "bytes=99999999-99999999", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(http, ready, asked):
    """416, with how much there is."""
    answer = http.get(URL, headers={"range": asked})
    assert answer.status_code == answer.json()["status"] == 416
    assert answer.headers["content-range"] == f"bytes */{len(DATA)}"


def test_a_part_of_another_file_is_not_mixed_in(http, ready):
    """If-Range with another tag brings the whole file."""
    part = {"range": "bytes=1-2"}
    assert http.get(URL, headers={**part, "if-range": f'"{SHA256}"'}).status_code == 206
    assert http.get(URL, headers={**part, "if-range": '"other"'}).content == DATA


def test_many_files_come_in_one_answer(http, ready):
    """In the order asked for, each with its digest."""
    answer = http.post(f"{FILES}:read", json={"paths": ["model.bin", "MLmodel", "model.bin"]})
    assert answer.headers["content-type"] == BUNDLE_TYPE
    found = Bundle(io.BytesIO(answer.content).read)
    assert [stat.path for stat in found.files] == ["model.bin", "MLmodel", "model.bin"]
    for stat, content in zip(found.files, found.contents(), strict=True):
        assert hashlib.sha256(content).hexdigest() == stat.sha256
    for paths, status in ((["nope"], 404), ([], 400), (["a"] * 1001, 400), (["\0"], 400)):
        assert http.post(f"{FILES}:read", json={"paths": paths}).status_code == status


def test_many_files_are_taken_in_at_once(http, registry, pending):
    """One request, and all of them stand."""
    files = model_files(DATA)
    answer = sent(http, [(path, content, None) for path, content in files.items()])
    assert answer.status_code == 200
    assert {entry["path"]: entry["size"] for entry in answer.json()} == {p: len(c) for p, c in files.items()}


def test_a_bundle_is_taken_whole_or_not_at_all(http, registry, pending, metastore):
    """Cut off, or with a file that is not what it says: nothing stands for the version."""
    wrong = hashlib.sha256(b"other").hexdigest()
    for answer, code in (
        (sent(http, [("a", b"1", None)], cut=-1), "INVALID_ARGUMENT"),
        (sent(http, [("a", b"1", None), ("b", b"23", None)], cut=-1), "INVALID_ARGUMENT"),
        (sent(http, [("a", b"1", None), ("b", b"2", wrong)]), "INTEGRITY"),
        (sent(http, [("a", b"1", None), ("a", b"2", None)]), "INVALID_ARGUMENT"),
    ):
        assert answer.json()["code"].startswith(code)
    plan = registry.upload_plan(MODEL, [FileStat(path="a", size=1, sha256=hashlib.sha256(b"1").hexdigest())], version=1)
    assert [slot.need.value for slot in plan.slots] == ["bytes"]
    assert staged(metastore)[1] == 0


def test_files_of_a_body_are_read_in_any_order(http, registry, pending):
    """Large ones among small ones, which the store takes in side by side."""
    files = {f"{number:02}.bin": bytes([number]) * (number * 150_000) for number in range(1, 20)}
    answer = sent(http, [(path, content, None) for path, content in files.items()])
    assert [(entry["path"], entry["sha256"]) for entry in answer.json()] == [
        (path, hashlib.sha256(content).hexdigest()) for path, content in files.items()
    ]
    many = {f"{number:02}": bytes([number]) * 1000 for number in range(50)}
    assert len(sent(http, [(path, content, None) for path, content in many.items()]).json()) == 50
    assert (sent(http, []).json(), sent(http, [], cut=3).status_code) == ([], 400)


@pytest.mark.parametrize("path", ["/model.bin", ""], ids=["one", "many"])
def test_a_client_that_goes_away_leaves_nothing(server, metastore, registry, pending, path):
    """Neither a blob nor a file on its way in, nor anything that the version refers to."""
    parts = urlsplit(server.url)
    before = staged(metastore)
    method = "PUT" if path else "POST"
    with socket.create_connection((parts.hostname, parts.port)) as sock:
        head = f"{method} {FILES}{path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {FOUNDER}\r\n"
        body = bundle_head([FileStat(path="a", size=5_000_000)]) + bytes(3_000_000)
        sock.sendall(f"{head}content-length: 9000000\r\n\r\n".encode() + body)
    # The server's end waits for uploads under way, so afterwards it is known what is left of this one.
    server.__exit__(None, None, None)
    assert staged(metastore) == before
    wanted = FileStat(path="model.bin", size=9, sha256="0" * 64)
    assert registry.upload_plan(MODEL, [wanted], version=1).slots[0].need is SlotNeed.BYTES


def test_a_client_that_sends_nothing_loses_its_upload(server, metastore, pending, monkeypatch):
    """It holds a thread, and gets 503 in the end."""
    monkeypatch.setattr(incoming, "STALL_S", 0.05)
    parts = urlsplit(server.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as sock:
        head = f"PUT {FILES}/a HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {FOUNDER}\r\n"
        sock.sendall(f"{head}content-length: 9\r\n\r\n123".encode())
        assert sock.recv(12) == b"HTTP/1.1 503"
    assert staged(metastore)[1] == 0


def test_an_upload_that_was_damaged_on_the_way_is_noticed(remote, pending, monkeypatch):
    """What the registry stored is compared with what was sent."""
    monkeypatch.setattr(streams._Connection, "send", _damaging(streams._Connection.send))
    content = bytes(SMALL_FILE)
    file = FileUpload(file=FileStat(path="a", size=len(content)), source=io.BytesIO(content))
    with pytest.raises(IntegrityError, match="arrived"):
        remote.upload_model_version_files(pending.ref, [file])


def _damaging(send):
    def damaged(self, blocks):
        send(self, (b"x" + bytes(block)[1:] for block in blocks))

    return damaged


def test_an_upload_goes_on_after_its_connection_was_cut(remote, pending, monkeypatch):
    """A file whose connection breaks in the middle is sent again, and its progress is told once."""
    cuts = iter([True, False])
    plain = streams._Connection.send

    def send(self, blocks):
        if not next(cuts):
            return plain(self, blocks)
        self.made.sock.sendall(next(iter(blocks)))
        self.made.sock.shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError("cut")

    monkeypatch.setattr(streams._Connection, "send", send)
    content, told = bytes(9 * SMALL_FILE), []
    file = FileUpload(file=FileStat(path="a", size=len(content)), source=io.BytesIO(content))
    (entry,) = remote.upload_model_version_files(pending.ref, [file], progress=told.append)
    assert entry.sha256 == hashlib.sha256(content).hexdigest()
    assert sum(told) == len(content)


def test_a_download_goes_on_where_it_was_cut(remote, registry, tmp_path, monkeypatch):
    """By a range from where it broke; several parts, and the digest of the whole is what counts."""
    content = b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(100_000))
    register(registry, MODEL, model_files(content))
    monkeypatch.setattr(fetching, "PART", 1_000_000)
    monkeypatch.setattr(fetching, "BLOCK", 65_536)
    asked, plain, cut = [], streams.Streams.request, []

    def request(self, method, path, headers, *arguments, **named):
        asked.append(headers.get("range"))
        reply = plain(self, method, path, headers, *arguments, **named)
        if method == "GET" and not cut:
            cut.append(reply)
            first = reply.readinto
            monkeypatch.setattr(reply, "readinto", _cutting(first))
        return reply

    monkeypatch.setattr(streams.Streams, "request", request)
    target = download_artifacts(f"models:/{MODEL}/1", tmp_path / "down", registry=remote)
    assert (target / "model.bin").read_bytes() == content
    assert any(each.startswith(("bytes=65536-", "bytes=1065536-")) for each in asked if each)


def _cutting(readinto):
    left = iter([True])

    def cut(buffer):
        if next(left, False):
            return readinto(buffer)
        raise UnavailableError("cut")

    return cut


def test_a_damaged_download_leaves_nothing(remote, registry, tmp_path, monkeypatch):
    """Bytes that changed on the way are an IntegrityError, large and small, and no folder stays."""
    register(registry, MODEL, model_files(bytes(2 * SMALL_FILE)))
    write_at = fetching._write_at
    monkeypatch.setattr(fetching, "_write_at", lambda fd, block, at: write_at(fd, memoryview(b"x" + block[1:]), at))
    with pytest.raises(IntegrityError):
        download_artifacts(f"models:/{MODEL}/1", tmp_path / "down", registry=remote)
    assert not any(tmp_path.glob("*down*"))


def test_a_digest_is_no_proof(server, registry, ready):
    """Who may not execute a version sends its files, even where the digest is known; who may is spared that (R26)."""
    registry.create_principal("user:bob")
    registry.create_registered_model("main.default.bobs")
    for on, privilege in (
        ("main", "USE_CATALOG"),
        ("main.default", "USE_SCHEMA"),
        ("main.default.bobs", "CREATE_MODEL_VERSION"),
    ):
        registry.grant("user:bob", privilege, on)
    asked = [FileStat(path="model.bin", size=len(DATA), sha256=SHA256)]
    with HttpRegistry(Transport(server.url, token="user:bob")) as bob:
        assert bob.upload_plan("main.default.bobs", asked).slots[0].need is SlotNeed.BYTES
        registry.grant("user:bob", "EXECUTE", MODEL)
        assert bob.upload_plan("main.default.bobs", asked).slots[0].need is SlotNeed.HELD


def test_what_is_held_is_not_sent_again(remote, registry, tmp_path, monkeypatch):
    """The second version of the same files moves no byte of them."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(bytes(2 * SMALL_FILE))
    register_model(folder, MODEL, registry=remote, signature=SIGNATURE)

    def forbidden(*_arguments, **_named):
        raise AssertionError("bytes were sent")

    monkeypatch.setattr(streams.Streams, "request", forbidden)
    assert register_model(folder, MODEL, registry=remote, signature=SIGNATURE).version == 2
