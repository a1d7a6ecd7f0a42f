"""What the core needs of whoever proves who somebody is: an outside issuer's tokens, turned into identities."""

from __future__ import annotations

from abc import ABC, abstractmethod

from attrs import frozen


@frozen(kw_only=True)
class Identity:
    """Who a credential proves somebody to be (AUTHORIZATION R19). It says who, never what they may do.

    Args:
        source: Which source vouches for it; one of the provider's `sources`.
        issuer: Who issued the credential.
        subject: Who it is there: the issuer's own, stable id, never an e-mail.
        groups: Groups that the credential claims, by the issuer's names; they exist as `group:SOURCE/NAME` alone.
        until_ms: Until when the credential holds, milliseconds since 1970 (UTC).
    """

    source: str
    issuer: str
    subject: str
    groups: tuple[str, ...] = ()
    until_ms: int


class IdentityProvider(ABC):
    """Proves who shows a bearer token of some issuers. Thread-safe."""

    @property
    @abstractmethod
    def sources(self) -> frozenset[str]:
        """The names of the sources that it speaks for, each of one issuer: `okta` in `user:okta/NAME`."""

    @abstractmethod
    def authenticate(self, credential: str, *, now_ms: int) -> Identity | None:
        """Prove who shows a credential.

        Args:
            credential: The token, as it stood in the request.
            now_ms: The time, milliseconds since 1970 (UTC).

        Returns:
            Who it is; None where the credential is none of its issuers'.

        Raises:
            UnauthenticatedError: it is theirs, and does not hold.
            UnavailableError: it cannot be judged now.
        """

    @abstractmethod
    def close(self) -> None:
        """Release what is held."""
