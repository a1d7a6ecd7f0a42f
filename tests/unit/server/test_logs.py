"""What a server says in one turn of its event loop goes out with one call of the system."""

from __future__ import annotations

import asyncio
import json
import threading

from herdbook.server.logs import WHOLE, Lines, open_log


class Pieces:
    """A stream that keeps what it gets, call by call."""

    def __init__(self):
        self.got = []

    def write(self, data):
        self.got.append(bytes(data))
        return len(data)

    def flush(self):
        pass


def events(pieces):
    return [[json.loads(line)["event"] for line in piece.splitlines()] for piece in pieces.got]


def test_the_lines_of_one_turn_are_one_write():
    """They keep their order; those of the next turn are another write."""
    pieces = Pieces()
    log = open_log("info", pieces)

    async def turns():
        log.info("a")
        log.info("b")
        assert pieces.got == []
        await asyncio.sleep(0)
        log.info("c")
        await asyncio.sleep(0)

    asyncio.run(turns())
    assert events(pieces) == [["a", "b"], ["c"]]


def test_outside_of_a_loop_each_line_goes_at_once():
    """In a thread that has none nobody would see to it, also while a loop is in the midst of a turn."""
    pieces = Pieces()
    log = open_log("info", pieces)
    log.info("before")

    async def turn():
        log.info("in the turn")
        thread = threading.Thread(target=log.info, args=("elsewhere",))
        thread.start()
        thread.join(60)
        await asyncio.sleep(0)

    asyncio.run(turn())
    assert events(pieces) == [["before"], ["elsewhere"], ["in the turn"]]


def test_many_lines_go_in_pieces_that_no_pipe_parts():
    """A longer write could be parted by what another process writes."""
    pieces = Pieces()
    log = open_log("info", pieces)

    async def turn():
        for number in range(100):
            log.info(str(number).zfill(100))
        await asyncio.sleep(0)

    asyncio.run(turn())
    assert [int(event) for piece in events(pieces) for event in piece] == list(range(100))
    assert 2 < len(pieces.got) < 10
    assert max(map(len, pieces.got)) <= WHOLE


def test_what_cannot_be_written_is_lost_alone():
    """The disk is full for a while: the loop goes on, and so does the log afterwards."""

    class Full(Pieces):
        is_full = True

        def write(self, data):
            if self.is_full:
                raise OSError(28, "No space left on device")
            return super().write(data)

    full, faults = Full(), []
    log = open_log("info", full)

    async def turns():
        asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
        log.info("lost")
        await asyncio.sleep(0)
        full.is_full = False
        log.info("kept")
        await asyncio.sleep(0)

    asyncio.run(turns())
    assert events(full) == [["kept"]]
    assert faults == []


def test_a_loop_that_ended_keeps_nothing_from_the_next_one():
    """What it had not passed on goes with the next turn."""
    pieces = Pieces()
    lines = Lines(pieces)

    async def turn(line):
        lines.write(line)

    loop = asyncio.new_event_loop()
    lines._held.append(b"left\n")
    lines._loop = loop
    loop.close()
    asyncio.run(turn(b"next\n"))
    assert pieces.got == [b"left\nnext\n"]


def test_what_a_stream_takes_in_parts_is_written_whole():
    """A stream may take less than it is given."""

    class Slow(Pieces):
        def write(self, data):
            return super().write(data[:7])

    slow = Slow()
    open_log("info", slow).info("parted")
    assert json.loads(b"".join(slow.got))["event"] == "parted"
    assert len(slow.got) > 5
