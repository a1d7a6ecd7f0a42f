"""Two servers over one PostgreSQL that stops, is slow, or has no connection left; and that race for the same things."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from itertools import islice

import httpx2
import psycopg
import pytest
from attrs import evolve

from herdbook.adapters.http_registry.registry import HttpRegistry
from herdbook.adapters.http_registry.transport import Transport
from herdbook.api import PREFIX
from herdbook.bootstrap import open_registry
from herdbook.errors import ConcurrentUpdateError, UnavailableError
from herdbook.settings import PluginSettings, Settings
from herdbook.testing.acknowledged import Acknowledged, Writers, end_leases
from herdbook.testing.many_servers import ForkedServer
from herdbook.testing.postgres_server import PostgresServer, find_postgres
from herdbook.testing.samples import model_files, register

pytestmark = pytest.mark.timeout(300)

MODEL = "main.default.iris"
URL = f"{PREFIX}/models/{MODEL}"


@pytest.fixture
def settings(tmp_path):
    return Settings(artifact_root=str(tmp_path / "artifacts"), plugins=PluginSettings(enabled=False))


@pytest.fixture(params=["folder", "bucket"])
def either(request):
    """The same, and with the bytes in an S3 server."""
    return (
        request.getfixturevalue("settings") if request.param == "folder" else request.getfixturevalue("s3_settings")()
    )


def found(url, settings):
    with open_registry(url, settings=settings) as registry:
        registry.create_registered_model(MODEL)
        for weights in (b"one", b"two"):
            register(registry, MODEL, model_files(weights))


@contextmanager
def two_servers(url, settings):
    """Start two servers; yields a registry of each."""
    with ExitStack() as stack:
        servers = [stack.enter_context(ForkedServer(url, settings)) for _ in range(2)]
        yield [stack.enter_context(HttpRegistry(Transport(server.url))) for server in servers]


def test_a_database_that_restarts_under_load(either, postgres_server):
    """Requests in flight succeed or answer 503, later ones succeed, and nothing that was acknowledged is lost."""
    with PostgresServer(find_postgres()) as database:
        found(database.url(), either)
        models = [MODEL, *(f"main.default.m{number}" for number in range(3))]
        told = [Acknowledged(model) for model in models]
        with two_servers(database.url(), either) as registries:
            for model in models[1:]:
                registries[0].create_registered_model(model)
            with Writers(registries, told) as writers:
                for _ in range(2):
                    writers.wait_acknowledged(8)
                    database.kill()
                    # Nobody is left out of the trouble.
                    writers.wait_refused()
                    with pytest.raises(UnavailableError):
                        registries[0].update_registered_model(MODEL, comment="gone")
                    database.start()
                writers.wait_acknowledged(8)
            assert sum(each.refused for each in told) > 0
            end_leases(database.url())
            for each in told:
                each.check(registries[0])
                each.check_sweep(registries[1])


@contextmanager
def stuck(url):
    """Keep every change waiting, as a maintenance command on the server would."""
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE registered_models IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


def limited(settings, **limits):
    return evolve(settings, plugin_options={"builtin-sql": limits})


@pytest.mark.parametrize(
    ("limits", "told"),
    [({"lock_timeout_s": 0.2}, "lock"), ({"statement_timeout_s": 0.2}, "statement")],
)
def test_what_waits_too_long_is_given_up(postgres_url, settings, limits, told):
    """A statement or a lock that takes longer than is set answers 503 and when to come again, and changes nothing."""
    found(postgres_url, settings)
    with ForkedServer(postgres_url, limited(settings, **limits)) as server, httpx2.Client(base_url=server.url) as http:
        before = http.get(URL).json()
        with stuck(postgres_url):
            for answer in (http.patch(URL, json={"comment": "x"}), http.get(URL)):
                assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
                assert answer.headers["retry-after"].isdigit()
                assert told in answer.json()["detail"]
        assert http.get(URL).json() == before
        assert http.patch(URL, json={"comment": "x"}).status_code == 200


def test_no_connection_is_left(postgres_url, settings):
    """Requests beyond what the connections can do wait a while, are told to come again, and then are served."""
    found(postgres_url, settings)
    few = limited(settings, connections=2, connection_wait_s=0.3)
    with ForkedServer(postgres_url, few) as server, httpx2.Client(base_url=server.url, timeout=60) as http:
        assert http.get(URL).status_code == 200
        with ThreadPoolExecutor(6) as pool:
            with stuck(postgres_url):
                asked = [pool.submit(http.get, URL) for _ in range(6)]
                refused = [each.result() for each in islice(as_completed(asked, timeout=30), 4)]
            served = [each.result() for each in asked if each.result() not in refused]
        for answer in refused:
            assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
            assert answer.headers["retry-after"].isdigit()
            assert "connection" in answer.json()["detail"]
        assert [answer.status_code for answer in served] == [200, 200]
        # More threads than connections that are kept: they go round.
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: http.get(URL).status_code, range(40)))
        assert answers == [200] * 40


def test_two_servers_race(postgres_url, either):
    """Of racing moves that expect what they saw each replaces one state; version numbers are given once, in a row."""
    found(postgres_url, either)
    slot, told = f"{MODEL}@champion", Acknowledged(MODEL)
    with two_servers(postgres_url, either) as registries:
        registries[0].set_registered_model_alias(slot, 1)

        def race(number):
            registry, moved = registries[number % 2], 0
            for turn in range(10):
                told.register(registry, f"{number} {turn}".encode(), key=f"k-{number}-{turn}")
                now = registry.get_model_version_by_alias(slot).version
                try:
                    registry.set_registered_model_alias(slot, 3 - now if now < 3 else 1, expected_current=now)
                except ConcurrentUpdateError:
                    continue
                moved += 1
            return moved

        with ThreadPoolExecutor(4) as pool:
            moved = sum(pool.map(race, range(4)))
        told.check(registries[1])
        assert len(registries[1].list_model_versions(MODEL, max_results=1000).items) == 42
        history = registries[0].list_alias_history(slot, max_results=1000).items
        assert [entry.version for entry in reversed(history)] == [1 + turn % 2 for turn in range(moved + 1)]
        told.check_sweep(registries[0])
