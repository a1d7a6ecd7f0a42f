"""Reads that are to be brief: their steps are counted, and what takes too many is broken off."""

from __future__ import annotations

from typing import Any

from herdbook.adapters.sql.statements import Compiler, Runner
from herdbook.errors import UnavailableError

BRIEF_STEPS = 10_000
"""Steps of SQLite's machine that a brief job may take: one or two milliseconds, enough for a page of 200 models."""
STEPS_A_LOOK = 1_000
"""After how many of them it is looked whether that is over."""
BRIEF_BYTES = 16_384
"""Bytes of a row, and of each text in it, that a brief job may read; most have one or two thousand."""


class Brief:
    """Counts the steps of one job."""

    def __init__(self) -> None:
        self._looks = BRIEF_STEPS // STEPS_A_LOOK

    @property
    def is_over(self) -> bool:
        """Whether it took too many."""
        return self._looks < 0

    def end(self) -> None:
        """Let nothing more be done."""
        self._looks = -1

    def look(self) -> int:
        """Take note that some steps were done; returns 1, which has SQLite break off the statement, after too many."""
        self._looks -= 1
        return int(self.is_over)


class BriefRunner(Runner):
    """Runs statements of a brief job."""

    def __init__(self, cursor: Any, compiler: Compiler, brief: Brief) -> None:
        super().__init__(cursor, compiler)
        self._brief = brief

    def expect_long(self) -> None:
        """End the job: nothing looks at a step before it is done."""
        self._brief.end()
        raise UnavailableError("This takes too long to be waited for.")
