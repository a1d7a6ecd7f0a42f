"""What a connection does between requests, and what is said of requests that never come to the application."""

from __future__ import annotations

import contextlib
import gc
import json
import socket
import time
from io import BytesIO
from urllib.parse import urlsplit

import httpx2
import pytest

from herdbook.api import PREFIX
from herdbook.names import PrincipalName
from herdbook.server.figures import Board
from herdbook.server.logs import open_log
from herdbook.server.watching import Watch
from herdbook.server.writing import LARGE
from herdbook.testing.http_server import ServedMetastore

FOUNDER = PrincipalName.parse("user:os/founder")
HEAD = f"host: localhost\r\nauthorization: Bearer {FOUNDER}"
ASK = f"GET {PREFIX}/catalogs/main HTTP/1.1\r\n{HEAD}\r\n\r\n".encode()


@pytest.fixture
def connect(server):
    """Open raw connections to the server; all are closed afterwards."""
    with contextlib.ExitStack() as stack:
        parts = urlsplit(server.url)

        def connect():
            return stack.enter_context(socket.create_connection((parts.hostname, parts.port), timeout=20))

        yield connect


def answered(connection):
    """Ask, and return the status line of the answer."""
    connection.sendall(ASK)
    return connection.recv(65536).split(b"\r\n", 1)[0]


def test_an_idle_connection_is_closed_in_the_end(server, connect):
    """It is kept while it asks now and then; one that asks no more is closed, and one that asks is not."""
    left, used = connect(), connect()
    assert answered(left) == answered(used) == b"HTTP/1.1 200 OK"
    for each in server.connections:
        each.timeout_keep_alive = 1.5
    until = time.monotonic() + 5
    while time.monotonic() < until:
        assert answered(used) == b"HTTP/1.1 200 OK"
        time.sleep(0.2)
    assert left.recv(1) == b""
    assert len(server.connections) == 1


def test_requests_sent_ahead_are_answered_in_order(connect):
    """The next one is begun when the one before it was answered."""
    connection = connect()
    connection.sendall(ASK * 3)
    received = b""
    while received.count(b"HTTP/1.1 200 OK") < 3:
        part = connection.recv(65536)
        assert part
        received += part


def test_one_of_those_sent_ahead_is_answered_before_its_task(server, connect):
    """Whoever sends many at once would otherwise have all turns of the event loop until they are answered."""
    connection = connect()
    assert answered(connection) == b"HTTP/1.1 200 OK"
    (protocol,) = server.connections
    begin, begun = protocol.config.begin, []

    def counting(scope):
        begun.append(scope["path"])
        return begin(scope)

    protocol.config.begin = counting
    connection.sendall(ASK * 5)
    received = b""
    while received.count(b"HTTP/1.1 200 OK") < 5:
        part = connection.recv(65536)
        assert part
        received += part
    protocol.config.begin = begin
    assert 1 <= len(begun) < 5


def test_an_answer_that_is_too_large_for_one_step_is_made_once(metastore):
    """It goes by messages, and is counted once, with all of its bytes."""
    registry, board = metastore.for_caller(metastore.asserted(FOUNDER)), Board()
    for number in range(40):
        registry.create_registered_model(f"main.default.m{number}", comment="x" * 12_000)
    with ServedMetastore(metastore, watch=Watch(board)) as server:
        answer = httpx2.get(f"{server.url}{PREFIX}/models:search", headers={"authorization": f"Bearer {FOUNDER}"})
        assert len(answer.json()["items"]) == 40
        assert len(answer.content) > LARGE
        until = time.monotonic() + 10
        while b"herdbook_in_flight 0.0" not in board.text() and time.monotonic() < until:
            time.sleep(0.01)
    counted = [line for line in board.text().splitlines() if line.startswith(b"herdbook_requests_total")]
    assert counted == [b'herdbook_requests_total{operation="search_registered_models",status="2xx"} 1.0']
    assert f"herdbook_sent_bytes_total {float(len(answer.content))}".encode() in board.text()


def test_where_the_end_of_a_request_fails_the_connection_is_closed(metastore, caplog):
    """A log that cannot be written is no fault of the request's: nothing is said of it after its answer."""

    class Full(BytesIO):
        def write(self, _):
            raise OSError(28, "No space left on device")

    with ServedMetastore(metastore, watch=Watch(log=open_log("info", Full()))) as server:
        parts = urlsplit(server.url)
        with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
            connection.sendall(ASK)
            said = connection.makefile("rb").read()
    assert said.startswith(b"HTTP/1.1 200 OK")
    assert said.count(b"HTTP/1.1") == 1
    assert "was not ended in order" in caplog.text


def test_requests_leave_nothing_to_the_collector(connect):
    """Looking for cycles took a tenth of the time of short requests."""
    connection = connect()
    for _ in range(5):
        answered(connection)
    gc.collect()
    gc.disable()
    try:
        for _ in range(100):
            assert answered(connection) == b"HTTP/1.1 200 OK"
        assert gc.collect() < 100
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nhost: localhost\r\n" + b"x: y\r\n" * 200 + b"\r\n", 431),
    ],
)
def test_what_is_no_request_is_counted_and_logged(metastore, sent, status):
    """The application never sees it; the figures and the log do, with the address and without a word that was sent."""
    board, written = Board(), BytesIO()
    watch = Watch(board, log=open_log("info", written))
    with ServedMetastore(metastore, watch=watch) as server:
        parts = urlsplit(server.url)
        with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
            connection.sendall(sent)
            answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b'herdbook_requests_total{operation="unknown",status="4xx"} 1.0' in board.text()
    assert b"herdbook_in_flight 0.0" in board.text()
    (line,) = [json.loads(each) for each in written.getvalue().splitlines()]
    told = {"level": "info", "event": "request", "client": "127.0.0.1", "operation": "unknown", "status": status}
    assert {name: value for name, value in line.items() if name != "time"} == told


def test_a_request_is_counted_once(metastore):
    """One whose body turns out to be none was taken down by the application already."""
    board = Board()
    head = f"POST {PREFIX}/catalogs HTTP/1.1\r\n{HEAD}\r\ncontent-type: application/json\r\n"
    with ServedMetastore(metastore, watch=Watch(board)) as server:
        parts = urlsplit(server.url)
        with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
            connection.sendall(f"{head}transfer-encoding: chunked\r\n\r\nno number\r\n".encode())
            assert connection.makefile("rb").read().startswith(b"HTTP/1.1 400 ")
    counted = [line for line in board.text().splitlines() if line.startswith(b"herdbook_requests_total")]
    assert len(counted) == 1
    assert b'operation="create_catalog"' in counted[0]
    assert counted[0].endswith(b" 1.0")
