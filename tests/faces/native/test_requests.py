"""What a request may look like: nothing is guessed, repaired or overlooked, and everything has a limit."""

from __future__ import annotations

import json
import re
import socket

import httpx2
import pytest

from herdbook.api import PREFIX
from herdbook.api.routes import BODY_LIMIT
from herdbook.testing.samples import WEIGHTS, register

JSON = {"content-type": "application/json"}
CATALOGS = f"{PREFIX}/catalogs"


@pytest.fixture
def model(metastore):
    from herdbook.names import PrincipalName

    registry = metastore.for_caller(metastore.asserted(PrincipalName.parse("user:os/founder")))
    registry.create_registered_model("main.default.iris")
    register(registry, "main.default.iris")
    return f"{PREFIX}/models/main.default.iris"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, "required key is missing @ $.name"),
        ({"name": 3}, "expected text, not 3 @ $.name"),
        ({"name": "a", "nam": "b"}, "unknown key 'nam'"),
        ({"name": "a", "comment": True}, "@ $.comment"),
        ({"name": "a", "idempotency_key": "k"}, "unknown key 'idempotency_key'"),
        ([], "expected an object"),
    ],
)
def test_a_body_is_read_strictly(http, body, fault):
    """Unknown keys and wrong types are refused with their path."""
    answer = http.post(CATALOGS, json=body)
    assert answer.status_code == 400
    assert fault in answer.json()["detail"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"name": "a"} x', b"[" * 100_000])
def test_a_body_that_is_no_json(http, body):
    """It is a 400, however broken."""
    assert http.post(CATALOGS, content=body, headers=JSON).status_code == 400


@pytest.mark.parametrize("sort", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_form_of_a_foreign_page_is_no_body(http, sort):
    """JSON must call itself so, which a browser lets no foreign page do unasked."""
    answer = http.post(CATALOGS, content=b'{"name": "a"}', headers={"content-type": sort})
    assert (answer.status_code, answer.json()["hint"]) == (400, "Send application/json.")


def test_a_body_has_a_limit(http):
    """One byte over it is 413, whether announced or not."""
    fits = json.dumps({"name": "a", "comment": "x"}).encode().ljust(BODY_LIMIT)
    assert http.post(CATALOGS, content=fits, headers=JSON).status_code == 201
    assert http.post(CATALOGS, content=fits + b" ", headers=JSON).status_code == 413
    assert http.post(CATALOGS, content=iter([fits, b" "]), headers=JSON).status_code == 413
    assert http.post(f"{PREFIX}/policies:check", content=b"{}".ljust(BODY_LIMIT + 1), headers=JSON).status_code == 400


@pytest.mark.parametrize("body", [b"{}", b" " * (BODY_LIMIT + 1)])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_what_takes_no_body_refuses_one(http, method, body):
    """A body that nobody reads would be a mistake that nobody sees; however large, it is refused for what it is."""
    answer = http.request(method, f"{CATALOGS}/main", content=body, headers=JSON)
    assert (answer.status_code, "takes no body" in answer.json()["detail"]) == (400, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "models/main.default.iris:plan-upload"),
        ("POST", "models/main.default.iris/versions/1/files:read"),
        ("POST", "models/main.default.iris/versions/1/files"),
        ("PUT", "models/main.default.iris/versions/1/files/model.bin"),
    ],
)
def test_nobody_sends_a_large_body(server, method, path):
    """Who does not prove who asks is refused before anything of it is read, so a thousand of them fill no memory."""
    url = httpx2.URL(server.url)
    head = f"{method} {PREFIX}/{path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with socket.create_connection((url.host, url.port), timeout=30) as raw:
        # Whoever reads of it says so first.
        raw.sendall(f"{head}Content-Length: 8000000\r\nExpect: 100-continue\r\n\r\n".encode())
        assert raw.recv(65536).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize("size", [0, 20_000, 100_000])
def test_what_is_wrong_with_a_change_is_told_to_who_may_ask(server, http, model, size):
    """A body that the event loop reads, one that a thread reads and one that is large: 401 comes before 400."""
    body = json.dumps({"lineage": 3, "comment": "x" * size}).encode()
    answer = http.post(f"{model}/versions", content=body, headers=JSON)
    assert (answer.status_code, "@ $.lineage" in answer.json()["detail"]) == (400, True)
    with httpx2.Client(base_url=server.url) as nobody:
        answer = nobody.post(f"{model}/versions", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    "query",
    [
        "max_results=x",
        "max_results=1.0",
        "max_results=",
        "max_results=true",
        "max_results=0",
        "max_results=1001",
        "max_results=9999999999999999999",
        "max_results=1&max_results=1",
        "max_result=1",
        "max_results",
        "page_token=%ff",
        "page_token=nope",
    ],
)
def test_a_query_is_read_strictly(http, query):
    """Unknown, repeated, broken and too large parameters are refused."""
    assert http.get(f"{CATALOGS}?{query}").status_code == 400


def test_a_missing_parameter_is_named(http):
    """Who forgets one is told which."""
    answer = http.get(f"{PREFIX}/schemas")
    assert answer.status_code == 400
    assert "'catalog'" in answer.json()["detail"]
    assert http.get(f"{PREFIX}/explain?operation=nope&securable=main").status_code == 400


@pytest.mark.parametrize("name", ["%ff", "a%2Fb", "a%00", "", "a..b", "%2E%2E"])
def test_a_name_in_a_path_is_decoded_once(http, name):
    """What is no name is a 400, wherever a slash or a dot came from."""
    assert http.get(f"{CATALOGS}/{name}").status_code == 400


@pytest.mark.parametrize("model", ["main.default.iris%2F1", "main.default.iris@x", "models:%2Fmain.default.iris"])
def test_parts_of_a_reference_hold_no_separators(http, model):
    """A path has one reading."""
    assert http.get(f"{PREFIX}/models/{model}/versions/latest").status_code == 400


def test_slashes_and_colons_in_keys_and_principals(http, model):
    """What is percent-encoded arrives as it was."""
    assert http.put(f"{model}/tags/a%2Fb%3Ac%20d", json={"value": "x"}).status_code == 204
    assert http.get(model).json()["tags"] == {"a/b:c d": "x"}
    assert http.get(f"{PREFIX}/principals/user%3Aos%2Ffounder").json()["name"] == "user:os/founder"
    assert http.get(f"{PREFIX}/principals/user:os%2Ffounder").status_code == 200


def test_the_idempotency_key_is_a_header(http):
    """A repeated create with the same key answers the same; with another body it is a conflict."""
    first, again = (http.post(CATALOGS, json={"name": "a"}, headers={"Idempotency-Key": "k1"}) for _ in range(2))
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    other = http.post(CATALOGS, json={"name": "b"}, headers={"Idempotency-Key": "k1"})
    assert (other.status_code, other.json()["code"]) == (409, "CONFLICT")
    assert http.post(CATALOGS, json={"name": "c"}, headers={"Idempotency-Key": "a b"}).status_code == 400


def test_a_request_has_an_id(http):
    """The client's own where it is a plain one, else a fresh one; problems carry it as well."""
    assert http.get(CATALOGS, headers={"X-Request-Id": "mine-1"}).headers["x-request-id"] == "mine-1"
    for given in ("a b", "x" * 65, '"'):
        told = http.get(f"{CATALOGS}/nope", headers={"X-Request-Id": given})
        assert re.fullmatch(r"[0-9a-f]{32}", told.headers["x-request-id"])
        assert told.json()["request_id"] == told.headers["x-request-id"]


def test_what_nobody_foresaw_is_a_500_without_its_text(http, metastore, monkeypatch, caplog):
    """An unexpected exception is answered with a reference, and its text is in the log under that."""

    def broken(*_):
        raise ZeroDivisionError("secret of /srv")

    monkeypatch.setattr(metastore, "for_caller", broken)
    answer = http.get(CATALOGS)
    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL")
    assert "secret" not in answer.text
    assert "secret of /srv" in caplog.text
    assert answer.json()["request_id"] in caplog.text


def test_a_file_comes_as_bytes_and_in_parts(http, model):
    """Whole, or from an offset; what does not lie in it is refused."""
    file = f"{model}/versions/1/files/model.bin"
    whole = http.get(file)
    assert (whole.content, whole.headers["content-type"]) == (WEIGHTS, "application/octet-stream")
    assert http.get(f"{file}?offset=2&length=3").content == WEIGHTS[2:5]
    assert http.get(f"{file}?offset=100").status_code == 400
    assert http.get(f"{model}/versions/1/files/nope/x").status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"herdbook-file-size": "x"}, 400),
        ({"repr-digest": "sha-256=:AAAA:"}, 400),
        ({"repr-digest": "md5=:AAAA:"}, 400),
        ({"herdbook-file-size": "6"}, 500),
        ({"repr-digest": f"sha-256=:{'A' * 43}=:"}, 500),
        ({}, 200),
    ],
)
def test_a_file_is_what_its_headers_say(http, model, headers, status):
    """Size and digest are checked against the bytes that came."""
    version = http.post(f"{model}/versions", json={}).json()["version"]
    answer = http.put(f"{model}/versions/{version}/files/dir/a.bin", content=WEIGHTS, headers=headers)
    assert answer.status_code == status, answer.text
    if status == 200:
        assert [(entry["path"], entry["size"]) for entry in answer.json()] == [("dir/a.bin", len(WEIGHTS))]


def test_a_refused_upload_says_why(http, model):
    """The client of a large file that may not be sent reads the problem, and not a broken pipe."""
    answer = http.put(f"{model}/versions/1/files/a", content=b"x" * 20_000_000)
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
