"""Principals, groups and roles, governed (AUTHORIZATION R3, R18, R20, R25)."""

from __future__ import annotations

from collections.abc import Callable

from herdbook.entities import Page, Principal
from herdbook.entities.ledger import Membership
from herdbook.errors import (
    AlreadyExistsError,
    ConcurrentUpdateError,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    UnauthenticatedError,
)
from herdbook.names import PrincipalName
from herdbook.policy.nesting import check_nesting, check_pair
from herdbook.ports.metadata import ReadTransaction, Stamp, WriteTransaction
from herdbook.ports.registry import Principals
from herdbook.service import subjects
from herdbook.service.core import to_time
from herdbook.service.gate import Admitted, Idempotency, Outcome
from herdbook.service.ledger import Happened
from herdbook.service.part import GovernedPart
from herdbook.service.people import keep_an_admin, known_principal
from herdbook.verdicts import Operation
from herdbook.wire import from_json, to_json


class GovernedPrincipals(GovernedPart, Principals):
    """The verbs over principals."""

    def get_current_principal(self) -> Principal:
        """Return who the caller is."""
        with self._core.store.read() as tx:
            principal = tx.principal_by_id(self._caller.principal_id)
        if principal is None:
            raise UnauthenticatedError("The principal that this registry is bound to does not exist any more.")
        return principal

    def create_principal(self, name: PrincipalName | str, *, idempotency_key: str | None = None) -> Principal:
        """Make a principal known."""
        new = subjects.principal_name(name)

        def body(tx: WriteTransaction, admitted: Admitted[None], stamp: Stamp) -> Outcome[Principal]:
            if tx.principal(new) is not None:
                raise AlreadyExistsError(f"There is a principal {new} already.", hint="Choose another name.")
            principal = Principal(id=self._core.ids.new(), name=new, created_at=to_time(stamp.at_ms))
            tx.insert_principal(principal)
            return Outcome(result=principal, happened=_happened(admitted, "created", principal))

        idempotency: Idempotency[Principal] = Idempotency(
            key=idempotency_key,
            request=lambda: [str(new)],
            keep=to_json,
            restore=lambda _tx, answer: from_json(answer, Principal),
        )
        operation = Operation.CREATE_PRINCIPAL
        return self._core.gate.change(
            self._caller, operation, subjects.metastore(), body, idempotency=idempotency, exclusive=True
        )

    def get_principal(self, name: PrincipalName | str) -> Principal:
        """Return a principal."""
        wanted = subjects.principal_name(name)
        with self._core.store.read() as tx:
            self._core.gate.admit(self._caller, Operation.GET_PRINCIPAL, subjects.metastore(), tx, tx)
            return known_principal(tx, wanted)

    def list_principals(self, *, max_results: int = 100, page_token: str | None = None) -> Page[Principal]:
        """List principals."""
        return self._people(
            Operation.LIST_PRINCIPALS,
            ("list_principals",),
            page_token,
            max_results,
            lambda tx, after, limit: tx.list_principals(after=after, limit=limit),
        )

    def update_principal(
        self,
        name: PrincipalName | str,
        *,
        enabled: bool,
        expected_enabled: bool | None = None,
        reason: str | None = None,
    ) -> Principal:
        """Enable or disable a principal."""
        if not isinstance(enabled, bool):
            raise InvalidArgumentError(f"enabled is True or False, not {enabled!r}.")
        wanted = subjects.principal_name(name)
        if not isinstance(enabled, bool):
            raise InvalidArgumentError(f"enabled is True or False, not {enabled!r}.")

        def body(tx: WriteTransaction, admitted: Admitted[None], stamp: Stamp) -> Outcome[Principal]:
            principal = known_principal(tx, wanted)
            _check_enabled(principal, expected=expected_enabled)
            if principal.enabled is enabled:
                return Outcome(result=principal)
            tx.set_enabled(principal.id, enabled=enabled, reason=reason, stamp=stamp)
            keep_an_admin(self._core.gate.authority, self._caller, tx)
            happened = _happened(admitted, "enabled" if enabled else "disabled", principal)
            return Outcome(result=known_principal(tx, wanted), happened=happened)

        operation = Operation.UPDATE_PRINCIPAL
        return self._core.gate.change(
            self._caller, operation, subjects.metastore(), body, reason=reason, exclusive=True
        )

    def delete_principal(
        self, name: PrincipalName | str, *, expected_enabled: bool | None = None, reason: str | None = None
    ) -> None:
        """Delete a principal."""
        wanted = subjects.principal_name(name)

        def body(tx: WriteTransaction, admitted: Admitted[None], stamp: Stamp) -> Outcome[None]:
            principal = known_principal(tx, wanted)
            _check_enabled(principal, expected=expected_enabled)
            tx.delete_principal(principal.id, reason=reason, stamp=stamp)
            keep_an_admin(self._core.gate.authority, self._caller, tx)
            return Outcome(result=None, happened=_happened(admitted, "deleted", principal))

        operation = Operation.DELETE_PRINCIPAL
        self._core.gate.change(self._caller, operation, subjects.metastore(), body, reason=reason, exclusive=True)

    def add_member(self, group: PrincipalName | str, member: PrincipalName | str, *, reason: str | None = None) -> None:
        """Make a principal a member of a local group or role."""
        to, who = subjects.principal_name(group), subjects.principal_name(member)
        check_pair(who, to)

        def body(tx: WriteTransaction, admitted: Admitted[None], stamp: Stamp) -> Outcome[None]:
            above, below = known_principal(tx, to), known_principal(tx, who)
            there = tx.memberships()
            if any((m.member_id, m.group_id) == (below.id, above.id) and not m.from_file for m in there):
                return Outcome(result=None)
            check_nesting(below.id, above.id, there)
            joined = Membership(member_id=below.id, group_id=above.id)
            tx.change_rights(add=[joined], reason=reason, stamp=stamp)
            keep_an_admin(self._core.gate.authority, self._caller, tx)
            return Outcome(result=None, happened=_happened(admitted, "joined", below, group_id=above.id))

        operation = Operation.ADD_MEMBER
        self._core.gate.change(self._caller, operation, subjects.metastore(), body, reason=reason, exclusive=True)

    def remove_member(
        self, group: PrincipalName | str, member: PrincipalName | str, *, reason: str | None = None
    ) -> None:
        """End a membership."""
        to, who = subjects.principal_name(group), subjects.principal_name(member)

        def body(tx: WriteTransaction, admitted: Admitted[None], stamp: Stamp) -> Outcome[None]:
            above, below = known_principal(tx, to), known_principal(tx, who)
            found = [m for m in tx.memberships() if (m.member_id, m.group_id) == (below.id, above.id)]
            ended = [m for m in found if not m.from_file]
            if not ended:
                if found:
                    raise ConflictError(
                        f"{who} is a member of {to} by a policy file ({found[0].origin}).",
                        hint="Change the file and apply it: `herdbook policies apply`.",
                    )
                raise NotFoundError(f"{who} is not a member of {to}.")
            tx.change_rights(end=ended, reason=reason, stamp=stamp)
            keep_an_admin(self._core.gate.authority, self._caller, tx)
            return Outcome(result=None, happened=_happened(admitted, "left", below, group_id=above.id))

        operation = Operation.REMOVE_MEMBER
        self._core.gate.change(self._caller, operation, subjects.metastore(), body, reason=reason, exclusive=True)

    def list_members(
        self, group: PrincipalName | str, *, max_results: int = 100, page_token: str | None = None
    ) -> Page[Principal]:
        """List the direct members of a group or role."""
        name = subjects.principal_name(group)

        def members(tx: ReadTransaction, after: str, limit: int) -> tuple[Principal, ...]:
            return tx.list_members(known_principal(tx, name).id, after=after, limit=limit)

        query = ("list_members", name.key)
        return self._people(Operation.LIST_MEMBERS, query, page_token, max_results, members)

    def _people(
        self,
        operation: Operation,
        query: tuple[str, ...],
        page_token: str | None,
        max_results: int,
        found: Callable[[ReadTransaction, str, int], tuple[Principal, ...]],
    ) -> Page[Principal]:
        def fetch(after: str | None, limit: int) -> tuple[Principal, ...]:
            with self._core.store.read() as tx:
                self._core.gate.admit(self._caller, operation, subjects.metastore(), tx, tx)
                return found(tx, after or "", limit)

        return self._page(query, page_token, max_results, fetch, lambda principal: principal.name.key)


def _check_enabled(principal: Principal, *, expected: bool | None) -> None:
    if expected is not None and principal.enabled is not expected:
        raise ConcurrentUpdateError(
            f"{principal.name} is {'enabled' if principal.enabled else 'disabled'}, not as expected.",
            hint="Look at it again and repeat.",
        )


def _happened(admitted: Admitted[None], what: str, principal: Principal, *, group_id: str | None = None) -> Happened:
    detail = {"principal_id": principal.id}
    if group_id is not None:
        detail["group_id"] = group_id
    return Happened(on=admitted.chain.object, event=f"principal.{what}", detail=detail)
