"""Databases of every revision, on SQLite and PostgreSQL: made at once, migrated, upgraded with what is in them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from herdbook.adapters.sql import migrations, tables
from herdbook.adapters.sql.postgres_store import engine_of
from herdbook.adapters.sql.schema_state import REVISION, known_revisions
from herdbook.adapters.sql.store import SqlStore
from herdbook.cli import main
from herdbook.entities import Lineage
from herdbook.errors import UnavailableError
from herdbook.names import ModelName
from herdbook.policy.ranges import EVERYTHING
from herdbook.wire import to_json

# What a database of the first revision holds, with the columns of then.
_LIFE = "created_at, created_by, updated_at, updated_by"
_THEN = "1, 'a', 1, 'a'"
OLD = (
    "INSERT INTO metastore (id, seal_key, created_at) VALUES ('ms', :seal, 1)",
    f"INSERT INTO catalogs (id, name, key, owner_id, {_LIFE}) VALUES ('c', 'Prod', 'prod', 'a', {_THEN})",
    f"""INSERT INTO schemas (id, catalog_id, name, key, owner_id, {_LIFE})
        VALUES ('s', 'c', 'S', 'prod.s', 'a', {_THEN})""",
    f"""INSERT INTO registered_models (id, catalog_id, schema_id, name, key, owner_id, last_version, {_LIFE})
        VALUES ('m', 'c', 's', 'M', 'prod.s.m', 'a', 1, {_THEN})""",
    f"""INSERT INTO model_versions (id, model_id, version, status, author_id, lineage, {_LIFE})
        VALUES ('v', 'm', 1, 'READY', 'a', :lineage, {_THEN})""",
    """INSERT INTO aliases (id, model_id, alias, key, version_id, valid_from, set_by)
        VALUES ('al', 'm', 'Champion', 'champion', 'v', 1, 'a')""",
    """INSERT INTO tags (owner_kind, owner_id, key, value, set_at, set_by)
        VALUES ('model_version', 'v', 'k', 'w', 1, 'a')""",
)
MODEL = ModelName.parse("prod.s.m")


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request, tmp_path):
    """Makes URLs of databases that are not there yet, or empty."""
    if request.param == "postgresql":
        return request.getfixturevalue("new_database")
    return lambda: f"sqlite:///{tmp_path / 'some.db'}"


def engine_for(url):
    return engine_of(url) if url.startswith("postgresql") else create_engine(url, isolation_level="AUTOCOMMIT")


def make_old(url):
    """Make a database of the first revision, with something of everything in it."""
    engine = engine_for(url)
    migrations.upgrade(engine, "0001")
    values = {"seal": b"k" * 32, "lineage": to_json(Lineage()).decode()}
    with engine.connect() as connection:
        for statement in OLD:
            connection.execute(text(statement), {k: v for k, v in values.items() if f":{k}" in statement})
    engine.dispose()


def shape(url):
    """Return every column, constraint and index of a PostgreSQL database."""
    engine = engine_of(url)
    with engine.connect() as connection:
        columns = connection.exec_driver_sql(
            """SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default,
            collation_name FROM information_schema.columns WHERE table_schema = 'public'"""
        ).all()
        indexes = connection.exec_driver_sql("SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'")
        constraints = connection.exec_driver_sql(
            """SELECT CAST(conrelid AS regclass)::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace"""
        )
        found = {*map(tuple, columns), *map(tuple, indexes.all()), *map(tuple, constraints.all())}
    engine.dispose()
    return {row for row in found if row[0] != "alembic_version"}


def test_revisions_are_those_of_the_migrations():
    """The revisions that are known without Alembic are those that it walks, in order, and the last is the head."""
    scripts = ScriptDirectory(migrations.__path__[0])
    walked = [script.revision for script in scripts.walk_revisions()]
    assert known_revisions() == tuple(reversed(walked))
    assert scripts.get_heads() == [REVISION]


def test_migrations_and_tables_make_the_same_schema_on_postgresql(new_database):
    """On PostgreSQL too a database made at once equals one made by migrations: columns, constraints, indexes."""
    at_once, migrated = new_database(), new_database()
    SqlStore.open(at_once).close()
    engine = engine_of(migrated)
    migrations.upgrade(engine)
    engine.dispose()
    made = shape(at_once)
    assert made == shape(migrated)
    assert {row[0] for row in made} == set(tables.metadata.tables)


def test_an_upgrade_keeps_what_is_there(new_url, capsys):
    """From the first revision `herdbook db upgrade` leads to the newest, and everything is found as it was."""
    url = new_url()
    make_old(url)
    assert main(["db", "upgrade", url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"before": "0001", "now": REVISION}
    store = SqlStore.open(url)
    found = store.point.alias(MODEL.alias("champion")).row.version
    assert (str(found.ref), found.tags, found.aliases) == ("Prod.S.M/1", {"k": "w"}, ("Champion",))
    with store.read() as tx:
        assert tx.seal_key() == b"k" * 32
        assert [str(model.name) for model in tx.list_models("s", EVERYTHING, after="", limit=9)] == ["Prod.S.M"]
    store.close()
    assert main(["db", "upgrade", "--registry", url]) == 0
    assert "already" in capsys.readouterr().out


def test_sqlite_is_upgraded_when_it_is_opened(tmp_path):
    """A file of an older revision is upgraded by whoever opens it, after a backup beside it."""
    url = f"sqlite:///{tmp_path / 'old.db'}"
    make_old(url)
    store = SqlStore.open(url)
    assert store.point.model(MODEL).row is not None
    store.close()
    assert len(list(tmp_path.glob("old.db.0001.*.backup"))) == 1


def test_postgresql_is_upgraded_only_when_asked(new_database):
    """A database of an older revision is refused with the command that upgrades it, and left as it is."""
    url = new_database()
    make_old(url)
    before = shape(url)
    with pytest.raises(UnavailableError, match="0001") as refused:
        SqlStore.open(url)
    assert "herdbook db upgrade" in refused.value.hint
    assert shape(url) == before


def test_a_newer_schema_is_refused(new_url):
    """A database that a newer Herdbook upgraded is neither opened nor upgraded."""
    url = new_url()
    SqlStore.open(url).close()
    engine = engine_for(url)
    with engine.connect() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    for work in (SqlStore.open, SqlStore.upgrade):
        with pytest.raises(UnavailableError, match="9999"):
            work(url)


def test_a_new_database_is_made_once(new_url):
    """Of many who open a new database at the same moment one makes the tables, and all can use them."""
    url = new_url()
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: SqlStore.open(url), range(8)))
    assert [store.create_metastore("f" * 32, seal_key=b"k", at_ms=1) for store in stores] == [True] + [False] * 7
    for store in stores:
        store.close()


def test_an_upgrade_of_nothing(tmp_path, capsys):
    """`db upgrade` makes no registry in a folder that has none."""
    assert main(["db", "upgrade", str(tmp_path / "none")]) == 2
    assert "no registry" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
