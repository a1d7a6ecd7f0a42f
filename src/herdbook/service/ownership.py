"""Ownership, governed: catalogs, schemas and models change hands."""

from __future__ import annotations

from herdbook.entities import Principal
from herdbook.errors import ConcurrentUpdateError, InvalidArgumentError, NotFoundError
from herdbook.names import PrincipalKind, PrincipalName
from herdbook.ports.metadata import ReadTransaction, Stamp, WriteTransaction
from herdbook.ports.registry import Ownership, SecurableLike
from herdbook.service import subjects
from herdbook.service.gate import Admitted, Outcome
from herdbook.service.ledger import Happened
from herdbook.service.part import GovernedPart
from herdbook.verdicts import Operation, SecurableKind

_NOBODYS = (SecurableKind.METASTORE, SecurableKind.MODEL_ALIAS)


class GovernedOwnership(GovernedPart, Ownership):
    """The verb over ownership."""

    def transfer_ownership(
        self,
        securable: SecurableLike,
        to: PrincipalName | str,
        *,
        expected_owner: PrincipalName | str | None = None,
        reason: str | None = None,
    ) -> None:
        """Give a securable to another owner."""
        subject = subjects.securable(securable)
        heir = subjects.principal_name(to)
        expected = None if expected_owner is None else subjects.principal_name(expected_owner)

        def body(tx: WriteTransaction, admitted: Admitted[subjects.Anything], stamp: Stamp) -> Outcome[None]:
            on = admitted.chain.object
            if on.kind in _NOBODYS:
                raise InvalidArgumentError(f"Nobody owns {on.name}.", hint="Name a catalog, schema or model.")
            owner = None if on.owner_id is None else tx.principal_by_id(on.owner_id)
            if expected is not None and (owner is None or owner.name.key != expected.key):
                raise ConcurrentUpdateError(
                    f"{expected} does not own the {subject.what}.", hint="Look who does, and repeat."
                )
            new = _heir(tx, heir)
            if new.id == on.owner_id:
                return Outcome(result=None)
            tx.set_owner(on, new.id, stamp)
            happened = Happened(
                on=on,
                event=f"{on.kind.value.lower()}.owner_changed",
                detail={"was_id": on.owner_id, "owner_id": new.id},
            )
            return Outcome(result=None, happened=happened)

        operation = Operation.TRANSFER_OWNERSHIP
        self._core.gate.change(self._caller, operation, subject, body, reason=reason, exclusive=True)


def _heir(tx: ReadTransaction, name: PrincipalName) -> Principal:
    if name.principal_kind is PrincipalKind.ROLE:
        raise InvalidArgumentError(f"{name} cannot own anything: roles own nothing.", hint="Name a user or a group.")
    principal = tx.principal(name)
    if principal is None:
        raise NotFoundError(f"There is no principal {name}.", hint="A metastore admin can create it.")
    if not principal.enabled:
        raise InvalidArgumentError(f"{name} is disabled and cannot own anything.", hint="Name an enabled principal.")
    return principal
