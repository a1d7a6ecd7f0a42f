"""The verbs over API tokens."""

from __future__ import annotations

from collections.abc import Sequence

from herdbook.entities import Page
from herdbook.entities.governance import NewToken, Token
from herdbook.names import PrincipalName
from herdbook.ports.registry.base import RegistryPart, SecurableLike
from herdbook.verdicts import Operation, Privilege


class Tokens(RegistryPart):
    """API tokens: scoped, expiring, revocable."""

    def create_token(
        self,
        *,
        expires_in_s: float,
        privileges: Sequence[Privilege] = (),
        securable: SecurableLike | None = None,
        principal: PrincipalName | str | None = None,
        comment: str | None = None,
        idempotency_key: str | None = None,
    ) -> NewToken:
        """Make a token; its secret is shown this once (R24).

        Args:
            expires_in_s: Seconds until it ends.
            privileges: What it is cut to; empty leaves the rights whole.
            securable: What it is cut to; None is everything.
            principal: Whose; None is the caller.
            comment: What it is for.
            idempotency_key: A repeated call with the same key returns the first call's answer.

        Raises:
            PermissionDeniedError: the caller lacks MANAGE on the metastore, for another's token.
            InvalidArgumentError: it would be wider or longer-lived than the token that makes it.
        """
        raise self._unsupported(Operation.CREATE_TOKEN)

    def list_tokens(
        self, *, principal: PrincipalName | str | None = None, max_results: int = 100, page_token: str | None = None
    ) -> Page[Token]:
        """List tokens, without their secrets.

        Args:
            principal: Whose; None is the caller.
            max_results: How many a page holds, 1 to 1000.
            page_token: Where to go on, from the page before.

        Raises:
            PermissionDeniedError: the caller lacks MANAGE on the metastore, for another's tokens.
        """
        raise self._unsupported(Operation.LIST_TOKENS)

    def revoke_token(self, token_id: str, *, reason: str | None = None) -> None:
        """End a token at once.

        Args:
            token_id: Its id.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is none that the caller may know of.
        """
        raise self._unsupported(Operation.REVOKE_TOKEN)
