"""Laws of the signature diff, and its verdicts compared with what MLflow itself accepts."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from herdbook.entities import ChangeKind, Effect, ModelSignature, SignatureChange
from herdbook.entities.signature import Array, Column, Map, Object, Property, Scalar, ScalarType
from herdbook.formats.signatures import parse_signature
from herdbook.formats.written_signatures import write_signature
from herdbook.policy.signature_changes import diff_signatures
from herdbook.testing import strategies as ours

with warnings.catch_warnings():
    # MLflow's own imports use deprecated parts of pydantic and others; nothing of ours is imported here.
    warnings.simplefilter("ignore")
    pytest.importorskip("mlflow", reason="compares with MLflow, which is in the extra `test`")
    np = pytest.importorskip("numpy")
    pd = pytest.importorskip("pandas")
    from mlflow.exceptions import MlflowException
    from mlflow.models.signature import ModelSignature as TheirSignature
    from mlflow.models.utils import _enforce_params_schema, _enforce_schema

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:mlflow"),
    pytest.mark.filterwarnings("ignore::FutureWarning:mlflow"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow"),
]

COUNTERPART = {
    ChangeKind.ADDED: ChangeKind.REMOVED,
    ChangeKind.REMOVED: ChangeKind.ADDED,
    ChangeKind.NOW_REQUIRED: ChangeKind.NOW_OPTIONAL,
    ChangeKind.NOW_OPTIONAL: ChangeKind.NOW_REQUIRED,
}


# Whole signatures take a while to draw on a machine that is busy.
slow_to_make = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def key(change: SignatureChange) -> Any:
    return (change.part, change.kind, change.path, change.old, change.new)


def mirrored(change: SignatureChange) -> Any:
    kind = COUNTERPART.get(change.kind, change.kind)
    return key(evolve(change, kind=kind, old=change.new, new=change.old))


def nullable(strategy: Any) -> Any:
    return st.none() | strategy


@st.composite
def relatives(draw: Any) -> tuple[ModelSignature, ModelSignature]:
    """Two signatures with parts in common."""
    old, other = draw(ours.signatures()), draw(ours.signatures())
    mixed = {name: getattr(draw(st.sampled_from([old, other])), name) for name in ("inputs", "outputs", "params")}
    for name in ("inputs", "outputs"):
        if mixed[name] is not None and mixed[name][0].name is not None:
            mixed[name] = tuple(draw(st.permutations(mixed[name])))
    return old, ModelSignature(**mixed)


@given(nullable(ours.signatures()))
def test_nothing_changed_from_a_signature_to_itself(signature: ModelSignature | None) -> None:
    """diff(a, a) is empty and compatible."""
    assert diff_signatures(signature, signature) == diff_signatures(None, None)


@slow_to_make
@given(st.tuples(nullable(ours.signatures()), nullable(ours.signatures())) | relatives())
def test_every_change_has_its_counterpart(pair: Any) -> None:
    """What diff(a, b) tells, diff(b, a) tells the other way round."""
    old, new = pair
    there = sorted(map(mirrored, diff_signatures(old, new).changes), key=repr)
    back = sorted(map(key, diff_signatures(new, old).changes), key=repr)
    assert there == back


def spelled(value: Any) -> Any:
    """A type or a param without the order of its parts, and 1 told from True."""
    match value:
        case Array(items=inner):
            return ("array", spelled(inner))
        case Map(values=inner):
            return ("map", spelled(inner))
        case Object(properties=parts):
            return ("object", sorted(map(spelled, parts), key=repr))
        case Property() | Column():
            return (value.name, value.required, spelled(value.type))
        case Scalar(type=kind):
            return str(kind)
    return repr(value)


def sides(signature: ModelSignature) -> Any:
    fields = [
        None if side is None else [spelled(field) for field in side] for side in (signature.inputs, signature.outputs)
    ]
    params = sorted((p.name, spelled(p.type), p.shape, repr(p.default)) for p in signature.params)
    return fields, params


@slow_to_make
@given(relatives())
def test_an_empty_diff_means_the_same_signature(pair: tuple[ModelSignature, ModelSignature]) -> None:
    """Nothing that differs goes untold, but the order of params and of the parts of objects."""
    old, new = pair
    names = [[field.name for field in side or ()] for side in (old.inputs, old.outputs)]
    if all(len(set(side)) == len(side) or None in side for side in names) and not diff_signatures(old, new).changes:
        assert sides(old) == sides(new)


ARRAYS: list[Any] = [
    np.array([True, False]),
    *(np.array([1, 2], dtype) for dtype in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")),
    np.array([0, 1], "int64"),
    *(np.array([1.5, 2.5], dtype) for dtype in ("float16", "float32", "float64")),
    np.array(["a", "b"], object),
    np.array([b"a", b"b"], object),
    np.array(["2026-01-01", "2026-01-02"], "datetime64[ns]"),
    np.array([{"a": 1}, [1]], object),
]
TWINS = {ScalarType.STRING, ScalarType.BINARY}
"""Both are columns of objects, which MLflow passes on unseen: a caller's text reaches a model that wants bytes."""


def scalar(kind: ScalarType, name: str | None = "x", *, required: bool = True) -> Column:
    return Column(name=name, type=Scalar(type=kind), required=required)


def schema(*columns: Column) -> Any:
    return TheirSignature.from_dict(write_signature(ModelSignature(inputs=columns))).inputs


def accepts(wanted: Any, frame: Any) -> bool:
    """Whether MLflow takes a frame for a schema."""
    try:
        _enforce_schema(frame.copy(), wanted)
    except (MlflowException, ValueError, TypeError):
        return False
    return True


def taken(kind: ScalarType) -> set[int]:
    """Which of the arrays MLflow takes for a column of a type."""
    wanted = schema(scalar(kind))
    return {i for i, array in enumerate(ARRAYS) if accepts(wanted, pd.DataFrame({"x": array}))}


@pytest.mark.parametrize("new", ScalarType)
@pytest.mark.parametrize("old", ScalarType)
def test_a_change_of_a_scalar_breaks_where_mlflow_refuses_what_it_took(old: ScalarType, new: ScalarType) -> None:
    """The table of conversions is MLflow's: compatible if and only if all that the old type takes, the new takes."""
    diff = diff_signatures(ModelSignature(inputs=(scalar(old),)), ModelSignature(inputs=(scalar(new),)))
    assert taken(old)
    if {old, new} == TWINS:
        assert taken(old) <= taken(new)
        assert diff.effect is Effect.BREAKING
        return
    assert (diff.effect is not Effect.BREAKING) == (taken(old) <= taken(new))


FRAME_TYPES = {
    ScalarType.BOOLEAN: [ARRAYS[0]],
    ScalarType.INTEGER: [ARRAYS[1], ARRAYS[3], ARRAYS[6]],
    ScalarType.LONG: [ARRAYS[4], ARRAYS[7], ARRAYS[8]],
    ScalarType.FLOAT: [ARRAYS[8], ARRAYS[10]],
    ScalarType.DOUBLE: [ARRAYS[3], ARRAYS[11]],
    ScalarType.STRING: [ARRAYS[12]],
    ScalarType.DATETIME: [ARRAYS[14]],
}
"""Arrays that MLflow takes for a type, the extreme ones among them."""


@st.composite
def columns(draw: Any, *, named: bool) -> tuple[Column, ...]:
    kinds = draw(st.lists(st.sampled_from(sorted(FRAME_TYPES)), min_size=1, max_size=4))
    if not named:
        return tuple(scalar(kind, None) for kind in kinds)
    names = draw(st.permutations("abcde"))
    return tuple(scalar(kind, name, required=draw(st.booleans())) for kind, name in zip(kinds, names, strict=False))


@st.composite
def neighbours(draw: Any) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    """Two lists of columns, of which the second keeps, widens, drops and adds."""
    named = draw(st.booleans())
    old, extra = draw(columns(named=named)), draw(columns(named=named))
    wider = {ScalarType.INTEGER: ScalarType.DOUBLE, ScalarType.FLOAT: ScalarType.DOUBLE}
    new = []
    for column in old:
        how = draw(st.sampled_from(["keep", "keep", "widen", "optional", "drop"]))
        if how == "widen" and isinstance(column.type, Scalar):
            column = evolve(column, type=Scalar(type=wider.get(column.type.type, column.type.type)))  # noqa: PLW2901
        elif how == "optional" and named:
            column = evolve(column, required=False)  # noqa: PLW2901 the column as it becomes
        if how != "drop":
            new.append(column)
    new += [
        column for column in extra if draw(st.booleans()) and (not named or column.name not in {c.name for c in new})
    ]
    return old, tuple(new) or old


@given(st.data(), neighbours())
def test_what_is_compatible_mlflow_accepts_and_what_breaks_it_can_refuse(data: st.DataObject, pair: Any) -> None:
    """For columns of scalars: compatible exactly where MLflow takes every frame that it took for the old signature."""
    old, new = pair
    before, after = schema(*old), schema(*new)
    diff = diff_signatures(ModelSignature(inputs=old), ModelSignature(inputs=new))

    def frame(choose: Any, is_given: Any) -> Any:
        # Only what the old signature names, for of what it does not name it says nothing.
        given = {c.name or i: choose(FRAME_TYPES[c.type.type]) for i, c in enumerate(old) if c.required or is_given()}
        made = pd.DataFrame(given, index=range(2))
        assert accepts(before, made)
        return made

    if diff.effect is not Effect.BREAKING:
        made = frame(lambda arrays: data.draw(st.sampled_from(arrays)), lambda: data.draw(st.booleans()))
        assert accepts(after, made)
        return
    # The worst callers: each gives all that is optional or none of it, and the first, second or last of the arrays.
    worst = [
        frame(lambda arrays, at=at: arrays[min(at, len(arrays) - 1)], lambda all_of_it=all_of_it: all_of_it)
        for at in range(3)
        for all_of_it in (False, True)
    ]
    assert not all(accepts(after, made) for made in worst)


VALUES: list[Any] = [
    *(True, 3, np.int32(3), np.int64(3), 1.5, np.float32(1.5), np.float64(1.5), "a"),
    np.datetime64("2026-01-01T00:00:00"),
]


@pytest.mark.parametrize("new", [kind for kind in ScalarType if kind is not ScalarType.BINARY])
@pytest.mark.parametrize("old", [kind for kind in ScalarType if kind is not ScalarType.BINARY])
def test_a_change_of_a_param_breaks_where_mlflow_refuses_what_it_took(old: ScalarType, new: ScalarType) -> None:
    """The same for params, which MLflow converts by a table of their own."""

    def signature(kind: ScalarType) -> Any:
        default = {ScalarType.STRING: "a", ScalarType.BOOLEAN: True, ScalarType.DATETIME: "2026-01-01T00:00:00"}
        params = [{"name": "k", "type": kind.value, "default": default.get(kind, 1)}]
        return parse_signature({"params": params})

    def taken_values(kind: ScalarType) -> set[int]:
        wanted = TheirSignature.from_dict(write_signature(signature(kind))).params
        found = set()
        for position, value in enumerate(VALUES):
            try:
                _enforce_params_schema({"k": value}, wanted)
            except (MlflowException, ValueError, TypeError):
                continue
            found.add(position)
        return found

    breaks = diff_signatures(signature(old), signature(new)).effect is Effect.BREAKING
    assert breaks == (not taken_values(old) <= taken_values(new))
