"""Aliases, governed."""

from __future__ import annotations

from datetime import datetime

from herdbook.entities import AliasAssignment, ModelVersion, Page, VersionStatus
from herdbook.errors import ConcurrentUpdateError, ConflictError, InvalidArgumentError, NotFoundError
from herdbook.names import AliasRef, fold
from herdbook.ports.metadata import Stamp, VersionRow, WriteTransaction
from herdbook.ports.registry import Aliases, AliasLike, ModelLike
from herdbook.service import subjects
from herdbook.service.core import to_ms
from herdbook.service.gate import Admitted, Outcome, missing
from herdbook.service.ledger import Happened
from herdbook.service.part import GovernedPart
from herdbook.service.sight import is_shown, with_known_parents
from herdbook.verdicts import Operation, SecurableKind

_MODEL = SecurableKind.REGISTERED_MODEL


class GovernedAliases(GovernedPart, Aliases):
    """The verbs over aliases."""

    def set_registered_model_alias(
        self,
        ref: AliasLike,
        version: int,
        *,
        expected_current: int | None = None,
        reason: str | None = None,
    ) -> AliasAssignment:
        """Point an alias to a READY version."""
        slot = subjects.alias_ref(ref)
        target = subjects.version(slot.model.version(version))

        def body(tx: WriteTransaction, admitted: Admitted[VersionRow], stamp: Stamp) -> Outcome[AliasAssignment]:
            model_id = admitted.chain.link(_MODEL).id
            was = _current(admitted)
            _check_current(slot, expected_current, was)
            row = target.resolve(tx).row
            if row is None or not is_shown(self._core, self._caller, row, admitted.chain, tx):
                raise missing(target.what)
            if row.version.status is not VersionStatus.READY:
                raise ConflictError(
                    f"Version {row.version.ref} is {row.version.status}; an alias points only to a READY version.",
                    hint="Finalize it first.",
                )
            if was == version:
                return Outcome(result=_assignment(tx, model_id, slot))
            tx.set_alias(model_id, slot.alias, row.version.id, reason=reason, new_id=self._core.ids.new(), stamp=stamp)
            happened = Happened(
                on=admitted.chain.link(_MODEL),
                event="model_version_alias.created",
                detail={"alias": slot.alias, "version": version, "was": was},
            )
            return Outcome(result=_assignment(tx, model_id, slot), happened=happened)

        operation = Operation.SET_REGISTERED_MODEL_ALIAS
        return self._core.gate.change(self._caller, operation, subjects.alias(slot), body, reason=reason)

    def delete_registered_model_alias(
        self, ref: AliasLike, *, expected_current: int | None = None, reason: str | None = None
    ) -> None:
        """Unset an alias."""
        slot = subjects.alias_ref(ref)

        def body(tx: WriteTransaction, admitted: Admitted[VersionRow], stamp: Stamp) -> Outcome[None]:
            was = _current(admitted)
            _check_current(slot, expected_current, was)
            if was == 0:
                raise NotFoundError(f"The alias {slot} is not set.")
            tx.delete_alias(admitted.chain.link(_MODEL).id, fold(slot.alias), stamp=stamp)
            happened = Happened(
                on=admitted.chain.link(_MODEL),
                event="model_version_alias.deleted",
                detail={"alias": slot.alias, "was": was},
            )
            return Outcome(result=None, happened=happened)

        operation = Operation.DELETE_REGISTERED_MODEL_ALIAS
        self._core.gate.change(self._caller, operation, subjects.alias(slot), body, reason=reason)

    def get_model_version_by_alias(self, ref: AliasLike, *, as_of: datetime | None = None) -> ModelVersion:
        """Return the version that an alias points to."""
        if as_of is not None and not isinstance(as_of, datetime):
            raise InvalidArgumentError(
                f"as_of is a datetime, not {as_of!r}.", hint="In text, write it into the URI: ...@ALIAS?as_of=TIME."
            )
        if as_of is not None and as_of.tzinfo is None:
            raise InvalidArgumentError(f"as_of={as_of!r} has no offset.", hint="Give a time with a timezone (UTC).")
        subject = subjects.alias(subjects.alias_ref(ref), as_of)
        row = self._core.gate.look(self._caller, Operation.GET_MODEL_VERSION_BY_ALIAS, subject)
        return with_known_parents(self._core, self._caller, row)

    def list_registered_model_aliases(self, name: ModelLike, *, ended: bool = False) -> tuple[AliasAssignment, ...]:
        """Return the aliases of a model that are set, or were once."""
        subject = subjects.model(subjects.model_name(name))
        with self._core.store.read() as tx:
            operation = Operation.LIST_REGISTERED_MODEL_ALIASES
            admitted = self._core.gate.admit(self._caller, operation, subject, tx, tx)
            return tx.aliases(admitted.chain.object.id, ended=ended)

    def list_alias_history(
        self, ref: AliasLike, *, max_results: int = 100, page_token: str | None = None
    ) -> Page[AliasAssignment]:
        """List what an alias pointed to."""
        slot = subjects.alias_ref(ref)
        subject = subjects.alias(slot)

        def fetch(before_ms: int | None, limit: int) -> tuple[AliasAssignment, ...]:
            with self._core.store.read() as tx:
                admitted = self._core.gate.admit(self._caller, Operation.LIST_ALIAS_HISTORY, subject, tx, tx)
                model_id = admitted.chain.link(_MODEL).id
                return tx.alias_history(model_id, fold(slot.alias), before_ms=before_ms, limit=limit)

        query = ("list_alias_history", slot.key)
        return self._page(query, page_token, max_results, fetch, lambda entry: to_ms(entry.valid_from))


def _current(admitted: Admitted[VersionRow]) -> int:
    return 0 if admitted.row is None else admitted.row.version.version


def _check_current(slot: AliasRef, expected: int | None, found: int) -> None:
    if expected is None or expected == found:
        return
    now = f"points to version {found}" if found else "is not set"
    raise ConcurrentUpdateError(
        f"The alias {slot} {now}, not as expected ({expected}).", hint="Read it again and repeat."
    )


def _assignment(tx: WriteTransaction, model_id: str, slot: AliasRef) -> AliasAssignment:
    wanted = fold(slot.alias)
    for assignment in tx.aliases(model_id):
        if fold(assignment.alias) == wanted:
            return assignment
    raise missing(f"alias {slot}")
