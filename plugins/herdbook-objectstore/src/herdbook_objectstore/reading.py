"""Reading blobs: by ranges, some of them ahead of the reader, and verified where all of a blob is asked for."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import chain, islice

import obstore
from attrs import field, frozen
from obstore.store import ObjectStore

from herdbook.errors import IntegrityError, InvalidArgumentError, NotFoundError
from herdbook.ports.artifacts import BLOCK
from herdbook_objectstore.refusals import NO_SUCH_RANGE, REFUSED, plainly, status_of


@frozen(kw_only=True)
class Reader:
    """Reads objects in blocks; each is a request of its own, so that each can be repeated and none takes long.

    Args:
        objects: Where they are.
        pool: Fetches what is ahead.
        ahead: How many blocks that is.
    """

    objects: ObjectStore = field(repr=False)
    pool: Executor
    ahead: int

    def whole(self, key: str, sha256: str) -> Iterator[bytes]:
        """Return an iterator over a blob that holds back the last block until the digest is right."""
        with plainly("read a file"):
            try:
                # One request is all that a small blob takes.
                answer = obstore.get(self.objects, key, options={"range": (0, BLOCK)})
                size, first = answer.meta["size"], answer.bytes().to_bytes()
            except FileNotFoundError:
                raise not_held(sha256) from None
            except REFUSED as error:
                if status_of(error) != NO_SUCH_RANGE:
                    raise
                # Nothing is a range of an empty object.
                size, first = 0, b""
        rest = self.blocks(key, BLOCK, size) if size > BLOCK else iter(())
        return _verified(chain((first,) if first else (), rest), sha256)

    def blocks(self, key: str, offset: int, end: int) -> Iterator[bytes]:
        """Yield a range in blocks."""
        starts = iter(range(offset, end, BLOCK))
        coming: deque[Future[bytes]] = deque()

        def ask(start: int) -> None:
            coming.append(self.pool.submit(self._fetch, key, start, min(start + BLOCK, end)))

        try:
            for start in islice(starts, self.ahead):
                ask(start)
            while coming:
                block = coming.popleft().result()
                for start in islice(starts, 1):
                    ask(start)
                yield block
        finally:
            for future in coming:
                future.cancel()

    def _fetch(self, key: str, start: int, end: int) -> bytes:
        with plainly("read a file"):
            try:
                block = obstore.get_range(self.objects, key, start=start, end=end).to_bytes()
            except FileNotFoundError:
                raise NotFoundError("The file was removed while it was read.", hint="Begin again.") from None
        if len(block) != end - start:
            raise IntegrityError("A stored file became shorter while it was read.", hint="Begin again.")
        return block


def check_range(offset: int, length: int | None, size: int) -> int:
    """Return where a range ends; raises InvalidArgumentError where it does not lie in a file of `size` bytes."""
    end = size if length is None else offset + length
    if offset < 0 or end < offset or end > size:
        raise InvalidArgumentError(f"The range {offset}-{end} does not lie in a file of {size:,} bytes.")
    return end


def not_held(sha256: str) -> NotFoundError:
    """Return what to raise for a blob that is not held."""
    return NotFoundError(f"The store holds no file with the SHA-256 {sha256}.")


def _verified(blocks: Iterable[bytes], sha256: str) -> Iterator[bytes]:
    digest, kept = hashlib.sha256(), None
    for block in blocks:
        digest.update(block)
        if kept is not None:
            yield kept
        kept = block
    if digest.hexdigest() != sha256:
        raise IntegrityError(
            f"The stored file {sha256} does not have its digest: the object store or somebody changed it.",
            hint="Restore that object from a backup.",
        )
    if kept is not None:
        yield kept
