"""What every implementation of the MetadataStore port keeps, whatever database is behind it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from herdbook.entities import DatasetRef, Lineage, Manifest, ModelDescription, Principal
from herdbook.errors import AlreadyExistsError, ConcurrentUpdateError, ConflictError, UnavailableError
from herdbook.names import CatalogName, ModelName, PrincipalName, SchemaName
from herdbook.policy.ranges import EVERYTHING, compile_ranges
from herdbook.ports.metadata import Found, MetadataStore
from herdbook.testing.metadata_ledger_contract import LedgerContract
from herdbook.testing.metadata_samples import (
    ALICE,
    ALICE_ID,
    FAILED,
    METASTORE_ID,
    MODEL,
    PENDING,
    READY,
    Tree,
    add_model,
    add_version,
    entry,
    finish,
    new_id,
    stamp,
    version_row,
)
from herdbook.verdicts import Rejection, SecurableKind


class MetadataStoreContract(LedgerContract):
    """Override the fixture `store`: one that holds no metastore yet."""

    def test_one_metastore(self, store: MetadataStore) -> None:
        """A database holds no metastore, then one, and whoever comes second is told so."""
        assert store.metastore_id() is None
        with pytest.raises(UnavailableError):
            store.point.metastore()
        assert store.create_metastore(METASTORE_ID, seal_key=b"k" * 32, at_ms=1)
        assert not store.create_metastore("e" * 32, seal_key=b"x" * 32, at_ms=2)
        assert store.metastore_id() == METASTORE_ID
        with store.read() as tx:
            assert (tx.seal_key(), tx.revision()) == (b"k" * 32, 0)
            assert [link.id for link in tx.metastore().links] == [METASTORE_ID]

    def test_a_chain_goes_up_to_the_metastore(self, ready: MetadataStore, tree: Tree) -> None:
        """A name in any case finds what was written, with ids, kinds, names and owners of all that is above."""
        found = ready.point.model(ModelName.parse("PROD.fraud.SCORER"))
        assert found.chain is not None
        assert found.row is not None
        above = [tree.model_id, tree.schema_id, tree.catalog_id, METASTORE_ID]
        assert [link.id for link in found.chain.links] == above
        written = ["Prod.Fraud.Scorer", "Prod.Fraud", "Prod", "metastore:"]
        assert [link.name for link in found.chain.links] == written
        assert [link.owner_id for link in found.chain.links] == [ALICE_ID] * 3 + [None]
        assert (str(found.row.name), found.row.owner, found.row.comment) == (str(MODEL), str(ALICE), "c")
        assert found.row.created_at == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
        with ready.read() as tx:
            assert tx.model_by_id(tree.model_id) == tx.model(MODEL) == found
            assert tx.schema(MODEL.parent) == ready.point.schema(MODEL.parent)
            assert tx.catalog(MODEL.parent.parent) == ready.point.catalog(MODEL.parent.parent)

    def test_what_is_missing_has_no_chain(self, ready: MetadataStore, tree: Tree) -> None:
        """A missing securable has neither chain nor row; a missing version or unset alias has the chain alone."""
        nothing: Found[Any] = Found(chain=None, row=None)
        assert ready.point.catalog(CatalogName.parse("x")) == nothing
        assert ready.point.schema(SchemaName.parse("prod.x")) == nothing
        assert ready.point.model(ModelName.parse("prod.fraud.x")) == nothing
        assert ready.point.alias(ModelName.parse("prod.fraud.x").alias("a")) == nothing
        slot, version = ready.point.alias(MODEL.alias("Champion")), ready.point.version(MODEL.version(1))
        assert (slot.row, version.row, ready.point.latest(MODEL).row) == (None, None, None)
        assert slot.chain is not None
        assert version.chain is not None
        assert slot.chain.links[1:] == version.chain.links
        assert slot.chain.object.id == f"{tree.model_id}@champion"
        assert slot.chain.object.kind is SecurableKind.MODEL_ALIAS
        with ready.read() as tx:
            assert tx.version_by_id("0" * 32) == nothing
            assert tx.model_by_id("0" * 32) == nothing

    def test_a_taken_name_is_refused(self, ready: MetadataStore, tree: Tree) -> None:
        """A second catalog, schema, model or principal of a name is refused by name; the first one stays."""
        common: dict[str, Any] = {"comment": None, "owner_id": ALICE_ID, "stamp": stamp()}
        with pytest.raises(AlreadyExistsError, match="catalog PROD"), ready.write() as tx:
            tx.insert_catalog(new_id(), CatalogName.parse("PROD"), **common)
        with pytest.raises(AlreadyExistsError, match=r"schema prod\.FRAUD"), ready.write() as tx:
            tx.insert_schema(new_id(), tree.catalog_id, SchemaName.parse("prod.FRAUD"), **common)
        with pytest.raises(AlreadyExistsError, match=r"model prod\.fraud\.scorer"), ready.write() as tx:
            tx.insert_model(new_id(), tree.schema_id, ModelName.parse("prod.fraud.scorer"), **common)
        again = Principal(id=new_id(), name=PrincipalName.parse("user:OS/alice"), created_at=datetime.now(UTC))
        with pytest.raises(AlreadyExistsError, match="user:OS/alice"), ready.write() as tx:
            tx.insert_principal(again)
        with ready.read() as tx:
            assert tx.model(MODEL).row is not None
            assert tx.principal(again.name) == tx.principal_by_id(ALICE_ID)

    def test_all_or_nothing(self, ready: MetadataStore) -> None:
        """An exception takes back everything that its transaction wrote, and the next one works."""
        with pytest.raises(ZeroDivisionError), ready.write() as tx:  # noqa: PT012 what is raised must follow a write
            add_model(tx, MODEL)
            raise ZeroDivisionError
        assert ready.point.catalog(MODEL.parent.parent).chain is None
        with ready.write() as tx:
            add_model(tx, MODEL)
        assert ready.point.model(MODEL).row is not None

    def test_comments(self, ready: MetadataStore, tree: Tree) -> None:
        """A comment is replaced or removed, and each change is counted and signed."""
        with ready.write() as tx:
            version = add_version(tx, tree.model_id)
            tx.set_comment(SecurableKind.SCHEMA, tree.schema_id, "s", stamp(2000))
            tx.set_comment(SecurableKind.REGISTERED_MODEL, tree.model_id, None, stamp(2000))
            tx.set_version_comment(version.id, "v", stamp(2000))
        schema, model = ready.point.schema(MODEL.parent).row, ready.point.model(MODEL).row
        assert schema is not None
        assert model is not None
        assert (schema.comment, schema.row_version, schema.updated_by) == ("s", 2, str(ALICE))
        assert model.comment is None
        assert version_row(ready, 1).version.comment == "v"

    def test_numbers_grow_and_latest_is_ready(self, ready: MetadataStore, tree: Tree) -> None:
        """Versions count from 1, a number that was taken back is given again, and only READY ones are the latest."""
        with ready.write() as tx:
            numbers = [add_version(tx, tree.model_id, status=s).version for s in (READY, PENDING, FAILED)]
        assert numbers == [1, 2, 3]
        with pytest.raises(ZeroDivisionError), ready.write() as tx:  # noqa: PT012 what is raised must follow a write
            numbers.append(tx.allocate_version(tree.model_id, stamp()))
            raise ZeroDivisionError
        with ready.write() as tx:
            assert tx.allocate_version(tree.model_id, stamp()) == numbers[-1] == 4
        latest, model = ready.point.latest(MODEL).row, ready.point.model(MODEL).row
        assert latest is not None
        assert model is not None
        assert (latest.version.version, model.latest_version) == (1, 1)
        with pytest.raises(ConcurrentUpdateError), ready.write() as tx:
            tx.allocate_version("0" * 32, stamp())
        with pytest.raises(ConcurrentUpdateError), ready.write() as tx:
            tx.allocate_version("0" * 32, stamp(), number=9)
        with ready.write() as tx:
            assert tx.allocate_version(tree.model_id, stamp(), number=9) == 9
        with pytest.raises(ConflictError), ready.write() as tx:
            tx.allocate_version(tree.model_id, stamp(), number=9)
        with ready.write() as tx:
            assert tx.allocate_version(tree.model_id, stamp()) == 10

    def test_a_version_comes_back_whole(self, ready: MetadataStore, tree: Tree) -> None:
        """Lineage, files, what the files say, author and times are what was written."""
        lineage = Lineage(
            run_id="r1", datasets=(DatasetRef(name="d"),), environment={"python": "3.11"}, parents=(MODEL.version(1),)
        )
        described = ModelDescription(flavors={"sklearn": {"x": [1, "ä"]}}, requirements=("a", "b"))
        files = (entry("b", b"22"), entry("a", b"1"))
        with ready.write() as tx:
            first = add_version(tx, tree.model_id, lineage=lineage, description=described, files=files)
            second = add_version(tx, tree.model_id, files=files, author_id="b" * 32)
        row = version_row(ready, 1)
        assert (row.version.lineage, row.version.model) == (lineage, described)
        assert (row.version.total_size, row.version.file_count) == (3, 2)
        assert (row.author_id, row.version.author, row.lease) == (ALICE_ID, str(ALICE), None)
        # An author who is not known by name is shown by id, and equal files share one manifest.
        assert version_row(ready, 2).version.author == "b" * 32
        assert second.manifest_id == first.manifest_id == row.manifest_id
        assert row.manifest_id is not None
        with ready.read() as tx:
            assert tx.version_by_id(first.id).row == row
            assert tx.manifest(row.manifest_id) == Manifest.of(files)
            assert tx.file(row.manifest_id, "b") == files[0]
            assert tx.file(row.manifest_id, "c") is None
            assert [f.path for f in tx.list_files(row.manifest_id, after="a", limit=9)] == ["b"]
            assert tx.description(row.manifest_id) == described

    def test_who_sees_which_versions(self, ready: MetadataStore, tree: Tree) -> None:
        """A reader's list has READY ones and the reader's own; it goes down, and goes on below a number."""
        with ready.write() as tx:
            for status, author in ((READY, ALICE_ID), (PENDING, ALICE_ID), (PENDING, "b" * 32), (READY, "b" * 32)):
                add_version(tx, tree.model_id, status=status, author_id=author)
        with ready.read() as tx:
            for reader, before, limit, expected in (
                (None, None, 9, [4, 3, 2, 1]),
                (ALICE_ID, None, 9, [4, 2, 1]),
                ("c" * 32, None, 9, [4, 1]),
                (None, 4, 2, [3, 2]),
            ):
                found = tx.list_versions(tree.model_id, reader_id=reader, before=before, limit=limit)
                assert [row.version.version for row in found] == expected

    def test_a_lease_is_fenced(self, ready: MetadataStore, tree: Tree) -> None:
        """While a lease holds nobody takes another, and one that was taken over cannot finish."""
        with ready.write() as tx:
            version, other = add_version(tx, tree.model_id, status=PENDING), add_version(tx, tree.model_id)
            manifest = Manifest.of([entry("a", b"1")])
            manifest_id = tx.insert_manifest(manifest, "0" * 64, new_id=new_id())
            old = tx.take_lease(version.id, manifest_id, now_ms=1000, until_ms=2000)
        with pytest.raises(ConcurrentUpdateError), ready.write() as tx:
            tx.take_lease(version.id, manifest_id, now_ms=1999, until_ms=3000)
        with pytest.raises(ConcurrentUpdateError), ready.write() as tx:
            tx.take_lease(other.id, manifest_id, now_ms=1000, until_ms=3000)
        with ready.write() as tx:
            new = tx.take_lease(version.id, manifest_id, now_ms=2000, until_ms=3000)
            tx.release_lease(version.id, old)
        assert new.token > old.token
        assert version_row(ready, 1).lease == new
        rejections = (Rejection(rule="r", message="m", hint="h"),)
        with pytest.raises(ConcurrentUpdateError), ready.write() as tx:
            finish(tx, version.id, old)
        with ready.write() as tx:
            finish(tx, version.id, new, status=FAILED, reason="no", rejections=rejections)
        row = version_row(ready, 1).version
        assert (row.status, row.status_reason, row.rejections) == (FAILED, "no", rejections)
        with pytest.raises(ConcurrentUpdateError), ready.write() as tx:
            finish(tx, version.id, new)

    def test_a_released_lease_can_be_taken(self, ready: MetadataStore, tree: Tree) -> None:
        """Giving a lease back lets the next request in at once."""
        with ready.write() as tx:
            version = add_version(tx, tree.model_id, status=PENDING)
            manifest_id = tx.insert_manifest(Manifest.of([entry("a", b"1")]), "0" * 64, new_id=new_id())
            tx.release_lease(version.id, tx.take_lease(version.id, manifest_id, now_ms=1000, until_ms=2000))
            lease = tx.take_lease(version.id, manifest_id, now_ms=1001, until_ms=2000)
            finish(tx, version.id, lease, description=ModelDescription(run_id="r"))
            assert tx.description(manifest_id) == ModelDescription(run_id="r")
        assert version_row(ready, 1).version.status is READY

    def test_lists_keep_to_ranges(self, ready: MetadataStore) -> None:
        """Every page is ordered by folded name, inside its container and the ranges, and begins behind `after`."""
        letters = ("d", "B", "a", "C", "a-1", "a_1")
        with ready.write() as writer:
            for model in letters:
                tree = add_model(writer, ModelName(catalog="z", schema="z", model=model))
                add_model(writer, ModelName(catalog="z", schema=model, model="m"))
                add_model(writer, ModelName(catalog=model, schema="s", model="m"))
        ordered = sorted(letters, key=str.lower)
        keys = {model: f"z.z.{model.lower()}" for model in ordered}
        with ready.read() as tx:

            def models(ranges: tuple[str, ...] | None, after: str = "", limit: int = 99) -> list[str]:
                spans = EVERYTHING if ranges is None else compile_ranges(ranges)
                return [m.name.model for m in tx.list_models(tree.schema_id, spans, after=after, limit=limit)]

            assert models(None) == models(("z",)) == models(("z.z",)) == ordered
            assert models(None, limit=2) == ordered[:2]
            assert models((keys["d"], keys["a"], "z.b")) == ["a", "d"]
            assert models(("x", "z.t", "z.z-1", "a")) == models(()) == []
            for position, model in enumerate(ordered):
                rest = ordered[position + 1 :]
                assert models(None, after=keys[model]) == models(tuple(keys.values()), after=keys[model]) == rest
                assert models(("z.z",), after=keys[model], limit=1) == rest[:1]
            denied = compile_ranges(["z"], [keys["B"], "z.d"])
            page = tx.list_models(tree.schema_id, denied, after="", limit=99)
            assert [m.name.model for m in page] == [model for model in ordered if model != "B"]
            schemas = [s.name.schema for s in tx.list_schemas(tree.catalog_id, denied, after="z.a", limit=99)]
            assert schemas == ["a-1", "a_1", "B", "C", "z"]
            assert [str(c.name) for c in tx.list_catalogs(EVERYTHING, after="", limit=99)] == [*ordered, "z"]
            assert [str(c.name) for c in tx.list_catalogs(compile_ranges(["b", "d"]), after="b", limit=9)] == ["d"]
