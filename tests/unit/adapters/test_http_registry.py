"""The remote registry: what it repeats, what it never does, and what it says where there is no server."""

from __future__ import annotations

import io
import json
import socket
import threading
from contextlib import contextmanager

import pytest

import herdbook
from herdbook.adapters.http_registry.registry import HttpRegistry
from herdbook.adapters.http_registry.repeating import TRIES
from herdbook.adapters.http_registry.transport import Transport
from herdbook.bootstrap import open_registry
from herdbook.entities import FileStat
from herdbook.errors import (
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedError,
)
from herdbook.names import PrincipalName
from herdbook.ports.registry import FileUpload, Registry
from herdbook.server import build_app
from herdbook.server.messages import WHOLE, Answer, refusal, send_answer
from herdbook.server.running import HttpServer, listen, url_of
from herdbook.settings import RegistrySettings, Settings
from herdbook.testing.http_server import NamedByToken, ServedMetastore
from herdbook.testing.samples import register
from herdbook.verdicts import Operation

FOUNDER = PrincipalName.parse("user:os/founder")
MODEL = "main.default.iris"


class Losing:
    """An application that does what it is asked, and loses its first answers on the way back."""

    def __init__(self, app, lost):
        self.app = app
        self.lost = lost
        self.seen = []
        self.refused = app.refused

    def begin(self, _scope):
        return self

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        self.seen.append(f"{scope['method']} {scope['path']}")
        if self.lost == 0:
            await self.app(scope, receive, send)
            return
        self.lost -= 1

        async def nowhere(_):
            pass

        # Whoever stands before `send` stands before this too.
        del scope[WHOLE]

        await self.app(scope, receive, nowhere)
        answer = refusal(UnavailableError("The answer is lost."), "r")
        await send_answer(send, Answer(503, answer.body, answer.content_type, ((b"retry-after", b"0"),)), "r")


@contextmanager
def serving(app):
    sock, up = listen("127.0.0.1", 0), threading.Event()
    server = HttpServer(app, [sock], up.set)
    thread = threading.Thread(target=server.run_to_its_end, daemon=True)
    thread.start()
    assert up.wait(30)
    try:
        with HttpRegistry(Transport(url_of(sock), token=str(FOUNDER))) as registry:
            yield registry
    finally:
        server.should_exit = True
        thread.join(30)
        sock.close()


@contextmanager
def answering(*answers):
    """Serve raw answers, one a connection; None closes it without one. Yields the URL and what was asked."""
    sock = listen("127.0.0.1", 0)
    asked = []

    def work():
        for answer in answers:
            with sock.accept()[0] as connection:
                asked.append(connection.recv(65536).decode("latin-1").partition("\r\n")[0])
                if answer is not None:
                    connection.sendall(answer)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield url_of(sock), asked
    finally:
        thread.join(10)
        sock.close()


def raw(status, body, sort="application/json"):
    return (
        f"HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-type: {sort}\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    ).encode()


@pytest.fixture
def losing(make_metastore):
    metastore = make_metastore()
    return Losing(build_app(metastore, NamedByToken(metastore)), lost=0)


def test_a_create_whose_answer_is_lost_makes_one_thing(losing):
    """A create without a key gets one from the client, so that repeating it is safe: one version, one audit trail."""
    with serving(losing) as registry:
        registry.create_registered_model(MODEL)
        losing.lost = TRIES - 1
        assert registry.create_model_version(MODEL).version == 1
        assert [version.version for version in registry.list_model_versions(MODEL).items] == [1]
    assert sum(seen.startswith("POST") and seen.endswith("/versions") for seen in losing.seen) == TRIES


def test_reading_is_repeated(losing):
    """A busy server is asked again, and not for ever."""
    with serving(losing) as registry:
        losing.lost = TRIES - 1
        assert str(registry.get_catalog("main").name) == "main"
        losing.lost = TRIES
        with pytest.raises(UnavailableError, match="lost"):
            registry.get_catalog("main")


@pytest.mark.parametrize(
    "change",
    [
        lambda registry: registry.delete_registered_model(MODEL),
        lambda registry: registry.update_registered_model(MODEL, comment="x"),
        lambda registry: registry.set_registered_model_tag(MODEL, "k", "v"),
        lambda registry: registry.rename_registered_model(MODEL, "main.default.other"),
    ],
)
def test_other_changes_are_sent_once(losing, change):
    """What might be done twice is told to the caller instead."""
    with serving(losing) as registry:
        registry.create_registered_model(MODEL)
        before, losing.lost = len(losing.seen), 1
        with pytest.raises(UnavailableError):
            change(registry)
        assert len(losing.seen) == before + 1


def test_a_connection_that_breaks_is_made_again():
    """Where a server closes without an answer, reading is asked for again on a new connection."""
    page = json.dumps({"items": [], "next_page_token": None})
    with answering(None, None, raw(200, page)) as (url, asked), HttpRegistry(Transport(url)) as registry:
        assert registry.list_catalogs().items == ()
    assert asked == ["GET /api/v1/catalogs HTTP/1.1"] * 3


def test_no_server_there(tmp_path):
    """Who cannot be reached is named, with what to look at."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        with open_registry(url, settings=Settings()) as registry, pytest.raises(UnavailableError) as caught:
            registry.get_catalog("main")
    assert url in caught.value.message
    assert "herdbook serve" in caught.value.hint


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (raw(200, "<html>", "text/html"), InternalError),
        (raw(200, '{"id": 1}'), InternalError),
        (raw(404, "<html>", "text/html"), InternalError),
        (raw(302, ""), InternalError),
        (raw(404, '{"code": "NOT_FOUND", "detail": "x"}'), NotFoundError),
    ],
)
def test_somebody_elses_server(answer, kind):
    """What answers otherwise than a Herdbook server is an error that says so; no redirect is followed."""
    with (
        answering(answer) as (url, _),
        HttpRegistry(Transport(url, token="secret")) as registry,
        pytest.raises(kind) as caught,
    ):
        registry.get_catalog("main")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["http://", "http://h:x", "http://u:p@h", "http://h/?q=1", "http://h#f", "https://h:99999999"]
)
def test_a_url_that_is_no_servers(url):
    """A token in the URL, or half of one, is refused with where it belongs."""
    with pytest.raises(InvalidArgumentError, match="URL"):
        open_registry(url, settings=Settings())


def test_a_token_comes_from_the_settings(make_metastore, tmp_path):
    """`[registries.NAME]` proves who asks; without it nobody does, and nobody acts as somebody else."""
    metastore = make_metastore()
    (tmp_path / "token").write_text(f"{FOUNDER}\n")
    with ServedMetastore(metastore) as server:
        named = {"prod": RegistrySettings(uri=server.url, token_file=str(tmp_path / "token"))}
        with open_registry("prod", settings=Settings(registries=named)) as registry:
            assert registry.get_current_principal().name == FOUNDER
        with herdbook.connect(server.url) as registry, pytest.raises(UnauthenticatedError, match="token"):
            registry.get_catalog("main")
        with pytest.raises(UnsupportedError):
            open_registry(server.url, settings=Settings(), principal="user:ann")


def test_a_denial_arrives_with_its_decision(make_metastore):
    """Class, message, hint and decision are those of the embedded registry."""
    metastore = make_metastore()
    stranger = PrincipalName.parse("user:stranger")
    with pytest.raises(PermissionDeniedError) as here:
        metastore.for_caller(metastore.asserted(stranger)).create_catalog("fresh")
    with (
        ServedMetastore(metastore) as server,
        HttpRegistry(Transport(server.url, token=str(stranger))) as registry,
        pytest.raises(PermissionDeniedError) as there,
    ):
        registry.create_catalog("fresh")
    assert (there.value.message, there.value.hint, there.value.decision) == (
        here.value.message,
        here.value.hint,
        here.value.decision,
    )
    assert there.value.decision is not None


@pytest.fixture
def pair(make_metastore):
    """The same registry twice: embedded, and over HTTP."""
    metastore = make_metastore()
    with ServedMetastore(metastore) as server, HttpRegistry(Transport(server.url, token=str(FOUNDER))) as remote:
        yield metastore.for_caller(metastore.asserted(FOUNDER)), remote


def test_what_is_supported_is_what_the_server_says(pair):
    """The list of verbs is that of the registry behind the server."""
    here, there = pair
    assert there.supported == here.supported
    assert Operation.LIST_WEBHOOKS not in there.supported


def test_its_verbs_are_documented_and_its_own():
    """Each verb has the port's signature and text, and stands in the client's own module."""
    for operation in Operation:
        verb = getattr(HttpRegistry, operation.value)
        assert verb.__module__ == "herdbook.adapters.http_registry.registry"
        assert verb.__doc__
        assert verb is not getattr(Registry, operation.value)


@pytest.mark.parametrize(
    "call",
    [
        lambda r: r.get_catalog(""),
        lambda r: r.get_catalog(".."),
        lambda r: r.get_catalog(3),
        lambda r: r.get_catalog("a/b"),
        lambda r: r.get_model_version("nonsense"),
        lambda r: r.get_model_version(3),
        lambda r: r.get_model_version(f"{MODEL}@champion"),
        lambda r: r.get_model_version_by_alias(f"{MODEL}/1"),
        lambda r: r.create_registered_model(MODEL, tags={1: "x"}),
        lambda r: r.create_registered_model(MODEL, tags=[("a", "b")]),
        lambda r: r.create_registered_model(MODEL, comment=object()),
        lambda r: r.create_registered_model(MODEL, comment=float("nan")),
        lambda r: r.create_registered_model(MODEL, idempotency_key="ä"),
        lambda r: r.list_catalogs(max_results=True),
        lambda r: r.list_catalogs(max_results="5 "),
        lambda r: r.set_registered_model_tag(MODEL, "", "v"),
        lambda r: r.grant("user:x", "NOPE", MODEL),
        lambda r: r.upload_plan(MODEL, 3),
    ],
)
def test_bad_arguments_are_one_error_here_and_there(pair, call):
    """What the embedded registry refuses as InvalidArgumentError, the remote one refuses so too."""
    pair[0].create_registered_model(MODEL)
    for registry in pair:
        with pytest.raises((InvalidArgumentError, TypeError)):
            call(registry)
    with pytest.raises(InvalidArgumentError):
        call(pair[1])


def test_arguments_that_the_port_does_not_have(pair):
    """They are a TypeError, as for any method."""
    with pytest.raises(TypeError):
        pair[1].get_catalog("main", nonsense=1)
    with pytest.raises(TypeError):
        pair[1].get_catalog()


def test_both_sides_answer_alike(pair):
    """Versions, rules, explanations and plans are equal values, however they travelled."""
    here, there = pair
    here.create_registered_model(MODEL, tags={"a/b": "c"})
    version = register(there, MODEL)
    there.set_registered_model_alias(f"{MODEL}@champion", 1, reason="ü \N{GRINNING FACE}")
    for call in (
        lambda r: r.get_model_version(version.ref),
        lambda r: r.get_registered_model(MODEL),
        lambda r: r.list_registered_model_aliases(MODEL),
        lambda r: r.get_effective_rules(MODEL),
        lambda r: r.explain("get_registered_model", MODEL),
        lambda r: r.explain("approve", MODEL),
        lambda r: r.who_can(Operation.GET_REGISTERED_MODEL, MODEL),
        lambda r: r.list_grants("metastore:"),
        lambda r: r.upload_plan(MODEL, [FileStat(path="a", size=7)]),
        lambda r: r.get_current_principal(),
        lambda r: r.search_model_versions("tags.x IS NULL", order_by=["name DESC", "version"]),
    ):
        assert call(here) == call(there)


def test_progress_is_told_while_sending(pair):
    """Bytes are reported as they leave."""
    _, there = pair
    there.create_registered_model(MODEL)
    version, moved = there.create_model_version(MODEL), []
    file = FileUpload(file=FileStat(path="a", size=9_000_000), source=io.BytesIO(b"x" * 9_000_000))
    there.upload_model_version_files(version.ref, [file], progress=moved.append)
    assert sum(moved) == 9_000_000
