"""Rows to put into metadata stores in tests, and a store with some of them."""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC, datetime

import pytest
from attrs import frozen

from herdbook.entities import FileEntry, Lineage, Manifest, ModelDescription, Principal, VersionStatus
from herdbook.names import CatalogName, ModelName, PrincipalName
from herdbook.ports.metadata import Lease, MetadataStore, NewVersion, Stamp, VersionRow, WriteTransaction
from herdbook.verdicts import Rejection
from herdbook.wire import to_json

READY, PENDING = VersionStatus.READY, VersionStatus.PENDING_REGISTRATION
FAILED = VersionStatus.FAILED_REGISTRATION
ALICE = PrincipalName.parse("user:os/Alice")
MODEL = ModelName.parse("Prod.Fraud.Scorer")
METASTORE_ID, ALICE_ID = "f" * 32, "a" * 32


def new_id() -> str:
    """Return an id that no other call returns, in any process."""
    return uuid.uuid4().hex


def stamp(at_ms: int = 1000) -> Stamp:
    """Return Alice's stamp."""
    return Stamp(at_ms=at_ms, by=ALICE_ID)


def entry(path: str, data: bytes) -> FileEntry:
    """Return the entry of a file."""
    return FileEntry(path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest())


@frozen(kw_only=True)
class Tree:
    """The ids of a model and of what it is in."""

    catalog_id: str
    schema_id: str
    model_id: str


def add_model(tx: WriteTransaction, name: ModelName, *, owner_id: str = ALICE_ID) -> Tree:
    """Insert a model, and what it is in where that is missing."""
    catalog, schema = tx.catalog(name.parent.parent), tx.schema(name.parent)
    catalog_id = catalog.row.id if catalog.row else new_id()
    schema_id = schema.row.id if schema.row else new_id()
    if catalog.row is None:
        tx.insert_catalog(catalog_id, name.parent.parent, comment=None, owner_id=owner_id, stamp=stamp())
    if schema.row is None:
        tx.insert_schema(schema_id, catalog_id, name.parent, comment=None, owner_id=owner_id, stamp=stamp())
    model_id = new_id()
    tx.insert_model(model_id, schema_id, name, comment="c", owner_id=owner_id, stamp=stamp())
    return Tree(catalog_id=catalog_id, schema_id=schema_id, model_id=model_id)


def add_version(
    tx: WriteTransaction,
    model_id: str,
    *,
    status: VersionStatus = READY,
    files: tuple[FileEntry, ...] = (),
    author_id: str = ALICE_ID,
    lineage: Lineage | None = None,
    description: ModelDescription | None = None,
    at_ms: int = 1000,
) -> NewVersion:
    """Insert the next version of a model."""
    manifest_id = None
    if files:
        manifest = Manifest.of(files)
        sha256 = hashlib.sha256(to_json(manifest)).hexdigest()
        manifest_id = tx.insert_manifest(manifest, sha256, new_id=new_id())
    new = NewVersion(
        id=new_id(),
        model_id=model_id,
        version=tx.allocate_version(model_id, stamp(at_ms)),
        status=status,
        comment=None,
        author_id=author_id,
        at_ms=at_ms,
        lineage=lineage or Lineage(),
        manifest_id=manifest_id,
        description=description,
    )
    tx.insert_version(new)
    return new


def insert_catalog(tx: WriteTransaction, name: str) -> None:
    """Insert a catalog of Alice's."""
    tx.insert_catalog(new_id(), CatalogName.parse(name), comment=None, owner_id=ALICE_ID, stamp=stamp())


def exists(store: MetadataStore, name: str) -> bool:
    """Tell whether there is a catalog of a name."""
    return store.point.catalog(CatalogName.parse(name)).chain is not None


def version_row(store: MetadataStore, number: int) -> VersionRow:
    """Return a version of MODEL."""
    row = store.point.version(MODEL.version(number)).row
    assert row is not None
    return row


def finish(
    tx: WriteTransaction,
    version_id: str,
    lease: Lease,
    *,
    status: VersionStatus = READY,
    reason: str | None = None,
    description: ModelDescription | None = None,
    rejections: tuple[Rejection, ...] = (),
) -> None:
    """End a registration."""
    tx.finish_version(
        version_id,
        lease,
        status=status,
        reason=reason,
        description=description,
        rejections=rejections,
        stamp=stamp(5000),
    )


class StoreFixtures:
    """Override the fixture `store`: one that holds no metastore yet."""

    @pytest.fixture
    def store(self) -> MetadataStore:
        """An empty store."""
        raise NotImplementedError("override the fixture `store`")

    @pytest.fixture
    def ready(self, store: MetadataStore) -> MetadataStore:
        """A store with a metastore and Alice."""
        assert store.create_metastore(METASTORE_ID, seal_key=b"k" * 32, at_ms=1)
        with store.write() as tx:
            tx.insert_principal(Principal(id=ALICE_ID, name=ALICE, created_at=datetime(2026, 1, 1, tzinfo=UTC)))
        return store

    @pytest.fixture
    def tree(self, ready: MetadataStore) -> Tree:
        """A model in a schema in a catalog."""
        with ready.write() as tx:
            return add_model(tx, MODEL)
