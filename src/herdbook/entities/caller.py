"""Who is asking, and with what credentials: the one thing every verb is bound to and none takes."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from attrs import field, frozen

from herdbook.verdicts import Privilege


class Authn(StrEnum):
    """How the caller's identity was established."""

    ASSERTED = "asserted"
    TOKEN = "token"  # noqa: S105 a way to authenticate, not a secret
    OIDC = "oidc"
    SYSTEM = "system"


@frozen(kw_only=True)
class TokenScope:
    """What a token cuts its principal's rights to (AUTHORIZATION R24).

    Args:
        privileges: The privileges that remain.
        securable_id: The securable that they remain on, with all that lies inside.
    """

    privileges: frozenset[Privilege]
    securable_id: str


@frozen(kw_only=True)
class Caller:
    """The principal that a Registry is bound to.

    Args:
        principal_id: The principal's immutable id.
        token_groups: Ids of the claim groups that the request's own token carries.
        scope: The token's scope; None leaves the principal's rights whole.
        authn: How the identity was established.
        request_id: The id under which this work is logged.
        client: What the caller says it is (a program's name); never decides anything.
        asserted_by: The id of the metastore admin who acts as this principal (R35), or who made the API token that it
            acts by; None where it acts itself. Recorded with what it does; never decides anything.
        token_id: The id of the API token that it acts by; None where it is none. Recorded with what it does.
        until_ms: Until when its credential holds, milliseconds since 1970 (UTC): no token that it makes outlives that
            (R24). None where nothing ends it.
    """

    principal_id: str
    token_groups: frozenset[str] = field(factory=frozenset)
    scope: TokenScope | None = None
    authn: Authn = Authn.ASSERTED
    request_id: str = ""
    client: str = ""
    asserted_by: str | None = None
    token_id: str | None = None
    until_ms: int | None = None

    @classmethod
    def system(cls, name: str) -> Self:
        """Return the caller of Herdbook's own work (`sweep`, `relay`): audited, and without rights in the gate."""
        return cls(principal_id=f"system:{name}", authn=Authn.SYSTEM, client=name)
