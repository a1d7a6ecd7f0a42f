"""What a connection's statements over libpq promise: order, one failure for all, and prepared ones that stay usable."""

from __future__ import annotations

import threading
from unittest import mock

import psycopg
import pytest

from herdbook.adapters.sql import postgres_wire
from herdbook.adapters.sql.postgres_wire import Wire, numbered

INSERT = "INSERT INTO t (x) VALUES (%(x)s)"
COUNT = "SELECT count(*) FROM t"


@pytest.fixture
def driver(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as driver:
        driver.execute("CREATE TEMPORARY TABLE t (x text UNIQUE)")
        yield driver


@pytest.fixture
def wire(driver):
    return Wire(driver)


def test_parameters_are_numbered():
    """A name that is there twice is one parameter, and a percent sign that stands for itself stays one."""
    assert numbered("SELECT %(a)s, %(b)s, %(a)s, 7 %% 3") == (b"SELECT $1, $2, $1, 7 % 3", ("a", "b"))
    assert numbered("COMMIT") == (b"COMMIT", ())


def test_values_come_back(wire):
    """Texts, numbers, bytes and nothing are what they were, whether a statement is new or prepared."""
    values = {"a": "naïve % \\ ' 你好", "b": 2**60, "c": b"\0\xff", "d": None}
    sql = "SELECT %(a)s::text, %(b)s::bigint, %(c)s::bytea, %(d)s::text"
    for _ in range(4):
        assert wire.ask([(sql, values)]).rows == [tuple(values.values())]


def test_statements_run_in_order(wire):
    """Several are one after another, each sees what those before it did, and the last one's answer is returned."""
    for turn in range(1, 4):
        asked = [(INSERT, {"x": f"{turn}-{number}"}) for number in range(5)]
        assert wire.ask([*asked, (COUNT, {})]).rows == [(5 * turn,)]
    done = wire.ask([("DELETE FROM t WHERE x LIKE '1-%%'", {})])
    assert (done.rows, done.touched, done.done) == ([], 5, "DELETE 5")


@pytest.mark.parametrize("known", [0, 1, 2], ids=["new", "seen", "prepared"])
def test_what_follows_a_failure_is_not_run(wire, known):
    """The error is that of the statement that failed; those after it did nothing, and all can be asked again."""
    for number in range(known):
        wire.ask([(INSERT, {"x": f"known-{number}"})])
    wire.ask([("BEGIN", {})])
    with pytest.raises(psycopg.errors.UniqueViolation):
        wire.ask([(INSERT, {"x": "a"}), (INSERT, {"x": "a"}), ("DELETE FROM t", {}), (COUNT, {})])
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        wire.ask([(COUNT, {})])
    assert wire.ask([("ROLLBACK", {})]).done == "ROLLBACK"
    for turn in range(3):
        assert wire.ask([(INSERT, {"x": f"b{turn}"}), (COUNT, {})]).rows == [(known + turn + 1,)]


def test_prepared_statements_make_room(driver, wire):
    """No more of them are kept than may be, and each one still works."""
    with mock.patch.object(postgres_wire, "MOST_PREPARED", 3):
        for _ in range(3):
            for number in range(6):
                assert wire.ask([(f"SELECT {number}", {})]).rows == [(number,)]
    assert driver.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (3,)


def test_much_is_sent_and_received(wire):
    """Statements that are longer than what a socket holds, with answers as long, do not wait for each other."""
    text = "x" * 1_000_000
    asked = [("SELECT %(x)s::text", {"x": text})] * 20
    for _ in range(3):
        assert wire.ask(asked).rows == [(text,)]


def test_waiting_keeps_no_other_thread_waiting(wire):
    """While a statement takes its time, other threads go on."""
    for several in (False, True):
        done = threading.Event()
        asked = [(INSERT, {"x": "beside"})] * several + [("SELECT pg_sleep(1)", {})]
        thread = threading.Thread(target=lambda asked=asked, done=done: (wire.ask(asked), done.set()))
        thread.start()
        steps = 0
        while not done.is_set() and steps < 5:
            done.wait(0.02)
            steps += 1
        assert steps == 5
        thread.join()


def test_an_interrupted_statement_ends_the_connection(driver, wire):
    """Where waiting ends in the midst, nobody takes the answer for that of the next statement."""
    with mock.patch.object(wire, "_await_answer", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        wire.ask([("SELECT pg_sleep(1)", {})])
    assert driver.closed
    with pytest.raises(psycopg.OperationalError):
        wire.ask([("SELECT 1", {})])


def test_a_lost_connection_is_an_operational_error(driver, wire, postgres_url):
    """Whether one statement is asked or several."""
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", (driver.info.backend_pid,))
    with pytest.raises(psycopg.OperationalError):
        wire.ask([(INSERT, {"x": "a"}), (COUNT, {})])
    assert driver.closed
