"""The verbs over the files of a version."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from herdbook.entities import FileEntry, LocatedFile, Page
from herdbook.ports.artifacts import Progress
from herdbook.ports.registry.base import AnyVersionLike, RegistryPart
from herdbook.ports.registry.uploads import OpenedFile
from herdbook.verdicts import Operation


class Artifacts(RegistryPart):
    """The files of versions: listed as metadata, read as bytes."""

    def list_model_version_files(
        self, ref: AnyVersionLike, *, max_results: int = 1000, page_token: str | None = None
    ) -> Page[FileEntry]:
        """List a version's files, by path.

        Args:
            ref: The version.
            max_results: How many a page holds, 1 to 1000.
            page_token: Where to go on, from the page before.

        Raises:
            NotFoundError: there is no such version that the caller may know of.
            PermissionDeniedError: the caller lacks READ_METADATA on the model.

        Example:
            >>> [file.path for file in registry.list_model_version_files("main.default.iris/1").items]
            ['MLmodel', 'model.bin']
        """
        raise self._unsupported(Operation.LIST_MODEL_VERSION_FILES)

    def read_model_version_file(
        self, ref: AnyVersionLike, path: str, *, offset: int = 0, length: int | None = None
    ) -> Iterator[bytes]:
        """Yield the bytes of a file of a READY version, verified.

        Args:
            ref: The version.
            path: The file's path.
            offset: The first byte wanted.
            length: How many bytes; None means to the end.

        Raises:
            NotFoundError: there is no such version that the caller may know of, or no such file.
            PermissionDeniedError: the caller lacks EXECUTE on the model.
            ConflictError: the version is not READY (R32).
            InvalidArgumentError: offset and length do not lie in the file.
            IntegrityError: the stored bytes do not have their digest.

        Example:
            >>> b"".join(registry.read_model_version_file("main.default.iris/1", "model.bin"))
            b'weights'
        """
        raise self._unsupported(Operation.READ_MODEL_VERSION_FILE)

    def open_model_version_files(self, ref: AnyVersionLike, paths: Sequence[str]) -> tuple[OpenedFile, ...]:
        """Return files of a READY version with what they are, ready to be read: `read_model_version_file` for many.

        Args:
            ref: The version.
            paths: The files' paths.

        Raises:
            NotFoundError: there is no such version that the caller may know of, or no such file.
            PermissionDeniedError: the caller lacks EXECUTE on the model.
            ConflictError: the version is not READY (R32).
        """
        raise self._unsupported(Operation.READ_MODEL_VERSION_FILE)

    def locate_model_version_file(self, ref: AnyVersionLike, path: str) -> LocatedFile:
        """Return what a file of a READY version is, and a URL that fetches it straight from where it is kept.

        The URL is for the caller, who verifies what comes. It works, for whoever has it, until it ends.

        Args:
            ref: The version.
            path: The file's path.

        Raises:
            NotFoundError: there is no such version that the caller may know of, or no such file.
            PermissionDeniedError: the caller lacks EXECUTE on the model.
            ConflictError: the version is not READY (R32).

        Example:
            >>> registry.locate_model_version_file("main.default.iris/1", "model.bin").url is None  # kept in a folder
            True
        """
        raise self._unsupported(Operation.READ_MODEL_VERSION_FILE)

    def copy_model_version_files(
        self, ref: AnyVersionLike, files: Sequence[FileEntry], folder: Path, *, progress: Progress | None = None
    ) -> None:
        """Write files of a READY version below a folder; a backend may fetch many at once.

        Args:
            ref: The version.
            files: The files, as `list_model_version_files` has them; none of them may be there yet.
            folder: Where; the folders between it and the files are made.
            progress: Called with the number of bytes that have just been written.

        Raises:
            NotFoundError: there is no such version that the caller may know of, or no such file.
            PermissionDeniedError: the caller lacks EXECUTE on the model.
            ConflictError: the version is not READY (R32).
            IntegrityError: what came does not have its digest.
        """
        for file in files:
            path = folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x+b") as target:
                self.copy_model_version_file(ref, file.path, target, progress=progress)

    def copy_model_version_file(
        self, ref: AnyVersionLike, path: str, target: BinaryIO, *, progress: Progress | None = None
    ) -> None:
        """Write a file of a READY version to an open, empty file; a backend may do it faster than block by block.

        Args:
            ref: The version.
            path: The file's path.
            target: Opened for binary writing.
            progress: Called with the number of bytes that have just been written.

        Raises:
            NotFoundError: there is no such version that the caller may know of, or no such file.
            PermissionDeniedError: the caller lacks EXECUTE on the model.
            ConflictError: the version is not READY (R32).
            IntegrityError: the stored bytes do not have their digest.
        """
        for block in self.read_model_version_file(ref, path):
            target.write(block)
            if progress is not None:
                progress(len(block))
