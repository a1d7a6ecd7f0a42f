"""What callers are told when an object store refuses, is slow or dies."""

from __future__ import annotations

import re
import socket
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from attrs import evolve, fields

from herdbook.errors import InvalidArgumentError, UnavailableError
from herdbook.ports.artifacts import FileExpectation
from herdbook.ports.presigning import StagedSlot
from herdbook.testing.artifact_samples import ABSENT, END_OF_TIME_MS, LARGE, digest, put, whole
from herdbook.testing.presign_contract import exchange
from herdbook.testing.s3_server import S3Address
from herdbook_objectstore.keys import Keys
from herdbook_objectstore.opening import build, open_store, split
from herdbook_objectstore.options import AzOptions, GsOptions, ObjectStoreOptions, S3Options
from herdbook_objectstore.store import BucketStore
from herdbook_objectstore.writing import PART

SECRET = "0123456789secret0123456789"


def assert_tells_nothing(error, *secrets):
    """No secret stands in an error, in what caused it, or in what it hangs on."""
    assert error.__cause__ is None
    assert error.__suppress_context__
    for secret in secrets:
        assert secret not in f"{error!s}{error!r}{error.hint}{error.details}"


def write_often(writer, block, times):
    for _ in range(times):
        writer.write(block)


def test_a_killed_server(own_s3, options_for):
    """A server that dies mid-upload is a clear error; nothing of the file shows, and it can be sent again."""
    own_s3.address.create_bucket("models")
    store = open_store("s3://models/here", options_for(own_s3.address))
    (held,) = put(store, b"held")
    block = LARGE[: PART // 2]
    with store.writer() as writer:
        write_often(writer, block, 4)
        own_s3.kill()
        with pytest.raises(UnavailableError, match="no connection") as caught:
            write_often(writer, block, 40)
        assert_tells_nothing(caught.value, own_s3.address.secret_access_key)
        with pytest.raises(UnavailableError):
            writer.commit()
    for ask in (
        lambda: store.size(held.sha256),
        lambda: list(store.read(held.sha256)),
        lambda: list(store.blobs()),
        lambda: store.remove(held.sha256),
        lambda: store.remove_many([held.sha256]),
        lambda: store.remove_staging(before_ms=END_OF_TIME_MS),
        lambda: put(store, b"more"),
    ):
        with pytest.raises(UnavailableError, match="no connection"):
            ask()
    own_s3.start()
    assert [blob.sha256 for blob in store.blobs()] == [held.sha256]
    assert whole(store, held.sha256) == b"held"
    put(store, block * 8)
    assert whole(store, digest(block * 8)) == block * 8
    store.close()


def test_commits_that_nobody_acknowledged(own_s3, options_for):
    """A server that dies between the last byte and the commit is an error; then nothing of the file is there."""
    own_s3.address.create_bucket("models")
    store = open_store("s3://models/here", options_for(own_s3.address))
    contents = [b"small", LARGE * 2, b"announced", LARGE * 3]
    with ExitStack() as stack:
        writers = [
            stack.enter_context(store.writer(sha256=digest(content) if number > 1 else None))
            for number, content in enumerate(contents)
        ]
        for writer, content in zip(writers, contents, strict=True):
            writer.write(content)
        own_s3.kill()
        for writer in writers:
            with pytest.raises(UnavailableError, match="no connection"):
                writer.commit()
            with pytest.raises(UnavailableError):
                writer.commit()
    own_s3.start()
    assert [store.size(digest(content)) for content in contents] == [None] * len(contents)
    assert list(store.blobs()) == []
    store.close()


def test_a_silent_server(options_for):
    """A server that takes connections and never answers is told apart from one that is not there."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        nobody = S3Address(endpoint=f"http://127.0.0.1:{port}", access_key_id="A", secret_access_key=SECRET)
        options = options_for(nobody, timeout_s=0.5, retries=0)
        with pytest.raises(UnavailableError, match="in time"):
            open_store("s3://models/here", options)
        store = BucketStore(build("s3://models/here", "models", options), prefix="here")
        with pytest.raises(UnavailableError, match="in time"):
            store.size(ABSENT)
        store.close()


class Busy(BaseHTTPRequestHandler):
    """Answers 503 to everything."""

    def do_GET(self):
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 http.server's own names

    def log_message(self, *_):
        pass


@pytest.fixture
def busy():
    """The address of a server that answers 503 to everything."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        endpoint = f"http://127.0.0.1:{server.server_port}"
        yield S3Address(endpoint=endpoint, access_key_id="A", secret_access_key=SECRET)
        server.shutdown()
        thread.join()


def test_a_busy_server(busy, options_for):
    """Whatever is asked of a store that answers 5xx is unavailable: with the status, and a hint."""
    options = options_for(busy, retries=0)
    with pytest.raises(UnavailableError, match="503"):
        open_store("s3://models/here", options)
    store = BucketStore(build("s3://models/here", "models", options), prefix="here")
    slot = StagedSlot(session="0" * 32, number=0)
    for ask in (
        lambda: store.size(ABSENT),
        lambda: list(store.read(ABSENT)),
        lambda: list(store.read(ABSENT, offset=1)),
        lambda: list(store.blobs()),
        lambda: store.remove(ABSENT),
        lambda: store.remove_many([ABSENT]),
        lambda: store.remove_staging(before_ms=END_OF_TIME_MS),
        lambda: store.publish_staged(slot, FileExpectation()),
        lambda: put(store, b"small"),
        lambda: put(store, LARGE * 2),
    ):
        with pytest.raises(UnavailableError, match="503") as caught:
            ask()
        assert caught.value.hint
        assert_tells_nothing(caught.value, SECRET)
    store.close()


def test_wrong_credentials(s3, root, options_for):
    """Credentials that the store refuses are the caller's mistake at open, told without them."""
    for wrong in (options_for(s3, secret=SECRET), options_for(s3, key="NOBODY")):
        with pytest.raises(InvalidArgumentError, match="refuses these credentials") as caught:
            open_store(root, wrong)
        assert_tells_nothing(caught.value, SECRET, s3.secret_access_key)
        assert caught.value.hint


def test_a_missing_bucket(s3, options_for):
    """A bucket that is not there is named."""
    with pytest.raises(InvalidArgumentError, match="'not-made'"):
        open_store("s3://not-made/prefix", options_for(s3))


def test_nobody_listens(s3, root, options_for):
    """A store that cannot be reached is unavailable, not wrong."""
    options = options_for(s3)
    nowhere = S3Options(
        endpoint="http://127.0.0.1:1", region="r", allow_http=True, credentials_file=options.s3.credentials_file
    )
    with pytest.raises(UnavailableError, match="cannot be opened"):
        open_store(root, ObjectStoreOptions(s3=nowhere, retries=0))


def test_http_has_to_be_allowed(s3, root, options_for):
    """Nothing goes over a connection without TLS unless the options say so."""
    options = options_for(s3)
    plain = S3Options(endpoint=s3.endpoint, region=s3.region, credentials_file=options.s3.credentials_file)
    with pytest.raises(UnavailableError):
        open_store(root, ObjectStoreOptions(s3=plain, retries=0))


@pytest.mark.parametrize(
    "uri",
    [
        "s3://",
        "s3:///prefix",
        "s3://key:secret@bucket/x",
        "s3://bucket:9000/x",
        "s3://bucket/x?a=b",
        "s3://b/#x",
        "s3://b/x\n",
    ],
)
def test_uris_with_mistakes(uri):
    """A URI names a bucket and a prefix and nothing else; what it should not hold is not repeated."""
    with pytest.raises(InvalidArgumentError, match="not the URI of a bucket") as caught:
        split(uri)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("prefix", ["..", "a/../b", "a//b", "a b", "ä", ".hidden", "a%2Fb"])
def test_prefixes_with_mistakes(prefix):
    """A prefix is plain words, so that a key is never another one than it looks like."""
    with pytest.raises(InvalidArgumentError, match="prefix"):
        Keys(split(f"s3://bucket/x/{prefix}/y")[1])


@pytest.mark.parametrize(
    "text", ["", "aws_secret_access_key = 0123456789secret0123456789", "[other]\naws_access_key_id = x", None]
)
def test_credentials_files_with_mistakes(tmp_path, text):
    """A credentials file that does not hold what it should is named, and its content is not repeated."""
    path = tmp_path / "keys"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InvalidArgumentError, match=str(path)) as caught:
        open_store("s3://bucket/x", ObjectStoreOptions(s3=S3Options(credentials_file=str(path))))
    assert_tells_nothing(caught.value, SECRET)


@pytest.mark.parametrize("wrong", [{"retries": -1}, {"concurrency": 0}, {"timeout_s": 0.0}, {"read_ahead": -2}])
def test_options_with_mistakes(wrong):
    """Numbers that mean nothing are refused by name."""
    with pytest.raises(InvalidArgumentError, match=next(iter(wrong))):
        ObjectStoreOptions(**wrong)


def test_nothing_tells_the_secret(s3, root, options_for):
    """Neither the options nor the store nor its parts print a secret."""
    options = options_for(s3)
    store = open_store(root, options)
    said = f"{options!r}{store!r}{store._blobs!r}{store._reader!r}{store._signer!r}{store._blobs.objects!r}"
    assert s3.secret_access_key not in said
    assert s3.secret_access_key not in repr(s3)
    store.close()


def test_clients_for_gs_and_az(tmp_path):
    """The other two schemes make their own clients, from their own options, and sign without asking anybody."""
    key = tmp_path / "key"
    key.write_text("c2VjcmV0LXNlY3JldC1zZWNyZXQ=\n")
    az = build("az://box/x", "box", ObjectStoreOptions(az=AzOptions(account="herd", account_key_file=str(key))))
    assert type(az).__name__ == "AzureStore"
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        build("gs://box/x", "box", ObjectStoreOptions(gs=GsOptions(credentials_file=str(tmp_path / "none"))))
    with pytest.raises(InvalidArgumentError, match=r"plugins\.objectstore\.gs") as caught:
        build("gs://box/x", "box", ObjectStoreOptions(gs=GsOptions(credentials_file=str(key))))
    assert_tells_nothing(caught.value, "c2VjcmV0")
    assert ABSENT not in repr(az)


def test_signed_urls_name_the_public_endpoint(s3, root, options_for):
    """Where clients reach the store under another name, URLs are signed for that name, and work."""
    options = options_for(s3)
    outside = s3.endpoint.replace("127.0.0.1", "localhost")
    store = open_store(root, evolve(options, s3=evolve(options.s3, public_endpoint=outside)))
    (blob,) = put(store, b"seen from outside")
    signed = store.presign_get(blob.sha256, expires_s=60)
    assert signed.url.startswith(f"{outside}/")
    assert exchange(signed)[:2] == (200, b"seen from outside")
    store.close()


def test_the_page_names_every_option():
    """The how-to page has every option, and the numbers that hold unless something is said."""
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "object-stores.md").read_text()
    named = {*re.findall(r"`([a-z0-9_]+)`", page), "s3", "gs", "az", "region"}
    for kind in (ObjectStoreOptions, S3Options, GsOptions, AzOptions):
        assert {field.name for field in fields(kind)} <= named
    defaults = ObjectStoreOptions()
    for name in ("connect_timeout_s", "timeout_s", "concurrency", "read_ahead"):
        assert re.search(rf"^\| `{name}` .* \| {getattr(defaults, name):.0f} \|$", page, re.MULTILINE)
    assert f"| {defaults.retries}, {defaults.retry_timeout_s:.0f} |" in page
