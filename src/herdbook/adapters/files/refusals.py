"""What the operating system refuses, in our words."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from herdbook.errors import RegistryError, UnavailableError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def plainly(doing: str) -> Iterator[None]:
    """Turn an OSError into an UnavailableError that says what could not be done, why, and what helps."""
    try:
        yield
    except RegistryError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise UnavailableError(
                f"There is no room on the disk to {doing}; nothing was stored.", hint="Free some space, then repeat."
            ) from error
        hint = "Give the user that runs Herdbook the right to do so." if error.errno in _FORBIDDEN else None
        raise UnavailableError(
            f"The operating system refused to {doing}: {error.strerror or error}.", hint=hint
        ) from error
