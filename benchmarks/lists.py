"""First pages of a search by people who may see a part of 100,000 models, beside the same by an admin, in turns.

Models were last updated in no order of their names, but for those of the first catalog: longest ago, in their order.
So were their versions. Times are the processor's, ours and that of PostgreSQL: neighbours do not count.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from attrs import frozen
from dataset import FIRST_MS, STEP_MS, Dataset, made_at_ms, model_name
from lists_people import PER_CATALOG, Person, people
from pairs import OWNER
from places import DATABASES, Place, kept_in, places, words
from seed_herdbook import HerdbookSeed
from sqlalchemy import text

from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.adapters.files.store import FileStore
from herdbook.adapters.sql.store import SqlStore
from herdbook.adapters.system import SystemClock, Uuid7Ids
from herdbook.bootstrap import load_plugins, read_policy, shipped_model
from herdbook.entities import Principal
from herdbook.entities.ledger import PolicyLine
from herdbook.names import PrincipalName
from herdbook.ports.metadata import Stamp
from herdbook.service import Founding, GovernedRegistry, Metastore
from herdbook.settings import Settings
from herdbook.verdicts import SecurableKind

K = SecurableKind
MODELS, QUICK_MODELS, VERSIONS = 100_000, 2_000, 3
ORDERS = {"name": ("name",), "last updated": ("last_updated_at DESC",)}
# The last six characters of a name are the model's number.
_UPDATED = f"""CASE WHEN {{number}} < {PER_CATALOG} THEN {FIRST_MS} + {{number}} * {STEP_MS}
    ELSE {FIRST_MS} + ({PER_CATALOG} + {{number}} * 7919 % {{models}}) * {STEP_MS} END"""
_NUMBER = "CAST(substr(key, length(key) - 5) AS bigint)"
_OF_MODEL = f"(SELECT {_UPDATED} FROM registered_models m WHERE m.id = model_versions.model_id)"
_UPDATES = (
    f"UPDATE registered_models SET updated_at = {_UPDATED}",
    f"UPDATE model_versions SET updated_at = version + {_OF_MODEL}",
)


@frozen(kw_only=True)
class Filled:
    """A filled registry.

    Args:
        metastore: The registry.
        store: Its database.
        admin: As its creator sees it.
        others: As each of the people sees it.
    """

    metastore: Metastore
    store: SqlStore
    admin: GovernedRegistry
    others: list[tuple[Person, GovernedRegistry]]


@contextmanager
def opened(database: str, models: int, folder: Path, kept: Path | None) -> Iterator[Filled]:
    """Fill a registry in which people have their rights, and open it.

    Args:
        database: One of DATABASES.
        models: How many.
        folder: Where it is made.
        kept: Where what was filled stays for later runs; None keeps nothing.
    """
    artifacts = FileStore(folder / "artifacts")
    listed = people(models)
    named = {PrincipalName.parse(f"user:os/person{number}"): person for number, person in enumerate(listed)}
    with places(database, folder, kept) as made:
        url = made.filled(f"lists_{models}", lambda place: _fill(place, artifacts, models, named)).url
        store = SqlStore.open(url)
        with closing(_metastore(store, artifacts)) as metastore:
            registries = [metastore.for_caller(metastore.asserted(name)) for name in named]
            yield Filled(
                metastore=metastore,
                store=store,
                admin=metastore.for_caller(metastore.asserted(OWNER)),
                others=list(zip(listed, registries, strict=True)),
            )


def _metastore(store: SqlStore, artifacts: FileStore) -> Metastore:
    metastore = Metastore(
        store=store,
        artifacts=artifacts,
        authorizer=CasbinAuthorizer(shipped_model()),
        checks=load_plugins(Settings()),
        clock=SystemClock(),
        ids=Uuid7Ids(),
    )
    metastore.open(Founding(creator=OWNER, policy=read_policy(None)))
    return metastore


def _fill(place: Place, artifacts: FileStore, models: int, named: dict[PrincipalName, Person]) -> None:
    store = SqlStore.open(place.url)
    with closing(_metastore(store, artifacts)) as metastore:
        with place.load() as bulk:
            HerdbookSeed(bulk, metastore.asserted(OWNER), Dataset(models=models, versions=VERSIONS)).run()
        with store.engine.connect() as connection:
            for statement in _UPDATES:
                connection.execute(text(statement.format(number=_NUMBER, models=models)))
            connection.commit()
        _grant(store, Uuid7Ids(), named)
    with place.load():
        # It ends with the upkeep of what was loaded.
        pass


def updated_at(number: int, models: int) -> int:
    """Return when a model was last updated; no two at once."""
    return made_at_ms(number if number < PER_CATALOG else PER_CATALOG + number * 7_919 % models)


def _grant(store: SqlStore, ids: Uuid7Ids, named: dict[PrincipalName, Person]) -> None:
    on: dict[tuple[SecurableKind, str], str] = {(K.METASTORE, ""): store.metastore_id() or ""}
    with store.engine.connect() as connection:
        for kind, table in ((K.CATALOG, "catalogs"), (K.SCHEMA, "schemas"), (K.REGISTERED_MODEL, "registered_models")):
            found = connection.exec_driver_sql(f"SELECT key, id FROM {table}")
            on |= {(kind, row[0]): row[1] for row in found}
    lines = []
    with store.write(exclusive=True) as tx:
        for name, person in named.items():
            who = ids.new()
            tx.insert_principal(Principal(id=who, name=name, created_at=datetime.now(UTC)))
            lines += [
                PolicyLine(
                    id=ids.new(),
                    principal_id=who,
                    privilege=privilege,
                    effect=effect,
                    securable_kind=kind,
                    securable_id=on[kind, key],
                )
                for privilege, effect, kind, key in person.lines
            ]
        tx.change_rights(add=lines, reason=None, stamp=Stamp(at_ms=1, by=who))


Rows = tuple[Any, ...]


def models_page(registry: GovernedRegistry, order: tuple[str, ...]) -> Rows:
    """Return the first page of models."""
    return registry.search_registered_models(order_by=order).items


def versions_page(registry: GovernedRegistry, order: tuple[str, ...]) -> Rows:
    """Return the first page of versions."""
    return registry.search_model_versions(order_by=order).items


PAGES = {"models": models_page, "versions": versions_page}


def check(person: Person, models: int, found: Rows, nouns: str, order: str) -> None:
    """Refuse to measure what is wrong: a page holds the first 100 of what may be seen, with all that a row has."""
    numbers = sorted(person.seen)
    if order != "name":
        numbers.sort(key=lambda number: updated_at(number, models), reverse=True)
    wanted, got = [str(model_name(number)) for number in numbers[:100]], [str(row.name) for row in found]
    if nouns == "versions":
        wanted = [f"{name} {version}" for name in wanted for version in range(VERSIONS, 0, -1)][:100]
        got = [f"{row.name} {row.version}" for row in found]
    if got != wanted:
        sys.exit(f"Somebody who may see {person.what} was shown other {nouns} in the order of {order}.")
    whole = (lambda row: row.latest_version == VERSIONS and len(row.tags) == 2) if nouns == "models" else _whole_version
    if not all(whole(row) and row.aliases for row in found if nouns == "models" or row.version == VERSIONS):
        sys.exit("A row has no tags, aliases or latest version.")


def _whole_version(row: Any) -> bool:
    return len(row.tags) == 1


def worked_ns(store: SqlStore) -> Callable[[], int]:
    """Return what tells how long this thread has worked, and PostgreSQL for it."""
    if store.engine.dialect.name != "postgresql":
        return time.thread_time_ns
    with store.engine.connect() as connection:
        sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'herdbook' AND datname = current_database()"
        found = [Path(f"/proc/{row[0]}/schedstat") for row in connection.exec_driver_sql(sql)]

    def told() -> int:
        return time.thread_time_ns() + sum(int(each.read_text().split()[0]) for each in found if each.exists())

    return told


def compared(
    filled: Filled, page: Callable[[GovernedRegistry], object], registry: GovernedRegistry, calls: int
) -> tuple[float, float]:
    """Time the page of an admin and of somebody else in turns; the medians, in milliseconds."""
    times: tuple[list[float], list[float]] = ([], [])
    worked = worked_ns(filled.store)
    for _ in range(calls):
        for side, one in zip(times, (filled.admin, registry), strict=True):
            began = worked()
            page(one)
            side.append((worked() - began) / 1e6)
    return statistics.median(times[0]), statistics.median(times[1])


def _compare(filled: Filled, models: int, nouns: Sequence[str], calls: int, *, quick: bool) -> bool:
    """Print the table of a registry; returns whether a target was missed."""
    missed = False
    for noun in nouns:
        print(f"{'first page of ' + noun + ', ms':<44} {'order':<13} {_HEAD}")
        for person, registry in filled.others:
            for name, order in ORDERS.items():
                worked = worked_ns(filled.store)
                began = worked()
                found = PAGES[noun](registry, order)
                first = (worked() - began) / 1e6
                check(person, models, found, noun, name)
                admin, mine = compared(filled, partial(PAGES[noun], order=order), registry, calls)
                ratio = mine / admin
                figures = f"{first:7.1f} {mine:7.2f} {admin:7.2f} {ratio:6.1f} {person.limit:6.0f}"
                print(f"{person.what:<44} {name:<13} {figures}", flush=True)
                missed |= ratio > person.limit and not quick
    return missed


_HEAD = f"{'first':>7} {'then':>7} {'admin':>7} {'ratio':>6} {'target':>6}"


def main() -> int:
    """Measure and print a table; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="SQLite, 2,000 models, few calls: does it run?")
    parser.add_argument("--databases", nargs="+", help="which of sqlite and postgresql; both unless said")
    parser.add_argument("--nouns", nargs="+", choices=PAGES, default=list(PAGES), help="what is listed")
    parser.add_argument("--calls", type=int, default=41, help="how many pages each")
    parser.add_argument("--models", type=int, help="how many")
    parser.add_argument("--folder", type=Path, help="where registries are made, and copied from the next time")
    arguments = parser.parse_args()
    models = arguments.models or (QUICK_MODELS if arguments.quick else MODELS)
    calls = 3 if arguments.quick else arguments.calls
    missed = False
    for database in words(arguments.databases, ["sqlite"] if arguments.quick else DATABASES):
        if arguments.folder is not None:
            arguments.folder.mkdir(parents=True, exist_ok=True)
        with (
            tempfile.TemporaryDirectory(prefix="herdbook-bench-", dir=arguments.folder) as scratch,
            opened(database, models, Path(scratch), kept_in(arguments.folder)) as filled,
        ):
            print(f"\n{database}, {models:,} models\n")
            missed |= _compare(filled, models, arguments.nouns, calls, quick=arguments.quick)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
