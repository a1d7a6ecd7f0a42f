"""The governed registry agrees with a dict model, whatever is asked of it in whatever order."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.adapters.files.store import FileStore
from herdbook.adapters.sql import tables
from herdbook.adapters.sql.store import SqlStore
from herdbook.adapters.system import SystemClock, Uuid7Ids
from herdbook.bootstrap import load_plugins, read_policy, shipped_model
from herdbook.names import PrincipalName
from herdbook.service import Founding, Metastore
from herdbook.service.governed import GovernedRegistry
from herdbook.settings import Settings
from herdbook.testing.machine import Bench, RegistryMachine
from herdbook.testing.machine.shown import OTHER
from herdbook.verdicts import Operation

FOUNDER = PrincipalName.parse("user:os/founder")
STEPS = 100
EXAMPLES = {"memory": 24, "file": 10, "postgresql": 4}
PLUGINS = load_plugins(Settings())
POLICY = read_policy(None)
DAY_MS = 24 * 3600 * 1000


class SteppedClock:
    """A clock that moves only when it is told to; it is ahead of the machine's, as the files' times are by that one."""

    def __init__(self) -> None:
        self.now = SystemClock().now_ms() + DAY_MS

    def now_ms(self) -> int:
        return self.now

    def step(self, milliseconds: int) -> None:
        self.now += milliseconds


class Ledger:
    """What a SQL store keeps behind the port."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def all(self, statement: str) -> list[tuple]:
        with self._store.read() as tx:
            return tx._run.all(statement)

    def audited(self) -> int:
        return self.all("SELECT count(*) FROM audit")[0][0]

    def examine(self) -> None:
        """Events of a securable are counted without gaps, and names and numbers are taken once."""
        gaps = self.all(
            """SELECT securable_id FROM outbox GROUP BY securable_id
            HAVING count(*) <> max(event_seq) OR min(event_seq) <> 1 OR count(*) <> count(DISTINCT event_seq)"""
        )
        assert gaps == []
        for table, kind in (("catalogs", "CATALOG"), ("schemas", "SCHEMA"), ("registered_models", "REGISTERED_MODEL")):
            twice = self.all(f"SELECT key FROM {table} WHERE deleted_at IS NULL GROUP BY key HAVING count(*) > 1")
            assert twice == []
            uncounted = self.all(
                f"""SELECT t.id FROM {table} t WHERE t.event_seq <> (SELECT count(*) FROM outbox o
                WHERE o.securable_id = t.id AND o.securable_kind = '{kind}')"""
            )
            assert uncounted == []
        wrong = self.all(
            """SELECT m.id FROM registered_models m WHERE m.last_version <>
            (SELECT coalesce(max(v.version), 0) FROM model_versions v WHERE v.model_id = m.id)"""
        )
        assert wrong == []
        if self._store.engine.dialect.name == "sqlite":
            assert self.all("PRAGMA foreign_key_check") == []


class GovernedMachine(RegistryMachine):
    """The machine over a metastore of our own making."""

    url: ClassVar[str] = "sqlite://"
    supported = GovernedRegistry(None, None).supported

    def make(self) -> Bench:
        folder = Path(tempfile.mkdtemp(prefix="machine-"))
        clock, store = SteppedClock(), SqlStore.open(self.url.format(folder=folder))
        metastore = Metastore(
            store=store,
            artifacts=FileStore(folder / "artifacts"),
            authorizer=CasbinAuthorizer(shipped_model()),
            checks=PLUGINS,
            clock=clock,
            ids=Uuid7Ids(),
        )
        metastore.open(Founding(creator=FOUNDER, policy=POLICY))
        metastore.asserted(PrincipalName.parse(OTHER))

        def close() -> None:
            if store.engine.dialect.name == "postgresql":
                # One database for all machines of a run: making one takes longer than a machine does.
                with store.engine.begin() as connection:
                    for table in reversed(tables.metadata.sorted_tables):
                        connection.execute(table.delete())
            metastore.close()
            shutil.rmtree(folder)

        ledger = Ledger(store)
        return Bench(
            registry=metastore.for_caller(metastore.asserted(FOUNDER)),
            close=close,
            now_ms=clock.now_ms,
            pass_time=clock.step,
            audited=ledger.audited,
            examine=ledger.examine,
        )


@pytest.fixture(params=EXAMPLES)
def machine(request):
    """A machine over each kind of database, whose counts begin at nothing."""
    url = {"memory": "sqlite://", "file": "sqlite:///{folder}/herdbook.db"}.get(request.param)
    name = f"{request.param.capitalize()}Machine"
    url = url or request.getfixturevalue("postgres_url")
    return type(name, (GovernedMachine,), {"url": url, "asked": {}, "examples": EXAMPLES[request.param]})


def options(examples: int, *, random: bool) -> settings:
    """Return settings: in CI the same examples every time, so that a change is judged by what it does."""
    return settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        derandomize=not random,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


# Whose rights these change or tell of are no part of the dict model: test_rights_machine has one of its own.
RIGHTS = {Operation.GRANT, Operation.REVOKE, Operation.DENY, Operation.LIFT_DENY, Operation.LIST_GRANTS}
RIGHTS |= {Operation.LIST_EFFECTIVE_GRANTS, Operation.EXPLAIN, Operation.WHO_CAN, Operation.WHAT_CAN}
RIGHTS |= {operation for operation in Operation if "principal" in operation.value or "member" in operation.value}
RIGHTS |= {operation for operation in Operation if "polic" in operation.value}
# Tokens prove who asks, which the machine does not: the contract of credentials has them.
RIGHTS |= {operation for operation in Operation if operation.value.endswith(("_token", "_tokens"))}
RIGHTS -= {Operation.GET_CURRENT_PRINCIPAL}


def never_asked(machine) -> set[str]:
    """Return the supported verbs that a machine has not asked yet, and the words of them that were never refused."""
    verbs = {operation.value for operation in machine.supported - RIGHTS}
    refused = {verb.split("_")[0] for verb in machine.asked if verb[-1] == "!"}
    return (verbs - set(machine.asked)) | ({verb.split("_")[0] for verb in verbs} - refused - {"sweep"})


@pytest.mark.timeout(4 * 3600)
def test_the_registry_agrees_with_a_dict(machine, pytestconfig, capsys):
    """Every verb answers, refuses, remembers and forgets as the model says; `--machine-minutes` looks for longer."""
    minutes = pytestconfig.getoption("machine_minutes")
    if not minutes:
        run_state_machine_as_test(machine, settings=options(machine.examples, random=False))
    until = time.monotonic() + 60 * minutes / len(EXAMPLES)
    while time.monotonic() < until:
        run_state_machine_as_test(machine, settings=options(10, random=True))
        with capsys.disabled():
            asked = sum(count for verb, count in machine.asked.items() if verb[-1] != "!")
            sys.stderr.write(f"{machine.__name__}: {asked} verbs asked\n")


def test_every_verb_is_asked_and_refused():
    """The machine leaves no supported verb out, and sees refusals of every sort of verb."""
    machine = type("MemoryMachine", (GovernedMachine,), {"asked": {}, "look_every": 1000})
    examples = 2 * EXAMPLES["memory"]
    while never_asked(machine) and examples < 500:
        run_state_machine_as_test(machine, settings=options(examples, random=False))
        examples *= 2
    assert never_asked(machine) == set()
