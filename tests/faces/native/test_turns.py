"""Requests that were there when a turn of the event loop began share one look at the token that they all show."""

from __future__ import annotations

import asyncio
from io import BytesIO

import pytest

from herdbook.api import PREFIX
from herdbook.names import PrincipalName
from herdbook.server.app import build_app
from herdbook.server.identity import Credentials
from herdbook.server.logs import open_log
from herdbook.server.messages import WHOLE, read_headers
from herdbook.server.watching import Watch
from herdbook.service import Authentication

FOUNDER = PrincipalName.parse("user:os/founder")


class Door:
    """An application, asked as its connections ask it, in one turn of the loop or another."""

    def __init__(self, metastore, monkeypatch):
        self.registry = metastore.for_caller(metastore.asserted(FOUNDER))
        self.token = self.registry.create_token(expires_in_s=600)
        self.statuses, self.looks = [], 0
        self.app = build_app(
            metastore, Credentials(Authentication(metastore), None), watch=Watch(log=open_log("info", BytesIO()))
        )
        point = metastore.core.store.point
        presented = point.presented

        def counted(*arguments, **named):
            self.looks += 1
            return presented(*arguments, **named)

        monkeypatch.setattr(point, "presented", counted)

    def ask(self, path="/catalogs/main", secret=None):
        """Ask, and return what is left to be done, and the scope."""

        def answer(status, _, __):
            self.statuses.append(status)
            return True

        shown = self.token.secret if secret is None else secret
        scope = {
            "type": "http",
            "method": "GET",
            "path": PREFIX + path,
            "raw_path": (PREFIX + path).encode(),
            "query_string": b"",
            "headers": [(b"host", b"localhost"), (b"authorization", f"Bearer {shown}".encode())],
            "client": ("127.0.0.1", 1),
            WHOLE: answer,
        }
        return self.app.begin(scope), scope


@pytest.fixture
def door(metastore, monkeypatch):
    return Door(metastore, monkeypatch)


def test_one_look_is_for_all_of_a_turn(door):
    """The next turn looks again."""

    async def turns():
        for _ in range(3):
            door.ask()
        assert (door.statuses, door.looks) == ([200] * 3, 1)
        await asyncio.sleep(0)
        door.ask()
        assert (door.statuses, door.looks) == ([200] * 4, 2)

    asyncio.run(turns())


def test_what_is_revoked_is_refused_in_the_next_turn(door):
    """A request that is sent once that was acknowledged is not there before then."""

    async def turns():
        door.ask()
        door.registry.revoke_token(door.token.token.id)
        await asyncio.sleep(0)
        door.ask()

    asyncio.run(turns())
    assert door.statuses == [200, 401]


def test_one_that_has_ended_is_refused_in_the_same_turn(door, monkeypatch):
    """Its end is no change that anybody commits: it is compared with the clock each time."""
    clock = door.app.native._metastore.core.clock

    async def turn():
        door.ask()
        later = clock.now_ms() + 601_000
        monkeypatch.setattr(type(clock), "now_ms", lambda _: later)
        door.ask()

    asyncio.run(turn())
    assert door.statuses == [200, 401]


def test_another_one_is_looked_up_by_itself(door):
    """Nobody is known by the token of somebody else."""
    wrong = door.token.secret[:-1] + ("a" if door.token.secret[-1] != "a" else "b")

    async def turn():
        door.ask()
        door.ask(secret=wrong)

    asyncio.run(turn())
    assert door.statuses == [200, 401]


def test_a_request_that_is_left_to_a_task_looks_again(door):
    """It may come to its thread long after this turn."""

    async def turn():
        door.ask()
        left, scope = door.ask("/models/main.default.m/versions/1/files/a")
        assert left is door.app
        assert read_headers(scope).looked_up is None

    asyncio.run(turn())
