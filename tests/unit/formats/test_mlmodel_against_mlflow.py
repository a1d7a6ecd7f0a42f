"""Our reading and writing of MLmodel files, compared with MLflow itself."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import assume, given

from herdbook.entities.signature import Array as OurArray
from herdbook.entities.signature import Column, ModelSignature, Scalar, ScalarType, SparkVector, Tensor
from herdbook.entities.signature import Map as OurMap
from herdbook.entities.signature import Object as OurObject
from herdbook.formats.mlmodel import FILES_FLAVOR, describe_model, generate_mlmodel, signature_from
from herdbook.formats.signatures import SignatureError, parse_signature
from herdbook.formats.written_signatures import write_signature
from herdbook.testing import strategies as ours_of
from herdbook.wire import unstructure

with warnings.catch_warnings():
    # MLflow's own imports use deprecated parts of pydantic and others; nothing of ours is imported here.
    warnings.simplefilter("ignore")
    pytest.importorskip("mlflow", reason="compares with MLflow, which is in the extra `test`")
    np = pytest.importorskip("numpy")
    pd = pytest.importorskip("pandas")
    import mlflow.sklearn
    from mlflow.exceptions import MlflowException
    from mlflow.models import Model, infer_signature
    from mlflow.models.signature import ModelSignature as TheirSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec
    from mlflow.types.schema import AnyType, Array, Map, Object, Property
    from sklearn.linear_model import LogisticRegression

pytestmark = [
    # mlflow.types warns of its own type hints and of integer columns that may hold missing values.
    pytest.mark.filterwarnings("ignore::UserWarning:mlflow"),
    pytest.mark.filterwarnings("ignore::FutureWarning:mlflow"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow"),
]

PERSON = Object([Property("name", DataType.string), Property("age", DataType.long, required=False)])
THEIRS: dict[str, Any] = {
    **{str(kind): TheirSignature(inputs=Schema([ColSpec(kind, "x")])) for kind in DataType},
    "unnamed": TheirSignature(inputs=Schema([ColSpec(DataType.double)])),
    "unnamed, several": TheirSignature(inputs=Schema([ColSpec(DataType.double), ColSpec(DataType.long)])),
    "optional": TheirSignature(inputs=Schema([ColSpec(DataType.double, "x", required=False)])),
    "array": TheirSignature(inputs=Schema([ColSpec(Array(DataType.string), "x")])),
    "array of arrays": TheirSignature(inputs=Schema([ColSpec(Array(Array(DataType.float)), "x")])),
    "object": TheirSignature(inputs=Schema([ColSpec(PERSON, "x")])),
    "array of objects": TheirSignature(inputs=Schema([ColSpec(Array(PERSON), "x")])),
    "object in object": TheirSignature(inputs=Schema([ColSpec(Object([Property("p", PERSON)]), "x")])),
    "map": TheirSignature(inputs=Schema([ColSpec(Map(DataType.binary), "x")])),
    "map of arrays": TheirSignature(inputs=Schema([ColSpec(Map(Array(PERSON)), "x")])),
    "any": TheirSignature(inputs=Schema([ColSpec(AnyType(), "x", required=False)])),
    "tensor": TheirSignature(inputs=Schema([TensorSpec(np.dtype("float32"), (-1, 28, 28))])),
    "named tensors": TheirSignature(
        inputs=Schema([TensorSpec(np.dtype("int64"), (-1,), "a"), TensorSpec(np.dtype("str"), (-1, 2), "b")])
    ),
    "outputs only": TheirSignature(outputs=Schema([ColSpec(DataType.long)])),
    "both": TheirSignature(inputs=Schema([ColSpec(DataType.long, "x")]), outputs=Schema([ColSpec(DataType.double)])),
    "params": TheirSignature(
        inputs=Schema([ColSpec(DataType.long, "x")]),
        params=ParamSchema(
            [
                ParamSpec("top_k", DataType.integer, 3),
                ParamSpec("stop", DataType.string, ["a", "b"], shape=(-1,)),
                ParamSpec("warm", DataType.boolean, default=False),
                ParamSpec("heat", DataType.double, 0.5),
                ParamSpec("none", DataType.string, None),
                ParamSpec("day", DataType.datetime, np.datetime64("2026-01-01T00:00:00")),
            ]
        ),
    ),
    "inferred frame": infer_signature(pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"], "c": [True, False]}), [1, 2]),
    "inferred array": infer_signature(np.zeros((2, 3)), np.zeros(2), params={"k": 1}),
    "inferred dicts": infer_signature([{"messages": [{"role": "user", "content": "hi"}]}], "text"),
}


def reread(directory: Path, mlmodel: bytes) -> Any:
    (directory / "MLmodel").write_bytes(mlmodel)
    return Model.load(str(directory))


@pytest.mark.parametrize("theirs", THEIRS.values(), ids=THEIRS.keys())
def test_what_mlflow_writes_we_read_and_write_back(theirs: Any, tmp_path: Path) -> None:
    """MLflow's signature -> MLmodel -> ours -> our MLmodel -> MLflow: equal to what it was."""
    Model(signature=theirs).save(str(tmp_path / "MLmodel"))
    described = describe_model((tmp_path / "MLmodel").read_bytes())
    assert described.signature_error is None
    assert described.signature == signature_from(theirs)
    assert TheirSignature.from_dict(write_signature(described.signature)) == theirs
    again = reread(tmp_path, generate_mlmodel(described.signature))
    assert again.signature == theirs
    assert again.flavors == {FILES_FLAVOR: {}}


REFUSED_BY_BOTH: dict[str, dict[str, Any]] = {
    "nothing": {},
    "typo": {"input": [{"type": "long"}]},
    "no columns": {"inputs": []},
    "some named": {"inputs": [{"type": "long", "name": "a"}, {"type": "long"}]},
    "unnamed tensors": {"inputs": [{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [1]}}] * 2},
    "unnamed and optional": {"inputs": [{"type": "long", "required": False}]},
    "columns and tensors": {
        "inputs": [{"type": "long"}, {"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [1]}}]
    },
    "no type": {"inputs": [{"name": "a"}]},
    "unknown type": {"inputs": [{"type": "int128"}]},
    "array of nothing": {"inputs": [{"type": "array"}]},
    "map of nothing": {"inputs": [{"type": "map"}]},
    "empty object": {"inputs": [{"type": "object", "properties": {}}]},
    "no default": {"params": [{"name": "k", "type": "long"}]},
    "two params of a name": {"params": [{"name": "k", "type": "long", "default": 1}] * 2},
    "binary param": {"params": [{"name": "k", "type": "binary", "default": "x"}]},
    "param of any": {"params": [{"name": "k", "type": "any", "default": 1}]},
    "param of a shape": {"params": [{"name": "k", "type": "long", "default": [1, 2], "shape": [2]}]},
}


@pytest.mark.parametrize("data", REFUSED_BY_BOTH.values(), ids=REFUSED_BY_BOTH.keys())
def test_what_mlflow_cannot_load_is_refused(data: dict[str, Any]) -> None:
    """A signature that would break MLflow's load_model is not taken for one."""
    written = {key: json.dumps(value) for key, value in data.items()}
    with pytest.raises((MlflowException, ValueError, TypeError, KeyError)):
        TheirSignature.from_dict(written)
    with pytest.raises(SignatureError):
        parse_signature(written)


def plausible(param: Any) -> bool:
    """Whether MLflow, which checks defaults against their types, would take this one."""
    return param.default is None and param.shape is None and param.type == Scalar(type=ScalarType.STRING)


def spark_vector_inside(kind: Any) -> bool:
    """Whether a Spark vector stands in a map or an object, where MLflow itself does not read what it writes."""
    match kind:
        case OurMap(values=inner) | OurArray(items=inner):
            return inner == SparkVector() or spark_vector_inside(inner)
        case OurObject(properties=parts):
            return any(part.type == SparkVector() or spark_vector_inside(part.type) for part in parts)
    return False


@given(ours_of.signatures())
def test_every_signature_of_ours_is_one_of_theirs(signature: ModelSignature) -> None:
    """Any signature that we make is read by MLflow, and its own dict is read by us as the same signature."""
    fields = [*(signature.inputs or ()), *(signature.outputs or ())]
    assume(not any(isinstance(field, Column) and spark_vector_inside(field.type) for field in fields))
    kept = evolve(signature, params=tuple(filter(plausible, signature.params)))
    assume(kept != ModelSignature())
    theirs = TheirSignature.from_dict(write_signature(kept))
    assert sorted_properties(parse_signature(theirs.to_dict())) == sorted_properties(kept)


def sorted_properties(signature: ModelSignature) -> Any:
    """As JSON, with properties in MLflow's order: by name."""

    def ordered(value: Any) -> Any:
        if isinstance(value, list):
            return [ordered(item) for item in value]
        if not isinstance(value, dict):
            return value
        inner = {key: ordered(item) for key, item in value.items()}
        if inner.get("kind") == "object":
            inner["properties"].sort(key=lambda part: part["name"])
        return inner

    return ordered(unstructure(signature))


def test_spark_vectors_are_read(tmp_path: Path) -> None:
    """MLflow's Spark vector is read and written back as MLflow writes it."""
    from mlflow.types.schema import SparkMLVector

    theirs = TheirSignature(inputs=Schema([ColSpec(SparkMLVector(), "x")]))
    ours = signature_from(theirs)
    assert TheirSignature.from_dict(write_signature(ours)) == theirs
    assert reread(tmp_path, generate_mlmodel(ours)).signature == theirs


@pytest.mark.parametrize(
    "ours",
    [
        ModelSignature(inputs=tuple(Column(name=kind.value, type=Scalar(type=kind)) for kind in ScalarType)),
        ModelSignature(inputs=(Tensor(dtype="float64", shape=(-1, 3)),), outputs=(Tensor(dtype="int64", shape=(-1,)),)),
        ModelSignature(outputs=(Column(type=Scalar(type=ScalarType.DOUBLE)),)),
    ],
)
def test_what_we_write_mlflow_reads(ours: ModelSignature, tmp_path: Path) -> None:
    """Our MLmodel -> MLflow -> its own dict -> ours: equal to what it was."""
    theirs = reread(tmp_path, generate_mlmodel(ours)).signature
    assert parse_signature(theirs.to_dict()) == ours


def test_a_logged_model_is_described_as_mlflow_describes_it(tmp_path: Path) -> None:
    """A real scikit-learn model, saved by MLflow: every field that we read is the one that MLflow reads."""
    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0], "b": [1.0, 0.0, 1.0, 0.0]})
    model = LogisticRegression().fit(frame, [0, 0, 1, 1])
    folder = tmp_path / "model"
    mlflow.sklearn.save_model(
        model,
        str(folder),
        signature=infer_signature(frame, model.predict(frame)),
        input_example=frame.head(1),
        metadata={"team": "fraud", "nested": {"n": 1}},
        pip_requirements=["scikit-learn", "pandas>=2"],
        # Newer MLflow refuses pickle without a word from the caller; the format is not what is tested.
        serialization_format="cloudpickle",
    )
    theirs = Model.load(str(folder))
    requirements = (folder / "requirements.txt").read_bytes()
    described = describe_model((folder / "MLmodel").read_bytes(), requirements=requirements)
    assert described.signature == signature_from(theirs.signature)
    assert described.flavors == theirs.flavors
    assert {"python_function", "sklearn"} <= set(described.flavors)
    assert described.mlflow_version == theirs.mlflow_version
    assert described.created_at_text == str(theirs.utc_time_created)
    assert described.metadata == theirs.metadata
    assert described.input_example is not None
    assert described.input_example.path == theirs.saved_input_example_info["artifact_path"]
    assert described.input_example.kind == theirs.saved_input_example_info["type"]
    assert (described.model_id or None) == theirs.model_id
    # MLflow adds itself.
    assert {"scikit-learn", "pandas>=2"} <= set(described.requirements)
    assert list(described.requirements) == requirements.decode().split()
