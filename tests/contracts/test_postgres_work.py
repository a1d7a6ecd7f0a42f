"""How much PostgreSQL reads for a page, counted in rows, so that it does not grow with what is not shown."""

from __future__ import annotations

import re
from contextlib import closing
from functools import partial
from unittest import mock

import pytest

from herdbook.adapters.sql import search_reads
from herdbook.adapters.sql.statements import Runner
from herdbook.adapters.sql.store import SqlStore
from herdbook.entities import Manifest
from herdbook.entities.ledger import IdempotencyRecord
from herdbook.formats.filter_fields import Noun
from herdbook.formats.orders import parse_orders
from herdbook.names import ModelName
from herdbook.policy.ranges import EVERYTHING, Ranges, compile_ranges
from herdbook.ports.authorizer import Held, Reach, Visible
from herdbook.ports.metadata import Search
from herdbook.service.finalizing import manifest_sha256
from herdbook.testing.metadata_samples import ALICE_ID, StoreFixtures, add_model, add_version, entry, new_id, stamp
from herdbook.verdicts import SecurableKind

LIMIT = 10
WALKED = 100
SEEN = 40
"""How many models each of two schemas has whose size stays."""
FEW = [f"z.s.m{number:05}" for number in range(3, 200, 20)]
PEOPLE = {
    "everything": EVERYTHING,
    "few models": compile_ranges(FEW),
    "many models": compile_ranges([f"z.s.m{number:05}" for number in range(0, 200, 2)]),
    "one schema": compile_ranges(["c.s"]),
    "what grows": compile_ranges(["z"]),
    "a catalog minus a schema": compile_ranges(["c"], ["c.other"]),
    "all minus few": compile_ranges(["c", "z"], FEW),
}
ORDERS = (("name",), ("name DESC",), ("last_updated_at DESC",))


class Counting(Runner):
    """Adds up how many rows of tables each statement reads, as it is planned for whatever values."""

    def __init__(self, runner):
        super().__init__(runner._cursor, runner._compiler, committed=runner.committed)
        self.rows = 0

    def one(self, statement, /, **parameters):
        self._count(statement, parameters)
        return super().one(statement, **parameters)

    def all(self, statement, /, **parameters):
        self._count(statement, parameters)
        return super().all(statement, **parameters)

    def _count(self, statement, parameters):
        named = {}

        def numbered(found):
            return f"${named.setdefault(found[1], len(named) + 1)}"

        sql = re.sub(r"%\((\w+)\)s", numbered, self._compiler.sql(statement)).replace("%%", "%")
        values = [parameters[name] for name in named]
        types = ", ".join("bigint" if isinstance(value, int) else "text" for value in values)
        given = ", ".join("NULL" if value is None else "'{}'".format(str(value).replace("'", "''")) for value in values)
        connection = self._cursor.connection
        connection.execute(f"PREPARE counted {f'({types})' if values else ''} AS {sql}".encode())
        told = connection.execute(
            f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE counted {f'({given})' if values else ''}".encode()
        ).fetchone()[0]
        connection.execute("DEALLOCATE counted")
        self.rows += read(told[0]["Plan"])


def read(plan):
    """Return how many rows of tables a plan read, those that it then dropped too."""
    own = 0
    if "Relation Name" in plan:
        dropped = sum(plan.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck"))
        own = (plan["Actual Rows"] + dropped) * plan["Actual Loops"]
    return own + sum(read(part) for part in plan.get("Plans", ()))


def counted(store, question):
    """Return how many rows a question reads."""
    with store.read() as tx:
        tx._run = Counting(tx._run)
        question(tx)
        return tx._run.rows


def page(noun, order, ranges):
    """Return the question for a first page."""
    search = Search(where=None, order=parse_orders(order, noun), limit=LIMIT)

    def asked(tx):
        if noun is Noun.MODEL:
            hits = tx.search_models(search, ranges)
        else:
            hits = tx.search_versions(search, ranges, reader_id="9" * 32, managed=Ranges(), known=EVERYTHING)
        assert len(hits.rows) == LIMIT

    return asked


class TestWork(StoreFixtures):
    @pytest.fixture
    def store(self, postgres_url):
        store = SqlStore.open(postgres_url)
        yield store
        store.close()

    def test_a_plan_that_was_made_for_an_empty_table_reads_no_more_once_it_is_full(self, ready):
        """Plans are kept for as long as a connection, and a table may fill long before the server looks at it."""

        def ask(tx, number):
            return tx.idempotent(ALICE_ID, "create_model_version", f"key {number}", now_ms=1)

        with closing(ready.engine.raw_connection()) as connection:
            # A table that the server has never looked at is taken for one of ten pages.
            connection.driver_connection.execute("VACUUM ANALYZE idempotency")
        for number in range(5):
            with ready.read() as tx:
                assert ask(tx, number) is None
        with ready.write() as tx:
            for number in range(300):
                tx.remember(
                    IdempotencyRecord(
                        principal_id=ALICE_ID,
                        operation="create_model_version",
                        key=f"key {number}",
                        request_sha256="0" * 64,
                        answer=b"x",
                        expires_ms=2**40,
                    )
                )
        with ready.read() as tx:
            assert ask(tx, 7).answer == b"x"
            find = "SELECT name FROM pg_prepared_statements WHERE statement LIKE 'SELECT request_sha256%'"
            (prepared,) = tx._run.one(find)
            asked = f"EXECUTE {prepared} ('{ALICE_ID}', 'create_model_version', 'key 7')"
            (told,) = tx._run.one(f"EXPLAIN (ANALYZE, FORMAT JSON) {asked}")
        assert read(told[0]["Plan"]) == 1

    def grow(self, store, schema_id, names, files=()):
        """Add models to a schema, each with a version, last updated in no order of their names; all are Alice's."""
        with store.write() as tx:
            for number, name in enumerate(names):
                model_id, at = new_id(), stamp(1000 + number * 7919 % 10_007)
                tx.insert_model(model_id, schema_id, name, comment=None, owner_id=ALICE_ID, stamp=at)
                add_version(tx, model_id, files=files, at_ms=at.at_ms)
        with store.engine.connect() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")

    @pytest.mark.timeout(300)
    def test_a_page_reads_no_more_in_a_larger_registry(self, ready):
        """Somebody who sees a part is shown it by reading that part, however much else there is, in every order."""
        with ready.write() as tx:
            trees = {name: add_model(tx, ModelName.parse(f"{name}.a")) for name in ("c.s", "c.other", "z.s")}
        for within in ("c.s", "c.other"):
            names = [ModelName.parse(f"{within}.m{number:05}") for number in range(SEEN)]
            self.grow(ready, trees[within].schema_id, names)
        names = [ModelName.parse(f"z.s.m{number:05}") for number in range(4_000)]
        gates = tuple(Held(allow=frozenset([each])) for each in (trees["c.s"].catalog_id, trees["c.s"].schema_id))
        stranger = Visible(
            reach=Reach.LISTED,
            owners=frozenset(["9" * 32]),
            gates=gates,
            held=(Held(owned=frozenset(SecurableKind)),),
        )
        questions = {
            (who, noun.name, order): page(noun, order, ranges)
            for who, ranges in PEOPLE.items()
            for noun in Noun
            for order in ORDERS
        }
        questions["owned"] = lambda tx: tx.visible_ranges(stranger, SecurableKind.REGISTERED_MODEL)
        questions["concerned"] = lambda tx: tx.concerned(["9" * 32], since="", limit=LIMIT)
        small = {"FEW": 20, "WALKED": WALKED, "SORTED_AT_ONCE": dict.fromkeys(Noun, 20)}
        with mock.patch.multiple(search_reads, **small):
            self.grow(ready, trees["z.s"].schema_id, names[:400])
            few = {name: counted(ready, question) for name, question in questions.items()}
            self.grow(ready, trees["z.s"].schema_id, names[400:])
            many = {name: counted(ready, question) for name, question in questions.items()}
        # What is found along the index of a time may have moved behind where that is given up, and is then sorted.
        more = {name: 3 * WALKED if name[-1] == ORDERS[-1] else LIMIT for name in questions}
        grown = {name: (few[name], many[name]) for name in questions if many[name] > few[name] + more[name]}
        assert grown == {}
        assert max(many.values()) < len(names) / 4

    def test_who_holds_a_file_is_found_as_fast_where_all_hold_the_same(self, ready):
        """What a registration asks of a file reads no more where thousands of models hold the very same files."""
        popular, rare = entry("model.bin", b"popular"), entry("model.bin", b"of one")
        with ready.write() as tx:
            tree = add_model(tx, ModelName.parse("z.s.a"))
            add_version(tx, tree.model_id, files=(rare,))
            popular_id = add_model(tx, ModelName.parse("y.s.a")).model_id
            add_version(tx, popular_id, files=(popular,))
        questions = {
            (what, file.sha256): partial(question, file)
            for file in (popular, rare)
            for what, question in {
                "holders": lambda file, tx: tx.holders(file.sha256, file.size),
                "size holders": lambda file, tx: tx.size_holders(file.size),
                "held by": lambda file, tx: tx.held_by(popular_id, [file]),
                "sizes held by": lambda file, tx: tx.sizes_held_by(tree.model_id, [file.size]),
                "whole manifest": lambda file, tx: tx.holds_manifest(popular_id, manifest_sha256(Manifest.of([file]))),
                "live": lambda file, tx: tx.live_digests([file.sha256]),
            }.items()
        }
        names = [ModelName.parse(f"z.s.m{number:05}") for number in range(6_000)]
        self.grow(ready, tree.schema_id, names[:1_200], (popular,))
        few = {name: counted(ready, question) for name, question in questions.items()}
        self.grow(ready, tree.schema_id, names[1_200:], (popular,))
        many = {name: counted(ready, question) for name, question in questions.items()}
        assert {name: (few[name], many[name]) for name in questions if many[name] > few[name] + LIMIT} == {}
        assert max(many.values()) < 4_000
