"""Every entity survives JSON unchanged, and the JSON of a value is always the same bytes."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest
from attrs import has
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import herdbook.entities
from herdbook.entities import Catalog, ModelSignature, ModelVersion, Page, RegisteredModel, ledger
from herdbook.names import SecurableName
from herdbook.testing import strategies as ours
from herdbook.verdicts import Decision, Rejection, Requirement, Verdict
from herdbook.wire import converter, from_json, structure, to_json, unstructure


def entities() -> Iterator[Any]:
    """Yield every class of every module of the entities, so that a new one is tested the day it is written."""
    for found in pkgutil.iter_modules(herdbook.entities.__path__):
        # The parts of a signature hold one another; they are tested inside one.
        if found.name == "signature":
            continue
        module = importlib.import_module(f"herdbook.entities.{found.name}")
        for kind in vars(module).values():
            # A policy in force is read whole out of a store, and never sent.
            if kind in (ledger.PolicyLines, ledger.PolicySnapshot):
                continue
            if inspect.isclass(kind) and kind.__module__ == module.__name__:
                yield Page[Catalog] if kind is Page else kind
    yield from (ModelSignature, Page[RegisteredModel], Page[ModelVersion], Decision, Verdict, Rejection, Requirement)


KINDS = list(dict.fromkeys(entities()))


def shuffled(data: Any) -> Any:
    """Return the same JSON data with the keys of every object the other way round."""
    if isinstance(data, dict):
        return {key: shuffled(data[key]) for key in reversed(data)}
    return [shuffled(item) for item in data] if isinstance(data, list) else data


def unstructure_as(value: Any, kind: Any) -> Any:
    """Return plain data; a member of a union says only there which member it is."""
    return converter.unstructure(value, unstructure_as=kind)


def test_the_entities_are_found() -> None:
    """The list below is not empty, and holds values and enums only."""
    assert len(KINDS) > 40
    plain = [kind for kind in KINDS if inspect.isclass(kind)]
    assert all(has(kind) or issubclass(kind, Enum) for kind in plain)


@pytest.mark.parametrize("kind", KINDS, ids=str)
# A page of versions with their lineage is much to draw, and slow where other tests run beside it.
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_an_entity_survives_json(kind: Any, data: st.DataObject) -> None:
    """from_json(to_json(x)) == x, and what is written again is the same bytes."""
    value = data.draw(ours.values(kind))
    written = to_json(unstructure_as(value, kind))
    again = from_json(written, kind)
    assert again == value
    assert type(again) is type(value)
    assert to_json(unstructure_as(again, kind)) == to_json(unstructure_as(value, kind))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in (Decision, Verdict)], ids=str)
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_json_is_canonical(kind: Any, data: st.DataObject) -> None:
    """The same value gives the same bytes, whatever the order in which its dicts were filled; and a second trip too."""
    value = data.draw(ours.values(kind))
    written = to_json(value)
    other = from_json(json.dumps(shuffled(json.loads(written))), kind)
    assert to_json(other) == written
    assert (
        json.dumps(json.loads(written), sort_keys=True, separators=(",", ":"), ensure_ascii=False) == written.decode()
    )


@given(st.frozensets(ours.texts(), min_size=2, max_size=6))
def test_sets_are_written_in_order(members: frozenset[str]) -> None:
    """A set has one JSON form, so that a digest over it is the same in every process."""
    plain = unstructure(ledger.PolicySnapshot(revision=1, disabled=members))
    assert plain["disabled"] == sorted(members)


@given(ours.securables())
def test_a_securable_is_its_text(name: Any) -> None:
    """A name travels as its text, alone and in an entity."""
    assert structure(str(name), SecurableName) == name
    assert structure(None, SecurableName | None) is None
    assert structure(str(name), SecurableName | None) == name


@given(ours.signatures())
def test_signatures_survive_json(signature: ModelSignature) -> None:
    """Types of columns, tensors and params survive at any depth."""
    assert from_json(to_json(signature), ModelSignature) == signature
