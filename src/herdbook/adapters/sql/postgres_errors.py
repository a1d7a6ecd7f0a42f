"""What psycopg's errors mean to whoever asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from herdbook.errors import (
    AlreadyExistsError,
    ConcurrentUpdateError,
    InternalError,
    InvalidArgumentError,
    RegistryError,
    TooLargeError,
    UnavailableError,
)

_REACH = "See that the server runs, and that host, database, user and password are right."
_AGAIN = "Nothing was changed. Try again."
_LONG = (TooLargeError, "The database cannot hold a text as long as this: {}.", "Shorten it.")
_TOGETHER = (ConcurrentUpdateError, "Another change was made at the same time.", "Read it again and repeat.")
_NOT_NOW = "The database cannot do this now: {}."
_STATES: dict[str, tuple[type[RegistryError], str, str]] = {
    "22001": _LONG,
    "54000": _LONG,
    "23503": (ConcurrentUpdateError, "What the change refers to is gone ({}).", "Read it again."),
    "23505": (AlreadyExistsError, "Something of that name or id exists already.", "Choose another name."),
    "25006": (UnavailableError, _NOT_NOW, "Name the primary server: this one takes no changes."),
    "40001": _TOGETHER,
    "40P01": _TOGETHER,
    "42501": (UnavailableError, _NOT_NOW, "Grant the role what it needs; it must own the tables."),
    "53100": (UnavailableError, _NOT_NOW, "Nothing was changed. Make room on the server's disk, then try again."),
    "53300": (UnavailableError, _NOT_NOW, "Nothing was changed. Use fewer connections, or raise max_connections."),
    "55P03": (UnavailableError, _NOT_NOW, "Nothing was changed: another change kept its lock. Try again."),
    "57014": (UnavailableError, _NOT_NOW, "Nothing was changed: it took longer than a statement may. Try again."),
}
"""SQLSTATE -> our error, its message and its hint."""

_CLASSES = ("08", "53", "57", "58")
"""Classes of SQLSTATE in which the server cannot do now what it can do at other times."""


@contextmanager
def translated() -> Iterator[None]:
    """Raise the driver's errors, and the pool's, as ours."""
    try:
        yield
    except psycopg.Error as error:
        raise translate(error) from error
    except DBAPIError as error:
        raise translate(error.orig if error.orig is not None else error) from error
    except PoolTimeoutError as error:
        raise UnavailableError("Every connection to the database is in use.", hint=_AGAIN) from error


def translate(error: BaseException) -> RegistryError:
    """Return our error for one of psycopg's.

    Args:
        error: What was raised; its SQLSTATE decides. An error without one comes from the client's side.
    """
    text = str(error).strip().replace("\n", " ")
    state = (error.sqlstate if isinstance(error, psycopg.Error) else None) or ""
    if state in _STATES:
        kind, message, hint = _STATES[state]
        return kind(message.format(text), hint=hint)
    if state[:2] in _CLASSES:
        return UnavailableError(_NOT_NOW.format(text), hint=_AGAIN)
    if state.startswith("22") or (not state and isinstance(error, psycopg.DataError)):
        return InvalidArgumentError(f"The database cannot hold this: {text}.")
    if not state and isinstance(error, psycopg.OperationalError):
        return UnavailableError(f"The database cannot be reached: {text}.", hint=_REACH)
    return InternalError(f"The database refused a statement: {text}.")
