"""The files of versions, governed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import BinaryIO

from herdbook.entities import FileEntry, LocatedFile, Page, VersionStatus
from herdbook.errors import ConflictError, InvalidArgumentError, NotFoundError
from herdbook.names import fold
from herdbook.policy.limits import check_range
from herdbook.ports.artifacts import Progress, SupportsCopyTo, SupportsSend
from herdbook.ports.metadata import ReadTransaction
from herdbook.ports.registry import AnyVersionLike, Artifacts, OpenedFile
from herdbook.service import subjects
from herdbook.service.part import GovernedPart
from herdbook.service.sight import ensure_shown
from herdbook.verdicts import Operation


class GovernedArtifacts(GovernedPart, Artifacts):
    """The verbs over files."""

    def list_model_version_files(
        self, ref: AnyVersionLike, *, max_results: int = 1000, page_token: str | None = None
    ) -> Page[FileEntry]:
        """List a version's files."""
        core, caller = self._core, self._caller
        subject = subjects.version(subjects.any_version(ref))

        def fetch(after: str | None, limit: int) -> tuple[FileEntry, ...]:
            with core.store.read() as tx:
                admitted = core.gate.admit(caller, Operation.LIST_MODEL_VERSION_FILES, subject, tx, tx)
                row = core.gate.present(admitted, subject)
                ensure_shown(core, caller, row, admitted.chain, subject.what, tx)
                if row.manifest_id is None:
                    return ()
                return tx.list_files(row.manifest_id, after=after or "", limit=limit)

        query = ("list_model_version_files", fold(subject.what))
        return self._page(query, page_token, max_results, fetch, lambda entry: entry.path)

    def read_model_version_file(
        self, ref: AnyVersionLike, path: str, *, offset: int = 0, length: int | None = None
    ) -> Iterator[bytes]:
        """Return an iterator over the bytes of a file; it is authorized now, not when it is first read."""
        check_range(offset, length)
        (entry,) = self._entries(ref, [path])
        return self._core.artifacts.read(entry.sha256, offset=offset, length=length)

    def open_model_version_files(self, ref: AnyVersionLike, paths: Sequence[str]) -> tuple[OpenedFile, ...]:
        """Return files with what they are, ready to be read."""
        store = self._core.artifacts

        def opened(entry: FileEntry) -> OpenedFile:
            sender = partial(store.sender, entry.sha256) if isinstance(store, SupportsSend) else None
            return OpenedFile(entry=entry, read=partial(store.read, entry.sha256), sender=sender)

        return tuple(opened(entry) for entry in self._entries(ref, paths))

    def locate_model_version_file(self, ref: AnyVersionLike, path: str) -> LocatedFile:
        """Return what a file is, and how it is fetched."""
        (entry,) = self._entries(ref, [path])
        return LocatedFile(entry=entry, url=self._core.direct.to_fetch(entry))

    def copy_model_version_file(
        self, ref: AnyVersionLike, path: str, target: BinaryIO, *, progress: Progress | None = None
    ) -> None:
        """Write a file to an open, empty file."""
        store = self._core.artifacts
        if isinstance(store, SupportsCopyTo):
            (entry,) = self._entries(ref, [path])
            store.copy_to(entry.sha256, target, progress=progress)
        else:
            super().copy_model_version_file(ref, path, target, progress=progress)

    def _entries(self, ref: AnyVersionLike, paths: Sequence[str]) -> tuple[FileEntry, ...]:
        core, caller = self._core, self._caller
        subject = subjects.version(subjects.any_version(ref))
        for path in paths:
            if not isinstance(path, str) or not path.isprintable():
                raise InvalidArgumentError(f"{path!r} is not the path of a model file.", hint="List its files first.")
        with core.store.read() as tx:
            admitted = core.gate.admit(caller, Operation.READ_MODEL_VERSION_FILE, subject, tx, tx)
            row = core.gate.present(admitted, subject)
            ensure_shown(core, caller, row, admitted.chain, subject.what, tx)
            if row.version.status is not VersionStatus.READY or row.manifest_id is None:
                raise ConflictError(
                    f"The {subject.what} is {row.version.status}; bytes are readable only when it is READY."
                )
            return tuple(self._entry(tx, row.manifest_id, path, subject.what) for path in paths)

    @staticmethod
    def _entry(tx: ReadTransaction, manifest_id: str, path: str, what: str) -> FileEntry:
        entry = tx.file(manifest_id, path)
        if entry is None:
            raise NotFoundError(f"The {what} has no file {path!r}.", hint="List its files first.")
        return entry
