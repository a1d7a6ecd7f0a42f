"""What the core needs of a store that bytes can be sent to, and fetched from, without passing through this process."""

from __future__ import annotations

import re
from typing import Protocol, runtime_checkable

from attrs import Attribute, field, frozen

from herdbook.entities.transfers import SignedUrl
from herdbook.errors import InvalidArgumentError
from herdbook.ports.artifacts import FileExpectation, StoredBlob

__all__ = ["LARGEST_PUT", "LONGEST_URL_S", "SignedUrl", "StagedSlot", "SupportsPresign", "UrlSettings"]

LONGEST_URL_S = 900.0
"""How many seconds a signed URL may live at most (R27)."""

LARGEST_PUT = 5_000_000_000
"""Bytes that every such store takes in one request; what is larger goes through the server."""

_SESSION = re.compile(r"[0-9a-f]{32}", re.ASCII)


def _lives(_: object, __: Attribute[int], value: int) -> None:
    if not 1 <= value <= LONGEST_URL_S:
        raise InvalidArgumentError(
            f"life_s is {value}; a signed URL lives for 1 to {LONGEST_URL_S:.0f} seconds.",
            hint="A transfer that has begun may take longer than its URL lives.",
        )


def _is_size(_: object, __: Attribute[int], value: int) -> None:
    if value < 0:
        raise InvalidArgumentError(f"from_bytes is {value}; it is 0 or more.")


@frozen(kw_only=True)
class UrlSettings:
    """Whether clients move bytes straight to and from the artifact store, `[signed_urls]`.

    Args:
        enabled: Hand out signed URLs where the store can sign; `false`: all bytes pass through the server.
        life_s: Seconds in which a transfer has to begin, 1 to 900; it may take longer than that.
        from_bytes: Bytes of the smallest file that is moved so; smaller ones pass through the server.
    """

    enabled: bool = True
    life_s: int = field(default=300, validator=_lives)
    from_bytes: int = field(default=8 * 1024 * 1024, validator=_is_size)


def _is_session(_: object, _attribute: Attribute[str], value: str) -> None:
    if _SESSION.fullmatch(value) is None:
        raise InvalidArgumentError("An upload session is named by 32 random lower-case hexadecimal digits.")


def _is_slot_number(_: object, _attribute: Attribute[int], value: int) -> None:
    if value < 0:
        raise InvalidArgumentError(f"{value} is not the number of a slot: it is 0 or more.")


@frozen(kw_only=True)
class StagedSlot:
    """A place in staging that one upload session may put one file to.

    Args:
        session: 32 random hexadecimal digits, of one principal and one operation (R27): whoever knows none of them
            can neither guess nor reach a slot.
        number: Which file of the session; 0 or more.
    """

    session: str = field(validator=_is_session, repr=False)
    number: int = field(validator=_is_slot_number)


@runtime_checkable
class SupportsPresign(Protocol):
    """A store that others can send bytes to, and fetch them from, without passing through this process."""

    def presign_put(self, slot: StagedSlot, *, expires_s: float) -> SignedUrl:
        """Return what lets its holder put one file to a slot; what stands there is trusted by nobody.

        Args:
            slot: The place.
            expires_s: Seconds that the URL lives; at most `LONGEST_URL_S`.

        Raises:
            InvalidArgumentError: it would live for no time, or too long.
            UnavailableError: there are no credentials to sign with.
        """
        ...

    def presign_get(self, sha256: str, *, expires_s: float) -> SignedUrl:
        """Return what lets its holder fetch a blob, which browsers save and never show.

        Whether the blob is held is not asked. The reader has to verify what comes.

        Args:
            sha256: The blob.
            expires_s: Seconds that the URL lives; at most `LONGEST_URL_S`.

        Raises:
            InvalidArgumentError: it would live for no time, or too long, or that is no digest.
            UnavailableError: there are no credentials to sign with.
        """
        ...

    def publish_staged(self, slot: StagedSlot, expected: FileExpectation) -> StoredBlob:
        """Make what was put to a slot a blob, and empty the slot.

        The bytes that are published are the bytes that were hashed: a URL may still be alive, so what stands in the
        slot can change at any moment.

        Raises:
            NotFoundError: nothing was put there.
            IntegrityError: what was put there is not what was expected; nothing was published, and the slot is as it
                was.
        """
        ...
