"""Downloading a version's files: verified, in parallel, and all of them or none."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter
from pathlib import Path

from herdbook.client.notebook import use
from herdbook.entities import FileEntry, ModelVersion
from herdbook.entities.batches import in_batches
from herdbook.errors import InvalidArgumentError, UnsupportedError
from herdbook.names import AliasRef, LatestRef, LoggedModelRef, ModelUri, VersionRef
from herdbook.ports.artifacts import Progress
from herdbook.ports.registry import Registry

WORKERS = 4
BATCH_FILES = 128
BATCH_BYTES = 16 * 1024 * 1024
_SIZE = attrgetter("size")


def resolve(registry: Registry, uri: str | ModelUri | VersionRef | AliasRef | LatestRef) -> ModelVersion:
    """Return the version that a `models:/` URI points to.

    Raises:
        InvalidArgumentError: it is no models URI.
        NotFoundError: there is none that the caller may know of.
        UnsupportedError: it names a logged model.
    """
    if isinstance(uri, VersionRef | AliasRef | LatestRef):
        uri = ModelUri(ref=uri)
    if not isinstance(uri, str | ModelUri):
        raise InvalidArgumentError(f"{uri!r} is not a models URI.", hint="Write models:/CATALOG.SCHEMA.MODEL/VERSION.")
    parsed = ModelUri.parse(uri) if isinstance(uri, str) else uri
    ref = parsed.ref
    if isinstance(ref, LoggedModelRef):
        raise UnsupportedError(
            f"{ref} is a logged model, which the registry cannot look up.", hint="Name the registered version."
        )
    if isinstance(ref, AliasRef):
        return registry.get_model_version_by_alias(ref, as_of=parsed.as_of)
    return registry.get_model_version(ref)


def download_artifacts(
    uri: str | ModelUri | VersionRef | AliasRef | LatestRef,
    dst: str | os.PathLike[str] | None = None,
    *,
    registry: Registry | None = None,
    progress: Progress | None = None,
) -> Path:
    """Download all files of a version.

    Args:
        uri: `models:/CATALOG.SCHEMA.MODEL/VERSION`, `...@ALIAS`, `.../latest`.
        dst: A folder that does not exist yet, or is empty; None makes a temporary one, which the caller removes.
        registry: From where; None uses the default one (see `connect`).
        progress: Called with the number of bytes that have just been written.

    Returns:
        The folder with the files.

    Raises:
        InvalidArgumentError: the URI is none, or dst holds something.
        NotFoundError: there is no such version that the caller may know of.
        PermissionDeniedError: the caller lacks EXECUTE on the model.
        IntegrityError: stored bytes do not have their digest; nothing is left in dst.
    """
    target = Path(tempfile.mkdtemp(prefix="herdbook-")) if dst is None else Path(dst).expanduser().absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InvalidArgumentError(f"{target} exists and is not an empty folder.", hint="Name another folder.")
    with use(registry) as opened:
        version = resolve(opened, uri)
        # A folder that is there stays: it may be a link, a mount, or where this process is.
        beside = target if target.exists() else target.parent
        partial = beside / f".{target.name}.partial-{secrets.token_hex(6)}"
        try:
            partial.mkdir(parents=True)
            _fetch(opened, version, partial, progress)
            if beside is target:
                for entry in list(partial.iterdir()):
                    entry.rename(target / entry.name)
                partial.rmdir()
            else:
                partial.rename(target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            if dst is None:
                shutil.rmtree(target, ignore_errors=True)
            raise
    return target


def _fetch(registry: Registry, version: ModelVersion, folder: Path, progress: Progress | None) -> None:
    def some(files: list[FileEntry]) -> None:
        registry.copy_model_version_files(version.ref, files, folder, progress=progress)

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        files = list_files(registry, version.ref)
        # Each group costs a question to the registry.
        for _ in pool.map(some, in_batches(files, _SIZE, most=BATCH_FILES, most_bytes=BATCH_BYTES)):
            pass


def list_files(registry: Registry, ref: VersionRef) -> Iterator[FileEntry]:
    """Yield every file of a version, by path."""
    token = None
    while True:
        page = registry.list_model_version_files(ref, page_token=token)
        yield from page.items
        token = page.next_page_token
        if token is None:
            return
