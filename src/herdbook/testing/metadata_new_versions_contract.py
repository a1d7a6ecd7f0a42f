"""What every implementation of the MetadataStore port keeps when a version is brought in."""

from __future__ import annotations

import hashlib

import pytest

from herdbook.entities import DatasetRef, Lineage, Manifest, ModelDescription, VersionStatus
from herdbook.entities.ledger import Event
from herdbook.ports.metadata import MetadataStore, NewVersion, VersionRow, WriteTransaction
from herdbook.testing.metadata_samples import ALICE_ID, MODEL, StoreFixtures, Tree, entry, new_id, stamp, version_row
from herdbook.verdicts import SecurableKind
from herdbook.wire import to_json

_FILES = Manifest.of((entry("b", b"22"), entry("a", b"1")))


class NewVersionsContract(StoreFixtures):
    """Override the fixture `store`: one that holds no metastore yet."""

    @pytest.mark.parametrize("status", [VersionStatus.READY, VersionStatus.PENDING_REGISTRATION])
    @pytest.mark.parametrize("author_id", [ALICE_ID, "b" * 32], ids=["known", "unknown"])
    @pytest.mark.parametrize("whole", [True, False], ids=["whole", "bare"])
    def test_it_is_told_as_it_is_read(
        self, ready: MetadataStore, tree: Tree, status: VersionStatus, author_id: str, *, whole: bool
    ) -> None:
        """What an insertion returns is what the next reading finds, in each of its columns."""
        described = ModelDescription(flavors={"sklearn": {"x": [1, "ä"]}}, requirements=("a", "b"))
        lineage = Lineage(source="s", run_id="r", datasets=(DatasetRef(name="d"),), parents=(MODEL.version(1),))
        with ready.write() as tx:
            first = _insert(tx, tree.model_id, status=VersionStatus.READY, ready=True)
            parents = ((first.version.id, "0" * 64),) if whole else ()
            said = _insert(
                tx,
                tree.model_id,
                status=status,
                author_id=author_id,
                comment="c" if whole else None,
                lineage=lineage if whole else Lineage(run_id="r"),
                parent_ids=parents,
                manifest_id=_insert_manifest(tx) if whole else None,
                description=described if whole else None,
            )
        assert said == version_row(ready, 2)
        assert (said.source_ids, said.version.file_count) == (((first.version.id,), 2) if whole else ((), None))

    def test_the_first_description_of_a_manifest_stays(self, ready: MetadataStore, tree: Tree) -> None:
        """Files say what they were first read to say, whatever a later reading makes of them."""
        first, later = ModelDescription(requirements=("a",)), ModelDescription(requirements=("b",))
        for number, description in enumerate((first, later), start=1):
            with ready.write() as tx:
                manifest_id = _insert_manifest(tx)
                said = _insert(
                    tx,
                    tree.model_id,
                    status=VersionStatus.READY,
                    ready=True,
                    manifest_id=manifest_id,
                    description=description,
                )
            assert said.version.model == first
            assert said == version_row(ready, number)

    def test_a_ready_one_is_the_latest_and_counts_its_event(self, ready: MetadataStore, tree: Tree) -> None:
        """It is the model's latest, its event is numbered before the next, and what is undone leaves no gap."""
        numbers = []
        for turn in range(3):
            with ready.write() as tx:
                version = _insert(tx, tree.model_id, status=VersionStatus.READY, ready=True, number=10 * (turn + 1))
                numbers += [_emit(tx, tree.model_id), _emit(tx, tree.model_id)]
            with pytest.raises(ZeroDivisionError), ready.write() as tx:  # noqa: PT012 what is raised must follow a write
                _insert(tx, tree.model_id, status=VersionStatus.READY, ready=True)
                raise ZeroDivisionError
            with ready.write() as tx:
                _insert(tx, tree.model_id, status=VersionStatus.PENDING_REGISTRATION)
            model, latest = ready.point.model(MODEL).row, ready.point.latest(MODEL).row
            assert model is not None
            assert latest is not None
            assert model.latest_version == latest.version.version == version.version.version == 10 * (turn + 1)
        assert numbers == [1, 2, 3, 4, 5, 6]


def _insert_manifest(tx: WriteTransaction) -> str:
    return tx.insert_manifest(_FILES, hashlib.sha256(to_json(_FILES)).hexdigest(), new_id=new_id())


def _insert(
    tx: WriteTransaction,
    model_id: str,
    *,
    status: VersionStatus,
    ready: bool = False,
    number: int | None = None,
    author_id: str = ALICE_ID,
    comment: str | None = None,
    lineage: Lineage | None = None,
    parent_ids: tuple[tuple[str, str], ...] = (),
    manifest_id: str | None = None,
    description: ModelDescription | None = None,
) -> VersionRow:
    return tx.insert_version(
        NewVersion(
            id=new_id(),
            model_id=model_id,
            version=tx.allocate_version(model_id, stamp(), number=number, ready=ready),
            status=status,
            comment=comment,
            author_id=author_id,
            at_ms=1000,
            lineage=lineage or Lineage(),
            parent_ids=parent_ids,
            manifest_id=manifest_id,
            description=description,
        )
    )


def _emit(tx: WriteTransaction, model_id: str) -> int:
    event = Event(
        id=new_id(),
        at_ms=1000,
        type="model_version.created",
        securable_kind=SecurableKind.REGISTERED_MODEL,
        securable_id=model_id,
        payload=b"{}",
    )
    return tx.emit(event)
