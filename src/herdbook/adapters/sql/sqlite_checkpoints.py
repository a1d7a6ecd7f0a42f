"""Carries what is committed from the write-ahead log into the database, beside those who write."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager

from herdbook.errors import RegistryError

CHANGES = 256
"""After how many changes it is done; each of them writes up to 30 pages.

While the pages go to the disk, whoever commits waits behind them: with a quarter of this number a twelfth fewer changes
were made."""
LONG = 16_000
"""Pages of a log that is not let grow on: 64 MB."""
SHORTER = 2
"""How often, before that, it is done beside others: SQLite then waits for the disk only where nothing was committed
while it carried, which is for a moment where there is little left to carry."""
BACKSTOP = 32_000
"""Pages of a log from which on whoever commits carries them itself: what one large change wrote, or a busy machine."""
PAUSE_S = 2
"""Seconds for which a round is waited for by who cannot begin beside it."""
_LOG = logging.getLogger("herdbook.sqlite")


class Checkpoints:
    """The thread that does it for one process.

    Whoever commits would do it every so often, and wait for two more writes of the disk: a third of the time of a
    change. The log begins anew when all of it is in the database and somebody writes, so it only grows while a change
    falls into every checkpoint; then the last pages are carried while nobody may write.

    Args:
        carry: Carries what can be without waiting for anybody; returns how many pages the log has.
        alone: Keeps all others from writing; yields False where somebody else does, and goes on for long.

    Source: https://www.sqlite.org/wal.html
    """

    def __init__(self, carry: Callable[[], int], alone: Callable[[], AbstractContextManager[bool]]) -> None:
        self._carry = carry
        self._alone = alone
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="herdbook-checkpoints")
        self._changes = 0
        self._doing: Future[None] | None = None
        self._quiet = threading.Lock()

    def count(self, changes: int) -> None:
        """Count changes that are committed; called by whoever may write."""
        self._changes += changes
        if self._changes < CHANGES or not (self._doing is None or self._doing.done()):
            return
        self._changes = 0
        try:
            self._doing = self._thread.submit(self._do)
        except RuntimeError:
            # This process ends; the next one reads what is left in the log.
            self._doing = None
        else:
            self._doing.add_done_callback(_tell)

    def end(self) -> None:
        """Wait for what was begun, and do no more."""
        self._thread.shutdown()

    def pause(self) -> bool:
        """Wait for what is being done, and begin nothing until `go_on`; returns False where it takes too long."""
        return self._quiet.acquire(timeout=PAUSE_S)

    def go_on(self) -> None:
        """End a pause."""
        self._quiet.release()

    def _do(self) -> None:
        with self._quiet:
            self._round()

    def _round(self) -> None:
        try:
            if self._carry() >= LONG:
                for _ in range(SHORTER):
                    self._carry()
                with self._alone() as is_alone:
                    # Otherwise the next round tries again.
                    if is_alone:
                        self._carry()
        except RegistryError as error:
            # Nothing is lost: everything is read from the log until it could be carried.
            _LOG.warning("the write-ahead log could not be carried into the database: %s", error)


def _tell(done: Future[None]) -> None:
    error = done.exception()
    if error is not None:
        _LOG.error("a checkpoint failed: %s", error, exc_info=error)
