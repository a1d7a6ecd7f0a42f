"""API tokens, governed: none wider or longer-lived than what makes it (AUTHORIZATION R24, R25)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from herdbook.entities import Chain, Page, Principal, TokenScope
from herdbook.entities.governance import NewToken, Token
from herdbook.errors import ConflictError, InvalidArgumentError, UnauthenticatedError
from herdbook.names import AliasRef, AliasSlots, MetastoreName, PrincipalKind, PrincipalName, parse_securable
from herdbook.policy.granting import privilege_named
from herdbook.policy.limits import check_comment, check_id, check_token_life
from herdbook.policy.token_scopes import is_within, scope_of
from herdbook.ports.metadata import ReadTransaction, Stamp, WriteTransaction
from herdbook.ports.metadata.tokens import NewTokenRow, TokenRow
from herdbook.ports.registry import SecurableLike, Tokens
from herdbook.service import subjects
from herdbook.service.core import to_time
from herdbook.service.gate import Admitted, Idempotency, Outcome, Subject, missing
from herdbook.service.ledger import Happened
from herdbook.service.part import GovernedPart
from herdbook.service.people import known_principal
from herdbook.service.targets import Target, target
from herdbook.service.token_secrets import digest_of, new_secret
from herdbook.verdicts import Allowed, Operation, Privilege, SecurableKind

_BATCH = 1000


class GovernedTokens(GovernedPart, Tokens):
    """The verbs over tokens."""

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
        """Make a token."""
        check_token_life(expires_in_s)
        check_comment(comment)
        cut = _privileges(privileges)
        on = None if securable is None else _cut_to(securable)
        name = None if principal is None else subjects.principal_name(principal)

        def body(tx: WriteTransaction, admitted: Admitted[None], stamp: Stamp) -> Outcome[NewToken]:
            holder = self._whose(tx, name, admitted.chain, Operation.CREATE_TOKEN)
            _refuse_idle(holder)
            chain = admitted.chain if on is None else self._known(tx, on)
            expires_ms = stamp.at_ms + math.ceil(expires_in_s * 1000)
            securable_id = None if on is None else chain.object.id
            self._refuse_wider(tx, scope_of(cut, securable_id, admitted.chain.object.id), chain, expires_ms)
            new = NewTokenRow(
                id=self._core.ids.new(),
                principal_id=holder.id,
                minted_by=self._caller.asserted_by or self._caller.principal_id,
                parent_id=self._caller.token_id,
                comment=comment,
                privileges=cut,
                securable_id=securable_id,
                expires_ms=expires_ms,
            )
            secret = new_secret()
            tx.insert_token(new, secret_sha256=digest_of(secret), stamp=stamp)
            token = self._shown(tx, self._row(tx, new.id), {})
            return Outcome(result=NewToken(token=token, secret=secret), happened=_created(admitted, new))

        asked = [str(name), expires_in_s, sorted(cut), None if on is None else on.what, comment]
        idempotency: Idempotency[NewToken] = Idempotency(
            key=idempotency_key,
            request=lambda: asked,
            # Of the answer only the id is kept: the secret stands nowhere.
            keep=lambda made: made.token.id.encode(),
            restore=_refuse_replay,
        )
        return self._core.gate.change(
            self._caller,
            Operation.CREATE_TOKEN,
            subjects.metastore(),
            body,
            idempotency=idempotency,
            exclusive=True,
        )

    def list_tokens(
        self, *, principal: PrincipalName | str | None = None, max_results: int = 100, page_token: str | None = None
    ) -> Page[Token]:
        """List tokens that hold."""
        name = None if principal is None else subjects.principal_name(principal)

        def fetch(after: str | None, limit: int) -> tuple[Token, ...]:
            with self._core.store.read() as tx:
                operation = Operation.LIST_TOKENS
                chain = self._core.gate.admit(self._caller, operation, subjects.metastore(), tx, tx).chain
                holder = self._whose(tx, name, chain, operation)
                known: dict[str, Chain | None] = {}
                rows = self._seen(tx, holder, after or "", limit, known)
                return tuple(self._shown(tx, row, known) for row in rows)

        query = ("list_tokens", None if name is None else name.key, self._caller.token_id)
        return self._page(query, page_token, max_results, fetch, lambda token: token.id)

    def revoke_token(self, token_id: str, *, reason: str | None = None) -> None:
        """End a token."""
        check_id(token_id, shown_by="list_tokens")

        def body(tx: WriteTransaction, admitted: Admitted[None], stamp: Stamp) -> Outcome[None]:
            row = tx.token(token_id)
            if row is None or not self._may_end(tx, row, admitted.chain):
                raise missing(f"token {token_id}")
            if row.revoked:
                return Outcome(result=None)
            ended = tx.revoke_token(row.id, stamp=stamp)
            detail = {"token_id": row.id, "principal_id": row.principal_id, "ended": ended}
            return Outcome(
                result=None, happened=Happened(on=admitted.chain.object, event="token.revoked", detail=detail)
            )

        operation = Operation.REVOKE_TOKEN
        self._core.gate.change(self._caller, operation, subjects.metastore(), body, reason=reason, exclusive=True)

    def _whose(self, tx: ReadTransaction, name: PrincipalName | None, chain: Chain, operation: Operation) -> Principal:
        """Return whose tokens are meant; another's are a metastore admin's business, and looked at only then."""
        own = self._own(tx)
        if name is None or name.key == own.name.key:
            return own
        self._core.gate.require(self._caller, Privilege.MANAGE, chain, f"tokens of {name}", operation, tx)
        return known_principal(tx, name)

    def _own(self, tx: ReadTransaction) -> Principal:
        own = tx.principal_by_id(self._caller.principal_id)
        if own is None or not own.enabled:
            raise UnauthenticatedError("The principal that this registry is bound to cannot act any more.")
        return own

    def _known(self, tx: ReadTransaction, on: Subject[Target]) -> Chain:
        chain = on.resolve(tx).chain
        if chain is None or not self._core.gate.knows(self._caller, chain, tx):
            raise missing(on.what)
        return chain

    def _refuse_wider(self, tx: ReadTransaction, scope: TokenScope | None, chain: Chain, expires_ms: int) -> None:
        """Refuse what would be wider or longer-lived than what the caller shows (R24)."""
        caller = self._caller
        if caller.token_id is not None:
            shown = tx.token(caller.token_id)
            if shown is None or shown.revoked:
                raise UnauthenticatedError("The token that makes this one was revoked.")
        if not is_within(scope, caller.scope, chain):
            raise InvalidArgumentError(
                "The token would be wider than the one that makes it.",
                hint="Name privileges and a securable that lie within its own.",
            )
        if caller.until_ms is not None and expires_ms > caller.until_ms:
            raise InvalidArgumentError(
                "The token would outlive the credential that makes it.", hint="Choose a smaller expires_in_s."
            )
        # A new token carries no claim groups, so what is denied to them would not bind who shows it.
        if caller.token_groups and tx.denied(caller.token_groups):
            raise InvalidArgumentError(
                "The token would escape what is denied to a group that this request's own token carries.",
                hint="Have a metastore admin make it.",
            )

    def _seen(
        self, tx: ReadTransaction, holder: Principal, after: str, limit: int, known: dict[str, Chain | None]
    ) -> list[TokenRow]:
        now_ms = self._core.clock.now_ms()
        found: list[TokenRow] = []
        while len(found) < limit:
            rows = tx.tokens_of(holder.id, now_ms=now_ms, after=after, limit=_BATCH)
            found += [row for row in rows if self._in_scope(tx, row, known)]
            if len(rows) < _BATCH:
                break
            after = rows[-1].id
        return found[:limit]

    def _may_end(self, tx: ReadTransaction, row: TokenRow, chain: Chain) -> bool:
        own = self._own(tx)
        if row.principal_id != own.id and not isinstance(
            self._core.gate.may(self._caller, Privilege.MANAGE, chain, tx), Allowed
        ):
            return False
        return self._in_scope(tx, row, {})

    def _in_scope(self, tx: ReadTransaction, row: TokenRow, known: dict[str, Chain | None]) -> bool:
        """Tell whether the caller's own scope shows a token: itself, and what is cut to no more than it is."""
        if self._caller.scope is None or row.id == self._caller.token_id:
            return True
        metastore = tx.metastore()
        chain = metastore if row.securable_id is None else self._chain(tx, row, known)
        if chain is None:
            return False
        return is_within(scope_of(row.privileges, row.securable_id, metastore.object.id), self._caller.scope, chain)

    def _shown(self, tx: ReadTransaction, row: TokenRow, known: dict[str, Chain | None]) -> Token:
        chain = self._chain(tx, row, known)
        name = None
        if chain is not None and self._core.gate.knows(self._caller, chain, tx):
            link = chain.object
            name = MetastoreName() if link.kind is SecurableKind.METASTORE else parse_securable(link.name)
        return Token(
            id=row.id,
            principal=row.principal,
            minted_by=row.minted_by,
            comment=row.comment,
            privileges=row.privileges,
            securable_id=row.securable_id,
            securable=name,
            created_at=to_time(row.created_ms),
            expires_at=to_time(row.expires_ms),
        )

    @staticmethod
    def _chain(tx: ReadTransaction, row: TokenRow, known: dict[str, Chain | None]) -> Chain | None:
        """Return the chain of what a token is cut to; None where it is cut to nothing, or that was deleted."""
        if row.securable_id is None or row.securable is None:
            return None
        if row.securable_id not in known:
            known[row.securable_id] = target(row.securable).resolve(tx).chain
        return known[row.securable_id]

    @staticmethod
    def _row(tx: ReadTransaction, token_id: str) -> TokenRow:
        row = tx.token(token_id)
        if row is None:
            raise LookupError("a token that was just inserted")
        return row


def _privileges(privileges: Iterable[Privilege | str]) -> frozenset[Privilege]:
    if isinstance(privileges, str) or not isinstance(privileges, Iterable):
        raise InvalidArgumentError(f"privileges is a list of privileges, not {privileges!r}.")
    return frozenset(privilege_named(each) for each in privileges)


def _cut_to(securable: SecurableLike) -> Subject[Target]:
    name = parse_securable(securable) if isinstance(securable, str) else securable
    if isinstance(name, AliasRef | AliasSlots):
        raise InvalidArgumentError(
            f"A token cannot be cut to {name}: a right on an alias alone does not include knowing the model (R14).",
            hint="Cut it to the model.",
        )
    return target(name)


def _refuse_idle(holder: Principal) -> None:
    if holder.name.principal_kind not in (PrincipalKind.USER, PrincipalKind.SERVICE):
        raise InvalidArgumentError(f"{holder.name} has no tokens.", hint="Only users and services act (R18).")
    if not holder.enabled:
        raise InvalidArgumentError(f"{holder.name} is disabled.", hint="Enable it first.")


def _created(admitted: Admitted[None], new: NewTokenRow) -> Happened:
    detail = {
        "token_id": new.id,
        "principal_id": new.principal_id,
        "privileges": sorted(new.privileges),
        "securable_id": new.securable_id,
        "expires_at_ms": new.expires_ms,
    }
    return Happened(on=admitted.chain.object, event="token.created", detail=detail)


def _refuse_replay(_tx: WriteTransaction, kept: bytes) -> NewToken:
    token_id = kept.decode()
    raise ConflictError(
        f"This request made the token {token_id} before, and its secret was shown then.",
        hint="Where that answer was lost, revoke the token and make another one with a fresh key.",
        token_id=token_id,
    )
