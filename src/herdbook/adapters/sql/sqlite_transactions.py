"""How a transaction of SQLite begins, ends, and waits for who writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

BUSY_S = 30.0
"""For how long whoever writes is waited for."""


@contextmanager
def whole(driver: Any, cursor: Any, begin: str) -> Iterator[None]:
    """Begin a transaction, and commit it or leave none behind."""
    cursor.execute(begin)
    try:
        yield
        cursor.execute("COMMIT")
    except BaseException:
        # Also where the commit failed, or the pool would hand on an open transaction. The driver's own method asks
        # SQLite first, which has rolled back by itself where the disk is full.
        driver.rollback()
        raise


def begun_within(driver: Any, seconds: float) -> bool:
    """Begin a transaction that writes; returns False, and has begun none, where somebody else writes for longer."""
    wait_at_most(driver, seconds)
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if not is_busy(error):
            raise
        return False
    finally:
        wait_at_most(driver, BUSY_S)
    return True


def wait_at_most(driver: Any, seconds: float) -> None:
    """Set for how long a connection waits for others from now on."""
    driver.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")


def is_busy(error: sqlite3.Error) -> bool:
    """Return whether somebody else had what was asked for.

    Source: https://www.sqlite.org/rescode.html
    """
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
