"""What those who run a server see of it, and what a client may ask of it."""

from __future__ import annotations

import json
import socket
import time

import httpx2
import pytest

from herdbook.bootstrap import open_registry
from herdbook.cli import main
from herdbook.errors import InvalidArgumentError
from herdbook.names import PrincipalName
from herdbook.server.connections import Bounds
from herdbook.server.limits import Buckets
from herdbook.server.running import Running
from herdbook.settings import Settings
from herdbook.testing.http_server import ServedMetastore

FOUNDER = {"authorization": "Bearer user:os/founder"}
STRANGER = {"authorization": "Bearer user:stranger"}


@pytest.fixture
def metastore(make_metastore):
    return make_metastore()


def raw(server, sent, *, wait_s=20):
    """Send bytes, and return everything that comes until the server closes."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=wait_s) as connection:
        connection.sendall(sent)
        came = b""
        while part := connection.recv(65536):
            came += part
    return came


def test_health_asks_nothing_and_ready_asks_everything(metastore):
    """A process without its database is alive and not ready; the reason names nothing."""
    with ServedMetastore(metastore) as server:
        assert httpx2.get(f"{server.url}/health").json() == {"status": "ok"}
        assert httpx2.get(f"{server.url}/ready").json() == {"status": "ready"}
        with metastore.core.store.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        answer = httpx2.get(f"{server.url}/ready")
        assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
        assert answer.json()["detail"] == "The database has another schema than this Herdbook works with."
        with metastore.core.store.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE alembic_version")
        assert httpx2.get(f"{server.url}/ready").json()["detail"] == "The database does not answer."
        assert httpx2.get(f"{server.url}/health").status_code == 200


def test_figures_are_for_who_may_read_the_audit_log_and_name_nothing(metastore):
    """READ_AUDIT on the metastore opens /metrics; nobody's name, and no name of a securable, is in it."""
    registry = metastore.for_caller(metastore.asserted(PrincipalName.parse("user:os/founder")))
    registry.create_registered_model("main.default.iris")
    with ServedMetastore(metastore) as server:
        assert httpx2.get(f"{server.url}/api/v1/models/main.default.iris", headers=FOUNDER).status_code == 200
        assert httpx2.get(f"{server.url}/metrics").status_code == 401
        assert httpx2.get(f"{server.url}/metrics", headers=STRANGER).status_code == 403
        assert httpx2.get(f"{server.url}/metrics", headers=FOUNDER).status_code == 403
        registry.grant("user:stranger", "READ_AUDIT", "metastore:")
        text = httpx2.get(f"{server.url}/metrics", headers=STRANGER).text
    assert 'herdbook_requests_total{operation="get_registered_model",status="2xx"} 1.0' in text
    assert 'herdbook_requests_total{operation="metrics",status="4xx"} 3.0' in text
    assert 'herdbook_request_seconds_bucket{le="+Inf",operation="get_registered_model"} 1.0' in text
    assert not any(name in text for name in ("iris", "main", "founder", "stranger"))


def test_each_request_is_a_line_and_refused_calls_are_recorded_once_a_minute(serve):
    """A JSON line a request, without its query; refused calls of one minute are one record, with their count."""
    service = serve()
    for number in range(3):
        answer = httpx2.get(
            f"{service.url}/api/v1/models/main.default.nope?include_deleted={'true' if number else 'false'}",
            headers={"x-request-id": f"ask-{number}"},
        )
        assert answer.status_code in (400, 404)
    answer = httpx2.get(f"{service.url}/api/v1/models/main.default.nope", headers={"x-request-id": "last"})
    secret = f"hbk_{'A' * 43}"
    assert httpx2.get(f"{service.url}/api/v1/whoami?token={secret}", headers={"authorization": f"Bearer {secret}"})
    service.close()
    lines = service.lines()
    assert secret not in json.dumps(lines)
    (last,) = [line for line in lines if line.get("request_id") == "last" and line["event"] == "request"]
    assert (last["operation"], last["status"], last["method"]) == ("get_registered_model", 404, "GET")
    assert last["principal"]
    assert last["ms"] > 0
    assert last["sent"] == len(answer.content)
    refused = [line for line in lines if line["event"] == "refused"]
    asked = [line for line in lines if line["event"] == "request" and line["status"] in (401, 404)]
    assert sum(line["count"] for line in refused) == len(asked)
    # The minute may have turned in between.
    named = [line for line in refused if line["target"] == "/models/main.default.nope"]
    assert 1 <= len(named) <= 2
    assert {line["principal"] for line in named} == {last["principal"]}


def test_a_principal_that_asks_too_often_is_told_when_to_come_back(metastore):
    """429 with Retry-After, for that principal alone."""
    with ServedMetastore(metastore, requests=Buckets(0.001, 3)) as server:
        url = f"{server.url}/api/v1/whoami"
        answers = [httpx2.get(url, headers=FOUNDER) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[-1].json()["code"] == "RATE_LIMITED"
        assert 990 <= int(answers[-1].headers["retry-after"]) <= 1000
        assert httpx2.get(url, headers=STRANGER).status_code == 200


def test_an_address_that_only_fails_is_not_heard_any_more(metastore):
    """Beyond its failures it gets 429, also for what nobody has tried before; who was known goes on."""
    with ServedMetastore(metastore, failures=Buckets(0.001, 2)) as server:
        url = f"{server.url}/api/v1/whoami"
        assert httpx2.get(url, headers=FOUNDER).status_code == 200
        assert [httpx2.get(url).status_code for _ in range(4)] == [401, 401, 429, 429]
        assert httpx2.get(url, headers=STRANGER).status_code == 429
        assert httpx2.get(url, headers=FOUNDER).status_code == 200
        assert httpx2.get(f"{server.url}/health").status_code == 200


@pytest.mark.parametrize(
    ("sent", "status", "told"),
    [
        (b"GET /" + b"a" * 300 + b" HTTP/1.1\r\nhost: localhost\r\n\r\n", 414, "200 bytes"),
        (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 11 + b"\r\n", 431, "10 header fields"),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * 1000 + b"\r\n\r\n", 431, "500 bytes"),
        (b"nonsense\r\n\r\n", 400, "Invalid"),
        (b"GET / HTTP/1.1\r\nhost: local", 408, "seconds"),
        (b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n\r\n\r\nGET", 408, "seconds"),
    ],
    ids=["url", "headers", "header", "no request", "half a head", "half a second head"],
)
def test_a_head_that_is_too_much_or_too_slow_is_refused(metastore, sent, status, told):
    """It is a problem with its own status, and the connection is closed."""
    bounds = Bounds(url_bytes=200, headers=10, header_bytes=500, header_s=1)
    with ServedMetastore(metastore, running=Running(bounds=bounds)) as server:
        came = raw(server, sent)
    head, _, body = came.rpartition(b"\r\n\r\n")
    assert f"HTTP/1.1 {status} ".encode() in head
    problem = json.loads(body)
    assert problem["status"] == status
    assert told in problem["detail"]


def test_who_says_nothing_or_stalls_is_broken_off(metastore):
    """A connection without a request, and a body that comes to a halt, end; others are answered meanwhile."""
    with ServedMetastore(metastore, running=Running(bounds=Bounds(header_s=1, stall_s=1))) as server:
        assert raw(server, b"") == b""
        head = b"POST /api/v1/catalogs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 500\r\n"
        head += b"content-type: application/json\r\nauthorization: Bearer user:os/founder\r\n\r\n{"
        try:
            came = raw(server, head)
        except ConnectionResetError:
            came = b""
        assert b"HTTP/1.1 2" not in came
        assert httpx2.get(f"{server.url}/health").status_code == 200


def test_beyond_its_connections_a_server_says_so(metastore):
    """As many as it may have are served; one more gets a 503 as a problem, and is counted; then all is as before."""
    with ServedMetastore(metastore, running=Running(connections=2)) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))), socket.create_connection((host, int(port))):
            while len(server.connections) < 2:
                time.sleep(0.01)
            refused = httpx2.get(f"{server.url}/health", headers={"x-request-id": "third"})
            assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
            assert (refused.headers["connection"], refused.headers["retry-after"]) == ("close", "1")
            assert (refused.json()["code"], refused.json()["request_id"]) == ("UNAVAILABLE", "third")
        while server.connections:
            time.sleep(0.01)
        assert httpx2.get(f"{server.url}/health").status_code == 200
        registry = metastore.for_caller(metastore.asserted(PrincipalName.parse("user:os/founder")))
        registry.grant("user:os/founder", "READ_AUDIT", "metastore:")
        text = httpx2.get(f"{server.url}/metrics", headers=FOUNDER).text
        assert 'herdbook_requests_total{operation="health",status="5xx"} 1.0' in text


def test_connections_that_nobody_uses_make_room(metastore):
    """Clients keep connections for later; who asks now is not refused for them, and they connect again."""
    with (
        ServedMetastore(metastore, running=Running(connections=2)) as server,
        httpx2.Client(base_url=server.url) as first,
        httpx2.Client(base_url=server.url) as second,
        httpx2.Client(base_url=server.url) as third,
    ):
        for client in (first, second, third, first, second, third):
            assert client.get("/health").status_code == 200
            while len(server.connections) > 2:
                time.sleep(0.01)


def test_forwarded_addresses_are_believed_of_proxies_that_are_named_alone(metastore):
    """Nobody escapes a limit by a header of its own."""
    for trusted, statuses in (((), [401, 401, 429, 429]), (("127.0.0.1",), [401, 401, 401, 401])):
        running = Running(trusted_proxies=trusted)
        with ServedMetastore(metastore, running=running, failures=Buckets(0.001, 2)) as server:
            url = f"{server.url}/api/v1/whoami"
            answers = [httpx2.get(url, headers={"x-forwarded-for": f"192.0.2.{number}"}) for number in range(4)]
            assert [answer.status_code for answer in answers] == statuses


def test_pages_may_load_nothing_foreign_and_no_answer_tells_of_the_software(metastore):
    """The page has a strict policy and cannot be framed; no Server header."""
    with ServedMetastore(metastore) as server:
        page = httpx2.get(f"{server.url}/api/v1/docs").headers
        assert "default-src 'none'" in page["content-security-policy"]
        assert "frame-ancestors 'none'" in page["content-security-policy"]
        assert (page["x-content-type-options"], page["x-frame-options"]) == ("nosniff", "DENY")
        for path in ("/health", "/nope", "/api/v1/docs", "/api/v1/whoami"):
            assert "server" not in httpx2.get(server.url + path).headers


@pytest.mark.parametrize(
    ("table", "status"),
    [
        ("", 200),
        ('hosts = ["models.example.org"]', 401),
        ('trusted_proxies = ["127.0.0.1"]', 401),
        ('hosts = ["models.example.org"]\nlocal_principal = "user:notebooks"', 200),
    ],
)
def test_nobody_behind_a_proxy_is_this_machines_user(serve, tmp_path, table, status):
    """What a proxy passes on comes over loopback as well; who would let it act without a token has to say as whom."""
    if "notebooks" in table:
        with open_registry(str(tmp_path / "registry"), settings=Settings()) as registry:
            registry.create_principal("user:notebooks")
    answer = httpx2.get(f"{serve(table).url}/api/v1/whoami")
    assert answer.status_code == status
    if "notebooks" in table:
        assert answer.json()["name"] == "user:notebooks"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ("workers = 0", "workers"),
        ('tls_cert = "cert.pem"', "tls_key"),
        ('tls_cert = "nope.pem"\ntls_key = "nope.pem"', "cannot be used"),
        ("[server.limits]\nheaders = 0", "headers"),
        ("shutdown_grace_s = -1", "shutdown_grace_s"),
        ('log_level = "loud"', "log_level"),
    ],
)
def test_settings_that_no_server_can_have(tmp_path, monkeypatch, capsys, table, told):
    """They are refused before anything listens, with the setting's name."""
    (tmp_path / "herdbook.toml").write_text(f'registry_uri = "./registry"\n[server]\n{table}\n')
    monkeypatch.chdir(tmp_path)
    assert main(["serve", "--port", "0"]) == InvalidArgumentError.exit_code
    assert told in capsys.readouterr().err
