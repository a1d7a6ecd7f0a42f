"""Files on their way into a pending version, governed: what is wanted of them, sent here or straight to the store."""

from __future__ import annotations

from collections.abc import Sequence

from herdbook.entities import FileEntry, FileStat, SlotNeed, StagedParts, UploadPlan, UploadSlot, VersionStatus
from herdbook.errors import ConflictError, IntegrityError, InvalidArgumentError
from herdbook.ports.artifacts import FileExpectation, Progress
from herdbook.ports.metadata import ReadTransaction, Stamp, VersionRow, WriteTransaction
from herdbook.ports.parts import PartRun
from herdbook.ports.registry import FileUpload, ModelLike, VersionLike
from herdbook.service import subjects
from herdbook.service.finalizing import check_author
from herdbook.service.gate import Admitted, Outcome, Subject
from herdbook.service.holdings import Holdings
from herdbook.service.ledger import Happened
from herdbook.service.part import GovernedPart
from herdbook.verdicts import Operation

_OPERATION = Operation.UPLOAD_MODEL_VERSION_FILES


class GovernedUploads(GovernedPart):
    """The verbs that bring files in."""

    def upload_plan(
        self, name: ModelLike, files: Sequence[FileStat], *, version: int | None = None, direct: bool = False
    ) -> UploadPlan:
        """Say what is wanted of files that the caller means to register."""
        if not isinstance(files, Sequence) or not all(isinstance(file, FileStat) for file in files):
            raise InvalidArgumentError("files is a list of FileStat.", hint="Write [FileStat(path='MLmodel', size=9)].")
        if direct and version is None:
            raise InvalidArgumentError("Files are sent for a version, and none is named.", hint="Give version.")
        model = subjects.model_name(name)
        with self._core.store.read() as tx:
            admitted = self._core.gate.admit(self._caller, Operation.UPLOAD_PLAN, subjects.model(model), tx, tx)
            self._core.limits.check(files)
            pending = None if version is None else self._pending(tx, subjects.version(model.version(version)))
            sent = () if pending is None else tx.uploads(pending.version.id)
            holdings = Holdings(self._core.gate, self._caller, tx, admitted.chain)
            known = [FileEntry(path=f.path, size=f.size, sha256=f.sha256) for f in files if f.sha256 is not None]
            lacking = {entry.sha256 for entry in holdings.missing(known)} - {entry.sha256 for entry in sent}
            sizes = holdings.sizes(f.size for f in files if f.sha256 is None) | {entry.size for entry in sent}

        def slot(file: FileStat) -> UploadSlot:
            if file.sha256 is not None:
                need = SlotNeed.BYTES if file.sha256 in lacking else SlotNeed.HELD
            else:
                need = SlotNeed.DIGEST if file.size in sizes else SlotNeed.BYTES
            if not direct or pending is None or need is SlotNeed.HELD:
                return UploadSlot(file=file, need=need)
            ways, version_id = self._core.direct, pending.version.id
            via = ways.to_send(self._caller, version_id, file)
            parts = None if via is not None else ways.staged(self._caller, version_id, file)
            return UploadSlot(file=file, need=need, via=via, parts=parts)

        # Signing may have to ask somebody for credentials, which no transaction waits for.
        return UploadPlan(slots=tuple(map(slot, files)))

    def upload_model_version_files(
        self, ref: VersionLike, files: Sequence[FileUpload], *, progress: Progress | None = None
    ) -> tuple[FileEntry, ...]:
        """Take in files of a pending version."""
        subject = subjects.version(subjects.version_ref(ref))
        admitted = self._core.gate.admit(self._caller, _OPERATION, subject)
        if len({upload.file.path for upload in files}) < len(files):
            raise InvalidArgumentError("A path is given twice.", hint="Send each file once.")
        self._check_room(self._check_pending(admitted, subject.what), [upload.file for upload in files])
        sources = [
            (upload.source, FileExpectation(size=upload.file.size, sha256=upload.file.sha256)) for upload in files
        ]
        stored = self._core.artifacts.put_many(sources, progress=progress)
        entries = tuple(
            FileEntry(path=upload.file.path, size=blob.size, sha256=blob.sha256)
            for upload, blob in zip(files, stored, strict=True)
        )
        return self._keep(subject, entries)

    def stage_model_version_file(
        self,
        ref: VersionLike,
        upload: FileUpload,
        *,
        offset: int,
        length: int,
        sha256: str | None = None,
        progress: Progress | None = None,
    ) -> StagedParts:
        """Keep parts of a file of a pending version."""
        run = PartRun(size=upload.file.size, offset=offset, length=length, sha256=sha256)
        subject = subjects.version(subjects.version_ref(ref))
        row = self._check_pending(self._core.gate.admit(self._caller, _OPERATION, subject), subject.what)
        self._check_room(row, [upload.file], staging=True)
        return self._core.direct.stage(self._caller, row.version.id, upload.file, run, upload.source, progress)

    def take_in_model_version_file(self, ref: VersionLike, file: FileStat) -> FileEntry:
        """Take in a file of a pending version from where the caller has put it."""
        if not isinstance(file, FileStat):
            raise InvalidArgumentError(
                f"{file!r} is no FileStat.", hint="Write FileStat(path=..., size=..., sha256=...)."
            )
        subject = subjects.version(subjects.version_ref(ref))
        row = self._check_pending(self._core.gate.admit(self._caller, _OPERATION, subject), subject.what)
        self._check_room(row, [file])
        try:
            blob = self._core.direct.take_in(self._caller, row.version.id, file)
        except ConflictError:
            # Asked again because its answer was lost, it finds the place empty, and the file taken in.
            done = FileEntry(path=file.path, size=file.size, sha256=file.sha256 or "")
            with self._core.store.read() as tx:
                if done in tx.uploads(row.version.id):
                    return done
            raise
        (entry,) = self._keep(subject, (FileEntry(path=file.path, size=blob.size, sha256=blob.sha256),))
        return entry

    def _keep(self, subject: Subject[VersionRow], entries: tuple[FileEntry, ...]) -> tuple[FileEntry, ...]:
        """Write down which files a pending version has, once they are stored."""

        def body(tx: WriteTransaction, again: Admitted[VersionRow], stamp: Stamp) -> Outcome[tuple[FileEntry, ...]]:
            row = self._check_pending(again, subject.what)
            # The sweep is exclusive, so what is there now stays while this row refers to it.
            if any(self._core.artifacts.size(entry.sha256) is None for entry in entries):
                raise IntegrityError("A file that was just sent is gone from the store.", hint="Send it again.")
            tx.add_uploads(row.version.id, entries, stamp)
            detail = {
                "version": row.version.version,
                "files": len(entries),
                "bytes": sum(entry.size for entry in entries),
            }
            return Outcome(result=entries, happened=Happened(on=again.chain.object, detail=detail))

        return self._core.gate.change(self._caller, _OPERATION, subject, body)

    def _pending(self, tx: ReadTransaction, subject: Subject[VersionRow]) -> VersionRow:
        admitted = self._core.gate.admit(self._caller, Operation.UPLOAD_PLAN, subject, tx, tx)
        return self._check_pending(admitted, subject.what)

    def _check_room(self, row: VersionRow, files: Sequence[FileStat], *, staging: bool = False) -> None:
        """Refuse files for which the version has no room, before any of their bytes is read.

        Args:
            row: The version.
            files: The files.
            staging: Whether parts of one file are kept, which may not come on top of all those that are kept already.
        """
        self._core.limits.check(files)
        if self._core.limits.max_version_bytes is not None:
            with self._core.store.read() as tx:
                sent = tx.uploads(row.version.id)
            ways, beside = self._core.direct, 0
            if staging:
                beside = ways.staged_bytes(self._caller, row.version.id, without=files[0].path)
            # What is sent again takes the place of what was there.
            self._core.limits.check([*sent, *files], beside=beside)

    def _check_pending(self, admitted: Admitted[VersionRow], what: str) -> VersionRow:
        row = check_author(self._core, self._caller, admitted, what)
        if row.version.status is not VersionStatus.PENDING_REGISTRATION:
            raise ConflictError(f"The {what} is {row.version.status}: its files can no longer change.")
        return row
