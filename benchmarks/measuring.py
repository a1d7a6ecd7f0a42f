"""Times calls in turns, so that what else the machine does falls on both sides alike."""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from attrs import frozen
from jobs import CREATE, Job
from pairs import Pair

LEAST = 3


@frozen(kw_only=True)
class Effort:
    """How much is measured.

    Args:
        rounds: How many rounds count; one more comes first and warms both up.
        calls: How many calls at most are made of each side in a round.
        seconds: After how long a side's calls of a round end, LEAST of them made.
    """

    rounds: int
    calls: int
    seconds: float


@frozen(kw_only=True)
class Figure:
    """What came out for one job at one size.

    Args:
        mine: Ours, the median of the rounds' medians, microseconds.
        theirs: MLflow's, the same.
        ratio: The median of the rounds' ratios, how many times as fast ours is.
    """

    mine: float
    theirs: float
    ratio: float


Figures = dict[tuple[int, str], Figure]


def measure(work: Sequence[tuple[int, Job]], pairs: Sequence[Pair], effort: Effort) -> Figures:
    """Time every job at every size, round by round.

    Args:
        work: Each job, with how many models it works on.
        pairs: What it works on.
        effort: How much.
    """
    rng = random.Random(7)
    few = {pair.dataset.models: max(pair.dataset.models // (effort.rounds + 1), LEAST) for pair in pairs}
    taken: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for number in range(effort.rounds + 1):
        for models, job in work:
            # A model gets one further version or two, not fifty: what is measured stays what it is called.
            calls = min(effort.calls, few[models]) if job.name == CREATE else effort.calls
            asked = [job.choose(rng) for _ in range(calls)]
            sides = [job.mine, job.theirs]
            if number % 2:
                sides.reverse()
            found = [_p50(side, asked, effort.seconds) for side in sides]
            mine, theirs = reversed(found) if number % 2 else found
            if number:
                taken.setdefault((models, job.name), []).append((mine, theirs))
    return {key: _figure(rounds) for key, rounds in taken.items()}


def _p50(call: Callable[[Any], object], asked: Sequence[Any], seconds: float) -> float:
    """Return the median time of a call, in microseconds."""
    times: list[float] = []
    gc.collect()
    began = time.perf_counter()
    for one in asked:
        start = time.perf_counter()
        call(one)
        end = time.perf_counter()
        times.append(end - start)
        if end - began > seconds and len(times) >= LEAST:
            break
    return statistics.median(times) * 1e6


def _figure(rounds: list[tuple[float, float]]) -> Figure:
    mine, theirs = (statistics.median(side) for side in zip(*rounds, strict=True))
    return Figure(mine=mine, theirs=theirs, ratio=statistics.median(peer / own for own, peer in rounds))
