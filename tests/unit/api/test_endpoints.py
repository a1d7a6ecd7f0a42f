"""The route table against the port: one list, nothing said twice."""

from __future__ import annotations

import inspect
import re
from collections import Counter

import pytest
from attrs import fields

from herdbook import errors
from herdbook.api import ENDPOINTS, Place
from herdbook.api.endpoints import EVERYWHERE
from herdbook.ports.registry import Registry
from herdbook.verdicts import Operation

BYTES = {Operation.UPLOAD_MODEL_VERSION_FILES}
ALL = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.operation.value)


def test_every_operation_has_one_route():
    """No verb of the port is missing, and none has two ways in."""
    assert Counter(endpoint.operation for endpoint in ENDPOINTS) == Counter(Operation)


def test_no_two_routes_are_one():
    """Method and shape of the path tell all routes apart."""
    shapes = [(e.route.method, re.sub(r"\{[\w.]+\}", "{}", e.route.path)) for e in ENDPOINTS]
    assert len(shapes) == len(set(shapes))


@ALL
def test_every_argument_of_the_port_travels_once(endpoint):
    """What a verb takes can be sent, under its own name and with its own default."""
    parameters = dict(list(inspect.signature(getattr(Registry, endpoint.operation.value)).parameters.items())[1:])
    if endpoint.operation in BYTES:
        assert [argument.name for argument in endpoint.arguments] == ["ref", "path"]
        return
    assert [argument.name for argument in endpoint.arguments] == list(parameters)
    assert [argument.default for argument in endpoint.arguments] == [each.default for each in parameters.values()]
    if endpoint.body is not None:
        assert [f.name for f in fields(endpoint.body)] == [argument.name for argument in endpoint.at(Place.BODY)]


@ALL
def test_a_change_is_no_get(endpoint):
    """GET only reads; what changes something is asked for with another method (and no browser repeats it)."""
    from herdbook.policy.operations import OPERATIONS, Shape

    writes = OPERATIONS[endpoint.operation].shape is Shape.WRITE
    assert not (writes and endpoint.route.method == "GET")


@ALL
def test_the_errors_are_those_of_the_docstring(endpoint):
    """Each error that the port's docstring says a verb raises is declared for its route, and nothing is invented."""
    doc = inspect.getdoc(getattr(Registry, endpoint.operation.value))
    raises = doc.partition("Raises:\n")[2]
    said = {getattr(errors, name) for name in re.findall(r"^ +(\w+Error):", raises, re.MULTILINE)}
    assert said or "Raises:" not in doc
    assert set(endpoint.errors) == said | set(EVERYWHERE) | (
        set() if endpoint.route.method in ("GET", "DELETE") else {errors.TooLargeError}
    )


@ALL
def test_a_status_says_what_happened(endpoint):
    """Nothing to answer is 204; what has a body is not."""
    assert (endpoint.answer is None) == (endpoint.route.status == 204)
