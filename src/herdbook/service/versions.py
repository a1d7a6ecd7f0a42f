"""Model versions, read and commented, governed."""

from __future__ import annotations

from herdbook.entities import ModelVersion, Page
from herdbook.errors import PermissionDeniedError
from herdbook.names import fold
from herdbook.policy.limits import check_comment
from herdbook.ports.metadata import Stamp, VersionRow, WriteTransaction
from herdbook.ports.registry import AnyVersionLike, ModelLike, ModelVersions, VersionLike
from herdbook.service import subjects
from herdbook.service.copying import GovernedCopying
from herdbook.service.gate import Admitted, Outcome
from herdbook.service.ledger import Happened
from herdbook.service.part import check_expected
from herdbook.service.sight import ensure_shown, sees_all, status_only, with_known_parents
from herdbook.service.version_life import GovernedVersionLife
from herdbook.verdicts import Operation


class GovernedModelVersions(GovernedCopying, GovernedVersionLife, ModelVersions):
    """The verbs over model versions."""

    def get_model_version(self, ref: AnyVersionLike) -> ModelVersion:
        """Return a version."""
        core, caller = self._core, self._caller
        subject = subjects.version(subjects.any_version(ref))
        try:
            admitted = core.gate.admit(caller, Operation.GET_MODEL_VERSION, subject)
        except PermissionDeniedError:
            own = subject.resolve(core.store.point).row
            if own is None or own.author_id != caller.principal_id:
                raise
            return status_only(own.version)
        row = core.gate.present(admitted, subject)
        ensure_shown(core, caller, row, admitted.chain, subject.what)
        return with_known_parents(core, caller, row)

    def list_model_versions(
        self, name: ModelLike, *, max_results: int = 100, page_token: str | None = None
    ) -> Page[ModelVersion]:
        """List a model's versions."""
        core, caller = self._core, self._caller
        subject = subjects.model(subjects.model_name(name))

        def fetch(before: int | None, limit: int) -> tuple[ModelVersion, ...]:
            with core.store.read() as tx:
                chain = core.gate.admit(caller, Operation.LIST_MODEL_VERSIONS, subject, tx, tx).chain
                reader = None if sees_all(core, caller, chain, tx) else caller.principal_id
                found = tx.list_versions(chain.object.id, reader_id=reader, before=before, limit=limit)
                return tuple(with_known_parents(core, caller, row, tx, tx) for row in found)

        query = ("list_model_versions", fold(subject.what))
        return self._page(query, page_token, max_results, fetch, lambda version: version.version)

    def update_model_version(
        self,
        ref: VersionLike,
        *,
        comment: str | None,
        expected_row_version: int | None = None,
        reason: str | None = None,
    ) -> ModelVersion:
        """Replace a version's comment."""
        check_comment(comment)
        subject = subjects.version(subjects.version_ref(ref))

        def body(tx: WriteTransaction, admitted: Admitted[VersionRow], stamp: Stamp) -> Outcome[ModelVersion]:
            row = self._core.gate.present(admitted, subject)
            ensure_shown(self._core, self._caller, row, admitted.chain, subject.what, tx)
            check_expected(subject.what, expected_row_version, row.version.row_version)
            tx.set_version_comment(row.version.id, comment, stamp)
            detail = {"version": row.version.version, "comment": comment}
            happened = Happened(on=admitted.chain.object, event="model_version.updated", detail=detail)
            again = self._core.gate.reread(tx, subject)
            shown = with_known_parents(self._core, self._caller, again, tx, tx)
            return Outcome(result=shown, happened=happened)

        return self._core.gate.change(self._caller, Operation.UPDATE_MODEL_VERSION, subject, body, reason=reason)
