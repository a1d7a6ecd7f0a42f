"""How much SQLite works for a question, counted in its own steps, so that it does not grow with the registry."""

from __future__ import annotations

import pytest

from herdbook.adapters.sql.store import SqlStore
from herdbook.names import ModelName
from herdbook.policy.ranges import EVERYTHING
from herdbook.ports.authorizer import Held, Reach, Visible
from herdbook.testing.metadata_samples import ALICE_ID, StoreFixtures, add_model, add_version, entry, new_id, stamp
from herdbook.verdicts import SecurableKind

FILE = entry("model.bin", b"popular")


def steps(store, question):
    """Return how many virtual machine steps a question takes."""
    counted = 0

    def count():
        nonlocal counted
        counted += 1
        return 0

    with store.read() as tx:
        connection = tx._run._cursor.connection
        connection.set_progress_handler(count, 1)
        try:
            question(tx)
        finally:
            connection.set_progress_handler(None, 0)
    assert counted > 0
    return counted


class TestWork(StoreFixtures):
    @pytest.fixture
    def store(self, tmp_path):
        store = SqlStore.open(f"sqlite:///{tmp_path / 'herdbook.db'}")
        yield store
        store.close()

    def grow(self, store, schema_id, numbers):
        """Add models to a schema, each with a version that holds a file of all and one of its own."""
        with store.write() as tx:
            for number in numbers:
                name, model_id = ModelName(catalog="c", schema="s", model=f"m{number:05}"), new_id()
                tx.insert_model(model_id, schema_id, name, comment=None, owner_id=ALICE_ID, stamp=stamp())
                add_version(tx, model_id, files=(FILE, entry("own", name.model.encode())))

    def test_work_does_not_grow_with_the_registry(self, ready):
        """A page anywhere in a schema, and who holds a popular file, cost the same in ten times the registry."""
        with ready.write() as tx:
            tree = add_model(tx, ModelName.parse("c.s.first"))
            add_version(tx, tree.model_id, files=(FILE,))
        schema_id, model_id = tree.schema_id, tree.model_id
        self.grow(ready, schema_id, range(200))
        questions = {
            "first page": lambda tx: tx.list_models(schema_id, EVERYTHING, after="", limit=20),
            "later page": lambda tx: tx.list_models(schema_id, EVERYTHING, after="c.s.m00150", limit=20),
            "holders": lambda tx: tx.holders(FILE.sha256, FILE.size),
            "size holders": lambda tx: tx.size_holders(FILE.size),
            "held by": lambda tx: tx.held_by(model_id, [FILE]),
            "sizes held by": lambda tx: tx.sizes_held_by(model_id, [FILE.size]),
        }
        gates = tuple(Held(allow=frozenset([each])) for each in (tree.catalog_id, schema_id))
        owned = Held(owned=frozenset(SecurableKind))
        stranger = Visible(reach=Reach.LISTED, owners=frozenset(["9" * 32]), gates=gates, held=(owned,))
        questions["owned"] = lambda tx: tx.visible_ranges(stranger, SecurableKind.REGISTERED_MODEL)
        few = {name: steps(ready, question) for name, question in questions.items()}
        self.grow(ready, schema_id, range(200, 2000))
        many = {name: steps(ready, question) for name, question in questions.items()}
        assert {name: many[name] for name in questions if many[name] > 1.3 * few[name]} == {}
