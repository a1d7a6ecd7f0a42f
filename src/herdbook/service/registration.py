"""Registration, governed: create, finalize; nothing is visible before it was judged."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen

from herdbook.entities import (
    Chain,
    EffectiveRule,
    Lineage,
    Manifest,
    ModelDescription,
    ModelVersion,
    RegisteredModel,
    VersionStatus,
)
from herdbook.policy.facts import TagHolder
from herdbook.policy.limits import check_comment, check_lineage, check_tags, given_tags
from herdbook.ports.metadata import NewVersion, Stamp, WriteTransaction
from herdbook.ports.registry import ModelLike, VersionLike
from herdbook.service import subjects
from herdbook.service.admission import Applicant, violation
from herdbook.service.core import to_time
from herdbook.service.finalizing import Finalizing, manifest_sha256
from herdbook.service.gate import Admitted, Idempotency, Outcome, Subject
from herdbook.service.holdings import Holdings
from herdbook.service.ledger import Happened
from herdbook.service.parents import parent_versions
from herdbook.service.sight import as_made_before, as_shown
from herdbook.service.tagging import refuse_tags
from herdbook.service.uploading import GovernedUploads
from herdbook.verdicts import Operation, Privilege
from herdbook.wire import unstructure


@frozen(kw_only=True)
class Draft:
    """A version as it was asked for.

    Args:
        number: The number that it is to have; None: the next one.
        sha256: Of its manifest.
        description: What its files say, where all are held and it can be READY at once; None makes it pending.
    """

    comment: str | None
    tags: dict[str, str]
    lineage: Lineage
    manifest: Manifest | None
    number: int | None = None
    sha256: str = ""
    description: ModelDescription | None = None
    rules: tuple[EffectiveRule, ...] = ()

    @staticmethod
    def of(
        manifest: Manifest | None,
        *,
        comment: str | None,
        tags: dict[str, str],
        lineage: Lineage,
        number: int | None = None,
    ) -> Draft:
        """Return one of which nothing is read yet; raises InvalidArgumentError for what is no manifest."""
        sha256 = "" if manifest is None else manifest_sha256(manifest)
        return Draft(comment=comment, tags=tags, lineage=lineage, manifest=manifest, number=number, sha256=sha256)


class GovernedRegistration(GovernedUploads):
    """The verbs that bring versions in."""

    def create_model_version(
        self,
        name: ModelLike,
        *,
        manifest: Manifest | None = None,
        comment: str | None = None,
        tags: Mapping[str, str] | None = None,
        lineage: Lineage | None = None,
        number: int | None = None,
        idempotency_key: str | None = None,
    ) -> ModelVersion:
        """Begin a version, or make it in one step where all its files are held."""
        model, given, origin = subjects.model_name(name), given_tags(tags), lineage or Lineage()
        check_comment(comment)
        check_tags(given)
        check_lineage(origin)
        if number is not None:
            model.version(number)
        subject = subjects.model(model)
        draft = self._draft(subject, Draft.of(manifest, comment=comment, tags=given, lineage=origin, number=number))

        def body(tx: WriteTransaction, admitted: Admitted[RegisteredModel], stamp: Stamp) -> Outcome[ModelVersion]:
            return self._insert(tx, admitted, stamp, self._judged(admitted.chain, draft, tx), subject.what)

        def restore(tx: WriteTransaction, answer: bytes) -> ModelVersion:
            operation = Operation.CREATE_MODEL_VERSION
            return as_made_before(self._core, self._caller, tx, answer.decode(), model, operation)

        def request() -> object:
            return [str(model), comment, given, unstructure(origin), draft.sha256, number]

        return self._core.gate.change(
            self._caller,
            Operation.CREATE_MODEL_VERSION,
            subject,
            body,
            idempotency=Idempotency(
                key=idempotency_key, request=request, keep=lambda version: version.id.encode(), restore=restore
            ),
            admitted=True,
        )

    def finalize_model_version(self, ref: VersionLike, manifest: Manifest) -> ModelVersion:
        """Judge a pending version and make it READY."""
        return Finalizing(self._core, self._caller, subjects.version_ref(ref), manifest).run()

    def _draft(self, subject: Subject[RegisteredModel], draft: Draft) -> Draft:
        """Judge outside any transaction what is read from files; all else is judged in the one that writes."""
        manifest = draft.manifest
        if manifest is None:
            return draft
        self._core.limits.check(manifest.files)
        if self._core.admission.described(draft.sha256) is not None:
            return draft
        admitted = self._core.gate.admit(self._caller, Operation.CREATE_MODEL_VERSION, subject)
        return self._described(admitted.chain, draft, manifest)

    def _described(self, chain: Chain, draft: Draft, manifest: Manifest) -> Draft:
        """Return a draft with what its files say, where they are all held and no check has to run."""
        self._core.limits.check(manifest.files)
        rules = self._core.admission.rules_for(chain)
        if any(rule.is_check for rule in rules):
            return draft
        description = self._core.admission.described(draft.sha256)
        if description is None:
            with self._core.store.read() as tx:
                if Holdings(self._core.gate, self._caller, tx, chain).lacks(manifest, draft.sha256):
                    return draft
            description = self._core.admission.describe(manifest, draft.sha256)
        return evolve(draft, description=description, rules=rules)

    def _judged(self, chain: Chain, draft: Draft, tx: WriteTransaction) -> Draft:
        """Return a draft with what its files are remembered to say, where no check has to run."""
        if draft.manifest is None or draft.description is not None:
            return draft
        rules = self._core.admission.rules_for(chain, tx)
        if any(rule.is_check for rule in rules):
            return draft
        return evolve(draft, description=self._core.admission.described(draft.sha256), rules=rules)

    def _insert(
        self,
        tx: WriteTransaction,
        admitted: Admitted[RegisteredModel],
        stamp: Stamp,
        draft: Draft,
        what: str,
        *,
        operation: Operation = Operation.CREATE_MODEL_VERSION,
    ) -> Outcome[ModelVersion]:
        core, chain = self._core, admitted.chain
        model = core.gate.present(admitted, subjects.model(subjects.model_name(chain.object.name)))
        further = [Privilege.APPLY_TAG] if draft.tags else []
        further += [] if draft.number is None else [Privilege.MANAGE]
        for privilege in further:
            core.gate.require(self._caller, privilege, chain, what, operation, tx)
        about = f"a new version of {model.name}"
        refuse_tags(core, self._caller, tx, chain, TagHolder.VERSION, draft.tags, what=about)
        parents = parent_versions(core.gate, self._caller, tx, draft.lineage, operation)
        manifest, description = draft.manifest, draft.description
        ready = manifest is not None and description is not None and self._still_held(tx, chain, draft)
        number = tx.allocate_version(model.id, stamp, number=draft.number, ready=ready)
        manifest_id = None
        if manifest is not None and description is not None and ready:
            if not tx.serial and core.admission.judges_tags(draft.rules):
                # Who has the number has the model's row, so its tags stand still from here on.
                model = core.gate.reread(tx, subjects.model(model.name))
            self._refuse(draft, description, manifest, model, number, stamp)
            manifest_id = tx.insert_manifest(manifest, draft.sha256, new_id=core.ids.new())
        new = NewVersion(
            id=core.ids.new(),
            model_id=model.id,
            version=number,
            status=VersionStatus.READY if ready else VersionStatus.PENDING_REGISTRATION,
            comment=draft.comment,
            author_id=stamp.by,
            at_ms=stamp.at_ms,
            lineage=draft.lineage,
            parent_ids=parents,
            manifest_id=manifest_id,
            description=description if ready else None,
        )
        row = tx.insert_version(new)
        for key, value in draft.tags.items():
            tx.set_tag("model_version", new.id, key, value, stamp)
        if draft.tags:
            row = evolve(row, version=evolve(row.version, tags=draft.tags))
        detail = {"version": number, "version_id": new.id, "status": new.status.value, "tags": draft.tags}
        event = "model_version.created" if ready else None
        shown = as_shown(core, self._caller, row, chain, tx)
        return Outcome(result=shown, happened=Happened(on=chain.object, event=event, detail=detail))

    def _still_held(self, tx: WriteTransaction, chain: Chain, draft: Draft) -> bool:
        if draft.manifest is None or self._core.admission.rules_for(chain, tx) != draft.rules:
            return False
        return not Holdings(self._core.gate, self._caller, tx, chain).lacks(draft.manifest, draft.sha256)

    def _refuse(
        self,
        draft: Draft,
        description: ModelDescription,
        manifest: Manifest,
        model: RegisteredModel,
        number: int,
        stamp: Stamp,
    ) -> None:
        at = to_time(stamp.at_ms)
        version = ModelVersion(
            id="",
            name=model.name,
            version=number,
            status=VersionStatus.PENDING_REGISTRATION,
            author=stamp.by,
            created_at=at,
            updated_at=at,
            updated_by=stamp.by,
            lineage=draft.lineage,
            tags=draft.tags,
        )
        applicant = Applicant(version=version, manifest=manifest, model=description, model_tags=model.tags)
        rejections = self._core.admission.judge_rules(draft.rules, applicant)
        if rejections:
            raise violation(f"A new version of {model.name}", rejections)
