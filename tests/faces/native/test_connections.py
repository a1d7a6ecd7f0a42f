"""What a connection does between requests, and what is said of requests that never come to the application."""

from __future__ import annotations

import contextlib
import gc
import json
import re
import socket
import threading
import time
from io import BytesIO
from urllib.parse import urlsplit

import httpx2
import pytest

from herdbook.api import PREFIX
from herdbook.names import PrincipalName
from herdbook.server.figures import Board
from herdbook.server.logs import open_log
from herdbook.server.running import Running
from herdbook.server.watching import Watch
from herdbook.server.writing import LARGE
from herdbook.testing.http_server import NamedByToken, ServedMetastore

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


def receive(connection, answers):
    """Receive until so many answers have come."""
    received = b""
    while received.count(b"HTTP/1.1 200 OK") < answers:
        part = connection.recv(65536)
        assert part
        received += part


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
    receive(connection, 3)


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
    receive(connection, 5)
    protocol.config.begin = begin
    assert 1 <= len(begun) < 5


class Slow(NamedByToken):
    """Waits, in a thread, before it says who asks with a header of its own."""

    def __init__(self, metastore):
        super().__init__(metastore)
        self.go_on = threading.Event()

    def inline(self, headers):
        return "x-slow" not in headers

    def authenticate(self, headers, request_id=""):
        if "x-slow" in headers:
            assert self.go_on.wait(20)
        return super().authenticate(headers, request_id)


def test_a_connection_is_not_idle_while_a_request_behind_another_is_under_way(metastore):
    """The first is answered before the second is read; neither time nor others that come end the connection then."""
    slow = Slow(metastore)
    body = json.dumps({"name": "main.made"}).encode()
    head = f"POST {PREFIX}/schemas HTTP/1.1\r\n{HEAD}\r\nx-slow: yes\r\ncontent-type: application/json\r\n"
    post = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
    with ServedMetastore(metastore, slow) as server:
        parts = urlsplit(server.url)
        with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
            connection.sendall(ASK + post)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")
            until = time.monotonic() + 10
            while not server.waiting and time.monotonic() < until:
                time.sleep(0.01)
            (protocol,) = server.connections
            assert protocol.idle_since is None
            protocol.timeout_keep_alive = 0.5
            time.sleep(2.5)
            slow.go_on.set()
            assert connection.recv(65536).startswith(b"HTTP/1.1 201 Created")


def test_who_asks_makes_no_room_for_itself(metastore):
    """A change behind a read, on a server that is full, is refused and not made: its connection is no idle one."""
    registry = metastore.for_caller(metastore.asserted(FOUNDER))
    registry.create_schema("main.kept")
    delete = f"DELETE {PREFIX}/schemas/main.kept HTTP/1.1\r\n{HEAD}\r\n\r\n".encode()
    with ServedMetastore(metastore, running=Running(connections=1)) as server:
        parts = urlsplit(server.url)
        with socket.create_connection((parts.hostname, parts.port), timeout=20) as idle:
            assert answered(idle) == b"HTTP/1.1 200 OK"
            with socket.create_connection((parts.hostname, parts.port), timeout=20) as asking:
                asking.sendall(ASK + delete + ASK)
                said = asking.makefile("rb").read()
    assert re.findall(rb"HTTP/1.1 (\d+)", said) == [b"200", b"503"]
    assert registry.get_schema("main.kept")


def test_what_comes_behind_the_last_request_is_not_done(metastore):
    """An answer to HTTP/1.0 ends the connection: nobody would be told of what is done after it."""
    registry = metastore.for_caller(metastore.asserted(FOUNDER))
    registry.create_schema("main.kept")
    last = f"GET {PREFIX}/catalogs/main HTTP/1.0\r\n{HEAD}\r\nconnection: keep-alive\r\n\r\n"
    behind = f"DELETE {PREFIX}/schemas/main.kept HTTP/1.1\r\n{HEAD}\r\n\r\n"
    board = Board()
    with ServedMetastore(metastore, watch=Watch(board)) as server:
        parts = urlsplit(server.url)
        with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
            connection.sendall((last + behind).encode())
            said = connection.makefile("rb").read()
    assert said.count(b"HTTP/1.1") == 1
    assert registry.get_schema("main.kept")
    assert b"delete_schema" not in board.text()


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
    """What fails after the answer is no fault of the request's: nothing is said of it after that."""

    class Failing(Watch):
        def end(self, *_):
            raise OSError(28, "No space left on device")

    with ServedMetastore(metastore, watch=Failing()) as server:
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
