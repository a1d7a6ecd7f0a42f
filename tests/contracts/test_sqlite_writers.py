"""Who writes to a SQLite database: one thread at a time, and processes in turns."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest

from herdbook.adapters.sql import sqlite_writers
from herdbook.adapters.sql.sqlite_writers import Writers
from herdbook.testing.forking import forked, needs_fork

needs_turns = pytest.mark.skipif(sqlite_writers.fcntl is None, reason="this system has no such locks")
HOLD = """
import sys, time
from herdbook.adapters.sql.sqlite_writers import Writers
writers = Writers(sys.argv[1])
assert writers.acquire(10)
print("holds", flush=True)
sys.stdin.readline()
writers.release()
print("gave", flush=True)
sys.stdin.readline()
"""
TAKE_TURNS = """
import os, sys, time
from herdbook.adapters.sql.sqlite_writers import Writers
writers = Writers(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(60):
    assert writers.acquire(30)
    with open(sys.argv[1] + "-log", "a") as log:
        log.write(f"{os.getpid()} ")
    time.sleep(0.002)
    writers.release()
print("done", flush=True)
"""


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "herdbook.db")


@pytest.fixture
def writers(path):
    made = Writers(path)
    yield made
    made.close()


@pytest.fixture
def begin(path):
    """Begin another process; returns it when it has said so much."""
    begun = []

    def run(code):
        process = subprocess.Popen(
            [sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        begun.append(process)
        assert process.stdout.readline()
        return process

    yield run
    for process in begun:
        process.kill()
        process.communicate()


@needs_turns
def test_another_process_is_waited_for(writers, begin):
    """Until it ends its turn, and no longer; others are let go on before."""
    other = begin(HOLD)
    told = []

    def meanwhile():
        told.append(writers.acquire(0) is False)
        other.stdin.write("\n")
        other.stdin.flush()

    assert writers.acquire(0.05) is False
    assert writers.acquire(10, meanwhile)
    assert told == [True]
    writers.release()


@needs_turns
def test_who_is_killed_holds_nothing(writers, begin):
    """The system takes its locks from it."""
    other = begin(HOLD)
    assert writers.acquire(0) is False
    other.kill()
    assert writers.acquire(10)
    writers.release()


@needs_turns
def test_processes_take_turns(begin, path):
    """Of three that write all the time none is done before the others have begun, or waits for ever."""
    processes = [begin(TAKE_TURNS) for _ in range(3)]
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.stdout.readline() for process in processes] == ["done\n"] * 3
    order = Path(f"{path}-log").read_text().split()
    assert len(order) == 180
    assert sum(one != other for one, other in pairwise(order)) >= 9


def test_threads_write_one_by_one(writers):
    """Another thread waits, and lets others go on before."""
    told = threading.Event()
    assert writers.acquire(1)
    got = []

    def other():
        got.append(writers.acquire(0.01, told.set))
        got.append(writers.acquire(10))
        writers.release()

    thread = threading.Thread(target=other)
    thread.start()
    assert told.wait(10)
    while not got:
        time.sleep(0.001)
    writers.release()
    thread.join()
    assert got == [False, True]


@needs_turns
def test_who_cannot_let_others_go_on_holds_nothing(writers, begin):
    """What fails is raised, and the next one gets its turn as ever."""
    other = begin(HOLD)

    def fails():
        raise OSError("nobody is there")

    with pytest.raises(OSError, match="nobody is there"):
        writers.acquire(10, fails)
    other.kill()
    got = []
    thread = threading.Thread(target=lambda: got.append(writers.acquire(10)))
    thread.start()
    thread.join()
    assert got == [True]


def test_a_folder_that_takes_no_files(tmp_path):
    """Nothing is wrong: SQLite's own lock is asked for in any case."""
    made = Writers(str(tmp_path / "nowhere" / "herdbook.db"))
    assert made.acquire(0)
    made.release()
    made.close()


@needs_turns
@needs_fork
def test_a_child_has_no_lock_of_its_parent(writers, path, begin):
    """It waits as any other, and whoever comes after the parent is not kept waiting by it."""
    assert writers.acquire(1)

    def waits():
        own = Writers(path)
        return not own.acquire(0.05)

    assert forked(waits)
    writers.release()
    begin(HOLD)
    assert writers.acquire(0) is False
