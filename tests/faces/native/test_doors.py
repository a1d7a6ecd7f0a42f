"""Every way in: each has a declared operation, tells nothing to whom nothing is allowed, and refuses in one form."""

from __future__ import annotations

import http.client as http_client
import json
import re
import tracemalloc

import httpx2
import pytest

from herdbook.api import PREFIX, READ_MANY, UPLOAD_MANY, WAYS, Place
from herdbook.api.files import bundle_head
from herdbook.names import PrincipalName
from herdbook.policy.operations import OPERATIONS, Shape, Target
from herdbook.server import build_app
from herdbook.server.guard import Guard
from herdbook.server.messages import RequestHeaders
from herdbook.server.pages import FIGURES, PROBES, PUBLIC
from herdbook.server.threads import Place as Threaded
from herdbook.server.threads import Threads
from herdbook.service import GovernedRegistry
from herdbook.testing.http_server import NamedByToken
from herdbook.testing.samples import register
from herdbook.verdicts import Operation

FOUNDER = "user:os/founder"
MODEL = "main.default.iris"
# What stands in each placeholder and each parameter that must be given.
WORDS = {
    "name": {"catalogs": "main", "schemas": "main.default", "principals": "user%3Aos%2Ffounder"},
    "model": MODEL,
    "version": "1",
    "alias": "champion",
    "key": "team",
    "group": "group:team",
    "member": "user:os%2Ffounder",
    "securable": MODEL,
    "path": "model.bin",
    "catalog": "main",
    "schema": "main.default",
    "operation": "get_registered_model",
    "watches": MODEL,
    "principal": "user:os/founder",
    "privilege": "EXECUTE",
    "offset": 0,
    "size": 1,
}
BODIES = {
    "create_catalog": {"name": "fresh"},
    "create_schema": {"name": "main.fresh"},
    "create_registered_model": {"name": "main.default.fresh"},
    "create_principal": {"name": "user:new"},
    "update_principal": {"enabled": False},
    "rename_catalog": {"new_name": "fresh"},
    "rename_schema": {"new_name": "main.fresh"},
    "rename_registered_model": {"new_name": "main.default.fresh"},
    "take_in_model_version_file": {"file": {"path": "a", "size": 1, "sha256": "0" * 64}},
    "upload_plan": {"files": [{"path": "a", "size": 1}]},
    "finalize_model_version": {"manifest": {"files": [{"path": "a", "size": 1, "sha256": "0" * 64}]}},
    "copy_model_version": {"target": MODEL},
    "set_registered_model_alias": {"version": 1},
    "set_registered_model_tag": {"value": "v"},
    "set_model_version_tag": {"value": "v"},
    "transfer_ownership": {"to": "user:os/founder"},
    "check_policies": {"files": []},
    "diff_policies": {"files": []},
    "test_policies": {"files": [], "cases": ""},
    "apply_policies": {"files": [], "expected_revision": 1},
    "rebind_policy_name": {"name": "main"},
    "request_approval": {"ref": f"{MODEL}/1"},
    "approve": {"ref": f"{MODEL}/1"},
    "create_token": {"expires_in_s": 60},
    "create_webhook": {"name": "w", "url": "https://x", "watches": MODEL, "events": ["e"]},
    **{
        verb: {"principal": "user:os/founder", "privilege": "EXECUTE", "securable": MODEL} for verb in ("grant", "deny")
    },
    **{verb: {"comment": "x"} for verb in ("update_catalog", "update_schema", "update_registered_model")},
    "update_model_version": {"comment": "x"},
}


def request_for(endpoint):
    """Return a whole request for an endpoint: method, path, query, body."""

    def word(found):
        name = found.group(2) or found.group(1)
        told = WORDS.get(name, "0" * 32)
        return told if isinstance(told, str) else told.get(endpoint.route.path.split("/")[1], MODEL)

    path = PREFIX + re.sub(r"\{(\w+)(?:\.(\w+))?(?:\.\.\.)?\}", word, endpoint.route.path)
    query = {argument.name: WORDS[argument.name] for argument in endpoint.at(Place.QUERY) if argument.required}
    body = None if endpoint.body is None else BODIES.get(endpoint.route.verb, {})
    return endpoint.route.method, path, query, body


def ask(http, endpoint):
    method, path, query, body = request_for(endpoint)
    if endpoint is READ_MANY:
        return http.post(path, json={"paths": ["model.bin"]})
    if endpoint is UPLOAD_MANY:
        return http.post(path, content=bundle_head([]))
    if endpoint.route.raw and endpoint.operation is Operation.UPLOAD_MODEL_VERSION_FILES:
        return http.put(path, params=query, content=b"x")
    return http.request(method, path, params=query, json=body)


@pytest.fixture
def stranger(server):
    with httpx2.Client(base_url=server.url, headers={"authorization": "Bearer user:stranger"}) as client:
        yield client


@pytest.fixture
def filled(metastore):
    registry = metastore.for_caller(metastore.asserted(PrincipalName.parse("user:os/founder")))
    registry.create_registered_model(MODEL, tags={"team": "x"})
    register(registry, MODEL)
    registry.set_registered_model_alias(f"{MODEL}@champion", 1)
    return registry


ALL = pytest.mark.parametrize("endpoint", WAYS, ids=lambda endpoint: f"{endpoint.route.method} {endpoint.route.verb}")


def test_every_way_in_is_declared(metastore):
    """A path of the application is a route of the table, which has an operation, or one of a short public list."""
    app = build_app(metastore, NamedByToken(metastore))
    beside = {route.path for route in app.beside.routes}
    assert beside == {*PUBLIC, FIGURES, f"{PREFIX}/"}
    served = {(served.endpoint.route.method, served.endpoint.operation) for served in app.native.served()}
    assert served == {(endpoint.route.method, endpoint.operation) for endpoint in WAYS}
    assert {operation for _, operation in served} == set(OPERATIONS)


def test_what_moves_bytes_keeps_no_thread_of_others(metastore):
    """What goes at the pace of bytes has threads of its own, and nothing else has those."""
    app = build_app(metastore, NamedByToken(metastore))
    moving = {served.endpoint.route.verb for served in app.native.served() if served.place is Threaded.MOVERS}
    assert moving == {"take_in_model_version_file"}


def test_what_moves_bytes_takes_turns(http, filled, monkeypatch):
    """Each way in that moves bytes in a thread has the caller's share of the threads, and no more."""
    asked, move = [], Threads.move

    def noted(self, whom, job):
        asked.append(whom)
        return move(self, whom, job)

    monkeypatch.setattr(Threads, "move", noted)
    version = filled.create_model_version(MODEL).version
    files = f"{PREFIX}/models/{MODEL}/versions/{version}/files"
    http.post(f"{files}:take-in", json=BODIES["take_in_model_version_file"])
    http.put(f"{files}/model.bin", content=b"weights")
    assert asked == [filled.get_current_principal().id] * 2


@ALL
def test_who_may_nothing_learns_nothing(stranger, filled, endpoint):
    """For somebody without rights each route answers a problem, or an empty list (or who they are themselves)."""
    answer = ask(stranger, endpoint)
    if endpoint.operation is Operation.GET_CURRENT_PRINCIPAL:
        assert answer.json()["name"] == "user:stranger"
    elif endpoint.operation is Operation.CREATE_TOKEN:
        # Anybody makes tokens of their own, which can do what they can: nothing.
        assert answer.json()["token"]["principal"] == "user:stranger"
    elif answer.status_code < 300:
        assert OPERATIONS[endpoint.operation].shape in (Shape.LIST, Shape.READ)
        assert answer.json() == {"items": [], "next_page_token": None}
    else:
        assert answer.headers["content-type"] == "application/problem+json"
        # The metastore is no secret, so who lacks a right on it is told so.
        known = OPERATIONS[endpoint.operation].on is Target.METASTORE
        assert answer.status_code in ((403, 404, 501) if known else (404, 501))


@ALL
def test_nobody_gets_in(server, filled, endpoint):
    """Without a token each route answers 401 and how to prove who asks."""
    with httpx2.Client(base_url=server.url) as http:
        answer = ask(http, endpoint)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="herdbook"')
    assert answer.json()["code"] == "UNAUTHENTICATED"


@ALL
def test_what_is_not_built_says_so(http, filled, endpoint):
    """A verb that the registry behind the server cannot do is a 501; the service document lists the others."""
    listed = set(http.get(f"{PREFIX}/").json()["operations"])
    built = not getattr(GovernedRegistry, endpoint.operation.value).__module__.startswith("herdbook.ports")
    assert (endpoint.operation.value in listed) == built
    assert (ask(http, endpoint).status_code == 501) == (not built)


@ALL
def test_every_refusal_is_declared(http, filled, endpoint):
    """What the founder's requests are refused with, for whatever reason, the route has said."""
    answer = ask(http, endpoint)
    if answer.status_code >= 300:
        assert answer.json()["code"] in {error.code for error in endpoint.errors}
    else:
        assert answer.status_code == endpoint.route.status


@pytest.mark.parametrize("path", ["/", "/nope", "/api", "/api/v1", f"{PREFIX}/nope", f"{PREFIX}/catalogs/a/b"])
def test_an_unknown_path_is_a_problem(http, path):
    """404 as a problem document, whoever asks."""
    answer = http.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "allowed"), [(f"{PREFIX}/catalogs", "GET, POST"), ("/health", "GET"), (f"{PREFIX}/", "GET")]
)
def test_a_wrong_method_is_told_the_right_ones(http, path, allowed):
    """405 with Allow, as a problem document."""
    answer = http.put(path)
    assert (answer.status_code, answer.headers["allow"], answer.json()["status"]) == (405, allowed, 405)


@pytest.mark.parametrize("path", PUBLIC)
def test_the_public_pages_need_no_token(server, path):
    """Health, and the description of the interface; a balancer asks for health by whatever address it knows."""
    assert httpx2.get(server.url + path).status_code == 200
    foreign = httpx2.get(server.url + path, headers={"host": "10.1.2.3:8420"})
    assert foreign.status_code == (200 if path in PROBES else 403)


def test_hidden_and_missing_are_one_answer(stranger, filled):
    """404 for what may not be known has the status, shape and text of what does not exist (R8)."""

    def told(name):
        problem = stranger.get(f"{PREFIX}/models/main.default.{name}").json()
        problem.pop("request_id")
        return str(problem).replace(name, "NAME")

    assert told("iris") == told("nope")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 403),
        ({"host": "localhost:1"}, 200),
        ({"host": "LOCALHOST"}, 200),
        ({"host": "[::1]:80"}, 200),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"host": "localhost@evil.example"}, 403),
        ({"host": "evil.example:localhost"}, 403),
        ({"host": "localhost/x"}, 403),
        ({"host": "localhost?x"}, 403),
        ({"host": "localhost#x"}, 403),
        ({"host": "localhost:000080"}, 403),
        ({"host": "localhost:80\\x"}, 403),
        ({"host": "[::1%25lo]"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:3000"}, 200),
    ],
)
def test_a_foreign_host_or_origin_is_refused(http, headers, status):
    """A page of another site, or a name that was pointed at this machine, gets no answer (R35)."""
    assert http.get(f"{PREFIX}/catalogs", headers=headers).status_code == status


def test_hosts_are_remembered_within_bounds():
    """Nobody fills the server's memory with ever other spellings of its name."""
    guard = Guard(["localhost"])
    tracemalloc.start()
    try:
        for number in range(20_000):
            name = "".join(
                map(lambda letter, up: letter.upper() if up == "1" else letter, "localhost", f"{number:09b}")
            )
            guard.check(RequestHeaders([("host", f"{name}:{number}")], ""))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 200_000


@pytest.mark.parametrize(
    ("name", "values", "status"),
    [
        ("host", ("evil.example", "localhost"), 400),
        ("Host", ("localhost", "LOCALHOST"), 400),
        ("authorization", (f"Bearer {FOUNDER}", "Bearer user:stranger"), 400),
        ("Authorization", (f"Bearer {FOUNDER}", f"Bearer {FOUNDER}"), 400),
        ("origin", ("https://evil.example", "http://localhost"), 400),
        ("idempotency-key", ("one", "two"), 400),
        ("accept", ("application/json", "*/*"), 200),
    ],
)
def test_a_header_that_says_two_things_is_refused(http, name, values, status):
    """What the server goes by stands once; others, such as lists, may stand as often as they like."""
    sent = [("host", "localhost"), ("authorization", f"Bearer {FOUNDER}")]
    sent = [pair for pair in sent if pair[0] != name.lower()] + [(name, value) for value in values]
    connection = http_client.HTTPConnection(http.base_url.host, http.base_url.port, timeout=30)
    # A client that follows the rules does not send them.
    connection.putrequest("GET", f"{PREFIX}/whoami", skip_host=True, skip_accept_encoding=True)
    for pair in sent:
        connection.putheader(*pair)
    connection.endheaders()
    answer = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()
    assert answer.status == status
    if status == 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert name.lower() in told["detail"]
