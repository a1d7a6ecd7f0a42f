"""Buckets of tokens, and the record of accesses, on a clock of the test."""

from __future__ import annotations

import json
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.entities import Caller
from herdbook.errors import InvalidArgumentError, RateLimitedError
from herdbook.server.accesses import Access, Accesses
from herdbook.server.figures import BOUNDS_S, Board
from herdbook.server.limits import KEPT, Buckets, LimitedAuthenticator
from herdbook.server.logs import open_log
from herdbook.server.messages import RequestHeaders, refusal
from herdbook.server.watching import Seen, Watch


@given(
    per_s=st.integers(1, 100),
    burst=st.integers(1, 100),
    steps=st.lists(st.floats(0, 10, allow_nan=False), min_size=1, max_size=200),
)
def test_no_more_than_burst_and_rate(per_s, burst, steps):
    """Over any stretch a client gets at most its burst and what came back in that time; another has its own."""
    now = 0.0
    buckets = Buckets(per_s, burst, lambda: now)
    taken = 0
    for step in steps:
        now += step
        taken += buckets.take("one") == 0
        assert taken <= burst + now * per_s + 1e-6
    assert buckets.take("another") == 0


def test_who_is_refused_is_told_when():
    """After the seconds that were told there is a token, and not before."""
    now = 0.0
    buckets = Buckets(0.5, 1, lambda: now)
    assert buckets.take("one") == 0
    assert buckets.wait_s("one") == 2
    now = 1.9
    assert buckets.take("one") > 0
    now = 2.0
    assert buckets.take("one") == 0


class Known:
    """Takes everybody for one principal."""

    def inline(self, _headers):
        return True

    def authenticate(self, _headers, _request_id=""):
        return Caller(principal_id="ann")


def test_a_request_counts_once_however_often_it_is_asked_who_sent_it():
    """Of a large body it is asked before it is read and again when it is there."""
    limited = LimitedAuthenticator(Known(), Buckets(1, 2, lambda: 0.0), None)
    for _ in range(2):
        headers = RequestHeaders([], "127.0.0.1")
        for _ in range(3):
            limited.authenticate(headers)
    with pytest.raises(RateLimitedError):
        limited.authenticate(RequestHeaders([], "127.0.0.1"))


def test_clients_without_end_take_no_memory_without_end():
    """Those that have been quiet are forgotten, and beyond a bound the oldest."""
    now = 0.0
    buckets = Buckets(1, 10, lambda: now)
    for number in range(KEPT + 500):
        buckets.take(str(number))
    assert len(buckets._held) <= KEPT
    now = 100.0
    for number in range(KEPT + 1 - len(buckets._held)):
        buckets.take(f"new {number}")
    assert len(buckets._held) < 1000


def test_accesses_of_one_minute_are_one_line():
    """One line for each principal, operation, target and minute, with how many there were."""
    written = BytesIO()
    accesses = Accesses(open_log("info", written))
    one = Access(True, "ann", "127.0.0.1", "get_registered_model", "/models/a")
    for second in (60.0, 61.0, 119.9, 120.0):
        accesses.note(one, 404, f"at {second}", second)
    accesses.note(Access(False, "ann", "127.0.0.1", "read_model_version_file", "/models/a"), 200, "x", 120.0)
    accesses.write_past(125.0)
    accesses.write_past(180.0)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    told = [(line["event"], line["level"], line["count"], line["minute"], line["request_id"]) for line in lines]
    assert told == [
        ("refused", "warning", 3, 60, "at 60.0"),
        ("refused", "warning", 1, 120, "at 120.0"),
        ("downloaded", "info", 1, 120, "x"),
    ]


@pytest.mark.parametrize(("status", "told"), [(200, "downloaded"), (206, "downloaded"), (400, None), (404, "refused")])
def test_only_what_was_read_is_a_download(status, told):
    """A request that was wrong is in the log, and not in the record of who read what."""
    written = BytesIO()
    watch = Watch(log=open_log("info", written))
    scope = {"path": "/api/v1/models/m/versions/1/files/a", "method": "GET"}
    seen = Seen(None)
    seen.status = status
    watch.slot.begin()
    watch.end({**scope, "herdbook.operation": "read_model_version_file"}, RequestHeaders([], "127.0.0.1"), seen)
    watch.close()
    events = [json.loads(line)["event"] for line in written.getvalue().splitlines()]
    assert events == ["request", *([] if told is None else [told])]


def test_a_log_says_no_less_and_no_more_than_its_level():
    """Lines below the level are not written; an exception is written with its text."""
    written = BytesIO()
    log = open_log("warning", written)
    log.info("quiet")
    log.error("loud", exc_info=ZeroDivisionError("why"))
    (line,) = [json.loads(line) for line in written.getvalue().splitlines()]
    assert list(line)[:3] == ["time", "level", "event"]
    assert "ZeroDivisionError: why" in line["exception"]


def test_what_is_no_unicode_is_logged_and_answered():
    """A lone surrogate that somebody sent fails neither the answer that tells of it nor the line in the log."""
    written = BytesIO()
    open_log("info", written).info("refused", target="\ud800")
    (line,) = [json.loads(line) for line in written.getvalue().splitlines()]
    assert line["target"] == "\ud800"
    answer = refusal(InvalidArgumentError("'\ud800' is no name."), "id")
    assert json.loads(answer.body)["detail"] == "'\ud800' is no name."


def test_the_figures_of_all_workers_are_one_sum():
    """Whoever is asked shows what all counted; a worker that takes another's place goes on counting there."""
    board = Board(2)
    first, second = board.slot(0), board.slot(1)
    for slot, seconds in ((first, 0.003), (second, 0.2), (second, 10_000.0)):
        slot.begin()
        slot.end("get_catalog", 200, seconds, 5, 7)
    first.begin()
    again = board.slot(0)
    again.begin()
    again.end("get_catalog", 503, BOUNDS_S[0], 0, 0)
    text = board.text().decode()
    assert 'herdbook_requests_total{operation="get_catalog",status="2xx"} 3.0' in text
    assert 'herdbook_requests_total{operation="get_catalog",status="5xx"} 1.0' in text
    assert f'herdbook_request_seconds_bucket{{le="{BOUNDS_S[0]}",operation="get_catalog"}} 1.0' in text
    assert 'herdbook_request_seconds_bucket{le="600.0",operation="get_catalog"} 3.0' in text
    assert 'herdbook_request_seconds_bucket{le="+Inf",operation="get_catalog"} 4.0' in text
    assert "herdbook_received_bytes_total 15.0" in text
    assert "herdbook_in_flight 0.0" in text
    assert "herdbook_starts_total 3.0" in text
