"""What every implementation of the ArtifactStore port keeps, whatever is behind it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from herdbook.errors import IntegrityError, InvalidArgumentError, NotFoundError, TooLargeError
from herdbook.ports.artifacts import (
    BLOCK,
    ArtifactStore,
    BlobWriter,
    FileExpectation,
    StoredBlob,
    SupportsCopyTo,
    SupportsLocalPath,
)
from herdbook.testing.artifact_samples import (
    ABSENT,
    END_OF_TIME_MS,
    LARGE,
    NO_DIGESTS,
    assert_holds,
    digest,
    put,
    whole,
)

Damage = Callable[[str, bytes], None]
"""Puts other bytes in the place of a blob, behind the store's back."""


class ArtifactStoreContract:
    """Override the fixture `store`: an empty one.

    Override `damage` where bytes can be changed behind its back, and `begun` where what a writer was given does not
    show in the store before it is committed.
    """

    @pytest.fixture
    def store(self) -> ArtifactStore:
        """An empty store."""
        raise NotImplementedError("override the fixture `store`")

    @pytest.fixture
    def damage(self) -> Damage:
        """Put other bytes in the place of a blob."""
        return pytest.skip("this store's bytes cannot be changed behind its back")

    @pytest.fixture
    def begun(self, store: ArtifactStore) -> Iterator[None]:
        """Leave one thing in staging."""
        with store.writer() as writer:
            writer.write(b"begun")
            yield

    @pytest.mark.parametrize("content", [b"", b"x", LARGE[:BLOCK], LARGE], ids=["empty", "byte", "block", "large"])
    def test_what_is_written_is_read(self, store: ArtifactStore, content: bytes) -> None:
        """A blob comes back byte for byte, in blocks of at most BLOCK, under the digest that the store computed."""
        with store.writer(sha256=digest(content), size=len(content)) as writer:
            for start in range(0, len(content), 1_000_000):
                writer.write(memoryview(content)[start : start + 1_000_000])
            blob = writer.commit()
        assert blob == StoredBlob(sha256=digest(content), size=len(content))
        blocks = list(store.read(blob.sha256))
        assert b"".join(blocks) == content
        assert all(0 < len(block) <= BLOCK for block in blocks)
        assert store.size(blob.sha256) == len(content)
        assert_holds(store, content)

    def test_nothing_is_visible_before_commit(self, store: ArtifactStore) -> None:
        """A blob that is on its way in is not held, and is gone after an abort, however often that is said."""
        with store.writer() as writer:
            writer.write(b"half")
            assert store.size(digest(b"half")) is None
            assert list(store.blobs()) == []
        writer.abort()
        assert_holds(store)

    def test_abort_after_commit_keeps_the_blob(self, store: ArtifactStore) -> None:
        """Leaving the context of a committed writer takes nothing back."""
        with store.writer() as writer:
            writer.write(b"kept")
            writer.commit()
        writer.abort()
        assert_holds(store, b"kept")

    @pytest.mark.parametrize(
        "announced", [{"size": 5}, {"size": 3}, {"sha256": ABSENT}, {"size": 4, "sha256": ABSENT}], ids=str
    )
    def test_a_writer_is_held_to_what_was_announced(self, store: ArtifactStore, announced: dict[str, int]) -> None:
        """Other bytes than announced are refused, and leave nothing behind."""

        def write(writer: BlobWriter) -> None:
            writer.write(b"four")
            writer.commit()

        with (
            store.writer(**announced) as writer,  # type: ignore[arg-type]  # the cases mix int and str
            pytest.raises((IntegrityError, TooLargeError), match="announced"),
        ):
            write(writer)
        assert_holds(store)

    def test_too_many_bytes_are_refused_as_they_come(self, store: ArtifactStore) -> None:
        """The write that passes the announced size raises, so that nobody fills the disk with what is refused later."""
        with store.writer(size=10) as writer:
            writer.write(b"0123456789")
            with pytest.raises(TooLargeError, match="10"):
                writer.write(b"x")
            with pytest.raises(IntegrityError):
                writer.commit()
        assert_holds(store)

    @pytest.mark.parametrize("content", [b"four", LARGE], ids=["small", "large"])
    @pytest.mark.parametrize("wrong", ["size+", "size-", "sha256"])
    @pytest.mark.parametrize("real", [True, False], ids=["file", "memory"])
    def test_sources_are_held_to_what_was_announced(
        self, store: ArtifactStore, tmp_path: Path, content: bytes, wrong: str, *, real: bool
    ) -> None:
        """A source that is not what was expected is refused, from a real file as from memory."""
        sizes = {"size+": len(content) + 1, "size-": len(content) - 1}
        expected = FileExpectation(size=sizes.get(wrong), sha256=ABSENT if wrong == "sha256" else None)
        path = tmp_path / "source"
        path.write_bytes(content)
        with path.open("rb") if real else io.BytesIO(content) as source, pytest.raises(IntegrityError):
            store.put_many([(source, expected)])
        assert_holds(store)

    def test_sources_are_read_from_where_they_stand(self, store: ArtifactStore, tmp_path: Path) -> None:
        """What was read of a source before belongs to its reader, whatever the source has buffered."""
        path = tmp_path / "source"
        path.write_bytes(LARGE)
        for start in (0, 3, BLOCK + 1, len(LARGE) - 1, len(LARGE)):
            with path.open("rb") as file, io.BytesIO(LARGE) as memory:
                assert file.read(start) == memory.read(start)
                expected = FileExpectation(size=len(LARGE) - start, sha256=digest(LARGE[start:]))
                blobs = store.put_many([(file, expected), (memory, expected)])
            assert {blob.sha256 for blob in blobs} == {digest(LARGE[start:])}

    def test_many_blobs_come_back_in_order(self, store: ArtifactStore, tmp_path: Path) -> None:
        """One result a source, in the order of the sources; equal ones are stored once; nothing is nothing."""
        contents = [str(number % 40).encode() * 100 for number in range(60)] + [LARGE, b""]
        sources = []
        for number, content in enumerate(contents):
            path = tmp_path / str(number)
            path.write_bytes(content)
            sources.append((path.open("rb"), FileExpectation(size=len(content), sha256=digest(content))))
        blobs = store.put_many(sources)
        for stream, _ in sources:
            stream.close()
        assert blobs == tuple(StoredBlob(sha256=digest(content), size=len(content)) for content in contents)
        assert_holds(store, *contents)
        assert store.put_many([]) == ()

    @pytest.mark.parametrize("many", [3, 40])
    def test_one_bad_source_among_many(self, store: ArtifactStore, many: int) -> None:
        """A bad source refuses the call; what was published is whole, and nothing else stays."""
        contents = [str(number).encode() for number in range(many)]
        sources: list[tuple[io.BytesIO, FileExpectation]] = [
            (io.BytesIO(content), FileExpectation()) for content in contents
        ]
        sources[many // 2] = (io.BytesIO(b"bad"), FileExpectation(sha256=ABSENT))
        with pytest.raises(IntegrityError):
            store.put_many(sources)
        held = [blob.sha256 for blob in store.blobs()]
        assert set(held) <= {digest(content) for content in contents}
        assert all(digest(whole(store, sha256)) == sha256 for sha256 in held)
        assert store.remove_staging(before_ms=END_OF_TIME_MS, dry_run=True) == 0

    def test_progress_counts_every_byte(self, store: ArtifactStore, tmp_path: Path) -> None:
        """The numbers that progress is told add up to the bytes taken in."""
        (tmp_path / "source").write_bytes(LARGE)
        told: list[int] = []
        with (tmp_path / "source").open("rb") as source:
            store.put_many(
                [(source, FileExpectation()), (io.BytesIO(LARGE[1:]), FileExpectation())], progress=told.append
            )
        assert sum(told) == 2 * len(LARGE) - 1

    def test_publishing_again_makes_it_fresh(self, store: ArtifactStore) -> None:
        """A blob that is published again keeps its bytes and is as young as its last publication."""
        (blob,) = put(store, b"again")
        (before,) = store.blobs()
        with store.writer() as writer:
            writer.write(b"again")
            assert writer.commit() == blob
        (after,) = store.blobs()
        assert after.modified_ms >= before.modified_ms
        assert whole(store, blob.sha256) == b"again"

    def test_concurrent_writers_of_one_blob(self, store: ArtifactStore) -> None:
        """Threads that publish the same bytes at once all succeed, and one blob stands."""
        together = Barrier(6)

        def write(_: int) -> StoredBlob:
            with store.writer(size=len(LARGE)) as writer:
                writer.write(LARGE)
                together.wait(timeout=30)
                return writer.commit()

        with ThreadPoolExecutor(max_workers=6) as pool:
            blobs = set(pool.map(write, range(6)))
        assert blobs == {StoredBlob(sha256=digest(LARGE), size=len(LARGE))}
        assert whole(store, digest(LARGE)) == LARGE
        assert_holds(store, LARGE)

    def test_ranges(self, store: ArtifactStore) -> None:
        """Any range that lies in the blob is answered exactly, in blocks of at most BLOCK."""
        (blob,) = put(store, LARGE)
        size = len(LARGE)
        for offset, length in [(0, 0), (0, 1), (5, BLOCK + 9), (1, None), (size - 1, 1), (size, 0), (size, None)]:
            blocks = list(store.read(blob.sha256, offset=offset, length=length))
            assert b"".join(blocks) == LARGE[offset : None if length is None else offset + length]
            assert all(len(block) <= BLOCK for block in blocks)

    @pytest.mark.parametrize(("offset", "length"), [(0, 5), (5, None), (4, 1), (-1, 2), (-1, None), (0, -1), (3, -2)])
    def test_ranges_outside_the_blob_are_refused(self, store: ArtifactStore, offset: int, length: int | None) -> None:
        """A range that does not lie in the blob is the caller's mistake, never a short answer."""
        (blob,) = put(store, b"four")
        with pytest.raises(InvalidArgumentError, match="range"):
            list(store.read(blob.sha256, offset=offset, length=length))

    def test_what_is_absent(self, store: ArtifactStore, tmp_path: Path) -> None:
        """Every way to ask for a blob that is not held says so."""
        put(store, b"other")
        assert store.size(ABSENT) is None
        assert store.remove(ABSENT) == 0
        with pytest.raises(NotFoundError, match=ABSENT):
            list(store.read(ABSENT))
        if isinstance(store, SupportsLocalPath):
            with pytest.raises(NotFoundError, match=ABSENT):
                store.local_path(ABSENT)
        if isinstance(store, SupportsCopyTo):
            with (tmp_path / "target").open("xb") as target, pytest.raises(NotFoundError, match=ABSENT):
                store.copy_to(ABSENT, target)

    @pytest.mark.parametrize("text", NO_DIGESTS)
    def test_what_is_no_digest_is_refused(self, store: ArtifactStore, text: str) -> None:
        """Text that is no digest is refused before anything is looked for."""
        for ask in (
            store.size,
            store.remove,
            lambda value: list(store.read(value)),
            lambda value: store.remove_many([value]),
        ):
            with pytest.raises(InvalidArgumentError, match="SHA-256"):
                ask(text)
        with pytest.raises(InvalidArgumentError, match="SHA-256"):
            store.writer(sha256=text)

    def test_removal(self, store: ArtifactStore) -> None:
        """Removing frees the bytes once, is safe to repeat, touches nothing else, and the blob may come back."""
        put(store, b"goes", b"stays")
        assert store.remove(digest(b"goes")) == 4
        assert store.remove(digest(b"goes")) == 0
        assert store.size(digest(b"goes")) is None
        assert_holds(store, b"stays")
        put(store, b"goes")
        assert_holds(store, b"goes", b"stays")

    def test_removal_of_many(self, store: ArtifactStore) -> None:
        """Many go at once: twice published or gone already does not matter, others stay, and they may come back."""
        contents = [str(number).encode() for number in range(40)]
        put(store, b"stays", *contents)
        put(store, *contents[:5])
        store.remove_many([])
        store.remove_many([ABSENT, *map(digest, contents)])
        assert_holds(store, b"stays")
        store.remove_many(list(map(digest, contents)))
        put(store, *contents)
        assert_holds(store, b"stays", *contents)

    @pytest.mark.usefixtures("begun")
    def test_staging_is_removed_by_age(self, store: ArtifactStore) -> None:
        """What was begun before the given time and not committed is removed, or only counted; what is young stays."""
        assert store.remove_staging(before_ms=0) == 0
        assert store.remove_staging(before_ms=END_OF_TIME_MS, dry_run=True) == 1
        assert store.remove_staging(before_ms=END_OF_TIME_MS) == 1
        assert store.remove_staging(before_ms=END_OF_TIME_MS) == 0
        assert_holds(store)

    def test_a_copy_is_whole(self, store: ArtifactStore, tmp_path: Path) -> None:
        """`copy_to` writes every byte and tells progress of each."""
        if not isinstance(store, SupportsCopyTo):
            pytest.skip("this store copies block by block")
        for number, content in enumerate((b"", b"small", LARGE)):
            put(store, content)
            told: list[int] = []
            with (tmp_path / str(number)).open("xb") as target:
                store.copy_to(digest(content), target, progress=told.append)
            assert (tmp_path / str(number)).read_bytes() == content
            assert sum(told) == len(content)

    def test_a_local_path_holds_the_bytes(self, store: ArtifactStore) -> None:
        """`local_path` names a file with exactly the blob's bytes."""
        if not isinstance(store, SupportsLocalPath):
            pytest.skip("this store's blobs are not files of this machine")
        put(store, LARGE)
        assert store.local_path(digest(LARGE)).read_bytes() == LARGE

    @pytest.mark.parametrize("content", [b"x", LARGE[:BLOCK], LARGE], ids=["byte", "block", "large"])
    def test_damage_is_found(self, store: ArtifactStore, damage: Damage, tmp_path: Path, content: bytes) -> None:
        """Changed bytes are never handed out as the blob: the last block is held back, and a copy is refused."""
        (blob,) = put(store, content)
        damage(blob.sha256, content[:-1] + bytes([content[-1] ^ 1]))
        handed_out: list[bytes] = []
        with pytest.raises(IntegrityError, match=blob.sha256):
            handed_out.extend(store.read(blob.sha256))
        assert sum(map(len, handed_out)) < len(content)
        if isinstance(store, SupportsCopyTo):
            with (tmp_path / "target").open("xb") as target, pytest.raises(IntegrityError, match=blob.sha256):
                store.copy_to(blob.sha256, target)

    @pytest.mark.parametrize("left", [0, BLOCK], ids=["all", "some"])
    def test_loss_is_found(self, store: ArtifactStore, damage: Damage, left: int) -> None:
        """A blob that has become shorter is not handed out as whole."""
        (blob,) = put(store, LARGE)
        damage(blob.sha256, LARGE[:left])
        with pytest.raises(IntegrityError, match=blob.sha256):
            list(store.read(blob.sha256))
