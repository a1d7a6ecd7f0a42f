"""Large files on their way into the folder, part by part: taken in, hashed in order as far as that goes, published."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

from herdbook.adapters.files.hashing import Hashed, HashedSoFar
from herdbook.adapters.files.parted import Parted
from herdbook.adapters.files.passing import Drain, blocks
from herdbook.adapters.files.refusals import plainly
from herdbook.adapters.files.shelves import Shelves
from herdbook.adapters.files.staging import check
from herdbook.errors import ConflictError, IntegrityError, InvalidArgumentError, NotFoundError, UnavailableError
from herdbook.ports.artifacts import FileExpectation, Progress, StoredBlob
from herdbook.ports.parts import PartRun
from herdbook.ports.presigning import StagedSlot

_BLOCK = 1024 * 1024
_BEHIND = 8
"""How many parts that came out of order are hashed by whoever has sent one; the rest when the file is published."""


class Parts:
    """Takes in and publishes files in parts. Thread-safe, and safe beside other processes.

    Args:
        staging: The folder of what is on its way in.
        shelves: Where blobs stand.
        part_bytes: Bytes of a part.
    """

    def __init__(self, staging: Path, shelves: Shelves, part_bytes: int) -> None:
        self._staging = staging
        self._shelves = shelves
        self._part_bytes = part_bytes
        self._hashed = HashedSoFar()

    def stage(self, slot: StagedSlot, run: PartRun, source: BinaryIO, progress: Progress | None) -> None:
        """Take in parts that nobody holds."""
        parts = run.parts(self._part_bytes)
        with plainly("store a part"), self._begun(slot, run.size, parts) as staged:
            mark = staged.mark
            if set(parts) & set(staged.held()):
                raise ConflictError(
                    "A part is held already.", hint="Ask upload_plan which ones are, and send the rest."
                )
            # Who goes on where the hash stands hashes what passes; what comes ahead of its turn is hashed later.
            in_turn = self._hashed.position(mark) == run.offset
            with self._hashed.taken(mark) if in_turn else nullcontext() as hashed:
                inline = hashed if hashed is not None and hashed.position == run.offset else None
                _Filling(staged, run, parts, inline).fill(source, progress)
            with self._hashed.taken(mark) as hashed:
                if hashed is not None:
                    self._catch_up(staged, hashed)

    def staged(self, slot: StagedSlot, size: int) -> tuple[int, ...]:
        """Return which parts are held."""
        with plainly("look for parts"), self._opened(slot, size) as staged:
            return () if staged is None else staged.held()

    def staged_bytes(self, session: str) -> dict[int, int]:
        """Return how large the files of a session are, by slot."""
        found: dict[int, int] = {}
        with plainly("look for parts"), os.scandir(self._staging) as entries:
            for entry in entries:
                name, _, rest = entry.name.partition("-")
                number, _, size = rest.partition("-")
                if name == session and number.isdigit() and size.isdigit():
                    found[int(number)] = max(int(size), found.get(int(number), 0))
        return found

    def publish(self, slot: StagedSlot, expected: FileExpectation) -> StoredBlob:
        """Make a file whose parts are all held a blob."""
        if expected.size is None or expected.sha256 is None:
            raise InvalidArgumentError("Size and digest of a file that came in parts are given when it is published.")
        with plainly("store a file"), self._opened(slot, expected.size) as staged:
            if staged is None:
                raise NotFoundError("Nothing was sent to this place.", hint="Send the file first.")
            if not staged.lock(range(staged.count)):
                raise _busy()
            if not staged.is_there():
                raise NotFoundError("Nothing was sent to this place.", hint="Send the file first.")
            if lacking := sorted(set(range(staged.count)) - set(staged.held())):
                raise ConflictError(f"{len(lacking)} parts of this file are missing.", hint="Send them first.")
            blob = StoredBlob(size=staged.size, sha256=self._digest(staged))
            self._hashed.forget(staged.mark)
            try:
                check(blob, expected)
            except IntegrityError:
                # Which part is wrong is not known, and all of them are the file's own sender's.
                Path(staged.path).unlink()
                raise
            self._publish(staged, blob)
        return blob

    def _publish(self, staged: Parted, blob: StoredBlob) -> None:
        staged.cut_off_notes()
        os.fsync(staged.descriptor)
        self._shelves.sync([self._shelves.place(staged.path, blob.sha256)])

    def _digest(self, staged: Parted) -> str:
        mark = staged.mark
        with self._hashed.taken(mark) if mark else nullcontext() as hashed:
            state = Hashed() if hashed is None else hashed
            _read_on(staged, state, staged.size)
        return state.digest.hexdigest()

    def _catch_up(self, staged: Parted, hashed: Hashed) -> None:
        """Hash the parts that follow what is hashed, as far as they are held."""
        held = set(staged.held())
        for _ in range(_BEHIND):
            if hashed.position // self._part_bytes not in held or hashed.position >= staged.size:
                return
            _read_on(staged, hashed, min(hashed.position + self._part_bytes, staged.size))

    @contextmanager
    def _opened(self, slot: StagedSlot, size: int) -> Iterator[Parted | None]:
        staged = Parted.open(self._path(slot, size), size, self._part_bytes)
        if staged is None:
            yield None
        else:
            with staged:
                yield staged

    @contextmanager
    def _begun(self, slot: StagedSlot, size: int, parts: range) -> Iterator[Parted]:
        """Open the file of a slot, which is made where it is missing, for whoever writes these parts alone."""
        path = self._path(slot, size)
        while True:
            staged = Parted.open(path, size, self._part_bytes)
            if staged is None:
                Parted.create(self._staging, path, size, self._part_bytes)
                continue
            with staged:
                if not staged.lock(parts):
                    raise _busy()
                # It may have been published, or swept, before it was locked.
                if staged.is_there():
                    yield staged
                    return

    def _path(self, slot: StagedSlot, size: int) -> str:
        return f"{self._staging}/{slot.session}-{slot.number}-{size}"


class _Filling:
    """Parts on their way from a source to their place."""

    def __init__(self, staged: Parted, run: PartRun, parts: range, hashed: Hashed | None) -> None:
        self._staged = staged
        self._run = run
        self._parts = parts
        self._hashed = hashed
        self._running = None if hashed is None else hashed.copy()
        self._proof = None if run.sha256 is None else hashlib.sha256()
        self._position = run.offset
        # What has still to be hashed stays in memory until it is.
        self._drain = Drain(staged.descriptor, offset=run.offset, keeps=hashed is None)

    def fill(self, source: BinaryIO, progress: Progress | None) -> None:
        """Take in exactly these parts, and note those that are whole."""
        buffer = memoryview(bytearray(min(_BLOCK, self._run.length)))
        for part in self._parts:
            self._take(source, buffer, min((part + 1) * self._staged.part_bytes, self._run.end), progress)
            if self._proof is None:
                self._hold(range(part, part + 1))
        if source.read(1):
            raise _other_length(self._run, self._run.length + 1)
        if self._proof is not None:
            if self._proof.hexdigest() != self._run.sha256:
                raise IntegrityError(
                    f"A part was announced with the SHA-256 {self._run.sha256}, and has {self._proof.hexdigest()}.",
                    hint="Did the file change? Send it again.",
                )
            self._hold(self._parts)

    def _take(self, source: BinaryIO, buffer: memoryview, end: int, progress: Progress | None) -> None:
        while self._position < end:
            count = _read(source, buffer[: min(len(buffer), end - self._position)])
            if not count:
                raise _other_length(self._run, self._position - self._run.offset)
            block = buffer[:count]
            for digest in (self._running, self._proof):
                if digest is not None:
                    digest.update(block)
            _write_at(self._staged.descriptor, block, self._position)
            self._position += count
            self._drain.advance(self._position)
            if progress is not None:
                progress(count)

    def _hold(self, parts: range) -> None:
        self._staged.note(parts)
        if self._hashed is not None and self._running is not None:
            reached = self._running.copy()
            self._hashed.position, self._hashed.digest = reached.position, reached.digest


def _read_on(staged: Parted, hashed: Hashed, end: int) -> None:
    """Hash what stands in a file, up to a byte."""
    for block in blocks(staged.descriptor, hashed.position, end, passing=True):
        hashed.update(memoryview(block))
    if hashed.position != end:
        raise IntegrityError("A part is gone from its place.", hint="Send the file again.")


def _read(source: BinaryIO, buffer: memoryview) -> int:
    readinto = getattr(source, "readinto", None)
    if readinto is not None:
        return int(readinto(buffer))
    block = source.read(len(buffer))
    buffer[: len(block)] = block
    return len(block)


def _write_at(descriptor: int, block: memoryview, position: int) -> None:
    while block:
        count = os.pwrite(descriptor, block, position)
        block, position = block[count:], position + count


def _busy() -> UnavailableError:
    return UnavailableError("Somebody is sending a part of this file now.", hint="Send it again in a while.")


def _other_length(run: PartRun, came: int) -> IntegrityError:
    told = "more" if came > run.length else f"{came:,}"
    return IntegrityError(
        f"{run.length:,} bytes of a file were announced, and {told} came.", hint="Did it change? Send it again."
    )
