"""What PostgreSQL as a metadata store promises beyond the contract: to threads, in transactions, to wrong URLs."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from herdbook.adapters.sql.postgres_options import PostgresOptions
from herdbook.adapters.sql.postgres_store import engine_of
from herdbook.adapters.sql.store import SqlStore
from herdbook.bootstrap import open_registry
from herdbook.errors import (
    AlreadyExistsError,
    IntegrityError,
    InternalError,
    InvalidArgumentError,
    TooLargeError,
    UnavailableError,
)
from herdbook.names import CatalogName, ModelName
from herdbook.settings import Settings
from herdbook.testing.metadata_samples import (
    ALICE_ID,
    StoreFixtures,
    add_version,
    entry,
    exists,
    insert_catalog,
    new_id,
    stamp,
)
from herdbook.testing.samples import register
from herdbook.verdicts import SecurableKind


@pytest.mark.parametrize("url", ["postgresql://u:secret@[::1/db", "postgresql://u:secret@host/db?no_such_option=1"])
def test_a_url_that_cannot_be_read(url):
    """A URL that libpq cannot read is a mistake of the caller's, and its password is not shown."""
    with pytest.raises(InvalidArgumentError) as refused:
        SqlStore.open(url)
    assert refused.value.hint
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("wrong", [{"connections": 1}, {"lock_timeout_s": -1}, {"statement_timeout_s": float("nan")}])
def test_options_with_mistakes(wrong):
    """What cannot be is refused, and the option is named."""
    with pytest.raises(InvalidArgumentError, match=next(iter(wrong))):
        PostgresOptions(**wrong)


def test_a_session_is_told_its_limits(postgres_server):
    """Each limit that is set is the session's; 0 is none."""
    options = PostgresOptions(statement_timeout_s=1.5, lock_timeout_s=0, idle_transaction_timeout_s=7)
    engine = engine_of(postgres_server.url(), options)
    with engine.connect() as connection:
        names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        told = [connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in names]
    engine.dispose()
    assert told == ["1500ms", "0", "7s"]


def test_no_server_there(tmp_path):
    """Where no server answers, the error says so, what to look at, and no password."""
    with pytest.raises(UnavailableError, match="reached") as refused:
        SqlStore.open(f"postgresql://me:secret@/db?host={tmp_path}")
    assert "server runs" in refused.value.hint
    assert "secret" not in str(refused.value)


def test_somebody_elses_database(new_database):
    """A database with other tables, or an encoding that cannot hold every text, is refused and left alone."""
    other, latin = new_database(), new_database("ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with psycopg.connect(other) as connection:
        connection.execute("CREATE TABLE mine (x int)")
    with pytest.raises(IntegrityError, match="other tables"):
        SqlStore.open(other)
    with pytest.raises(InvalidArgumentError, match="LATIN1"):
        SqlStore.open(latin)
    with psycopg.connect(other) as connection:
        assert connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall() == [
            ("mine",)
        ]


def test_a_schema_of_ones_own(new_database):
    """Beside other tables, a registry lives in a schema that the URL names."""
    url = new_database()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE mine (x int); CREATE SCHEMA registry")
    store = SqlStore.open(f"{url}&options=-csearch_path%3Dregistry")
    assert store.create_metastore("f" * 32, seal_key=b"k", at_ms=1)
    store.close()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT id FROM registry.metastore").fetchone() == ("f" * 32,)


def test_the_how_to_makes_a_database_that_works(new_database, postgres_server, tmp_path):
    """The role and the database of the how-to hold a registry, which that role founds and owns."""
    page = Path(__file__).parents[2] / "docs" / "how-to" / "postgresql.md"
    role, database = re.search(r"```sql\n(.*?;)\n(.*?;)\n```", page.read_text(), re.DOTALL).groups()
    with psycopg.connect(new_database(), autocommit=True) as admin:
        admin.execute(role)
        admin.execute(database)
        try:
            url = postgres_server.url("herdbook").replace("postgres@", "herdbook@")
            settings = Settings(artifact_root=str(tmp_path / "artifacts"))
            with open_registry(url, settings=settings) as registry:
                version = register(registry, registry.create_registered_model("main.default.scorer").name)
            with open_registry(url, settings=settings) as registry:
                assert registry.get_model_version(version.ref) == version
        finally:
            admin.execute("DROP DATABASE herdbook WITH (FORCE)")
            admin.execute("DROP ROLE herdbook")


def test_the_artifact_root_must_be_set(postgres_url):
    """A registry over a database says that it must be told where its bytes are."""
    with pytest.raises(InvalidArgumentError) as refused:
        open_registry(postgres_url, settings=Settings())
    assert "HERDBOOK_ARTIFACT_ROOT" in refused.value.hint


class TestPostgres(StoreFixtures):
    @pytest.fixture
    def store(self, postgres_url):
        store = SqlStore.open(postgres_url)
        yield store
        store.close()

    def test_a_read_goes_on_seeing_what_it_began_with(self, ready):
        """Whatever is committed meanwhile, one read transaction has one answer, and it changes nothing."""
        with ready.read() as tx:
            assert tx.revision() == 0
            with ready.write() as other:
                insert_catalog(other, "new")
            assert tx.catalog(CatalogName.parse("new")).chain is None
        assert exists(ready, "new")
        with pytest.raises(UnavailableError), ready.read() as tx:
            tx._run.run("UPDATE metastore SET policy_revision = 9")

    def test_a_look_within_a_write_sees_what_is_committed(self, ready):
        """A point read in the midst of the thread's own transaction is apart from it, and both go on."""
        with ready.write() as tx:
            insert_catalog(tx, "new")
            assert not exists(ready, "new")
            with ready.read() as other:
                assert other.catalog(CatalogName.parse("new")).chain is None
        assert exists(ready, "new")

    def test_an_exception_rolls_back(self, ready):
        """What a failed transaction did is gone, whether the database or the caller failed."""
        with pytest.raises(ZeroDivisionError), ready.write() as tx:
            insert_catalog(tx, "a")
            raise ZeroDivisionError
        with pytest.raises(InternalError, match="does not exist"), ready.write() as tx:
            insert_catalog(tx, "b")
            tx._run.run("UPDATE nothing SET x = 1")
        with ready.write() as tx:
            insert_catalog(tx, "c")
        assert [exists(ready, name) for name in "abc"] == [False, False, True]

    def test_a_swallowed_failure_is_not_called_a_success(self, ready):
        """Where a statement failed and somebody went on, leaving the transaction says that nothing was kept."""
        with pytest.raises(InternalError, match="rolled back"), ready.write() as tx:
            insert_catalog(tx, "a")
            with pytest.raises(Exception, match="nothing"):
                tx._run.run("UPDATE nothing SET x = 1")
        assert not exists(ready, "a")

    def test_one_winner_of_a_name(self, ready):
        """Of threads that want one name, in several spellings, one gets it and the others are told."""

        def work(name):
            try:
                with ready.write() as tx:
                    insert_catalog(tx, name)
            except AlreadyExistsError:
                return 0
            return 1

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(work, ["Prod", "prod", "PROD", "pROD"] * 4)) == 1

    def test_an_exclusive_write_waits_for_the_others(self, ready):
        """Writers run beside one another; an exclusive one waits for them, keeps later ones waiting, and sees all."""
        order, begun = [], threading.Event()

        def exclusive():
            begun.set()
            with ready.write(exclusive=True) as tx:
                order.append("exclusive")
                assert tx.catalog(CatalogName.parse("first")).row is not None

        thread = threading.Thread(target=exclusive)
        with ready.write() as tx:
            # A transaction begins with its first statement.
            insert_catalog(tx, "zeroth")
            with ready.write() as beside:
                insert_catalog(beside, "second")
            thread.start()
            assert begun.wait(10)
            thread.join(0.2)
            insert_catalog(tx, "first")
            order.append("shared")
        thread.join(30)
        assert order == ["shared", "exclusive"]

    def test_a_locked_securable_keeps_others_waiting(self, ready, tree):
        """Who locked a model is alone with it; what is added in its schema, or done to another one, need not wait."""
        done = threading.Event()

        def other():
            with ready.write() as tx:
                tx.lock(SecurableKind.REGISTERED_MODEL, tree.model_id)
                done.set()

        thread = threading.Thread(target=other)
        with ready.write() as tx:
            tx.lock(SecurableKind.REGISTERED_MODEL, tree.model_id)
            thread.start()
            with ready.write() as beside:
                name = ModelName.parse("prod.fraud.other")
                beside.insert_model(new_id(), tree.schema_id, name, comment=None, owner_id=ALICE_ID, stamp=stamp())
            assert not done.wait(0.2)
        thread.join(30)
        assert done.is_set()

    def test_waiting_ends(self, ready):
        """A lock that is not given up in time is an UnavailableError, and nothing was changed."""
        with ready.write(exclusive=True), ThreadPoolExecutor(1) as pool:

            def work():
                session = ready._take()
                session._driver.execute("SET lock_timeout = '100ms'")
                ready._give_back(session)
                with ready.write() as tx:
                    insert_catalog(tx, "a")

            with pytest.raises(UnavailableError, match="lock") as refused:
                pool.submit(work).result(30)
        assert "Try again" in refused.value.hint
        assert not exists(ready, "a")

    def test_a_page_is_neither_compiled_nor_read_through(self, ready):
        """A session overrules a server whose planner thinks of slow disks, or compiles what takes a millisecond."""
        session = ready._take()
        found = [session._driver.execute(f"SHOW {name}").fetchone()[0] for name in ("jit", "random_page_cost")]
        ready._give_back(session)
        assert found == ["off", "1.1"]

    def test_text_as_people_write_it(self, ready, tree):
        """Any Unicode text comes back as it was, and paths are ordered byte by byte in any locale."""
        text = "naïve % :name %s \\ ' \" 你好 \U0001f9ec\n\t"
        paths = ["B", "a", "a-b", "a0", "aa", "z/y", "b", "Ä", "é", "\U0001f9ec"]
        with ready.write() as tx:
            tx.set_comment(SecurableKind.REGISTERED_MODEL, tree.model_id, text, stamp())
            tx.set_tag("registered_model", tree.model_id, "k", text, stamp())
            new = add_version(tx, tree.model_id, files=tuple(entry(path, path.encode()) for path in paths))
            tx.add_uploads(new.id, [entry(path, b"") for path in paths], stamp())
        with ready.read() as tx:
            row = tx.model_by_id(tree.model_id).row
            assert (row.comment, row.tags) == (text, {"k": text})
            listed = [file.path for file in tx.list_files(new.manifest_id, after="", limit=100)]
            rest = [file.path for file in tx.list_files(new.manifest_id, after="a", limit=100)]
            sent = [file.path for file in tx.uploads(new.id)]
        wanted = sorted(paths, key=str.encode)
        assert listed == sent == wanted
        assert rest == wanted[wanted.index("a") + 1 :]

    def test_what_it_cannot_hold(self, ready, tree):
        """A NUL character or a text that is too long for a column is the caller's mistake, not a defect."""
        with pytest.raises(InvalidArgumentError, match="NUL"), ready.write() as tx:
            tx.set_comment(SecurableKind.REGISTERED_MODEL, tree.model_id, "a\0b", stamp())
        with pytest.raises(TooLargeError), ready.write() as tx:
            tx.set_tag("registered_model", tree.model_id, "k" * 251, "v", stamp())

    def test_keys_are_compared_by_bytes(self, ready):
        """Every column that orders or bounds a list has the collation C, whatever the database's own is."""
        with ready.read() as tx:
            found = tx._run.all(
                """SELECT table_name, column_name, collation_name FROM information_schema.columns
                WHERE table_schema = current_schema() AND column_name IN ('key', 'path')
                AND table_name NOT IN ('idempotency')"""
            )
        assert {collation for _, _, collation in found} == {"C"}
