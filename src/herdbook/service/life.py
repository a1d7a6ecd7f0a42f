"""What catalogs, schemas and registered models have in common after they were made: rename, delete, restore, purge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from attrs import frozen

from herdbook.entities import Catalog, Chain, RegisteredModel, Schema
from herdbook.errors import ConflictError, InvalidArgumentError, NotEmptyError, PermissionDeniedError
from herdbook.names import CatalogName, ModelName, SchemaName, fold
from herdbook.policy.facts import DeletionFacts
from herdbook.policy.limits import check_id, check_new_level
from herdbook.ports.metadata import Found, Resolver, Stamp, Trashed, WriteTransaction
from herdbook.service.admission import violation
from herdbook.service.gate import Admitted, Outcome, Subject
from herdbook.service.ledger import Happened
from herdbook.service.part import GovernedPart, check_expected, taken
from herdbook.verdicts import Allowed, Operation, Privilege, Rejection, SecurableKind, Sight

S = TypeVar("S", Catalog, Schema, RegisteredModel)
N = TypeVar("N", CatalogName, SchemaName, ModelName)

_CHUNK = 1_000
_WORDS = {
    SecurableKind.CATALOG: "catalog",
    SecurableKind.SCHEMA: "schema",
    SecurableKind.REGISTERED_MODEL: "registered model",
}
_CREATE = {
    SecurableKind.CATALOG: Privilege.CREATE_CATALOG,
    SecurableKind.SCHEMA: Privilege.CREATE_SCHEMA,
    SecurableKind.REGISTERED_MODEL: Privilege.CREATE_MODEL,
}


@frozen(kw_only=True)
class Asked:
    """What a caller said beside the thing itself.

    Args:
        operation: The verb.
        expected_row_version: Do it only at this row version.
        reason: Why.
    """

    operation: Operation
    expected_row_version: int | None = None
    reason: str | None = None


class LivingPart(GovernedPart):
    """A part whose things can be renamed, deleted, restored and purged."""

    def _rename(self, subject: Subject[S], old: N, new: N, renamed: Subject[S], asked: Asked) -> S:
        """Give something another last level (R10)."""
        check_new_level(new)
        check_same_container(old, new)

        def body(tx: WriteTransaction, admitted: Admitted[S], stamp: Stamp) -> Outcome[S]:
            found, on = self._core.gate.present(admitted, subject), admitted.chain.object
            check_expected(subject.what, asked.expected_row_version, found.row_version)
            self._free_name(tx, admitted.chain, renamed, subject.what, asked.operation)
            if _last_level(found.name) == _last_level(new):
                return Outcome(result=found)
            tx.rename(on, new, stamp)
            detail = {"was": on.name, "name": str(new)}
            happened = Happened(on=on, event=f"{on.kind.value.lower()}.renamed", detail=detail)
            return Outcome(result=self._core.gate.reread(tx, renamed), happened=happened)

        return self._core.gate.change(self._caller, asked.operation, subject, body, reason=asked.reason, exclusive=True)

    def _delete(self, subject: Subject[S], asked: Asked, *, force: bool) -> None:
        """Move something to the trash."""

        def body(tx: WriteTransaction, admitted: Admitted[S], stamp: Stamp) -> Outcome[None]:
            found, on = self._core.gate.present(admitted, subject), admitted.chain.object
            check_expected(subject.what, asked.expected_row_version, found.row_version)
            empty = tx.is_empty(on)
            if not empty and not force:
                raise NotEmptyError(
                    f"The {subject.what} is not empty.", hint="Delete what it holds first, or give force=True."
                )
            chains = tuple(self._deletable(tx, admitted.chain, subject.what, asked.operation))
            self._ask_rules(tx, chains, subject.what)
            tx.delete(on, stamp)
            detail = {"name": on.name, "forced": not empty}
            happened = Happened(on=on, event=f"{on.kind.value.lower()}.deleted", detail=detail)
            return Outcome(result=None, happened=happened)

        self._core.gate.change(self._caller, asked.operation, subject, body, reason=asked.reason, exclusive=True)

    def _restore(
        self,
        kind: SecurableKind,
        securable_id: str,
        new: N | None,
        live: Callable[[N], Subject[S]],
        asked: Asked,
    ) -> S:
        """Bring something back from the trash (R31)."""
        if new is not None:
            check_new_level(new)
        subject = trashed(kind, securable_id)

        def body(tx: WriteTransaction, admitted: Admitted[Trashed], stamp: Stamp) -> Outcome[S]:
            found, on = self._core.gate.present(admitted, subject), admitted.chain.object
            name = found.name if new is None else new
            check_same_container(found.name, name)
            if found.in_trash_with is not None:
                raise ConflictError(
                    f"What {on.name} lies in is in the trash itself.", hint="Restore that; this comes back with it."
                )
            back = live(name)  # type: ignore[arg-type]  # the name is of the kind that `live` takes
            self._free_name(tx, admitted.chain, back, back.what, asked.operation)
            if _last_level(name) != _last_level(found.name):
                tx.rename(on, name, stamp)
            tx.restore(on, stamp)
            happened = Happened(on=on, event=f"{kind.value.lower()}.restored", detail={"name": str(name)})
            return Outcome(result=self._core.gate.reread(tx, back), happened=happened)

        return self._core.gate.change(self._caller, asked.operation, subject, body, reason=asked.reason, exclusive=True)

    def _purge(self, kind: SecurableKind, securable_id: str, asked: Asked) -> None:
        """Remove something from the trash for good."""
        subject = trashed(kind, securable_id)

        def body(tx: WriteTransaction, admitted: Admitted[Trashed], stamp: Stamp) -> Outcome[None]:
            on, container = admitted.chain.links[:2]
            ended = tx.lines_within(on)
            tx.purge(on)
            if ended:
                tx.change_rights(end=ended, reason=asked.reason, stamp=stamp)
            detail = {"kind": kind.value, "id": on.id, "name": on.name, "ended_lines": [line.id for line in ended]}
            # The row that counted its events is gone.
            happened = Happened(on=container, event=f"{kind.value.lower()}.purged", detail=detail)
            return Outcome(result=None, happened=happened)

        self._core.gate.change(self._caller, asked.operation, subject, body, reason=asked.reason, exclusive=True)

    def _free_name(
        self, tx: WriteTransaction, chain: Chain, holder: Subject[S], what: str, operation: Operation
    ) -> None:
        """Demand the right to create in the container, and that the name is free, as R9 answers it."""
        on = chain.object
        there = holder.resolve(tx).chain
        other = there if there is not None and there.object.id != on.id else None
        if other is not None and self._core.gate.knows(self._caller, other, tx):
            raise taken(holder)
        self._core.gate.require(self._caller, _CREATE[on.kind], chain.above(), what, operation, tx)
        if other is not None:
            raise taken(holder)

    def _deletable(self, tx: WriteTransaction, chain: Chain, what: str, operation: Operation) -> Iterator[Chain]:
        """Yield the chains of a thing and of all inside; raises where one of them may not be deleted (R29)."""
        yield chain
        if chain.object.kind is SecurableKind.REGISTERED_MODEL:
            return
        after = ""
        while inside := tx.inside(chain.object, after=after, limit=_CHUNK):
            for child in inside:
                decision = self._core.gate.may(self._caller, Privilege.MANAGE, child, tx)
                if not isinstance(decision, Allowed):
                    if decision.sight is Sight.KNOWN:
                        self._core.gate.require(self._caller, Privilege.MANAGE, child, child.object.name, operation, tx)
                    raise PermissionDeniedError(
                        f"You may not {operation.value.replace('_', ' ')} ({what}): not all in it is yours to delete.",
                        hint="Delete what you may, one by one, or ask who manages the rest.",
                    )
                yield child
            after = fold(inside[-1].object.name)

    def _ask_rules(self, tx: WriteTransaction, chains: tuple[Chain, ...], what: str) -> None:
        models = {c.object.id: c for c in chains if c.object.kind is SecurableKind.REGISTERED_MODEL}
        rejections: list[Rejection] = []
        for version in tx.aliased_versions(chains[0].object):
            rules = self._core.admission.rules_for(models[version.model_id], tx)
            facts = DeletionFacts(version=version.ref, aliases=version.aliases)
            rejections += self._core.admission.judge_deletion(rules, facts)
        if rejections:
            raise violation(f"The deletion of {what}", tuple(rejections))


def trashed(kind: SecurableKind, securable_id: str) -> Subject[Trashed]:
    """Something in the trash."""
    check_id(securable_id)

    def resolve(resolver: Resolver) -> Found[Trashed]:
        return resolver.trashed(kind, securable_id)

    return Subject(kind=f"deleted {_WORDS[kind]}", name=securable_id, resolve=resolve)


def check_same_container(old: CatalogName | SchemaName | ModelName, new: CatalogName | SchemaName | ModelName) -> None:
    """Refuse a new name in another container: nothing moves between containers (R10)."""
    if type(old) is not type(new):
        raise InvalidArgumentError(f"{new} is not the name of a {type(old).__name__.removesuffix('Name').lower()}.")
    if isinstance(old, CatalogName) or isinstance(new, CatalogName):
        return
    if old.parent.key != new.parent.key:
        raise InvalidArgumentError(
            f"{old} cannot become {new}: a rename changes the last level only.",
            hint=f"Name something in {old.parent}; to have a model elsewhere, copy its versions.",
        )


def _last_level(name: CatalogName | SchemaName | ModelName) -> str:
    """Return the level that a rename changes; the container may be written in any case."""
    return str(name).rpartition(".")[2]
