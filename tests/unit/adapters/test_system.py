"""Ids from the machine's clock: in order, and no two alike, in whatever thread or process they are made."""

from __future__ import annotations

import os
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from herdbook.adapters.system import Uuid7Ids


def test_they_are_what_the_standard_says():
    """Version 7, variant 10, and the time in the first 48 bits."""
    made = uuid.UUID(Uuid7Ids().new())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_those_of_one_process_grow():
    """Also within a millisecond, and from several threads."""
    ids = Uuid7Ids()
    made = [ids.new() for _ in range(10_000)]
    assert made == sorted(set(made))
    with ThreadPoolExecutor(4) as threads:
        together = [one for many in threads.map(lambda _: [ids.new() for _ in range(1000)], range(4)) for one in many]
    assert len(set(together)) == 4000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_process_makes_others():
    """What a parent has drawn and not used is not used by both."""
    ids = Uuid7Ids()
    ids.new()
    there, here = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(here, "".join(ids.new()[20:] for _ in range(32)).encode())
        os._exit(0)
    mine = {ids.new()[20:] for _ in range(32)}
    theirs = os.read(there, 4096).decode()
    os.waitpid(child, 0)
    os.close(there)
    os.close(here)
    assert len(mine) == 32
    assert mine.isdisjoint({theirs[place : place + 12] for place in range(0, len(theirs), 12)})
