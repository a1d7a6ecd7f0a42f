"""What the driver's errors mean to whoever asked."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager

from sqlalchemy.exc import DBAPIError

from herdbook.errors import (
    AlreadyExistsError,
    ConcurrentUpdateError,
    IntegrityError,
    InternalError,
    RegistryError,
    UnavailableError,
)

_TAKEN = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_ADVICE = {
    sqlite3.SQLITE_FULL: "Make room on the disk, then try again.",
    sqlite3.SQLITE_READONLY: "Make the file and its folder writable for this user.",
    sqlite3.SQLITE_CANTOPEN: "See that the folder exists and that this user may write to it.",
    sqlite3.SQLITE_PERM: "See that this user may read and write the file.",
    sqlite3.SQLITE_AUTH: "See that this user may read and write the file.",
    sqlite3.SQLITE_IOERR: "Look at the disk and its free space, then try again.",
}


class _Translated:
    """A class, since what a generator makes of a block takes a hundredth of a change each time."""

    def __enter__(self) -> None:
        """Begin a block."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Raise the driver's error, if that ended the block, as ours."""
        if isinstance(error, sqlite3.Error):
            raise translate(error) from error
        if isinstance(error, DBAPIError):
            raise translate(error.orig if error.orig is not None else error) from error


_TRANSLATED = _Translated()


def translated() -> AbstractContextManager[None]:
    """Raise the driver's errors as ours."""
    return _TRANSLATED


def translate(error: BaseException) -> RegistryError:
    """Return our error for one of the driver's.

    Args:
        error: What the driver raised; its extended result code decides.
    """
    text = str(error)
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    primary = code & 0xFF
    if code in _TAKEN:
        return AlreadyExistsError("Something of that name or id exists already.", hint="Choose another name.")
    if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return ConcurrentUpdateError(f"What the change refers to is gone ({text}).", hint="Read it again.")
    if primary in _DAMAGED:
        return IntegrityError(f"The database is damaged or no Herdbook registry: {text}.", hint="Restore a backup.")
    # SQLITE_ERROR is a statement that cannot run: no state of the disk makes it right.
    if isinstance(error, sqlite3.OperationalError) and primary != sqlite3.SQLITE_ERROR:
        advice = _ADVICE.get(primary, "Try again.")
        return UnavailableError(f"The database cannot do this now: {text}.", hint=f"Nothing was changed. {advice}")
    return InternalError(f"The database refused a statement: {text}.")
