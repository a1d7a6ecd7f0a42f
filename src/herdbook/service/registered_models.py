"""Registered models, governed."""

from __future__ import annotations

from collections.abc import Mapping

from herdbook.entities import Chain, Link, Page, RegisteredModel, Schema
from herdbook.names import fold
from herdbook.policy.facts import TagHolder
from herdbook.policy.limits import check_comment, check_new_level, check_tags, given_tags
from herdbook.ports.metadata import Stamp, WriteTransaction
from herdbook.ports.registry import ModelLike, RegisteredModels, SchemaLike
from herdbook.service import subjects
from herdbook.service.gate import Admitted, Idempotency, Outcome
from herdbook.service.ledger import Happened
from herdbook.service.life import Asked, LivingPart
from herdbook.service.part import check_expected
from herdbook.service.shown import shown
from herdbook.service.tagging import refuse_tags
from herdbook.verdicts import Operation, Privilege, SecurableKind
from herdbook.wire import from_json, to_json

_KIND = SecurableKind.REGISTERED_MODEL


class GovernedRegisteredModels(LivingPart, RegisteredModels):
    """The verbs over registered models."""

    def create_registered_model(
        self,
        name: ModelLike,
        *,
        comment: str | None = None,
        tags: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> RegisteredModel:
        """Create a registered model."""
        new, given = subjects.model_name(name), given_tags(tags)
        check_new_level(new)
        check_comment(comment)
        check_tags(given)
        holder = subjects.model(new)

        def body(tx: WriteTransaction, schema: Admitted[Schema], stamp: Stamp) -> Outcome[RegisteredModel]:
            self._refuse_taken(tx, holder)
            made = Link(id=self._core.ids.new(), kind=_KIND, name=str(new), owner_id=stamp.by)
            tx.insert_model(made.id, schema.chain.object.id, new, comment=comment, owner_id=stamp.by, stamp=stamp)
            if given:
                chain = Chain(links=(made, *schema.chain.links), policy_revision=schema.chain.policy_revision)
                operation = Operation.CREATE_REGISTERED_MODEL
                self._core.gate.require(self._caller, Privilege.APPLY_TAG, chain, holder.what, operation, tx)
                refuse_tags(self._core, self._caller, tx, chain, TagHolder.MODEL, given, what=holder.what)
            for key, value in given.items():
                tx.set_tag("registered_model", made.id, key, value, stamp)
            detail = {"comment": comment, "tags": given}
            happened = Happened(on=made, event="registered_model.created", detail=detail)
            return Outcome(result=self._core.gate.reread(tx, holder), happened=happened)

        idempotency: Idempotency[RegisteredModel] = Idempotency(
            key=idempotency_key,
            request=lambda: [str(new), comment, given],
            keep=to_json,
            restore=lambda _tx, answer: from_json(answer, RegisteredModel),
        )
        return self._creating(
            holder,
            lambda: self._core.gate.change(
                self._caller,
                Operation.CREATE_REGISTERED_MODEL,
                subjects.schema(new.parent),
                body,
                idempotency=idempotency,
            ),
        )

    def get_registered_model(self, name: ModelLike) -> RegisteredModel:
        """Return a registered model."""
        subject = subjects.model(subjects.model_name(name))
        return self._core.gate.look(self._caller, Operation.GET_REGISTERED_MODEL, subject)

    def list_registered_models(
        self, schema: SchemaLike, *, max_results: int = 100, page_token: str | None = None
    ) -> Page[RegisteredModel]:
        """List the registered models of a schema that the caller may see."""
        core, caller = self._core, self._caller
        container = subjects.schema(subjects.schema_name(schema))

        def fetch(after: str | None, limit: int) -> tuple[RegisteredModel, ...]:
            with core.store.read() as tx:
                admitted = core.gate.admit(caller, Operation.LIST_REGISTERED_MODELS, container, tx, tx)
                show = shown(core.gate.authority, caller, _KIND, tx)
                found = tx.list_models(admitted.chain.object.id, show.seen, after=after or "", limit=limit)
                return show.of(found)

        query = ("list_registered_models", fold(container.what))
        return self._page(query, page_token, max_results, fetch, lambda model: model.name.key)

    def update_registered_model(
        self,
        name: ModelLike,
        *,
        comment: str | None,
        expected_row_version: int | None = None,
        reason: str | None = None,
    ) -> RegisteredModel:
        """Replace a registered model's comment."""
        check_comment(comment)
        subject = subjects.model(subjects.model_name(name))

        def body(tx: WriteTransaction, admitted: Admitted[RegisteredModel], stamp: Stamp) -> Outcome[RegisteredModel]:
            found = self._core.gate.present(admitted, subject)
            check_expected(subject.what, expected_row_version, found.row_version)
            tx.set_comment(_KIND, found.id, comment, stamp)
            detail = {"comment": comment}
            happened = Happened(on=admitted.chain.object, event="registered_model.updated", detail=detail)
            return Outcome(result=self._core.gate.reread(tx, subject), happened=happened)

        return self._core.gate.change(self._caller, Operation.UPDATE_REGISTERED_MODEL, subject, body, reason=reason)

    def rename_registered_model(
        self,
        name: ModelLike,
        new_name: ModelLike,
        *,
        expected_row_version: int | None = None,
        reason: str | None = None,
    ) -> RegisteredModel:
        """Rename a registered model."""
        old, new = subjects.model_name(name), subjects.model_name(new_name)
        asked = Asked(
            operation=Operation.RENAME_REGISTERED_MODEL, expected_row_version=expected_row_version, reason=reason
        )
        return self._rename(subjects.model(old), old, new, subjects.model(new), asked)

    def delete_registered_model(
        self,
        name: ModelLike,
        *,
        force: bool = False,
        expected_row_version: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Move a registered model to the trash."""
        asked = Asked(
            operation=Operation.DELETE_REGISTERED_MODEL, expected_row_version=expected_row_version, reason=reason
        )
        self._delete(subjects.model(subjects.model_name(name)), asked, force=force)

    def restore_registered_model(
        self, model_id: str, *, new_name: ModelLike | None = None, reason: str | None = None
    ) -> RegisteredModel:
        """Bring a registered model back from the trash."""
        new = None if new_name is None else subjects.model_name(new_name)
        asked = Asked(operation=Operation.RESTORE_REGISTERED_MODEL, reason=reason)
        return self._restore(SecurableKind.REGISTERED_MODEL, model_id, new, subjects.model, asked)

    def purge_registered_model(self, model_id: str, *, reason: str | None = None) -> None:
        """Remove a registered model from the trash for good."""
        asked = Asked(operation=Operation.PURGE_REGISTERED_MODEL, reason=reason)
        self._purge(SecurableKind.REGISTERED_MODEL, model_id, asked)
