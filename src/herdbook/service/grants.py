"""Grants and denials at run time, governed (AUTHORIZATION R4, R5, R7, R13, R22, R23, R40)."""

from __future__ import annotations

from collections.abc import Sequence

from herdbook.entities import Chain, Page, Principal
from herdbook.entities.governance import EffectiveGrant, Grant
from herdbook.entities.ledger import Effect, PolicyLine
from herdbook.errors import ConflictError, NotFoundError, PermissionDeniedError
from herdbook.names import PrincipalName
from herdbook.policy.granting import KEPT_BY_REVOKE_ALL, Giver, check_line, giver, privilege_named
from herdbook.ports.metadata import ReadTransaction, Stamp, WriteTransaction
from herdbook.ports.metadata.rights import LineRow
from herdbook.ports.registry import Grants, SecurableLike
from herdbook.service import subjects
from herdbook.service.gate import Admitted, Idempotency, Outcome, Subject
from herdbook.service.ledger import Happened
from herdbook.service.part import GovernedPart
from herdbook.service.people import keep_an_admin, known_principal, may_ask_about_others
from herdbook.service.reach import lines_reaching, to_grant
from herdbook.service.targets import Target, target, target_anywhere
from herdbook.verdicts import Allowed, Operation, Privilege, SecurableKind
from herdbook.wire import from_json, to_json

_EVERY = 100_000


class GovernedGrants(GovernedPart, Grants):
    """The verbs over grants and denials."""

    def grant(
        self,
        principal: PrincipalName | str,
        privilege: Privilege,
        securable: SecurableLike,
        *,
        idempotency_key: str | None = None,
        reason: str | None = None,
    ) -> Grant:
        """Give a privilege on a securable."""
        return self._give(Operation.GRANT, principal, privilege, securable, idempotency_key, reason)

    def deny(
        self,
        principal: PrincipalName | str,
        privilege: Privilege,
        securable: SecurableLike,
        *,
        idempotency_key: str | None = None,
        reason: str | None = None,
    ) -> Grant:
        """Deny a privilege on a securable."""
        return self._give(Operation.DENY, principal, privilege, securable, idempotency_key, reason)

    def revoke(
        self,
        principal: PrincipalName | str,
        privilege: Privilege,
        securable: SecurableLike,
        *,
        reason: str | None = None,
    ) -> tuple[EffectiveGrant, ...]:
        """Take a grant back."""
        return self._take(Operation.REVOKE, principal, privilege, securable, reason)

    def lift_deny(
        self,
        principal: PrincipalName | str,
        privilege: Privilege,
        securable: SecurableLike,
        *,
        reason: str | None = None,
    ) -> tuple[EffectiveGrant, ...]:
        """Take a denial back."""
        return self._take(Operation.LIFT_DENY, principal, privilege, securable, reason)

    def list_grants(
        self,
        securable: SecurableLike,
        *,
        principal: PrincipalName | str | None = None,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> Page[Grant]:
        """List the lines on a securable."""
        core, caller = self._core, self._caller
        subject = target_anywhere(securable)
        name = None if principal is None else subjects.principal_name(principal)

        def fetch(after: str | None, limit: int) -> tuple[Grant, ...]:
            with core.store.read() as tx:
                admitted = core.gate.admit(caller, Operation.LIST_GRANTS, subject, tx, tx)
                on = core.gate.present(admitted, subject)
                rows = self._lines_told(tx, admitted.chain, on, name, after or "", limit)
                return tuple(to_grant(row, on.name) for row in rows)

        query = ("list_grants", subject.what, None if name is None else name.key)
        return self._page(query, page_token, max_results, fetch, lambda grant: grant.id)

    def list_effective_grants(
        self,
        securable: SecurableLike,
        *,
        principal: PrincipalName | str | None = None,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> Page[EffectiveGrant]:
        """List the lines that reach a securable."""
        core, caller = self._core, self._caller
        subject = target(securable)
        name = None if principal is None else subjects.principal_name(principal)

        def fetch(after: str | None, limit: int) -> tuple[EffectiveGrant, ...]:
            with core.store.read() as tx:
                operation = Operation.LIST_EFFECTIVE_GRANTS
                admitted = core.gate.admit(caller, operation, subject, tx, tx)
                on = core.gate.present(admitted, subject)
                who = caller.principal_id
                if name is not None:
                    me = tx.principal_by_id(caller.principal_id)
                    if me is None or me.name.key != name.key:
                        if not may_ask_about_others(core.gate, caller, admitted.chain, tx):
                            core.gate.require(caller, Privilege.MANAGE, admitted.chain, subject.what, operation, tx)
                        who = known_principal(tx, name).id
                groups = caller.token_groups if who == caller.principal_id else frozenset()
                chain, untold = admitted.chain, self._untold(tx, admitted.chain)
                return lines_reaching(tx, chain, on, {who, *groups}, after=after or "", limit=limit, untold=untold)

        query = ("list_effective_grants", subject.what, None if name is None else name.key)
        return self._page(query, page_token, max_results, fetch, lambda found: found.grant.id)

    def _untold(self, tx: ReadTransaction, chain: Chain) -> list[str]:
        """Return the ids of those levels of a chain whose denials the caller is not told (R13)."""
        levels = (chain.upward_from(link.kind) for link in chain.links)
        return [one.object.id for one in levels if not may_ask_about_others(self._core.gate, self._caller, one, tx)]

    def _lines_told(
        self, tx: ReadTransaction, chain: Chain, on: Target, name: PrincipalName | None, after: str, limit: int
    ) -> tuple[LineRow, ...]:
        """Return the lines on a target as far as the caller may know them (R13)."""
        if may_ask_about_others(self._core.gate, self._caller, chain, tx):
            whose = None if name is None else {known_principal(tx, name).id}
            return tx.lines_on([on.place], principal_ids=whose, after=after, limit=limit)
        # Nobody else learns who there is, nor what is denied.
        asked = None if name is None else tx.principal(name)
        own = self._core.gate.authority.closure(self._caller, chain.policy_revision, log=tx)
        if name is not None:
            own &= frozenset() if asked is None else {asked.id}
        return tx.lines_on([on.place], principal_ids=own, after=after, limit=limit, untold=[on.on.id])

    def _give(
        self,
        operation: Operation,
        principal: PrincipalName | str,
        privilege: Privilege,
        securable: SecurableLike,
        key: str | None,
        reason: str | None,
    ) -> Grant:
        name, wanted, subject = subjects.principal_name(principal), privilege_named(privilege), target(securable)
        effect = Effect.DENY if operation is Operation.DENY else Effect.ALLOW

        def body(tx: WriteTransaction, admitted: Admitted[Target], stamp: Stamp) -> Outcome[Grant]:
            on = self._core.gate.present(admitted, subject)
            check_line(wanted, effect, on.kind)
            self._check_giver(tx, admitted.chain, wanted, effect, subject, operation)
            who = known_principal(tx, name)
            if effect is Effect.DENY:
                self._check_unbound(tx, who, admitted.chain, subject, operation)
            found = [r for r in self._lines(tx, on, who, effect) if r.line.privilege is wanted and not r.line.from_file]
            if found:
                return Outcome(result=to_grant(found[0], on.name))
            line = PolicyLine(
                id=self._core.ids.new(),
                principal_id=who.id,
                privilege=wanted,
                effect=effect,
                securable_kind=on.on.kind,
                securable_id=on.on.id,
                alias_key=on.alias_key,
            )
            tx.change_rights(add=[line], reason=reason, stamp=stamp)
            keep_an_admin(self._core.gate.authority, self._caller, tx, on.on)
            [made] = (row for row in self._lines(tx, on, who, effect) if row.line.id == line.id)
            happened = _happened("created" if effect is Effect.ALLOW else "denied", on, [line])
            return Outcome(result=to_grant(made, on.name), happened=happened)

        def restore(tx: WriteTransaction, answer: bytes) -> Grant:
            # A replay is authorized again (R27), and admission asks for less than the line may need.
            chain = subject.resolve(tx).chain
            if chain is not None:
                self._check_giver(tx, chain, wanted, effect, subject, operation)
            return from_json(answer, Grant)

        idempotency: Idempotency[Grant] = Idempotency(
            key=key,
            request=lambda: [str(name), wanted.value, subject.what],
            keep=to_json,
            restore=restore,
        )
        return self._core.gate.change(
            self._caller, operation, subject, body, idempotency=idempotency, reason=reason, exclusive=True
        )

    def _take(
        self,
        operation: Operation,
        principal: PrincipalName | str,
        privilege: Privilege,
        securable: SecurableLike,
        reason: str | None,
    ) -> tuple[EffectiveGrant, ...]:
        name, wanted, subject = (
            subjects.principal_name(principal),
            privilege_named(privilege),
            target_anywhere(securable),
        )
        effect = Effect.DENY if operation is Operation.LIFT_DENY else Effect.ALLOW

        def body(tx: WriteTransaction, admitted: Admitted[Target], stamp: Stamp) -> Outcome[tuple[EffectiveGrant, ...]]:
            on = self._core.gate.present(admitted, subject)
            self._check_giver(tx, admitted.chain, wanted, effect, subject, operation)
            who = known_principal(tx, name)
            if effect is Effect.DENY:
                self._check_unbound(tx, who, admitted.chain, subject, operation)
            rows = self._lines(tx, on, who, effect)
            ended = [row.line for row in _named(rows, wanted, effect) if not row.line.from_file]
            if not ended:
                raise _nothing_to_take(rows, wanted, name, subject)
            # Asked while the rights stand by which the caller was admitted: those that come after would have to be read
            # from all lines there are, while nobody else may change anything.
            untold = self._untold(tx, admitted.chain)
            tx.change_rights(end=ended, reason=reason, stamp=stamp)
            keep_an_admin(self._core.gate.authority, self._caller, tx, on.on)
            left = lines_reaching(tx, admitted.chain, on, {who.id}, after="", limit=_EVERY, untold=untold)
            same = (wanted, Privilege.ALL_PRIVILEGES)
            still = tuple(g for g in left if g.grant.effect is effect and g.grant.privilege in same)
            return Outcome(
                result=still, happened=_happened("ended" if effect is Effect.ALLOW else "deny_lifted", on, ended)
            )

        return self._core.gate.change(self._caller, operation, subject, body, reason=reason, exclusive=True)

    def _check_giver(
        self,
        tx: WriteTransaction,
        chain: Chain,
        privilege: Privilege,
        effect: Effect,
        subject: Subject[Target],
        operation: Operation,
    ) -> None:
        """Demand MANAGE where the line's kind asks for it; the verb itself asked for MANAGE there already."""
        where = giver(privilege, effect)
        if where is Giver.THERE or len(chain.links) == 1:
            return
        above = chain.above() if where is Giver.CONTAINER else chain.upward_from(SecurableKind.CATALOG)
        self._core.gate.require(self._caller, Privilege.MANAGE, above, subject.what, operation, tx)

    def _check_unbound(
        self, tx: WriteTransaction, who: Principal, chain: Chain, subject: Subject[Target], operation: Operation
    ) -> None:
        """Refuse a denial, or its end, by someone whom it binds and who is no metastore admin (R5)."""
        if who.id not in self._core.gate.authority.closure(self._caller, chain.policy_revision, log=tx):
            return
        metastore = chain.upward_from(SecurableKind.METASTORE)
        if not isinstance(self._core.gate.may(self._caller, Privilege.MANAGE, metastore, tx), Allowed):
            raise PermissionDeniedError(
                f"You may not {operation.value.replace('_', ' ')} ({subject.what}): it binds yourself.",
                hint="Ask a metastore admin.",
            )

    @staticmethod
    def _lines(tx: ReadTransaction, on: Target, who: Principal, effect: Effect) -> list[LineRow]:
        rows = tx.lines_on([on.place], principal_ids={who.id}, after="", limit=_EVERY)
        return [row for row in rows if row.line.effect is effect]


def _named(rows: Sequence[LineRow], privilege: Privilege, effect: Effect) -> list[LineRow]:
    """Return what a revoke names: exactly that line, or with ALL_PRIVILEGES nearly all that the principal has there."""
    if effect is Effect.ALLOW and privilege is Privilege.ALL_PRIVILEGES:
        return [row for row in rows if row.line.privilege not in KEPT_BY_REVOKE_ALL]
    return [row for row in rows if row.line.privilege is privilege]


def _nothing_to_take(
    rows: Sequence[LineRow], privilege: Privilege, name: PrincipalName, subject: Subject[Target]
) -> ConflictError | NotFoundError:
    for row in rows:
        if row.line.privilege is privilege:
            return ConflictError(
                f"{privilege} of {name} on {subject.what} stands in a policy file ({row.line.origin}).",
                hint="Change the file and apply it: `herdbook policies apply`.",
            )
    return NotFoundError(f"There is no such line: {privilege} of {name} on {subject.what}.")


def _happened(what: str, on: Target, lines: Sequence[PolicyLine]) -> Happened:
    detail = {
        "on": str(on.name),
        "lines": [
            {"id": ln.id, "principal_id": ln.principal_id, "privilege": ln.privilege.value, "effect": ln.effect.value}
            for ln in lines
        ],
    }
    return Happened(on=on.on, event=f"grant.{what}", detail=detail)
