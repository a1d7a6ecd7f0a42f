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
            expires_in_s: Seconds until it ends, at most 366 days.
            privileges: What it is cut to; empty leaves the rights whole.
            securable: What it is cut to, with all that lies inside; None is everything.
            principal: Whose, an enabled user or service; None is the caller.
            comment: What it is for.
            idempotency_key: A repeated call with the same key makes no second token, and is refused: nobody has the
                secret any more but who got the first answer.

        Raises:
            NotFoundError: there is no such securable that the caller may know of, or no such principal.
            PermissionDeniedError: the caller lacks MANAGE on the metastore, for another's token.
            InvalidArgumentError: it would be wider or longer-lived than the token that makes it, or longer-lived than
                any may be; or what it would be cut to, or its principal, cannot be that.
            ConflictError: the idempotency key made a token before; the error's `token_id` says which.

        Example:
            >>> made = registry.create_token(expires_in_s=3600, privileges=["EXECUTE"], securable="main.default.iris")
            >>> made.secret.startswith("hbk_"), str(made.token.securable)
            (True, 'main.default.iris')
        """
        raise self._unsupported(Operation.CREATE_TOKEN)

    def list_tokens(
        self, *, principal: PrincipalName | str | None = None, max_results: int = 100, page_token: str | None = None
    ) -> Page[Token]:
        """List the tokens that hold, without their secrets, the oldest first.

        Who asks by a token that is cut to something sees that token, and those that are cut to no more than it is.

        Args:
            principal: Whose; None is the caller.
            max_results: How many a page holds, 1 to 1000.
            page_token: Where to go on, from the page before.

        Raises:
            PermissionDeniedError: the caller lacks MANAGE on the metastore, for another's tokens.
            NotFoundError: there is no such principal.

        Example:
            >>> made = registry.create_token(expires_in_s=3600, comment="nightly training")
            >>> [token.comment for token in registry.list_tokens().items]
            ['nightly training']
        """
        raise self._unsupported(Operation.LIST_TOKENS)

    def revoke_token(self, token_id: str, *, reason: str | None = None) -> None:
        """End a token at once, with all that were made by it and by those.

        Args:
            token_id: Its id.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is none that the caller may know of: its own, as `list_tokens` shows them, or to a
                metastore admin any.

        Example:
            >>> made = registry.create_token(expires_in_s=3600)
            >>> registry.revoke_token(made.token.id, reason="was in a log")
            >>> registry.list_tokens().items
            ()
        """
        raise self._unsupported(Operation.REVOKE_TOKEN)
