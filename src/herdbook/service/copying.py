"""Copying a version, governed: new rights, new rules, the same bytes (AUTHORIZATION R26)."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen

from herdbook.entities import Chain, Link, Manifest, ModelVersion, RegisteredModel, Schema, VersionStatus
from herdbook.errors import ConcurrentUpdateError, ConflictError
from herdbook.names import ModelName, VersionRef
from herdbook.policy.limits import check_new_level, check_tags, given_tags
from herdbook.policy.operations import OPERATIONS, Need, Target
from herdbook.ports.metadata import Stamp, VersionRow, WriteTransaction
from herdbook.ports.registry import ModelLike, VersionLike
from herdbook.service import subjects
from herdbook.service.gate import Admitted, Idempotency, Outcome, missing
from herdbook.service.ledger import Happened
from herdbook.service.registration import Draft, GovernedRegistration
from herdbook.service.sight import as_made_before
from herdbook.verdicts import Operation, Privilege, SecurableKind

_OPERATION = Operation.COPY_MODEL_VERSION
_EXECUTE = Need((Privilege.EXECUTE,), Target.MODEL, OPERATIONS[_OPERATION].shape)
_MODEL = SecurableKind.REGISTERED_MODEL


@frozen(kw_only=True)
class _Copy:
    """What is copied to where.

    Args:
        source: What was named, resolved once.
        target: The model that gets the version.
        draft: The version to make, as far as it could be judged outside the transaction.
    """

    source: VersionRow
    target: ModelName
    draft: Draft


class GovernedCopying(GovernedRegistration):
    """The verb that makes a version from another."""

    def copy_model_version(
        self,
        source: VersionLike,
        target: ModelLike,
        *,
        tags: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        reason: str | None = None,
    ) -> ModelVersion:
        """Make a new version of a model from a version of another."""
        ref, name, given = subjects.version_ref(source), subjects.model_name(target), given_tags(tags)
        check_tags(given)
        row, manifest = self._source(ref)
        # What is made here is asked for again in the transaction that writes.
        chain = subjects.model(name).resolve(self._core.store.point).chain
        known = chain is not None and self._core.gate.knows(self._caller, chain)
        chain = chain if chain is not None and known else self._chain_of_new(name)
        origin = evolve(row.version.lineage, source=ref.uri, parents=(ref,))
        draft = Draft.of(manifest, comment=row.version.comment, tags=given, lineage=origin)
        copy = _Copy(source=row, target=name, draft=self._described(chain, draft, manifest))
        made = (
            self._into_known(copy, idempotency_key, reason) if known else self._into_new(copy, idempotency_key, reason)
        )
        if made.status is VersionStatus.PENDING_REGISTRATION:
            return self.finalize_model_version(made.ref, manifest)
        return made

    def _source(self, ref: VersionRef) -> tuple[VersionRow, Manifest]:
        subject = subjects.version(ref)
        with self._core.store.read() as tx:
            found = subject.resolve(tx)
            if found.chain is None:
                raise missing(subject.what)
            self._core.gate.authorize(self._caller, _EXECUTE, found.chain, subject.what, _OPERATION, tx)
            row = found.row
            if row is None:
                raise missing(subject.what)
            if row.version.status is not VersionStatus.READY or row.manifest_id is None:
                raise ConflictError(f"The {subject.what} is {row.version.status}, not READY.", hint="Copy a READY one.")
            return row, tx.manifest(row.manifest_id)

    def _chain_of_new(self, name: ModelName) -> Chain:
        """Return the chain that a new model will have; raises where the caller may not create it."""
        check_new_level(name)
        create = Operation.CREATE_REGISTERED_MODEL
        schema = self._creating(
            subjects.model(name), lambda: self._core.gate.admit(self._caller, create, subjects.schema(name.parent))
        )
        return _below(schema.chain, Link(id="", kind=_MODEL, name=str(name), owner_id=self._caller.principal_id))

    def _into_known(self, copy: _Copy, key: str | None, reason: str | None) -> ModelVersion:
        subject = subjects.model(copy.target)

        def body(tx: WriteTransaction, admitted: Admitted[RegisteredModel], stamp: Stamp) -> Outcome[ModelVersion]:
            return self._copied(tx, admitted, stamp, copy)

        repeated = self._repeated(copy, key)
        return self._core.gate.change(self._caller, _OPERATION, subject, body, idempotency=repeated, reason=reason)

    def _into_new(self, copy: _Copy, key: str | None, reason: str | None) -> ModelVersion:
        holder = subjects.model(copy.target)
        operation = Operation.CREATE_REGISTERED_MODEL

        def body(tx: WriteTransaction, schema: Admitted[Schema], stamp: Stamp) -> Outcome[ModelVersion]:
            self._refuse_taken(tx, holder)
            made = Link(id=self._core.ids.new(), kind=_MODEL, name=str(copy.target), owner_id=stamp.by)
            container = schema.chain.object.id
            tx.insert_model(made.id, container, copy.target, comment=None, owner_id=stamp.by, stamp=stamp)
            chain = _below(schema.chain, made)
            self._core.gate.require(self._caller, Privilege.CREATE_MODEL_VERSION, chain, holder.what, _OPERATION, tx)
            model = Admitted(chain=chain, row=self._core.gate.reread(tx, holder), because=schema.because)
            outcome = self._copied(tx, model, stamp, copy)
            created = Happened(on=made, event="registered_model.created", detail={"comment": None, "tags": {}})
            also = () if outcome.happened is None else ((_OPERATION, outcome.happened),)
            return Outcome(result=outcome.result, happened=created, also=also)

        repeated = self._repeated(copy, key)
        return self._creating(
            holder,
            lambda: self._core.gate.change(
                self._caller, operation, subjects.schema(copy.target.parent), body, idempotency=repeated, reason=reason
            ),
        )

    def _copied(
        self, tx: WriteTransaction, admitted: Admitted[RegisteredModel], stamp: Stamp, copy: _Copy
    ) -> Outcome[ModelVersion]:
        ref = copy.source.version.ref
        now = subjects.version(ref).resolve(tx).row
        if now is not None and now.version.id != copy.source.version.id:
            raise ConcurrentUpdateError(f"{ref} is another version by now.", hint="Look at it again and repeat.")
        what = f"new version of {copy.target}"
        return self._insert(tx, admitted, stamp, copy.draft, what, operation=_OPERATION)

    def _repeated(self, copy: _Copy, key: str | None) -> Idempotency[ModelVersion]:
        def restore(tx: WriteTransaction, answer: bytes) -> ModelVersion:
            return as_made_before(self._core, self._caller, tx, answer.decode(), copy.target, _OPERATION)

        return Idempotency(
            key=key,
            request=lambda: [copy.source.version.id, str(copy.target), copy.draft.tags],
            keep=lambda version: version.id.encode(),
            restore=restore,
            verb=_OPERATION,
        )


def _below(chain: Chain, link: Link) -> Chain:
    return Chain(links=(link, *chain.links), policy_revision=chain.policy_revision)
