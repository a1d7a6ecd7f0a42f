"""What must be true once the load is over: everything acknowledged is there, once, whole, and in the audit log."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy
from load_told import ALIASES, ASKED, SCHEMA, Told, Write

from herdbook.entities import AliasAssignment, ModelVersion, Page, VersionStatus
from herdbook.errors import NotFoundError, RegistryError
from herdbook.ports.registry import Registry

_ALL = 1000
_MOVE = "set_registered_model_alias"
_READ_BACK = 300
"""Of how many versions the bytes are read again."""


def broken_promises(registry: Registry, engine: sqlalchemy.Engine, told: Told, models: Sequence[str]) -> list[str]:
    """Return what is not as it must be.

    Args:
        registry: The registry as an admin uses it.
        engine: Its database: the log of events is not shown in any other way.
        told: What clients were told.
        models: The models that were there before, each with one version.
    """
    by_verb: dict[str, list[Write]] = {}
    for write in told.writes:
        by_verb.setdefault(write.verb, []).append(write)
    found = {model: list(_pages(registry.list_model_versions, model)) for model in models}
    checks = [
        told.wrong[:20],
        _versions(found, by_verb),
        _bytes(registry, by_verb.get("finalize_model_version", [])),
        _aliases(_histories(registry, models), by_verb.get(_MOVE, [])),
        _tags(registry, by_verb.get("set_registered_model_tag", [])),
        _names(registry, models, by_verb.get("create_registered_model", [])),
        _rights(registry, by_verb.get("grant", []), by_verb.get("revoke", [])),
        _audit(engine, told.writes),
        _events(engine),
        _sweep(registry),
    ]
    return [*itertools.chain.from_iterable(checks)]


def _versions(found: dict[str, list[ModelVersion]], by_verb: dict[str, list[Write]]) -> Iterator[str]:
    """Every number is there, is given once, and belongs to whom it was acknowledged to; nothing is half there."""
    created = [write for write in by_verb.get("create_model_version", []) if write.changed]
    for model, versions in found.items():
        numbers = sorted(version.version for version in versions)
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"{model}: numbers of versions are missing, or there twice: {_odd(numbers)}"
        acknowledged = [write.told for write in created if write.on == model]
        twice = [number for number, count in Counter(number for number, _ in acknowledged).items() if count > 1]
        if twice:
            yield f"{model}: versions {twice} were acknowledged to two requests"
        there = {(version.version, version.tags.get("by")) for version in versions if version.version > 1}
        lost, made_up = sorted(set(acknowledged) - there), sorted(there - set(acknowledged))
        if lost or made_up:
            yield f"{model}: lost {lost[:5]}, made up {made_up[:5]}"
        half = [version.version for version in versions if version.status is not VersionStatus.READY]
        half += [version.version for version in versions if not version.file_count]
        if half:
            yield f"{model}: versions {half[:5]} are not READY, or have no files"


def _bytes(registry: Registry, finalized: Sequence[Write]) -> Iterator[str]:
    """What was uploaded comes back."""
    for write in random.Random(1).sample(finalized, min(len(finalized), _READ_BACK)):
        number, digest = write.told
        try:
            content = b"".join(registry.read_model_version_file(f"{write.on}/{number}", "model.bin"))
        except RegistryError as error:
            yield f"{write.on}/{number}: its bytes are not there: {error}"
            continue
        if hashlib.sha256(content).hexdigest() != digest:
            yield f"{write.on}/{number}: other bytes came back than were sent"


def _aliases(histories: dict[str, list[AliasAssignment]], moved: Sequence[Write]) -> Iterator[str]:
    """The history of an alias has each move that was acknowledged, no other, and neither gap nor overlap."""
    for slot, history in histories.items():
        for later, earlier in itertools.pairwise(history):
            if earlier.valid_to != later.valid_from or earlier.version == later.version:
                yield f"{slot}: its history has a gap, or a step that is none"
        if history and history[0].valid_to is not None:
            yield f"{slot}: it was ended, which nobody asked for"
        there = {(entry.version, entry.valid_from, entry.set_by) for entry in history}
        acknowledged = {_move(write) for write in moved if write.on == slot}
        # What an alias pointed to before anybody moved it.
        made_up = there - acknowledged - {(1, history[-1].valid_from, history[-1].set_by) if history else None}
        if made_up or acknowledged - there:
            yield f"{slot}: lost {sorted(acknowledged - there)[:3]}, made up {sorted(made_up)[:3]}"


def _histories(registry: Registry, models: Sequence[str]) -> dict[str, list[AliasAssignment]]:
    """Return what each slot pointed to, the last first; nothing for one that was never set."""
    found: dict[str, list[AliasAssignment]] = {}
    for slot in (f"{model}@{alias}" for model in models for alias in ALIASES):
        try:
            found[slot] = list(_pages(registry.list_alias_history, slot))
        except NotFoundError:
            found[slot] = []
    return found


def _move(write: Write) -> tuple[int, datetime, str]:
    return write.told["version"], datetime.fromisoformat(write.told["valid_from"]), write.told["set_by"]


def _tags(registry: Registry, written: Sequence[Write]) -> Iterator[str]:
    """Each tag has the value that was acknowledged last: one client alone sets it."""
    last = {(write.on, write.told[0]): write.told[1] for write in written}
    for model in {model for model, _ in last}:
        there = registry.get_registered_model(model).tags
        for (on, key), value in last.items():
            if on == model and there.get(key) != value:
                yield f"{model}: tag {key} is {there.get(key)!r}, and {value!r} was acknowledged last"


def _names(registry: Registry, models: Sequence[str], created: Sequence[Write]) -> Iterator[str]:
    """Every model that was acknowledged is there, no other is, and nobody else was told of the same name."""
    names = Counter(write.told for write in created)
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        yield f"models {twice[:5]} were acknowledged to two clients"
    there = {str(model.name) for model in _pages(registry.list_registered_models, schema=SCHEMA)}
    if there != {*names, *models}:
        yield f"models: lost {sorted({*names} - there)[:5]}, made up {sorted(there - {*names, *models})[:5]}"


def _rights(registry: Registry, given: Sequence[Write], taken: Sequence[Write]) -> Iterator[str]:
    """A guest has the right that was given last, and has it no more once it was taken; one client alone does both."""
    has = Counter((write.told, write.on) for write in given)
    has.subtract((write.told, write.on) for write in taken)
    for (guest, model), count in has.items():
        if len(registry.list_grants(model, principal=guest).items) != count:
            yield f"{guest} was told to have {count} rights on {model}, and has another number"


def _audit(engine: sqlalchemy.Engine, writes: Sequence[Write]) -> Iterator[str]:
    """Each change that was acknowledged has one row of its own, and nothing else that clients asked for has one."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT operation, payload FROM audit").all()
    recorded = Counter((operation, str(json.loads(bytes(payload))["request_id"])) for operation, payload in rows)
    asked = {key: count for key, count in recorded.items() if key[1].startswith(ASKED)}
    wanted: dict[tuple[str, str], int] = {}
    moves: set[object] = set()
    for write in writes:
        key = (write.verb, write.request_id)
        if write.verb == _MOVE:
            # To set an alias to where it points changes nothing: of those that were told of one move, one made it.
            wanted[key] = asked.get(key, 0)
            moves.add((write.on, _move(write))) if wanted[key] else None
        elif write.changed:
            wanted[key] = 1
    if asked != {key: count for key, count in wanted.items() if count}:
        odd = [key for key in {*asked, *wanted} if asked.get(key, 0) != wanted.get(key, 0)]
        yield f"{len(odd)} requests have another number of audit rows than changes: {odd[:3]}"
    count = sum(asked.get((_MOVE, write.request_id), 0) for write in writes)
    if count != len(moves):
        yield f"{len(moves)} moves of aliases have {count} audit rows"


def _events(engine: sqlalchemy.Engine) -> Iterator[str]:
    """The events of each thing are counted without a gap."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT securable_id FROM outbox GROUP BY securable_id HAVING COUNT(*) <> MAX(event_seq)"
        ).all()
    if rows:
        yield f"{len(rows)} things have a gap in their events"


def _sweep(registry: Registry) -> Iterator[str]:
    """Nothing was left behind, so the sweep finds nothing to end."""
    swept = registry.sweep_artifacts(grace_s=0)
    if swept.abandoned_versions:
        yield f"{swept.abandoned_versions} versions were left unfinished"


def _pages(verb: Callable[..., Page[Any]], *arguments: Any, **words: Any) -> Iterator[Any]:
    page = verb(*arguments, max_results=_ALL, **words)
    yield from page.items
    while page.next_page_token is not None:
        page = verb(*arguments, max_results=_ALL, page_token=page.next_page_token, **words)
        yield from page.items


def _odd(numbers: list[int]) -> list[int]:
    wanted = Counter(range(1, len(numbers) + 1))
    return sorted(((Counter(numbers) - wanted) + (wanted - Counter(numbers))).elements())[:5]
