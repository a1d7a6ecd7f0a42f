"""The OpenAPI document: it follows from the table, is the one that docs show, and tells the truth about answers."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from herdbook.api import ENDPOINTS, to_problem
from herdbook.api.problems import CLASSES
from herdbook.server.openapi import openapi
from herdbook.testing import strategies as ours
from herdbook.verdicts import Denied, Operation, Rejection
from herdbook.wire import converter

COMMITTED = Path(__file__).parents[3] / "docs" / "reference" / "openapi.json"
DOCUMENT = openapi()
ANSWERS = [e for e in ENDPOINTS if e.answer is not None and e.operation is not Operation.READ_MODEL_VERSION_FILE]
BODIES = [e for e in ENDPOINTS if e.body is not None]


def validator(schema):
    """Return a validator of a schema of the document, with the document's own components."""
    return jsonschema_rs.validator_for({**schema, "components": DOCUMENT["components"]})


def operation_of(endpoint):
    found = [
        told
        for methods in DOCUMENT["paths"].values()
        for told in methods.values()
        if told["operationId"] == endpoint.operation.value
    ]
    (told,) = found
    return told


def test_the_committed_document_is_fresh():
    """What docs/reference shows is what the server serves; `python docs/generate.py` writes it."""
    assert json.loads(COMMITTED.read_text()) == DOCUMENT


def test_the_document_is_the_same_each_time():
    """It depends on the code alone."""
    assert json.dumps(openapi()) == json.dumps(DOCUMENT)


def test_every_reference_leads_somewhere():
    """No $ref of the document is broken, and every component is used."""
    text = json.dumps(DOCUMENT)
    for group in ("schemas", "responses"):
        names = DOCUMENT["components"][group]
        used = {name for name in names if f'"#/components/{group}/{name}"' in text}
        assert used | ({"Problem"} if group == "schemas" else set()) >= set(names) - {"Problem"}
        assert text.count(f"#/components/{group}/") >= len(used)


@pytest.mark.parametrize("endpoint", ANSWERS, ids=lambda endpoint: endpoint.operation.value)
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_every_answer_fits_its_schema(endpoint, data):
    """Whatever a verb answers, the JSON that is sent is what the document says."""
    value = data.draw(ours.values(endpoint.answer))
    plain = json.loads(json.dumps(converter.get_unstructure_hook(endpoint.answer)(value)))
    schema = operation_of(endpoint)["responses"][str(endpoint.route.status)]["content"]["application/json"]["schema"]
    validator(schema).validate(plain)


@pytest.mark.parametrize("endpoint", BODIES, ids=lambda endpoint: endpoint.operation.value)
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data())
def test_every_body_that_is_read_fits_its_schema(endpoint, data):
    """What the strict reader accepts is what the document allows, and an unknown key is neither."""
    body = data.draw(ours.values(endpoint.body))
    plain = json.loads(json.dumps(converter.unstructure(body, unstructure_as=endpoint.body)))
    check = validator(operation_of(endpoint)["requestBody"]["content"]["application/json"]["schema"])
    check.validate(plain)
    assert converter.structure(plain, endpoint.body) == body
    assert not check.is_valid({**plain, "unknown key": 1})


@pytest.mark.parametrize("kind", CLASSES.values(), ids=lambda kind: kind.__name__)
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_every_problem_fits_its_schema(kind, data):
    """Errors too are as the document says."""
    error = kind("It is wrong.", hint=data.draw(st.none() | st.just("Mend it.")), n=1)
    if hasattr(error, "decision"):
        error.decision = data.draw(st.none() | ours.values(Denied))
    if hasattr(error, "rejections"):
        error.rejections = data.draw(ours.values(tuple[Rejection, ...]))
    validator({"$ref": "#/components/schemas/Problem"}).validate(json.loads(json.dumps(to_problem(error, "r"))))
