"""Two workers of one `herdbook serve`: over PostgreSQL, and without a stall whatever event loop they run on."""

from __future__ import annotations

import os
import signal
import socket
import statistics
import sys
import time
from contextlib import ExitStack

import httpx2
import pytest

import herdbook
from herdbook.testing.acknowledged import Acknowledged, Writers, end_leases

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
MODEL = "main.default.iris"
STALL_S = 0.040
CONNECTIONS = 6
ASK = b"GET /api/v1/whoami HTTP/1.1\r\nhost: localhost\r\n\r\n"
NO_UVLOOP = 'import sys; sys.modules["uvloop"] = None'
NAGLE = "import asyncio.trsock; asyncio.trsock.TransportSocket.setsockopt = lambda *_: None"


def test_two_workers_over_postgresql(postgres_url, serve):
    """Each number is given once, a grant counts at both, and a worker that is killed loses nothing acknowledged."""
    service = serve("workers = 2\n", registry=postgres_url)
    models = [MODEL, *(f"main.default.m{number}" for number in range(3))]
    told = [Acknowledged(model) for model in models]
    with ExitStack() as stack:
        # A new connection each: they are shared out between the workers.
        registries = [stack.enter_context(herdbook.connect(service.url)) for _ in range(8)]
        for model in models:
            registries[0].create_registered_model(model)
        with Writers(registries, told) as writers:
            writers.wait_acknowledged(12)
            os.kill(service.workers()[0], signal.SIGKILL)
            writers.wait_acknowledged(12)
        end_leases(postgres_url)
        for each in told:
            each.check(registries[0])
            each.check_sweep(registries[1])
    assert [line["event"] for line in service.lines()].count("worker ended") == 1


def test_a_change_of_rights_counts_at_both_workers_at_once(postgres_url, serve):
    """What one worker grants or revokes is in force at the other one's very next answer."""
    service = serve("workers = 2\n", registry=postgres_url)
    with ExitStack() as stack:
        registry = stack.enter_context(herdbook.connect(service.url))
        registry.create_registered_model(MODEL)
        registry.create_principal("service:reader")
        token = registry.create_token(expires_in_s=600, principal="service:reader").secret
        asking = [
            stack.enter_context(httpx2.Client(base_url=service.url, headers={"authorization": f"Bearer {token}"}))
            for _ in range(12)
        ]
        for _ in range(3):
            for right, securable in (("USE_CATALOG", "main"), ("USE_SCHEMA", "main.default"), ("EXECUTE", MODEL)):
                registry.grant("service:reader", right, securable)
            assert {client.get(f"/api/v1/models/{MODEL}").status_code for client in asking} == {200}
            registry.revoke("service:reader", "EXECUTE", MODEL)
            assert {client.get(f"/api/v1/models/{MODEL}").status_code for client in asking} == {404}


@pytest.fixture(params=["", NO_UVLOOP], ids=["uvloop", "asyncio"])
def before(request):
    """What the server runs first: as it is installed, or where there is no uvloop."""
    return request.param


def one(client):
    """Ask once, as a client does that waits for its answer."""
    client.sendall(ASK)
    read_answers(client, 1)


def two_ahead(client):
    """Ask twice at once: the second answer goes out while nothing has acknowledged the first."""
    client.sendall(ASK * 2)
    read_answers(client, 2)


def read_answers(client, count):
    came = b""
    while came.count(b"HTTP/1.1 200 OK") < count or not came.endswith(b"}"):
        part = client.recv(65536)
        assert part, came
        came += part


def medians(service, ask):
    """Return the median time of asking on each of several connections, which both workers share."""
    found = []
    for _ in range(CONNECTIONS):
        with socket.create_connection(("127.0.0.1", service.port), timeout=30) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            taken = []
            for _ in range(40):
                began = time.perf_counter()
                ask(client)
                taken.append(time.perf_counter() - began)
        found.append(statistics.median(taken))
    return found


def test_two_workers_answer_without_a_stall(serve, before):
    """No answer waits 40 ms until the one before it is acknowledged, on any event loop and at either worker."""
    service = serve("workers = 2\n", before=before)
    assert max(medians(service, one)) < STALL_S / 2
    assert max(medians(service, two_ahead)) < STALL_S / 2


def test_a_stall_would_be_seen(serve):
    """Where TCP_NODELAY cannot be set, what the test above measures is 40 ms: it would fail."""
    service = serve("workers = 2\n", before=f"{NO_UVLOOP}\n{NAGLE}")
    assert min(medians(service, two_ahead)) > STALL_S / 2
