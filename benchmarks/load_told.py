"""Who asks in the load script, and what they were told."""

from __future__ import annotations

from collections import Counter
from typing import Any

from attrs import define, field, frozen

SCHEMA = "main.load"
ALIASES = ("champion", "candidate")
TAGGED = 3
"""How many values the tag has that models are searched by."""
ASKED = "load-"
"""How the ids of requests begin."""


@frozen(kw_only=True)
class Client:
    """One connection, and who asks on it.

    Args:
        number: Which; everything that it alone changes is named after it.
        role: `writer`, `reader` (who may read everything here) or `stranger` (who may nothing).
        principal: Its name.
        token: What proves it.
        guest: The principal that it alone gives a right to, and takes it from.
    """

    number: int
    role: str
    principal: str
    token: str
    guest: str


@frozen(kw_only=True)
class Write:
    """A change that was acknowledged.

    Args:
        verb: Which.
        request_id: Under which id it was asked for.
        on: What was changed.
        told: What the answer said, or what was set.
        changed: Whether it was to change anything: a request that is repeated changes nothing.
    """

    verb: str
    request_id: str
    on: str
    told: Any
    changed: bool = True


@define(kw_only=True)
class Told:
    """What clients were told.

    Args:
        times: By verb, how long its answers took, in seconds.
        refused: By verb and what the refusal was, how often; as it should be.
        wrong: What should not have been answered.
        writes: The changes that were acknowledged.
        seconds: How long it took, from the first request to the last answer.
    """

    times: dict[str, list[float]] = field(factory=dict)
    refused: Counter[tuple[str, str]] = field(factory=Counter)
    wrong: list[str] = field(factory=list)
    writes: list[Write] = field(factory=list)
    seconds: float = 0.0

    def add(self, other: Told) -> None:
        """Take in what others were told."""
        for verb, times in other.times.items():
            self.times.setdefault(verb, []).extend(times)
        self.refused.update(other.refused)
        self.wrong.extend(other.wrong)
        self.writes.extend(other.writes)
        self.seconds = max(self.seconds, other.seconds)
