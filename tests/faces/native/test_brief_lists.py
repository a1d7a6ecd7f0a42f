"""Lists are read in the event loop while they are short, and in a thread where they turn out to be long."""

from __future__ import annotations

import threading

import pytest

from herdbook.adapters.sql import sqlite_brief
from herdbook.adapters.sql.search_reads import SearchReads
from herdbook.api import PREFIX
from herdbook.names import PrincipalName

MODELS = 150
SEARCH = f"{PREFIX}/models:search?max_results=100&order_by=name"


@pytest.fixture
def read_by(metastore, monkeypatch):
    """Models to be searched, and the names of the threads in which a search was read, one for each time."""
    registry = metastore.for_caller(metastore.asserted(PrincipalName.parse("user:os/founder")))
    for number in range(MODELS):
        registry.create_registered_model(f"main.default.m{number:03}")
    threads = []
    search = SearchReads.search_models

    def noted(self, *arguments, **named):
        threads.append(threading.current_thread().name.rpartition("_")[0])
        return search(self, *arguments, **named)

    monkeypatch.setattr(SearchReads, "search_models", noted)
    return threads


def test_a_short_list_needs_no_thread(http, read_by):
    """A page is read where the request is taken in."""
    assert len(http.get(SEARCH).json()["items"]) == 100
    assert [name for name in read_by if name == "herdbook-lists"] == []
    assert len(read_by) == 1


def test_a_long_list_is_read_again_by_a_thread(http, read_by, monkeypatch):
    """What is broken off is answered all the same, whole, and is not tried again the next time."""
    short = http.get(SEARCH).json()["items"]
    monkeypatch.setattr(sqlite_brief, "BRIEF_STEPS", 2_000)
    other = f"{SEARCH}&filter_string=name%20%21%3D%20'x'"
    read_by.clear()
    long = [http.get(other).json()["items"] for _ in range(3)]
    assert long == [short] * 3
    assert read_by[1:] == ["herdbook-lists"] * 3
    assert read_by[0] != "herdbook-lists"


@pytest.mark.parametrize("pattern", ["LIKE", "ilike"])
def test_a_pattern_is_left_to_a_thread(http, read_by, pattern):
    """A long text and a long pattern are one step of SQLite's, which nothing breaks off."""
    search = f"{SEARCH}&filter_string=name%20{pattern}%20'%25m%25'"
    assert len(http.get(search).json()["items"]) == 100
    assert len(http.get(search).json()["items"]) == 100
    assert read_by[1:] == ["herdbook-lists"] * 2


def test_large_rows_are_left_to_a_thread(http, read_by):
    """What takes few steps and many bytes is not read in the event loop either."""
    large = "x" * 2 * sqlite_brief.BRIEF_BYTES
    answer = http.put(f"{PREFIX}/models/main.default.m007/tags/notes", json={"value": large})
    assert answer.status_code < 300
    found = http.get(SEARCH).json()["items"]
    assert found[7]["tags"] == {"notes": large}
    assert read_by[1:] == ["herdbook-lists"]
    # The same connection reads what it likes afterwards.
    assert http.get(f"{PREFIX}/models/main.default.m007").json()["tags"] == {"notes": large}


def test_a_refusal_is_no_long_list(http, read_by):
    """What is refused is refused at once, and not asked for again in a thread."""
    assert http.get(f"{PREFIX}/models:search?filter_string=colour%3D1").status_code == 400
    assert http.get(f"{PREFIX}/models/main.default.none/versions").status_code == 404
    assert read_by == []
