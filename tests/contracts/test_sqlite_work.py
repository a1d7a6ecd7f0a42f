"""How much SQLite works for a question, counted in its own steps, so that it does not grow with the registry."""

from __future__ import annotations

from functools import partial
from unittest import mock

from herdbook.adapters.sql import search_reads
from herdbook.adapters.sql.search_sql import Page
from herdbook.entities import Lineage, Manifest
from herdbook.formats.filter_fields import Noun
from herdbook.formats.filters import parse_filter
from herdbook.formats.orders import parse_orders
from herdbook.names import ModelName
from herdbook.policy.ranges import EVERYTHING, Ranges, compile_ranges
from herdbook.ports.authorizer import Held, Reach, Visible
from herdbook.ports.metadata import Search
from herdbook.service.finalizing import manifest_sha256
from herdbook.testing.metadata_samples import ALICE_ID, add_model, add_version, entry, new_id, stamp
from herdbook.testing.sqlite_samples import SqliteFixtures
from herdbook.verdicts import SecurableKind

ALL = (EVERYTHING, compile_ranges(["c", "z"]))
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


class TestWork(SqliteFixtures):
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
            "whole manifest": lambda tx: tx.holds_manifest(model_id, manifest_sha256(Manifest.of([FILE]))),
        }
        gates = tuple(Held(allow=frozenset([each])) for each in (tree.catalog_id, schema_id))
        owned = Held(owned=frozenset(SecurableKind))
        stranger = Visible(reach=Reach.LISTED, owners=frozenset(["9" * 32]), gates=gates, held=(owned,))
        questions["owned"] = lambda tx: tx.visible_ranges(stranger, SecurableKind.REGISTERED_MODEL)
        few = {name: steps(ready, question) for name, question in questions.items()}
        self.grow(ready, schema_id, range(200, 2000))
        many = {name: steps(ready, question) for name, question in questions.items()}
        assert {name: many[name] for name in questions if many[name] > 1.3 * few[name]} == {}

    def grow_search(self, store, schema_id, numbers):
        """Add models with a version each: ten of a rare tag, run and alias, all of a common tag and alias."""
        with store.write() as tx:
            for number in numbers:
                name, model_id = ModelName(catalog="c", schema="s", model=f"m{number:05}"), new_id()
                at = stamp(1000 + number * 7919 % 10_007)
                tx.insert_model(model_id, schema_id, name, comment=None, owner_id=ALICE_ID, stamp=at)
                rare = 100 <= number < 110
                lineage = Lineage(run_id="rare" if rare else f"run{number}", source="rare" if rare else f"s{number}")
                version = add_version(tx, model_id, lineage=lineage, at_ms=at.at_ms)
                alias = "rare" if rare else "champion"
                tx.set_alias(model_id, alias, version.id, reason=None, new_id=new_id(), stamp=at)
                for kind, owner_id in (("registered_model", model_id), ("model_version", version.id)):
                    tx.set_tag(kind, owner_id, "common", "x", at)
                    if rare:
                        tx.set_tag(kind, owner_id, "rare", "x", at)

    def test_work_for_a_search_does_not_grow_with_the_registry(self, ready):
        """What docs/how-to/search.md calls fast costs the same in ten times the registry, for all callers."""
        with ready.write() as tx:
            schema_id = add_model(tx, ModelName.parse("c.s.a")).schema_id
            add_model(tx, ModelName.parse("z.s.a"))
        self.grow_search(ready, schema_id, range(200))
        questions = {
            (noun, text, order, ranges): partial(search, noun=noun, text=text, order=order, ranges=ranges)
            for ranges in ALL
            for noun in Noun
            for text in FAST[noun]
            for order in ORDERS
            # Somebody who sees but a part is served by name; another order has to look at all that is seen.
            if ranges is EVERYTHING or text not in IN_ORDER or order == ("name",)
        }
        with mock.patch.object(search_reads, "FEW", 20):
            few = {name: steps(ready, question) for name, question in questions.items()}
            self.grow_search(ready, schema_id, range(200, 2000))
            many = {name: steps(ready, question) for name, question in questions.items()}
        assert {name: many[name] for name in questions if many[name] > 1.3 * few[name]} == {}
        assert len(questions) > 60

    def test_an_order_reads_its_index(self, ready):
        """The first page by time, and by name either way, is read along an index, without sorting all rows."""
        for noun in Noun:
            for order in ORDERS:
                page = Page(noun=noun, search=asked(noun, "", order), ranges=EVERYTHING, reader_id="", managed=())
                sql, values = page.statement()
                with ready.read() as tx:
                    cursor = tx._run._cursor
                    cursor.execute(f"EXPLAIN QUERY PLAN {tx._run._compiler.sql(sql)}", values)
                    plan = [row[3] for row in cursor.fetchall()]
                inner = plan[: plan.index("SCAN page")]
                assert "INDEX" in inner[1], (noun, order, plan)
                # Ties of a time are sorted by name; nothing else is.
                assert "USE TEMP B-TREE FOR ORDER BY" not in inner, (noun, order, plan)


# A popular tag or alias is not looked for, but looked at in order; a rare one is looked for.
IN_ORDER = ("", "tags.common = 'x'", "alias = 'champion'")
_BOTH = (*IN_ORDER, "tags.rare = 'x'", "tags.rare LIKE '%'", "alias = 'rare'", "name = 'c.s.m00100'")
FAST = {
    Noun.MODEL: (*_BOTH, "name LIKE 'c.s.m0010%'", "owner = 'user:nobody' AND name LIKE '%0%'"),
    Noun.VERSION: (*_BOTH, "run_id = 'rare'", "source = 'rare'", "status = 'PENDING_REGISTRATION'"),
}
ORDERS = (("name",), ("name DESC",), ("created_at DESC",), ("last_updated_at DESC",))


def asked(noun, text, order):
    return Search(where=parse_filter(text, noun), order=parse_orders(order, noun), limit=10)


def search(tx, *, noun, text, order, ranges):
    if noun is Noun.MODEL:
        hits = tx.search_models(asked(noun, text, order), ranges)
    else:
        hits = tx.search_versions(
            asked(noun, text, order), ranges, reader_id=ALICE_ID, managed=Ranges(), known=EVERYTHING
        )
    assert hits.rows or "nobody" in text or "PENDING" in text
