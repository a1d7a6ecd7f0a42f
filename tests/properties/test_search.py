"""What a search finds on a database is what a plain evaluator finds in the same rows, page by page and in order."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime
from unittest import mock

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from herdbook.adapters.sql import search_names, search_reads
from herdbook.adapters.sql.postgres_store import engine_of
from herdbook.adapters.sql.store import SqlStore
from herdbook.entities import Lineage, Principal
from herdbook.formats.filter_fields import Noun, Operator
from herdbook.formats.filters import And, Clause
from herdbook.formats.orders import parse_orders
from herdbook.names import ModelName, PrincipalName, fold
from herdbook.policy.ranges import EVERYTHING, Ranges, compile_ranges
from herdbook.ports.metadata import Search
from herdbook.testing.filter_strategies import filters, holds
from herdbook.testing.metadata_samples import (
    FAILED,
    METASTORE_ID,
    PENDING,
    READY,
    add_model,
    add_version,
    new_id,
    stamp,
)
from herdbook.verdicts import SecurableKind

PEOPLE = {"a" * 32: "user:os/Alice", "b" * 32: "user:os/bob", "c" * 32: "group:okta/Risk"}
NAMES = ["A.s.m", "A.s.M-1", "A.s.m1", "a.T.x", "a-b.s.m", "b.s.m", "b.s.zz", "B.t.m", "c.s.m", "c.S2.m_1", "d.s.only"]
KEYS = ["team", "stage", "a b"]
LONG = "x" * 250
TAGS = ["risk", "Risk", "RISK", "", "a%b", "a_b", "a*b[c]?", "é", "É", LONG, LONG + "y", "it's", "\N{ROCKET}x"]
RUNS = ["r1", "R1", "r2", "mlflow/1"]
TIMES = [1000, 1001, 1002]
VALUES = {
    "name": [*NAMES, "a.s.m", "nothing", "B.S.M", "é.s.m"],
    "catalog": ["a", "A", "b", "a.s", "zz", "a-b"],
    "schema": ["a.s", "A.S", "b.t", "s", "a"],
    "owner": list(PEOPLE.values()),
    "author": [*PEOPLE.values(), "user:alice"],
    "tags": TAGS,
    "comment": ["c", "other Words", "nothing"],
    "alias": ["champion", "Champion", "old", "nothing"],
    "created_at": [*TIMES, 0, -1],
    "last_updated_at": [*TIMES, 5000],
    "version": [1, 2, 3, 99],
    "status": ["READY", "PENDING_REGISTRATION", "FAILED_REGISTRATION"],
    "run_id": RUNS,
    "experiment_id": RUNS,
    "logged_model_id": RUNS,
    "source": ["s3://b/r1", "s3://b/R1", LONG, LONG + "y"],
}
RANGES = [
    EVERYTHING,
    compile_ranges(["a"]),
    compile_ranges(["a"], ["a.s.m", "a.t"]),
    compile_ranges(["b", "a.s", "c.s2"]),
    compile_ranges(["a", "b", "c"], ["a.s.m", "b.s"]),
    compile_ranges(["a.s.m1", "d.s.only", "b.t"]),
    Ranges(),
]
ORDERS = {
    Noun.MODEL: ["name", "name DESC", "last_updated_at", "created_at DESC", "owner", "owner DESC"],
    Noun.VERSION: ["name", "name DESC", "version", "last_updated_at DESC", "created_at", "status", "author", "owner"],
}


def fill(store):
    """Insert models, versions, tags and aliases, some of them in the trash; returns what is not, with authors."""
    chance = random.Random(3)
    store.create_metastore(METASTORE_ID, seal_key=b"k" * 32, at_ms=1)
    with store.write() as tx:
        for who, name in PEOPLE.items():
            tx.insert_principal(Principal(id=who, name=PrincipalName.parse(name), created_at=datetime.now(UTC)))
        for name in [*NAMES, "a.s.gone"]:
            people = list(PEOPLE)
            model_id = add_model(tx, ModelName.parse(name), owner_id=chance.choice(people)).model_id
            tx.set_comment(SecurableKind.REGISTERED_MODEL, model_id, chance.choice([None, "c", "other Words"]), stamp())
            tag(tx, chance, "registered_model", model_id)
            made = [add(tx, chance, model_id, people) for _ in range(chance.randrange(5))]
            for alias in chance.sample(["Champion", "old", "x"], chance.randrange(3)):
                if made:
                    version = chance.choice(made)
                    tx.set_alias(model_id, alias, version.id, reason=None, new_id=new_id(), stamp=stamp())
            tx._run.run(
                "UPDATE registered_models SET updated_at = :at WHERE id = :id", at=chance.choice(TIMES), id=model_id
            )
        tx._run.run("UPDATE registered_models SET deleted_at = 1 WHERE key = 'a.s.gone'")
        gone = add_version(tx, tx.model(ModelName.parse("b.s.m")).row.id)
        tx._run.run("UPDATE model_versions SET deleted_at = 1 WHERE id = :id", id=gone.id)


def tag(tx, chance, kind, owner_id):
    for key in KEYS:
        if chance.random() < 0.7:
            tx.set_tag(kind, owner_id, key, chance.choice(TAGS), stamp())


def add(tx, chance, model_id, people):
    lineage = Lineage(
        run_id=chance.choice([None, *RUNS]),
        experiment_id=chance.choice([None, *RUNS]),
        logged_model_id=chance.choice([None, *RUNS]),
        source=chance.choice([None, *VALUES["source"]]),
    )
    status = chance.choice([READY, READY, PENDING, FAILED])
    made = add_version(
        tx, model_id, status=status, author_id=chance.choice(people), lineage=lineage, at_ms=chance.choice(TIMES)
    )
    tag(tx, chance, "model_version", made.id)
    return made


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request):
    """A filled database of each kind."""
    if request.param == "sqlite":
        store = SqlStore.open("sqlite://")
    else:
        server, name = request.getfixturevalue("postgres_server"), f"search_{uuid.uuid4().hex}"
        admin = engine_of(server.url())
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        admin.dispose()
        store = SqlStore.open(server.url(name))
    fill(store)
    yield store
    store.close()


@pytest.fixture(scope="module")
def world(store):
    """All that is there, read without search: (model, None) and (model, version row) pairs."""
    models, versions = [], []
    with store.read() as tx:
        for name in NAMES:
            model = tx.model(ModelName.parse(name)).row
            models.append((model, None))
            rows = tx.list_versions(model.id, reader_id=None, before=None, limit=99)
            versions += [(model, row) for row in rows]
    return {Noun.MODEL: models, Noun.VERSION: versions}


def position(order, model, version):
    row = model if version is None else version
    if order.field == "name":
        return model.name.key
    if order.field == "owner":
        return fold(model.owner)
    value = getattr(row, {"last_updated_at": "updated_at"}.get(order.field, order.field))
    return fold(value) if order.field == "author" else value


def expected(world, noun, tree, orders, ranges, reader, managed):
    found = [
        (model, row)
        for model, row in world[noun]
        if model.name.key in ranges
        and (row is None or row.version.status is READY or row.author_id == reader or model.name.key in managed)
        and (tree is None or holds(tree, model, row and row.version))
    ]
    for order in reversed(orders):
        found.sort(key=lambda pair: position(order, pair[0], pair[1] and pair[1].version), reverse=order.descending)
    return [model if row is None else row for model, row in found]


@given(data=st.data())
@settings(deadline=None)
@pytest.mark.parametrize("few", [2_000, 1, 0], ids=["begins with few", "begins with one", "reads in order"])
@pytest.mark.parametrize("noun", Noun)
def test_a_search_finds_what_is_there(store, world, noun, few, data):
    """Filter, order, ranges, who asks and page size are drawn; all pages together are what the evaluator finds."""
    tree = data.draw(st.one_of(st.none(), filters(noun, values=VALUES, keys=KEYS)))
    if data.draw(st.booleans()):
        value = data.draw(st.sampled_from(TAGS))
        first = Clause(field="tags", key=data.draw(st.sampled_from(KEYS)), operator=Operator.EQ, value=value)
        tree = first if tree is None else And((first, tree) if not isinstance(tree, And) else (first, *tree.parts))
    items = data.draw(st.lists(st.sampled_from(ORDERS[noun]), max_size=2, unique_by=lambda item: item.split()[0]))
    orders = parse_orders(items, noun)
    ranges, managed = data.draw(st.sampled_from(RANGES)), data.draw(st.sampled_from(RANGES))
    reader = data.draw(st.sampled_from(list(PEOPLE)))
    search = Search(where=tree, order=orders, limit=data.draw(st.sampled_from([1, 3, 100])))
    found = []
    # So that a page is full along an index, or not, and is then sorted or read to the end, and parts follow parts.
    small = {"WALKED": data.draw(st.sampled_from([2, 5, 5_000])), "SORTED": data.draw(st.sampled_from([0, 20_000]))}
    small |= {"FEW": few, "PART": data.draw(st.sampled_from([1, 200])), "SORTED_AT_ONCE": dict.fromkeys(Noun, few)}
    written_out = mock.patch.object(search_names, "WRITTEN_OUT", data.draw(st.sampled_from([1, 16])))
    with mock.patch.multiple(search_reads, **small), written_out, store.read() as tx:
        while True:
            hits = (
                tx.search_models(search, ranges)
                if noun is Noun.MODEL
                else tx.search_versions(search, ranges, reader_id=reader, managed=managed, known=EVERYTHING)
            )
            assert len(hits.rows) <= search.limit
            found += hits.rows
            assert len(found) <= len(world[noun])
            if hits.position is None:
                break
            search = evolve(search, after=hits.position)
    assert found == expected(world, noun, tree, orders, ranges, reader, managed)
