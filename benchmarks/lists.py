"""First pages of a search by people who may see a part of 100,000 models, beside the same by an admin, in turns.

Models were last updated in no order of their names, but for those of the first catalog: longest ago, in their order.
Times are the processor's: neighbours do not count.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from attrs import frozen
from bulk import bulk_sqlite
from dataset import MODELS_PER_SCHEMA, SCHEMAS_PER_CATALOG, Dataset, made_at_ms, model_name
from pairs import OWNER
from seed_herdbook import HerdbookSeed

from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.adapters.files.store import FileStore
from herdbook.adapters.sql.store import SqlStore
from herdbook.adapters.system import SystemClock, Uuid7Ids
from herdbook.bootstrap import load_plugins, read_policy, shipped_model
from herdbook.entities import Principal, RegisteredModel
from herdbook.entities.ledger import Effect, PolicyLine
from herdbook.names import PrincipalName
from herdbook.ports.metadata import Stamp
from herdbook.service import Founding, GovernedRegistry, Metastore
from herdbook.settings import Settings
from herdbook.verdicts import Privilege, SecurableKind

K, P = SecurableKind, Privilege
MODELS, QUICK_MODELS = 100_000, 2_000
PER_CATALOG = MODELS_PER_SCHEMA * SCHEMAS_PER_CATALOG
ORDERS = {"name": ("name",), "last updated": ("last_updated_at DESC",)}
USUAL, MANY = 3.0, 5.0
"""How many times an admin's time a page may take: mostly, and for 5,000 single models."""


@frozen(kw_only=True)
class Person:
    """Somebody who sees a part.

    Args:
        what: The part, in words.
        seen: The numbers of the models in it.
        lines: What is granted and denied: privilege, effect, kind and folded name; a metastore has none.
        limit: How many times an admin's time a page may take.
    """

    what: str
    seen: frozenset[int]
    lines: tuple[tuple[Privilege, Effect, SecurableKind, str], ...]
    limit: float = USUAL


def people(models: int) -> list[Person]:
    """Return who is measured, in a registry of a size."""
    chance = random.Random(5)
    every = range(models)
    first, last = every[models // 2 // PER_CATALOG * PER_CATALOG :][:PER_CATALOG], every[:PER_CATALOG]
    few, many = chance.sample(every, 10), chance.sample(every, models // 20)
    schema = first[MODELS_PER_SCHEMA : 2 * MODELS_PER_SCHEMA] or first
    return [
        Person(what="10 models", seen=frozenset(few), lines=(*_singles(few),)),
        Person(what="one schema", seen=frozenset(schema), lines=(*_inside(K.SCHEMA, schema[0]),)),
        _catalog("a catalog minus two schemas", first),
        _catalog("the catalog changed longest ago minus two", last),
        _all_but(every, few),
        Person(what=f"{len(many):,} single models", seen=frozenset(many), lines=(*_singles(many),), limit=MANY),
    ]


def _singles(numbers: Iterable[int]) -> list[tuple[Privilege, Effect, SecurableKind, str]]:
    names = [model_name(number) for number in numbers]
    catalogs, schemas = {name.catalog for name in names}, {name.parent.key for name in names}
    lines = [(P.USE_CATALOG, Effect.ALLOW, K.CATALOG, each) for each in sorted(catalogs)]
    lines += [(P.USE_SCHEMA, Effect.ALLOW, K.SCHEMA, each) for each in sorted(schemas)]
    return lines + [(P.EXECUTE, Effect.ALLOW, K.REGISTERED_MODEL, name.key) for name in names]


def _inside(kind: SecurableKind, number: int) -> list[tuple[Privilege, Effect, SecurableKind, str]]:
    name = model_name(number)
    key = name.catalog if kind is K.CATALOG else name.parent.key
    gate = (P.USE_CATALOG, Effect.ALLOW, K.CATALOG, name.catalog)
    return [gate, *((each, Effect.ALLOW, kind, key) for each in (P.USE_SCHEMA, P.EXECUTE))]


def _catalog(what: str, numbers: range, limit: float = USUAL) -> Person:
    hidden = [numbers[schema * MODELS_PER_SCHEMA :][:MODELS_PER_SCHEMA] for schema in (0, len(numbers) // 2000)]
    if len(numbers) <= 2 * MODELS_PER_SCHEMA:
        hidden = hidden[:1]
    denied = [(P.BROWSE, Effect.DENY, K.SCHEMA, model_name(each[0]).parent.key) for each in hidden]
    seen = frozenset(numbers).difference(*hidden)
    return Person(what=what, seen=seen, lines=(*_inside(K.CATALOG, numbers[0]), *denied), limit=limit)


def _all_but(every: range, few: list[int]) -> Person:
    given = [(each, Effect.ALLOW, K.METASTORE, "") for each in (P.USE_CATALOG, P.USE_SCHEMA, P.EXECUTE)]
    denied = [(P.BROWSE, Effect.DENY, K.REGISTERED_MODEL, model_name(number).key) for number in few]
    return Person(what="all minus 10", seen=frozenset(every).difference(few), lines=(*given, *denied))


@frozen(kw_only=True)
class Place:
    """A filled registry.

    Args:
        admin: As its creator sees it.
        others: As each of the people sees it.
    """

    metastore: Metastore
    admin: GovernedRegistry
    others: list[tuple[Person, GovernedRegistry]]


def made(folder: Path, models: int) -> Place:
    """Fill a registry, and give people their rights."""
    file, ids = folder / "lists.db", Uuid7Ids()
    store = SqlStore.open(f"sqlite:///{file}")
    metastore = Metastore(
        store=store,
        artifacts=FileStore(folder / "artifacts"),
        authorizer=CasbinAuthorizer(shipped_model()),
        checks=load_plugins(Settings()),
        clock=SystemClock(),
        ids=ids,
    )
    metastore.open(Founding(creator=OWNER, policy=read_policy(None)))
    creator = metastore.asserted(OWNER)
    listed = people(models)
    names = [PrincipalName.parse(f"user:os/person{number}") for number in range(len(listed))]
    if not _filled(store):
        with bulk_sqlite(file) as bulk:
            HerdbookSeed(bulk, creator, Dataset(models=models, versions=3)).run()
        _update(store, models)
        _grant(store, ids, dict(zip(names, listed, strict=True)))
    others = [
        (person, metastore.for_caller(metastore.asserted(name))) for name, person in zip(names, listed, strict=True)
    ]
    return Place(metastore=metastore, admin=metastore.for_caller(creator), others=others)


def updated_at(number: int, models: int) -> int:
    """Return when a model was last updated; no two at once."""
    if number < PER_CATALOG:
        return made_at_ms(number)
    return made_at_ms(PER_CATALOG + number * 7_919 % models)


def _update(store: SqlStore, models: int) -> None:
    with store.engine.begin() as connection:
        sql = "UPDATE registered_models SET updated_at = ? WHERE key = ? AND deleted_at IS NULL"
        connection.exec_driver_sql(
            sql, [(updated_at(number, models), model_name(number).key) for number in range(models)]
        )


def _filled(store: SqlStore) -> bool:
    with store.engine.connect() as connection:
        return connection.exec_driver_sql("SELECT 1 FROM registered_models LIMIT 1").first() is not None


def _grant(store: SqlStore, ids: Uuid7Ids, listed: dict[PrincipalName, Person]) -> None:
    on: dict[tuple[SecurableKind, str], str] = {(K.METASTORE, ""): store.metastore_id() or ""}
    with store.engine.connect() as connection:
        for kind, table in ((K.CATALOG, "catalogs"), (K.SCHEMA, "schemas"), (K.REGISTERED_MODEL, "registered_models")):
            found = connection.exec_driver_sql(f"SELECT key, id FROM {table}")
            on |= {(kind, row[0]): row[1] for row in found}
    lines = []
    with store.write(exclusive=True) as tx:
        for name, person in listed.items():
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


def page(registry: GovernedRegistry, order: tuple[str, ...]) -> tuple[RegisteredModel, ...]:
    """Return the first page."""
    return registry.search_registered_models(order_by=order).items


def check(person: Person, models: int, found: tuple[RegisteredModel, ...], order: str) -> None:
    """Refuse to measure what is wrong: a page holds the first 100 of what may be seen, with all that a row has."""
    numbers = sorted(person.seen)
    if order != "name":
        numbers.sort(key=lambda number: updated_at(number, models), reverse=True)
    if [str(row.name) for row in found] != [str(model_name(number)) for number in numbers[:100]]:
        sys.exit(f"Somebody who may see {person.what} was shown something else in the order of {order}.")
    if any(len(row.tags) != 2 or not row.aliases or row.latest_version != 3 for row in found):
        sys.exit("A row has no tags, aliases or latest version.")


def compared(place: Place, registry: GovernedRegistry, order: tuple[str, ...], calls: int) -> tuple[float, float]:
    """Time the page of an admin and of somebody else in turns; the medians, in milliseconds."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(calls):
        for side, one in zip(times, (place.admin, registry), strict=True):
            began = time.thread_time_ns()
            page(one, order)
            side.append((time.thread_time_ns() - began) / 1e6)
    return statistics.median(times[0]), statistics.median(times[1])


def main() -> int:
    """Measure and print a table; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 models, few calls and no targets: does it run?")
    parser.add_argument("--calls", type=int, default=41, help="how many pages each")
    parser.add_argument("--folder", type=Path, help="where the registry is made, and found again the next time")
    arguments = parser.parse_args()
    missed = False
    with tempfile.TemporaryDirectory(prefix="herdbook-bench-") as scratch:
        folder = arguments.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        models = QUICK_MODELS if arguments.quick else MODELS
        place = made(folder, models)
        print(f"{'first page, ms':<44} {'order':<13} {'first':>7} {'then':>7} {'admin':>7} {'ratio':>6} {'target':>6}")
        for person, registry in place.others:
            for name, order in ORDERS.items():
                began = time.thread_time_ns()
                found = page(registry, order)
                first = (time.thread_time_ns() - began) / 1e6
                check(person, models, found, name)
                admin, mine = compared(place, registry, order, 3 if arguments.quick else arguments.calls)
                ratio = mine / admin
                figures = f"{first:7.1f} {mine:7.2f} {admin:7.2f} {ratio:6.1f} {person.limit:6.0f}"
                print(f"{person.what:<44} {name:<13} {figures}")
                missed |= ratio > person.limit and not arguments.quick
        place.metastore.close()
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
