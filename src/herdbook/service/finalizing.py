"""Finalizing one version: lease it, judge it outside any transaction, write the verdict under the same lease."""

from __future__ import annotations

import hashlib

from attrs import frozen

from herdbook.entities import Caller, Chain, EffectiveRule, Manifest, ModelDescription, ModelVersion, VersionStatus
from herdbook.errors import (
    ConcurrentUpdateError,
    ConflictError,
    InvalidArgumentError,
    PermissionDeniedError,
    RegistryError,
)
from herdbook.names import VersionRef
from herdbook.ports.metadata import Lease, Stamp, VersionRow, WriteTransaction
from herdbook.service import subjects
from herdbook.service.admission import Applicant, violation
from herdbook.service.core import Core
from herdbook.service.gate import Admitted, Outcome, missing
from herdbook.service.holdings import Holdings
from herdbook.service.ledger import Happened
from herdbook.service.parents import check_sources
from herdbook.service.sight import as_shown, ensure_shown, with_known_parents
from herdbook.verdicts import Operation, Rejection
from herdbook.wire import to_json

_OPERATION = Operation.FINALIZE_MODEL_VERSION
_SHOWN_MISSING = 5
_FILES_AT_ONCE = 1000


@frozen(kw_only=True)
class _Leased:
    version: ModelVersion
    lease: Lease
    chain: Chain
    rules: tuple[EffectiveRule, ...]


@frozen(kw_only=True)
class _Judged:
    model: ModelDescription
    rejections: tuple[Rejection, ...]


class Finalizing:
    """One finalize of one version by one caller."""

    def __init__(self, core: Core, caller: Caller, ref: VersionRef, manifest: Manifest) -> None:
        self._core = core
        self._caller = caller
        self._subject = subjects.version(ref)
        self._manifest = manifest
        self._sha256 = manifest_sha256(manifest)

    def run(self) -> ModelVersion:
        """Finalize; raises as `ModelVersions.finalize_model_version` says."""
        begun = self._core.gate.change(self._caller, _OPERATION, self._subject, self._begin)
        if isinstance(begun, ModelVersion):
            return begun

        def end(tx: WriteTransaction, admitted: Admitted[VersionRow], stamp: Stamp) -> Outcome[ModelVersion]:
            return self._end(tx, admitted, stamp, begun, judged)

        try:
            judged = self._judge(begun)
            version = self._core.gate.change(self._caller, _OPERATION, self._subject, end)
        except RegistryError:
            with self._core.store.write() as tx:
                tx.release_lease(begun.version.id, begun.lease)
            raise
        if version.status is VersionStatus.FAILED_REGISTRATION:
            raise violation(str(version.ref), version.rejections)
        return version

    def _begin(
        self, tx: WriteTransaction, admitted: Admitted[VersionRow], stamp: Stamp
    ) -> Outcome[_Leased | ModelVersion]:
        row = check_author(self._core, self._caller, admitted, self._subject.what)
        version = row.version
        if version.status is not VersionStatus.PENDING_REGISTRATION:
            if version.manifest_sha256 == self._sha256 and version.status is not VersionStatus.FAILED_REGISTRATION:
                return Outcome(result=as_shown(self._core, self._caller, row, admitted.chain, tx))
            raise ConflictError(
                f"The {self._subject.what} is {version.status} already.", hint="Register a new version instead."
            )
        # Uploads side by side may each have found room: what counts is the whole.
        self._core.limits.check(self._manifest.files)
        self._check_complete(tx, version, admitted.chain)
        rules = self._core.admission.rules_for(admitted.chain, tx)
        manifest_id = tx.insert_manifest(self._manifest, self._sha256, new_id=self._core.ids.new())
        until = stamp.at_ms + int(self._core.admission.lease_s(rules) * 1000)
        lease = tx.take_lease(version.id, manifest_id, now_ms=stamp.at_ms, until_ms=until)
        return Outcome(result=_Leased(version=version, lease=lease, chain=admitted.chain, rules=rules))

    def _check_complete(self, tx: WriteTransaction, version: ModelVersion, model: Chain) -> None:
        sent = {(entry.sha256, entry.size) for entry in tx.uploads(version.id)}
        rest = [entry for entry in self._manifest.files if (entry.sha256, entry.size) not in sent]
        lacking = Holdings(self._core.gate, self._caller, tx, model).missing(rest)
        if lacking:
            names = ", ".join(entry.path for entry in lacking[:_SHOWN_MISSING])
            more = f" and {len(lacking) - _SHOWN_MISSING} more" if len(lacking) > _SHOWN_MISSING else ""
            raise InvalidArgumentError(
                f"The {self._subject.what} lacks {len(lacking)} file(s) of its manifest: {names}{more}.",
                hint="Send them with upload_model_version_files, then finalize again.",
                paths=[entry.path for entry in lacking],
            )

    def _judge(self, leased: _Leased) -> _Judged:
        admission = self._core.admission
        model = admission.describe(self._manifest, self._sha256)
        applicant = Applicant(version=leased.version, manifest=self._manifest, model=model)
        return _Judged(model=model, rejections=admission.judge_checks(leased.rules, applicant))

    def _end(
        self,
        tx: WriteTransaction,
        admitted: Admitted[VersionRow],
        stamp: Stamp,
        leased: _Leased,
        judged: _Judged,
    ) -> Outcome[ModelVersion]:
        row = check_author(self._core, self._caller, admitted, self._subject.what)
        if self._core.admission.rules_for(admitted.chain, tx) != leased.rules:
            raise ConcurrentUpdateError(
                f"The rules for {self._subject.what} changed while it was judged.", hint="Finalize it again."
            )
        check_sources(self._core.gate, self._caller, tx, row, _OPERATION)
        if row.version.status is VersionStatus.PENDING_REGISTRATION:
            # What was not sent because of EXECUTE elsewhere must still be the caller's to execute (R26).
            self._check_complete(tx, row.version, admitted.chain)
        # Tags can have changed while checks ran, so the rules are asked here, about the tags of now.
        applicant = Applicant(
            version=with_known_parents(self._core, self._caller, row, tx, tx),
            manifest=self._manifest,
            model=judged.model,
            model_tags=self._core.gate.reread(tx, subjects.model(row.version.name)).tags,
        )
        rejections = self._core.admission.judge_rules(leased.rules, applicant) + judged.rejections
        ready = not rejections
        status = VersionStatus.READY if ready else VersionStatus.FAILED_REGISTRATION
        reason = None if ready else "; ".join(f"{r.rule}: {r.message}" for r in rejections)
        tx.finish_version(
            row.version.id,
            leased.lease,
            status=status,
            reason=reason,
            description=judged.model,
            rejections=rejections,
            stamp=stamp,
        )
        tx.drop_uploads(row.version.id)
        detail = {
            "version": row.version.version,
            "version_id": row.version.id,
            "status": status.value,
            "manifest_sha256": self._sha256,
            "rejected_by": [r.rule for r in rejections],
        }
        event = "model_version.created" if ready else "model_version.refused"
        again = self._core.gate.reread(tx, self._subject)
        result = with_known_parents(self._core, self._caller, again, tx, tx)
        return Outcome(result=result, happened=Happened(on=admitted.chain.object, event=event, detail=detail))


def manifest_sha256(manifest: Manifest) -> str:
    """Return the SHA-256 of a manifest's canonical JSON; raises InvalidArgumentError for what is none."""
    if not isinstance(manifest, Manifest):
        raise InvalidArgumentError(f"{type(manifest).__name__} is not a Manifest.", hint="Use Manifest.of(files).")
    # Piece by piece: the JSON of 100,000 files in one would keep every other thread of this process waiting for 0.1 s.
    found = hashlib.sha256(b'{"files":[')
    for first in range(0, len(manifest.files), _FILES_AT_ONCE):
        some = to_json(manifest.files[first : first + _FILES_AT_ONCE])
        found.update((b"," if first else b"") + some[1:-1])
    found.update(b"]}")
    return found.hexdigest()


def check_author(core: Core, caller: Caller, admitted: Admitted[VersionRow], what: str) -> VersionRow:
    """Return a version that the caller began (R27); raises NotFoundError or PermissionDeniedError otherwise."""
    row = admitted.row
    if row is None:
        raise missing(what)
    if row.author_id == caller.principal_id:
        return row
    ensure_shown(core, caller, row, admitted.chain, what)
    raise PermissionDeniedError(
        f"The {what} was begun by {row.version.author}; only they can send its files and finalize it.",
        hint="Register a new version instead.",
    )
