"""The SQL store: its schema, its settings, and what many writers and sudden deaths do to it."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from sqlalchemy import create_engine, inspect, text

from herdbook.adapters.sql import rows, tables
from herdbook.adapters.sql.migrations import upgrade
from herdbook.adapters.sql.schema_state import REVISION
from herdbook.adapters.sql.store import SqlStore
from herdbook.entities import Lineage
from herdbook.errors import AlreadyExistsError, IntegrityError, UnavailableError
from herdbook.names import PrincipalName
from herdbook.testing.samples import register
from herdbook.testing.strategies import lineages
from herdbook.wire import to_json

FOUNDER = PrincipalName.parse("user:os/founder")
NAME = "main.default.iris"


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'herdbook.db'}"


def schema_of(engine):
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT type, name, tbl_name, sql FROM sqlite_master")).all()
    return {(kind, name, table, _parts(sql or "")) for kind, name, table, sql in rows if "alembic_version" not in table}


def _parts(sql):
    """What a definition says, whatever its order: a column that was added later stands at the end."""
    plain = " ".join(sql.replace('"', "").split())
    return tuple(sorted(part.strip(" ()") for part in re.split(r",(?![^(]*\))", plain.partition("(")[2] or plain)))


def test_migrations_and_tables_make_the_same_schema():
    """A database made at once and one made by migrations are equal, but for the order of columns."""
    at_once, migrated = create_engine("sqlite://"), create_engine("sqlite://")
    tables.metadata.create_all(at_once)
    upgrade(migrated)
    assert schema_of(at_once) == schema_of(migrated)
    assert len(inspect(at_once).get_table_names()) == len(tables.metadata.tables)
    for engine in (at_once, migrated):
        engine.dispose()


def test_a_normal_open_imports_no_alembic(url):
    """Opening a database with the current schema needs neither Alembic nor the ORM."""
    SqlStore.open(url).close()
    code = (
        "import sys; from herdbook.adapters.sql.store import SqlStore; "
        f"SqlStore.open({url!r}).close(); print('alembic' in sys.modules, 'sqlalchemy.orm' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_other_schemas_are_refused(tmp_path, url):
    """A newer schema and somebody else's database are refused, and left alone."""
    SqlStore.open(url).close()
    path = tmp_path / "herdbook.db"
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (REVISION,)
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UnavailableError, match="9999"):
        SqlStore.open(url)
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("CREATE TABLE mine (x)")
    with pytest.raises(IntegrityError, match="other tables"):
        SqlStore.open(f"sqlite:///{tmp_path / 'other.db'}")
    (tmp_path / "junk.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(IntegrityError):
        SqlStore.open(f"sqlite:///{tmp_path / 'junk.db'}")


def test_every_connection_is_durable(url):
    """WAL, synchronous=FULL, foreign keys and a busy timeout hold on each connection."""
    store = SqlStore.open(url)
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}
    held = [store.engine.raw_connection() for _ in range(3)]
    for connection in held:
        cursor = connection.cursor()
        found = {name: cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted}
        assert found == wanted
    for connection in held:
        connection.close()
    store.close()


def test_an_exception_rolls_back(make_metastore):
    """What a failed write transaction did is gone, and the next one works."""
    store = make_metastore().core.store
    with pytest.raises(ZeroDivisionError), store.write() as tx:
        tx._run.run("UPDATE metastore SET policy_revision = 99")
        raise ZeroDivisionError
    with store.write() as tx:
        assert tx.revision() == 1


def test_unique_names_hold_in_the_database(make_metastore):
    """Even past the service, a live name cannot be there twice."""
    metastore = make_metastore()
    with pytest.raises(AlreadyExistsError), metastore.core.store.write() as tx:
        from herdbook.names import CatalogName
        from herdbook.ports.metadata import Stamp

        tx.insert_catalog("0" * 32, CatalogName.parse("MAIN"), comment=None, owner_id="x", stamp=Stamp(at_ms=1, by="x"))


def test_readers_do_not_wait_for_a_writer(make_metastore):
    """A read goes through while a write transaction is open, and sees nothing of it."""
    store = make_metastore().core.store
    with store.write() as tx:
        tx._run.run("UPDATE metastore SET policy_revision = 99")
        seen = []
        reader = threading.Thread(target=lambda: seen.append(store.point.metastore().policy_revision))
        reader.start()
        reader.join(timeout=10)
        assert seen == [1]
        tx._run.run("UPDATE metastore SET policy_revision = 1")


def test_threads_allocate_every_number_once(make_metastore):
    """Eight threads that register on one model get numbers without gaps or duplicates."""
    metastore = make_metastore()
    registry = metastore.for_caller(metastore.asserted(FOUNDER))
    registry.create_registered_model(NAME)
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: registry.create_model_version(NAME).version, range(80)))
    assert sorted(numbers) == list(range(1, 81))


def _allocate(folder, count, queue):
    from herdbook.bootstrap import open_registry
    from herdbook.settings import Settings

    with open_registry(folder, settings=Settings()) as registry:
        queue.put([registry.create_model_version(NAME).version for _ in range(count)])


def test_processes_allocate_every_number_once(tmp_path):
    """The same for four processes that open the folder themselves."""
    from herdbook.bootstrap import open_registry
    from herdbook.settings import Settings

    folder = str(tmp_path / "registry")
    with open_registry(folder, settings=Settings()) as registry:
        registry.create_registered_model(NAME)
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    workers = [context.Process(target=_allocate, args=(folder, 20, queue)) for _ in range(4)]
    for worker in workers:
        worker.start()
    numbers = sorted(number for _ in workers for number in queue.get(timeout=60))
    for worker in workers:
        worker.join()
    assert numbers == list(range(1, 81))


def _open(folder, barrier, queue):
    from herdbook.bootstrap import open_registry
    from herdbook.settings import Settings

    barrier.wait()
    with open_registry(folder, settings=Settings()) as registry:
        queue.put(registry.get_schema("main.default").id)


def test_processes_that_make_one_registry_at_once(tmp_path):
    """Four processes that open a new folder at the same moment found one metastore."""
    context = multiprocessing.get_context("spawn")
    queue, barrier = context.Queue(), context.Barrier(4)
    folder = str(tmp_path / "registry")
    workers = [context.Process(target=_open, args=(folder, barrier, queue)) for _ in range(4)]
    for worker in workers:
        worker.start()
    ids = {queue.get(timeout=60) for _ in workers}
    for worker in workers:
        worker.join()
    assert len(ids) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_opens_connections_of_its_own(make_metastore):
    """After a fork, the child reads and writes without touching the parent's connections."""
    metastore = make_metastore()
    registry = metastore.for_caller(metastore.asserted(FOUNDER))
    registry.create_registered_model(NAME)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            registry.create_model_version(NAME)
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert registry.create_model_version(NAME).version == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_writer_that_dies_leaves_nothing(make_metastore):
    """A process killed inside a write transaction leaves no lock and no row."""
    metastore = make_metastore()
    store = metastore.core.store
    child = os.fork()
    if child == 0:
        with store.write() as tx:
            tx._run.run("UPDATE metastore SET policy_revision = 99")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    with store.write() as tx:
        assert tx.revision() == 1


def test_every_change_is_in_the_ledger(make_metastore):
    """Each change has its audit row with the digest of its payload, and events are counted by securable."""
    import hashlib
    import json

    metastore = make_metastore()
    registry = metastore.for_caller(metastore.asserted(FOUNDER))
    registry.create_registered_model(NAME)
    register(registry, NAME)
    registry.set_registered_model_alias(f"{NAME}@champion", 1, reason="why not")
    with metastore.core.store.read() as tx:
        rows = tx._run.all("SELECT operation, payload, sha256, principal_id, leaf_index FROM audit ORDER BY id")
        events = tx._run.all("SELECT securable_id, type, event_seq FROM outbox ORDER BY id")
    done = [row[0] for row in rows]
    assert done[-5:] == [
        "create_registered_model",
        "create_model_version",
        "upload_model_version_files",
        "finalize_model_version",
        "set_registered_model_alias",
    ]
    for _, payload, sha256, principal_id, leaf_index in rows:
        assert hashlib.sha256(payload).hexdigest() == sha256
        assert leaf_index is None
        assert "user:os/" not in payload.decode()
        assert json.loads(payload)["by"] == principal_id
    assert json.loads(rows[-1][1])["reason"] == "why not"
    model = registry.get_registered_model(NAME)
    assert [(kind, seq) for owner, kind, seq in events if owner == model.id] == [
        ("registered_model.created", 1),
        ("model_version.created", 2),
        ("model_version_alias.created", 3),
    ]


@given(lineages())
def test_a_lineage_is_read_as_it_was_written(lineage):
    """A stored lineage comes back the same, whichever of its fields it has."""
    assert rows.lineage(to_json(lineage).decode()) == lineage


def test_a_lineage_of_long_ago():
    """A lineage that was stored before some of the fields were there lacks nothing else."""
    assert rows.lineage('{"run_id":"r","environment":{"python":"3.11"}}') == Lineage(
        run_id="r", environment={"python": "3.11"}
    )
