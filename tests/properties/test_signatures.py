"""Signatures survive MLflow's JSON form, and nothing that a stranger writes there is a defect."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from herdbook.entities.signature import Anything, Column, ModelSignature, Param, Scalar, ScalarType
from herdbook.errors import InvalidArgumentError
from herdbook.formats.mlmodel import describe_model, generate_mlmodel
from herdbook.formats.signatures import MAX_DEFAULT, MAX_DEPTH, SignatureError, parse_signature, signature_from
from herdbook.formats.written_signatures import write_signature
from herdbook.testing import strategies as ours
from herdbook.wire import from_json, to_json

DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]
SHARED: list[Any] = [0]
for _ in range(30):
    SHARED = [SHARED, SHARED]
WORDS = ["array", "map", "object", "any", "tensor", "sparkml_vector", "double", "long", "string", "colour"]
KEYS = [
    "type",
    "name",
    "items",
    "values",
    "properties",
    "required",
    "optional",
    "tensor-spec",
    "dtype",
    "shape",
    "default",
]
PIECES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 5), st.floats(), st.sampled_from(WORDS), st.text(max_size=3)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)
TENSOR = {"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [1]}}
SIGNATURE_LIKE = st.dictionaries(
    st.sampled_from(["inputs", "outputs", "params"]), PIECES | st.lists(PIECES, max_size=2)
)


@given(ours.signatures())
def test_signatures_parse_back(signature: ModelSignature) -> None:
    """parse_signature(write_signature(s)) == s, for text and for plain data."""
    written = write_signature(signature)
    assert parse_signature(written) == signature
    assert parse_signature({key: text and json.loads(text) for key, text in written.items()}) == signature
    assert signature_from(written) == signature
    assert signature_from(signature) is signature


@given(ours.signatures())
def test_a_generated_mlmodel_says_the_same_signature(signature: ModelSignature) -> None:
    """The MLmodel of a plain folder is read back with its signature, through YAML and its limits."""
    description = describe_model(generate_mlmodel(signature))
    assert description.signature == signature
    assert description.signature_error is None


@given(st.one_of(SIGNATURE_LIKE, PIECES, st.dictionaries(st.sampled_from(["inputs", "params"]), st.text(max_size=20))))
@example({"params": '[{"name": "a", "type": "double", "default": NaN}]'})
@example({"params": '[{"name": "a", "type": "double", "default": 1e999}]'})
@example({"params": '[{"name": "a", "type": "double", "default": "\\ud800"}]'})
@example({"params": '[{"name": "\\ud800", "type": "double", "default": 1}]'})
@example({"inputs": [{"type": "object", "properties": {"\ud800": {"type": "long"}}}]})
@example({"inputs": [{"type": "object", "properties": {1: {"type": "long"}}}]})
@example({"params": '[{"name": "a", "type": "double", "default": ' + "[" * 900 + "]" * 900 + "}]"})
@example({"params": [{"name": "a", "type": "double", "default": b"x"}]})
@example({"inputs": "[" * 100_000})
@example({"inputs": [{"type": []}]})
@example({"inputs": [{"type": {}}]})
@example({"inputs": [{"type": "tensor", "tensor-spec": {"dtype": "str", "shape": [True]}}]})
def test_strangers_data_is_a_signature_or_an_error(data: Any) -> None:
    """Whatever it is, it is read, or SignatureError says why not; what is read can be stored and answered."""
    try:
        signature = parse_signature(data)
    except SignatureError as error:
        assert str(error)
        return
    assert from_json(to_json(signature), ModelSignature) == signature
    assert parse_signature(write_signature(signature)) == signature


@given(st.sampled_from(["inputs", "params"]), st.text('[]{}",:01.aeNI\\', max_size=30))
def test_strangers_text_is_a_signature_or_an_error(key: str, text: str) -> None:
    """The same for JSON text inside an MLmodel file: the file is described, whatever its signature is."""
    description = describe_model(yaml.safe_dump({"signature": {key: text}}).encode())
    assert (description.signature is None) is (description.signature_error is not None)
    to_json(description)


@pytest.mark.parametrize(
    "data",
    [
        {"inputs": DEEP},
        {"inputs": [{"type": DEEP}]},
        {"inputs": [1 << 20_000]},
        {"inputs": [{"type": "tensor", "tensor-spec": {"dtype": "a", "shape": [1 << 20_000, 0.5]}}]},
        {"params": [{"name": "a", "type": "double", "default": DEEP}]},
        {"params": [{"name": "a", "type": "double", "default": 1 << 20_000}]},
    ],
    ids=["list", "type", "number", "shape", "deep default", "long default"],
)
def test_what_cannot_be_printed_is_refused(data: Any) -> None:
    """Values that repr() cannot write are refused like any other, with their place."""
    with pytest.raises(SignatureError, match=r"^(inputs|params)"):
        parse_signature(data)


def nested(depth: int, kind: str) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "long"}
    for _ in range(depth):
        inner = {"properties": {"p": made}} if kind == "object" else {"items" if kind == "array" else "values": made}
        made = {"type": kind, **inner}
    return made


@pytest.mark.parametrize("kind", ["array", "map", "object"])
def test_depth_has_a_limit(kind: str) -> None:
    """Types may nest up to the limit and no further."""
    parse_signature({"inputs": [nested(MAX_DEPTH - 1, kind)]})
    with pytest.raises(SignatureError, match=f"nested more than {MAX_DEPTH} deep"):
        parse_signature({"inputs": [nested(MAX_DEPTH, kind)]})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "signature: expected a mapping, not None"),
        ({"inputs": "{"}, "inputs: it is not JSON"),
        ({"inputs": {}}, "inputs: expected a list, not {}"),
        ({"inputs": [3]}, r"inputs\[0\]: expected a mapping, not 3"),
        ({"outputs": [{"type": "long"}, {"type": "colour"}]}, r"outputs\[1\].type: 'colour' is not a type"),
        ({"inputs": [{"type": "array", "items": {"type": "x"}}]}, r"inputs\[0\].items.type: 'x' is not a type"),
        ({"inputs": [{"type": "long", "required": "yes"}]}, r"inputs\[0\].required: expected true or false"),
        ({"inputs": [{"type": "long"}, {"type": "tensor"}]}, "inputs: columns and tensors cannot be mixed"),
        ({"inputs": [{"type": "tensor"}]}, r"inputs\[0\].tensor-spec: expected a mapping"),
        ({"params": [{"type": "long", "default": 1}]}, r"params\[0\].name: expected text, not None"),
        ({"params": [{"name": "k", "type": "long"}]}, r"params\[0\].default: it is missing"),
        ({"params": [{"name": "k", "type": "any", "default": 1}]}, r"params\[0\].type: a param cannot be of it"),
        ({"params": [{"name": "k", "type": "binary", "default": 1}]}, r"params\[0\].type: a param cannot be of it"),
        (
            {"params": [{"name": "k", "type": "long", "default": 1, "shape": [2]}]},
            r"params\[0\].shape: expected nothing",
        ),
        ({"params": [{"name": "k", "type": "long", "default": 1}] * 2}, r"params\[1\].name: 'k' is there twice"),
        ({}, "signature: expected inputs, outputs or params, and there is nothing"),
        ({"input": [{"type": "long"}]}, "expected inputs, outputs or params, and there is only 'input'"),
        ({"inputs": []}, "inputs: it is empty"),
        ({"inputs": [{"type": "long", "name": "a"}, {"type": "long"}]}, r"inputs\[1\].name: it is missing, and others"),
        ({"inputs": [TENSOR, TENSOR]}, r"inputs\[0\].name: it is missing, and there are several tensors"),
        (
            {"outputs": [{"type": "long", "required": False}]},
            r"outputs\[0\].name: it is missing, and the column is not",
        ),
        ({"inputs": [{"type": "object", "properties": {}}]}, r"inputs\[0\].properties: it is empty"),
    ],
)
def test_an_error_names_the_place(data: Any, message: str) -> None:
    """The text leads to the field that is wrong."""
    with pytest.raises(SignatureError, match=message):
        parse_signature(data)


def test_old_spellings_are_read() -> None:
    """MLflow before 2.6 wrote `optional`, before 2.4 a param's `dtype`."""

    def written(optional: dict[str, Any], kind: str) -> dict[str, Any]:
        column, param = {"name": "x", "type": "long"}, {"name": "k", "default": 1}
        return {"inputs": [{**column, **optional}], "params": [{**param, kind: "long"}]}

    assert parse_signature(written({"optional": True}, "dtype")) == parse_signature(
        written({"required": False}, "type")
    )


class Frame:
    """What has a to_dict() and is no signature, such as a DataFrame."""

    def to_dict(self) -> Any:
        return {"age": {0: 1}}


class Asking:
    def to_dict(self, orient: str) -> Any:
        return {}


@pytest.mark.parametrize(
    "value",
    [
        *(None, 3, "x", [], {}, {"inputs": 3}, {"inputs": DEEP}, object(), Frame(), Frame, Asking(), ModelSignature()),
        ModelSignature(inputs=(Column(name="a", type=Anything()), Column(type=Anything()))),
        ModelSignature(params=(Param(name="a", type=Scalar(type=ScalarType.LONG), default=object()),)),
        ModelSignature(params=(Param(name="a", type=Scalar(type=ScalarType.DOUBLE), default=float("nan")),)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_caller_hands_over_is_refused_as_an_argument(value: Any) -> None:
    """signature_from is called with people's values, so it refuses with InvalidArgumentError."""
    with pytest.raises(InvalidArgumentError, match=r"^The signature is not acceptable: "):
        signature_from(value)


def test_a_default_has_a_limit_on_values() -> None:
    """A long list is a default; one that shares its parts until they are a billion is refused before it is written."""
    param = {"name": "a", "type": "long", "shape": [-1]}
    assert len(parse_signature({"params": [{**param, "default": [0] * (MAX_DEFAULT - 1)}]}).params[0].default) > 1
    with pytest.raises(SignatureError, match=r"^params\[0\].default: it has more than 100,000 values"):
        parse_signature({"params": [{**param, "default": SHARED}]})
