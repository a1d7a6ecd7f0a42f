"""What a store that takes files in parts keeps: what is held stays held, and nothing is published unproved."""

from __future__ import annotations

import io
from threading import Event, Thread
from typing import TypeGuard

import pytest

from herdbook.errors import (
    ConflictError,
    IntegrityError,
    InvalidArgumentError,
    NotFoundError,
    RegistryError,
    UnavailableError,
)
from herdbook.ports.artifacts import ArtifactStore, FileExpectation, StoredBlob
from herdbook.ports.parts import PartRun, SupportsParts
from herdbook.ports.presigning import StagedSlot
from herdbook.testing.artifact_samples import END_OF_TIME_MS, assert_holds, digest, put, whole
from herdbook.testing.presign_contract import slot

COUNT = 4
"""Parts of the file that is sent; the last one is shorter."""


class PartedStore(ArtifactStore, SupportsParts):
    """For annotations: an artifact store that takes parts."""


class BreaksOff(io.BytesIO):
    """A source that breaks off, as a connection does, in place of its end."""

    def readinto(self, buffer: object) -> int:
        """Fill a buffer."""
        count = super().readinto(buffer)  # type: ignore[arg-type]  # whatever it is handed
        if not count:
            raise UnavailableError("The client went away.")
        return count


class Waits(io.BytesIO):
    """A source whose last byte comes only once it is allowed to."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.begun = Event()
        self.go_on = Event()

    def readinto(self, buffer: object) -> int:
        """Fill a buffer."""
        self.begun.set()
        assert self.go_on.wait(60)
        return super().readinto(buffer)  # type: ignore[arg-type]  # whatever it is handed


class PartsContract:
    """For stores that take parts, beside `ArtifactStoreContract`, whose fixture `store` it takes."""

    @pytest.fixture
    def parted(self, store: ArtifactStore) -> PartedStore:
        """The store, which takes parts."""
        assert _takes_parts(store), "the store has not the methods of SupportsParts, or cannot do it here"
        return store

    @pytest.fixture
    def content(self, parted: PartedStore) -> bytes:
        """A file of several parts, no two of which are the same."""
        pieces = (bytes([number]) * parted.part_bytes for number in range(1, COUNT))
        return b"".join([*pieces, b"the end"])

    @pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 0, 3, 2), (2, 3, 1, 0)], ids=str)
    @pytest.mark.parametrize("proved", [True, False], ids=["proved", "unproved"])
    def test_parts_come_in_any_order(
        self, parted: PartedStore, content: bytes, order: tuple[int, ...], *, proved: bool
    ) -> None:
        """Once all parts are held, in whatever order they came, the file is published, and its slot is empty."""
        place = slot()
        for count, number in enumerate(order, start=1):
            send(parted, place, content, number, proved=proved)
            assert parted.staged(place, len(content)) == tuple(sorted(order[:count]))
        assert list(parted.blobs()) == []
        assert publish(parted, place, content) == StoredBlob(sha256=digest(content), size=len(content))
        assert whole(parted, digest(content)) == content
        assert parted.staged(place, len(content)) == ()
        assert_holds(parted, content)
        with pytest.raises(NotFoundError):
            publish(parted, place, content)

    def test_several_parts_come_at_once(self, parted: PartedStore, content: bytes) -> None:
        """One run carries as many parts as it likes; progress tells of every byte once."""
        place, told = slot(), list[int]()
        run = run_of(parted, content, 0, COUNT)
        parted.stage(place, run, io.BytesIO(content), progress=told.append)
        assert sum(told) == len(content)
        assert publish(parted, place, content).sha256 == digest(content)

    @pytest.mark.parametrize("proved", [True, False], ids=["proved", "unproved"])
    def test_what_breaks_off(self, parted: PartedStore, content: bytes, *, proved: bool) -> None:
        """Parts that were whole when the source broke off are held, unless they were to be proved together."""
        place, come = slot(), 2 * parted.part_bytes + parted.part_bytes // 2
        with pytest.raises(UnavailableError):
            parted.stage(place, run_of(parted, content, 0, COUNT, proved=proved), BreaksOff(content[:come]))
        held = () if proved else (0, 1)
        assert parted.staged(place, len(content)) == held
        with pytest.raises(ConflictError):
            publish(parted, place, content)
        first = len(held)
        parted.stage(place, run_of(parted, content, first, COUNT), rest_of(parted, content, first))
        assert publish(parted, place, content).sha256 == digest(content)
        assert_holds(parted, content)

    def test_what_is_held_is_not_replaced(self, parted: PartedStore, content: bytes) -> None:
        """A part that is held is sent no second time, whatever comes: what has been proved of it stays true."""
        place = slot()
        send(parted, place, content, 1)
        with pytest.raises(ConflictError, match="held"):
            send(parted, place, b"?" * len(content), 1)
        with pytest.raises(ConflictError, match="held"):
            parted.stage(place, run_of(parted, content, 0, COUNT), io.BytesIO(content))
        for number in (0, 2, 3):
            send(parted, place, content, number)
        assert publish(parted, place, content).sha256 == digest(content)

    def test_a_part_with_another_digest(self, parted: PartedStore, content: bytes) -> None:
        """Of a run that has not the digest that was announced, nothing is held."""
        place = slot()
        run = run_of(parted, content, 0, 1, proved=True)
        with pytest.raises(IntegrityError):
            parted.stage(place, run, io.BytesIO(b"?" * run.length))
        assert parted.staged(place, len(content)) == ()
        send(parted, place, content, 0, proved=True)
        assert parted.staged(place, len(content)) == (0,)

    @pytest.mark.parametrize("change", [-1, 1], ids=["shorter", "longer"])
    def test_a_run_of_another_length(self, parted: PartedStore, content: bytes, change: int) -> None:
        """A source with more or fewer bytes than its run is refused."""
        place, run = slot(), run_of(parted, content, 0, 1)
        with pytest.raises(IntegrityError):
            parted.stage(place, run, io.BytesIO(content[: run.length + change]))

    def test_a_file_with_another_digest(self, parted: PartedStore, content: bytes) -> None:
        """What does not have the digest that its sender announces is dropped, and can be sent anew."""
        place, other = slot(), b"?" + content[1:]
        parted.stage(place, run_of(parted, content, 0, COUNT), io.BytesIO(other))
        with pytest.raises(IntegrityError):
            publish(parted, place, content)
        assert parted.staged(place, len(content)) == ()
        assert_holds(parted)
        parted.stage(place, run_of(parted, content, 0, COUNT), io.BytesIO(content))
        assert publish(parted, place, content).sha256 == digest(content)

    def test_what_is_held_already_is_proved_all_the_same(self, parted: PartedStore, content: bytes) -> None:
        """A file that the store has is published again, once its parts came (R26), and leaves nothing behind."""
        put(parted, content)
        place = slot()
        parted.stage(place, run_of(parted, content, 0, COUNT), io.BytesIO(content))
        assert publish(parted, place, content).sha256 == digest(content)
        assert_holds(parted, content)

    def test_nobody_else_finds_it(self, parted: PartedStore, content: bytes) -> None:
        """Another session, another file of it, and a file of another size hold nothing of it."""
        place = slot(1)
        send(parted, place, content, 0)
        for other in (slot(1), StagedSlot(session=place.session, number=2)):
            assert parted.staged(other, len(content)) == ()
            with pytest.raises(NotFoundError):
                publish(parted, other, content)
        assert parted.staged(place, len(content) + 1) == ()
        assert parted.staged_bytes(place.session) == {1: len(content)}
        assert parted.staged_bytes(slot().session) == {}

    def test_two_send_one_part(self, parted: PartedStore, content: bytes) -> None:
        """Who comes second is told so, or is first; what is held is what one of them sent, and never a mixture."""
        place, source = slot(), Waits(content)
        failed: list[RegistryError] = []

        def first() -> None:
            try:
                parted.stage(place, run_of(parted, content, 0, COUNT), source)
            except RegistryError as error:
                failed.append(error)

        thread = Thread(target=first)
        thread.start()
        assert source.begun.wait(60)
        try:
            send(parted, place, content, 0)
        except (UnavailableError, ConflictError) as error:
            failed.append(error)
        finally:
            source.go_on.set()
            thread.join(60)
        assert len(failed) <= 1
        missing = sorted(set(range(COUNT)) - set(parted.staged(place, len(content))))
        for number in missing:
            send(parted, place, content, number)
        assert publish(parted, place, content).sha256 == digest(content)

    @pytest.mark.parametrize("run", [(1, 0), (0, 1), (0, 0), (0, -2), (-1, 1)], ids=str)
    def test_only_whole_parts_are_taken(self, parted: PartedStore, content: bytes, run: tuple[int, int]) -> None:
        """A run that does not begin and end where parts do is refused."""
        shift, more = run
        length = parted.part_bytes + more if more != 0 or shift else 0
        with pytest.raises(InvalidArgumentError):
            parted.stage(slot(), PartRun(size=len(content), offset=shift, length=length), io.BytesIO(content))

    def test_the_sweep_removes_what_nobody_finished(self, parted: PartedStore, content: bytes) -> None:
        """Parts are removed as anything else in staging is, and are gone then."""
        place = slot()
        send(parted, place, content, 0)
        assert parted.remove_staging(before_ms=0) == 0
        assert parted.staged(place, len(content)) == (0,)
        assert parted.remove_staging(before_ms=END_OF_TIME_MS) >= 1
        assert parted.staged(place, len(content)) == ()
        assert_holds(parted)
        send(parted, place, content, 0)
        assert parted.staged(place, len(content)) == (0,)


def run_of(store: PartedStore, content: bytes, first: int, last: int, *, proved: bool = False) -> PartRun:
    """Return the run of some parts of a file, from one to before another."""
    offset, end = first * store.part_bytes, min(last * store.part_bytes, len(content))
    sha256 = digest(content[offset:end]) if proved else None
    return PartRun(size=len(content), offset=offset, length=end - offset, sha256=sha256)


def rest_of(store: PartedStore, content: bytes, first: int) -> io.BytesIO:
    """Return the bytes of a file from a part on."""
    return io.BytesIO(content[first * store.part_bytes :])


def send(store: PartedStore, place: StagedSlot, content: bytes, number: int, *, proved: bool = False) -> None:
    """Send one part."""
    run = run_of(store, content, number, number + 1, proved=proved)
    store.stage(place, run, io.BytesIO(content[run.offset : run.end]))


def publish(store: PartedStore, place: StagedSlot, content: bytes) -> StoredBlob:
    """Publish a file as its sender does."""
    return store.publish_parts(place, FileExpectation(size=len(content), sha256=digest(content)))


def _takes_parts(store: ArtifactStore) -> TypeGuard[PartedStore]:
    return isinstance(store, SupportsParts) and store.takes_parts
