"""Which lists are tried in the event loop."""

from __future__ import annotations

from herdbook.server.briefly import KEPT, REMEMBERED_S, Brief


class Store:
    """Breaks every job off that is said to be long."""

    def __init__(self):
        self.tried = []

    def briefly(self, job):
        self.tried.append(job())
        return None if self.tried[-1].startswith("long") else self.tried[-1]


def test_a_long_one_is_not_tried_for_a_while():
    """What was broken off is left to threads until a minute has passed; what differs is tried."""
    store, now = Store(), [0.0]
    brief = Brief(store.briefly, lambda: now[0])
    assert brief.do("a", lambda: "short") == "short"
    assert brief.do("b", lambda: "long") is None
    assert brief.do("b", lambda: "short by now") is None
    assert brief.do("c", lambda: "short") == "short"
    now[0] += REMEMBERED_S
    assert brief.do("b", lambda: "short by now") == "short by now"
    assert store.tried == ["short", "long", "short", "short by now"]


def test_only_so_many_are_remembered():
    """Whoever asks for ever other long lists fills no memory."""
    store = Store()
    brief = Brief(store.briefly, lambda: 0.0)
    for number in range(3 * KEPT):
        assert brief.do(number, lambda: "long") is None
    assert len(brief._long) <= KEPT
    assert len(store.tried) == 3 * KEPT
