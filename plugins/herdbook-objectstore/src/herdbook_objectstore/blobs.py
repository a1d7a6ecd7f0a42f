"""The objects behind blobs: is one there, publish one, say that one was published again, list and remove them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

import obstore
from attrs import evolve, field, frozen
from obstore.exceptions import AlreadyExistsError, NotSupportedError, PreconditionError
from obstore.store import ObjectStore

from herdbook.errors import UnavailableError, UnsupportedError
from herdbook.ports.artifacts import BlobInfo
from herdbook_objectstore.keys import Keys, read_name
from herdbook_objectstore.refusals import plainly

if TYPE_CHECKING:
    # This exists for type checkers only.
    from obstore import ObjectMeta

SAVED_NOT_SHOWN = {"Content-Type": "application/octet-stream", "Content-Disposition": "attachment"}
"""A browser that follows a signed URL keeps a blob as a file, and runs nothing that is in it."""

_TAKEN = (AlreadyExistsError, PreconditionError)
_PAGE = 1000
_AT_ONCE = 8
_LARGEST_COPY = 5 * 1024**3  # What S3 copies in one request.


@frozen(kw_only=True)
class Blobs:
    """Blobs below one prefix.

    Args:
        objects: The bucket.
        keys: Where things are in it.
    """

    objects: ObjectStore = field(repr=False)
    keys: Keys

    def size(self, sha256: str) -> int | None:
        """Return a blob's size in bytes; None where it is not held."""
        return self.object_size(self.keys.blob(sha256), "look for a file")

    def object_size(self, key: str, doing: str) -> int | None:
        """Return the size of any object; None where there is none."""
        with plainly(doing):
            try:
                return int(obstore.head(self.objects, key)["size"])
            except FileNotFoundError:
                return None

    def put(self, sha256: str, content: bytes) -> None:
        """Publish a small blob in one step, unless it is held; then it is made fresh.

        Args:
            sha256: The digest of the content, just computed.
            content: All of it.
        """
        key = self.keys.blob(sha256)
        with plainly("store a file"):
            try:
                obstore.put(self.objects, key, content, mode="create", use_multipart=False, attributes=SAVED_NOT_SHOWN)
            except _TAKEN:
                if self.refresh(sha256, len(content)):
                    return
                # A sweep removed it between the two, or what stands there is damaged.
                obstore.put(self.objects, key, content, use_multipart=False, attributes=SAVED_NOT_SHOWN)

    def publish(self, staged: str, sha256: str, size: int) -> bool:
        """Make a private staged object a blob in one step, unless it is held; then it is made fresh.

        Returns:
            False: the store cannot copy an object of this kind or size.
        """
        key = self.keys.blob(sha256)
        if size > _LARGEST_COPY:
            return False
        with plainly("store a file"):
            try:
                obstore.copy(self.objects, staged, key, overwrite=False)
            except _TAKEN:
                if not self.refresh(sha256, size):
                    # A sweep removed it between the two, or what stands there is damaged.
                    obstore.copy(self.objects, staged, key, overwrite=True)
            except NotSupportedError:
                return False
        return True

    def refresh(self, sha256: str, size: int | None) -> bool:
        """Make a blob that is held look fresh, so that a sweep leaves it for whoever is about to refer to it.

        Returns:
            Whether it is held, with this size.
        """
        touched = self.keys.touched(sha256)
        with plainly("store a file"):
            obstore.put(self.objects, touched, b"", use_multipart=False)
            # In this order: a sweep that comes between the two removes both, and then we see that the blob is gone.
            held = self.size(sha256)
            if held is None:
                self._delete(touched)
        return held is not None and size in {None, held}

    def confirm(self, sha256: str, size: int) -> None:
        """Raise UnavailableError where a blob that was just published does not stand there whole."""
        if self.size(sha256) != size:
            raise UnavailableError("A file that was just stored is gone from the store.", hint="Send it again.")

    def remove(self, sha256: str) -> int:
        """Remove a blob and return the bytes freed; 0 where it was gone already."""
        size = self.size(sha256)
        if size is None:
            return 0
        with plainly("remove a file"):
            # In this order: what is left after a crash looks old, and the next sweep removes it.
            self._delete(self.keys.touched(sha256))
            self._delete(self.keys.blob(sha256))
        return size

    def remove_many(self, digests: Sequence[str]) -> None:
        """Remove blobs that may be gone already."""
        touched = [self.keys.touched(sha256) for sha256 in digests]
        with plainly("remove files"):
            # In this order, as one by one.
            self._delete_many(touched)
            self._delete_many([self.keys.blob(sha256) for sha256 in digests])

    def discard(self, key: str) -> None:
        """Remove what was staged."""
        with plainly("drop a file"):
            self._delete(key)

    def discard_many(self, keys: Sequence[str]) -> None:
        """Remove much that was staged."""
        with plainly("drop files"):
            self._delete_many(keys)

    def __iter__(self) -> Iterator[BlobInfo]:
        """Yield every blob, in order of digest; holds one page of the listing."""
        kept: BlobInfo | None = None
        for found in self.listed(self.keys.blobs):
            name = read_name(found["path"])
            if name is None:
                continue
            sha256, is_blob = name
            modified_ms = in_ms(found["last_modified"])
            if not is_blob:
                if kept is not None and kept.sha256 == sha256:
                    kept = evolve(kept, modified_ms=max(kept.modified_ms, modified_ms))
                continue
            if kept is not None:
                if kept.sha256 >= sha256:
                    raise UnsupportedError(
                        "This object store does not list in order, so its blobs cannot be swept.",
                        hint="Use a bucket of the usual kind, not a directory bucket.",
                    )
                yield kept
            kept = BlobInfo(sha256=sha256, size=found["size"], modified_ms=modified_ms)
        if kept is not None:
            yield kept

    def remove_staging(self, *, before_ms: int, dry_run: bool) -> int:
        """Remove what was staged before a time; returns how many."""
        count = 0
        old = (found["path"] for found in self.listed(self.keys.staging) if in_ms(found["last_modified"]) < before_ms)
        while batch := list(islice(old, _PAGE)):
            count += len(batch)
            if not dry_run:
                with plainly("drop files"):
                    self._delete_many(batch)
        return count

    def listed(self, prefix: str) -> Iterator[ObjectMeta]:
        """Yield what stands below a prefix, page by page."""
        pages = obstore.list(self.objects, prefix, chunk_size=_PAGE)
        while True:
            with plainly("list its files"):
                page = next(pages, None)
            if page is None:
                return
            yield from page

    def _delete(self, key: str) -> None:
        # Some stores say that it was gone already, some do not.
        with suppress(FileNotFoundError):
            obstore.delete(self.objects, key)

    def _delete_many(self, keys: Sequence[str]) -> None:
        if not keys:
            return
        try:
            # One request a thousand keys on S3.
            obstore.delete(self.objects, keys)
        except FileNotFoundError:
            # Google's and Azure's stores say so where one was gone already, and may have left the others.
            with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
                list(pool.map(self._delete, keys))


def in_ms(moment: datetime) -> int:
    """Return a moment as milliseconds since 1970 (UTC)."""
    return int(moment.timestamp() * 1000)
