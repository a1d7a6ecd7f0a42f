"""What an object store refuses, in our words; the store's own text stays out, since it may hold signatures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from herdbook.errors import InvalidArgumentError, RegistryError, UnavailableError

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([A-Za-z0-9]{1,60})</Code>")
_FORBIDDEN = {401, 403}
NO_SUCH_RANGE = 416
_CREDENTIAL_SOURCES = ("169.254.", "metadata.google", "credential", "Credential", "token")
REFUSED = (BaseError, OSError, ValueError)
"""What obstore raises: its own errors, FileNotFoundError and other OSErrors, and ValueError."""


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that an error of obstore is about; None: there was no answer."""
    found = _STATUS.search(str(error))
    return None if found is None else int(found.group(1))


def reason(error: BaseException) -> str:
    """Return why something failed: what the store answered, or that it did not answer."""
    text, status = str(error), status_of(error)
    code = _CODE.search(text)
    if status is not None:
        return f"it answered {status}" + (f" ({code.group(1)})" if code else "")
    if code is not None:
        return f"it answered {code.group(1)}"
    if isinstance(error, FileNotFoundError):
        return "it is not there"
    if "timed out" in text or "Timeout" in text:
        return "no answer came in time"
    return "no connection, or it broke"


def is_forbidden(error: BaseException) -> bool:
    """Return whether the store refuses whoever asks, not what is asked."""
    return isinstance(error, PermissionDeniedError | UnauthenticatedError) or status_of(error) in _FORBIDDEN


@contextmanager
def plainly(doing: str) -> Iterator[None]:
    """Turn what obstore raises into an UnavailableError that says what could not be done, why, and what helps."""
    try:
        yield
    except RegistryError:
        raise
    except REFUSED as error:
        hint = "Is it up, and reachable from here? Then repeat."
        if is_forbidden(error):
            hint = "Its credentials need the right to read, write, list and delete there."
        raise UnavailableError(f"The object store could not {doing}: {reason(error)}.", hint=hint) from None


def unopened(uri: str, error: BaseException) -> RegistryError:
    """Return what to raise where a store cannot be opened."""
    text = str(error)
    if is_forbidden(error):
        return InvalidArgumentError(
            f"The object store of {uri} refuses these credentials: {reason(error)}.",
            hint="Check the credentials in the environment or in credentials_file, and what they may do there.",
        )
    if isinstance(error, FileNotFoundError) or status_of(error) == 404:  # noqa: PLR2004 HTTP's own number
        return InvalidArgumentError(
            f"There is no bucket or container {uri.partition('://')[2].partition('/')[0]!r} in the object store: "
            f"{reason(error)}.",
            hint="Make it first, or name another.",
        )
    if status_of(error) is None and any(word in text for word in _CREDENTIAL_SOURCES):
        return InvalidArgumentError(
            f"There are no credentials for {uri}: none are set, and nobody here hands them out.",
            hint="Set them in the environment, or name a credentials_file in [plugins.objectstore].",
        )
    return UnavailableError(
        f"The object store of {uri} cannot be opened: {reason(error)}.", hint="Is it up, and reachable from here?"
    )
