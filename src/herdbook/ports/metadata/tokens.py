"""API tokens as rows, and who a presented credential stands for: by its token, or by issuer and subject."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection

from attrs import field, frozen

from herdbook.names import PrincipalName
from herdbook.ports.metadata.records import Stamp
from herdbook.verdicts import Privilege


@frozen(kw_only=True)
class NewTokenRow:
    """A token to insert.

    Args:
        id: Its id.
        principal_id: Whose it is.
        minted_by: The id of who makes it.
        parent_id: The id of the token that it is made by; None where it is made by none.
        comment: What it is for.
        privileges: What it is cut to; empty is everything.
        securable_id: What it is cut to; None is everything.
        expires_ms: Until when it holds, milliseconds since 1970 (UTC).
    """

    id: str
    principal_id: str
    minted_by: str
    parent_id: str | None
    comment: str | None
    privileges: frozenset[Privilege]
    securable_id: str | None
    expires_ms: int


@frozen(kw_only=True)
class TokenRow:
    """A token as it is shown.

    Args:
        id: Its id.
        principal_id: Whose it is.
        principal: The same by name.
        minted_by: Who made it, by name.
        comment: What it is for.
        privileges: What it is cut to; empty is everything.
        securable_id: What it is cut to; None is everything.
        securable: That thing's name now; None where there is none, or it was deleted.
        created_ms: When it was made, milliseconds since 1970 (UTC).
        expires_ms: Until when it holds.
        revoked: Whether it was ended before that.
    """

    id: str
    principal_id: str
    principal: PrincipalName
    minted_by: str
    comment: str | None
    privileges: frozenset[Privilege]
    securable_id: str | None
    securable: str | None
    created_ms: int
    expires_ms: int
    revoked: bool


@frozen(kw_only=True)
class Presented:
    """A token that holds, as a request needs it.

    Args:
        id: Its id.
        principal_id: Whose it is.
        principal: The same by name.
        minted_by: The id of who made it.
        privileges: What it is cut to; empty is everything.
        securable_id: What it is cut to; None is everything.
        metastore_id: What everything lies in.
        expires_ms: Until when it holds, milliseconds since 1970 (UTC).
    """

    id: str
    principal_id: str
    principal: PrincipalName
    minted_by: str
    privileges: frozenset[Privilege]
    securable_id: str | None
    metastore_id: str
    expires_ms: int

    def holds_at(self, now_ms: int) -> bool:
        """Return whether its time is not over."""
        return now_ms < self.expires_ms


@frozen(kw_only=True)
class Person:
    """Who an issuer's subject is.

    Args:
        principal_id: The principal's id.
        principal: Its name.
        enabled: Whether it may act.
        group_ids: The ids of the groups asked about that exist.
    """

    principal_id: str
    principal: PrincipalName
    enabled: bool
    group_ids: frozenset[str] = field(factory=frozenset)


class CredentialResolver(ABC):
    """Credentials to principals: one statement each."""

    @abstractmethod
    def presented(self, secret_sha256: str, *, now_ms: int) -> Presented | None:
        """Return the token with a secret of that SHA-256; None unless it holds and its principal may act."""

    @abstractmethod
    def person(self, issuer: str, subject: str, group_keys: Collection[str]) -> Person | None:
        """Return the principal that an issuer's subject is, with those of the groups, by folded name, that exist."""


class TokenReads(ABC):
    """What is asked about tokens."""

    @abstractmethod
    def token(self, token_id: str) -> TokenRow | None:
        """Return a token, ended or not."""

    @abstractmethod
    def tokens_of(self, principal_id: str, *, now_ms: int, after: str, limit: int) -> tuple[TokenRow, ...]:
        """Return a principal's tokens that hold, ordered by id, whose ids are greater than `after`."""

    @abstractmethod
    def denied(self, principal_ids: Collection[str]) -> bool:
        """Return whether any denial names one of some principals."""

    @abstractmethod
    def subject_of(self, principal_id: str) -> tuple[str, str] | None:
        """Return the issuer and the subject that a principal is; None where it is none yet."""


class TokenWrites(ABC):
    """Changes of tokens. Only in an exclusive transaction."""

    @abstractmethod
    def insert_token(self, new: NewTokenRow, *, secret_sha256: str, stamp: Stamp) -> None:
        """Insert a token."""

    @abstractmethod
    def revoke_token(self, token_id: str, *, stamp: Stamp) -> int:
        """End a token, those made by it, and so on; returns how many held."""

    @abstractmethod
    def bind_person(self, principal_id: str, *, issuer: str, subject: str, stamp: Stamp) -> None:
        """Make a principal stand for an issuer's subject."""
