"""Who reads the lists that are measured: people who may see a part of a registry, and how long a page may take them."""

from __future__ import annotations

import random
from collections.abc import Iterable

from attrs import frozen
from dataset import MODELS_PER_SCHEMA, SCHEMAS_PER_CATALOG, model_name

from herdbook.entities.ledger import Effect
from herdbook.verdicts import Privilege, SecurableKind

K, P = SecurableKind, Privilege
PER_CATALOG = MODELS_PER_SCHEMA * SCHEMAS_PER_CATALOG
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
