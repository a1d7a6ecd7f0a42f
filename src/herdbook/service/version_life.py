"""Deleting, restoring and purging versions, governed."""

from __future__ import annotations

from herdbook.entities import ModelVersion
from herdbook.names import VersionRef
from herdbook.policy.facts import DeletionFacts
from herdbook.ports.metadata import Stamp, VersionRow, WriteTransaction
from herdbook.ports.registry import VersionLike
from herdbook.service import subjects
from herdbook.service.admission import violation
from herdbook.service.gate import Admitted, Outcome, Subject
from herdbook.service.ledger import Happened
from herdbook.service.part import GovernedPart, check_expected
from herdbook.service.sight import ensure_shown, with_known_parents
from herdbook.verdicts import Operation, Privilege


class GovernedVersionLife(GovernedPart):
    """The verbs over a version's later life."""

    def delete_model_version(
        self, ref: VersionLike, *, expected_row_version: int | None = None, reason: str | None = None
    ) -> None:
        """Move a version to the trash."""
        subject = subjects.version(subjects.version_ref(ref))

        def body(tx: WriteTransaction, admitted: Admitted[VersionRow], stamp: Stamp) -> Outcome[None]:
            row = self._core.gate.present(admitted, subject)
            version = row.version
            ensure_shown(self._core, self._caller, row, admitted.chain, subject.what, tx)
            check_expected(subject.what, expected_row_version, version.row_version)
            rules = self._core.admission.rules_for(admitted.chain, tx)
            facts = DeletionFacts(version=version.ref, aliases=version.aliases)
            if rejections := self._core.admission.judge_deletion(rules, facts):
                raise violation(f"The deletion of {version.ref}", rejections)
            tx.delete_version(version.id, stamp)
            detail = {"version": version.version, "version_id": version.id, "unset": list(version.aliases)}
            happened = Happened(on=admitted.chain.object, event="model_version.deleted", detail=detail)
            return Outcome(result=None, happened=happened)

        self._core.gate.change(self._caller, Operation.DELETE_MODEL_VERSION, subject, body, reason=reason)

    def restore_model_version(self, ref: VersionLike, *, reason: str | None = None) -> ModelVersion:
        """Bring a version back from the trash."""
        name = subjects.version_ref(ref)
        subject, operation = _deleted(name), Operation.RESTORE_MODEL_VERSION

        def body(tx: WriteTransaction, admitted: Admitted[VersionRow], stamp: Stamp) -> Outcome[ModelVersion]:
            row, chain = self._core.gate.present(admitted, subject), admitted.chain
            create = Privilege.CREATE_MODEL_VERSION
            self._core.gate.require(self._caller, create, chain, subject.what, operation, tx)
            tx.restore_version(row.version.id, stamp)
            detail = {"version": row.version.version, "version_id": row.version.id}
            happened = Happened(on=chain.object, event="model_version.restored", detail=detail)
            again = self._core.gate.reread(tx, subjects.version(name))
            return Outcome(result=with_known_parents(self._core, self._caller, again, tx, tx), happened=happened)

        return self._core.gate.change(self._caller, operation, subject, body, reason=reason)

    def purge_model_version(self, ref: VersionLike, *, reason: str | None = None) -> None:
        """Remove a deleted version's content for good."""
        subject = _deleted(subjects.version_ref(ref))

        def body(tx: WriteTransaction, admitted: Admitted[VersionRow], stamp: Stamp) -> Outcome[None]:
            version = self._core.gate.present(admitted, subject).version
            tx.purge_version(version.id, stamp)
            detail = {"version": version.version, "version_id": version.id, "manifest": version.manifest_sha256}
            happened = Happened(on=admitted.chain.object, event="model_version.purged", detail=detail)
            return Outcome(result=None, happened=happened)

        operation = Operation.PURGE_MODEL_VERSION
        self._core.gate.change(self._caller, operation, subject, body, reason=reason, exclusive=True)


def _deleted(ref: VersionRef) -> Subject[VersionRow]:
    return Subject(kind="deleted model version", name=ref, resolve=lambda resolver: resolver.trashed_version(ref))
