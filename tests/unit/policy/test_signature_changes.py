"""What a changed signature means for callers: each kind of change, in each direction."""

from __future__ import annotations

from typing import Any

import pytest

from herdbook.entities import ChangeKind, Effect, ModelSignature, SignaturePart
from herdbook.formats.signatures import parse_signature
from herdbook.policy.signature_changes import diff_signatures
from herdbook.policy.type_changes import MAX_TEXT

FINE, LOOK, BREAKS = Effect.COMPATIBLE, Effect.NOTABLE, Effect.BREAKING


def column(kind: Any, name: str | None = "x", **more: Any) -> dict[str, Any]:
    item = kind if isinstance(kind, dict) else {"type": kind}
    return {**item, **({} if name is None else {"name": name}), **more}


def tensor(dtype: str, *shape: int, name: str | None = None) -> dict[str, Any]:
    return column({"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": list(shape)}}, name)


def a_list(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items if isinstance(items, dict) else {"type": items}}


def an_object(**parts: Any) -> dict[str, Any]:
    """An object's type; a name that ends in `_` is of an optional part."""
    made = {
        name.rstrip("_"): {**(kind if isinstance(kind, dict) else {"type": kind}), "required": not name.endswith("_")}
        for name, kind in parts.items()
    }
    return {"type": "object", "properties": made}


def param(kind: str, default: Any, **more: Any) -> dict[str, Any]:
    return {"name": "k", "type": kind, "default": default, **more}


def found(key: str, old: Any, new: Any) -> list[tuple[str, str, Effect]]:
    """The changes of one part, and the test that they are the only ones."""
    other = {"outputs" if key == "inputs" else "inputs": [column("long")]}
    before, after = (parse_signature({key: fields or None, **other}) for fields in (old, new))
    diff = diff_signatures(before, after)
    assert {str(change.part) for change in diff.changes} <= {key.upper()}
    assert all(change.reason and (change.old or change.new) for change in diff.changes)
    return [(change.kind.value, change.path, change.effect) for change in diff.changes]


CASES: list[tuple[str, Any, Any, str, str, Effect, Effect]] = [
    ("column added", [column("long")], [column("long"), column("long", "y")], "ADDED", "y", BREAKS, FINE),
    (
        "optional column added",
        [column("long")],
        [column("long"), column("long", "y", required=False)],
        *("ADDED", "y", FINE, FINE),
    ),
    ("column removed", [column("long"), column("long", "y")], [column("long")], "REMOVED", "y", FINE, BREAKS),
    (
        "optional column removed",
        [column("long"), column("long", "y", required=False)],
        [column("long")],
        *("REMOVED", "y", FINE, LOOK),
    ),
    ("now optional", [column("long")], [column("long", required=False)], "NOW_OPTIONAL", "x", FINE, BREAKS),
    ("now required", [column("long", required=False)], [column("long")], "NOW_REQUIRED", "x", BREAKS, FINE),
    ("integer to long", [column("integer")], [column("long")], "TYPE_CHANGED", "x", FINE, BREAKS),
    ("integer to double", [column("integer")], [column("double")], "TYPE_CHANGED", "x", FINE, BREAKS),
    ("integer to float", [column("integer")], [column("float")], "TYPE_CHANGED", "x", BREAKS, BREAKS),
    ("long to double", [column("long")], [column("double")], "TYPE_CHANGED", "x", BREAKS, BREAKS),
    ("float to double", [column("float")], [column("double")], "TYPE_CHANGED", "x", FINE, BREAKS),
    ("double to float", [column("double")], [column("float")], "TYPE_CHANGED", "x", BREAKS, FINE),
    ("string to binary", [column("string")], [column("binary")], "TYPE_CHANGED", "x", BREAKS, BREAKS),
    ("anything", [column("long")], [column("any")], "TYPE_CHANGED", "x", FINE, BREAKS),
    ("no longer anything", [column("any")], [column("long")], "TYPE_CHANGED", "x", BREAKS, FINE),
    ("value to list", [column("long")], [column(a_list("long"))], "TYPE_CHANGED", "x", BREAKS, BREAKS),
    ("in a list", [column(a_list("integer"))], [column(a_list("long"))], "TYPE_CHANGED", "x[]", FINE, BREAKS),
    (
        "in a map",
        [column({"type": "map", "values": {"type": "long"}})],
        [column({"type": "map", "values": {"type": "string"}})],
        *("TYPE_CHANGED", "x{}", BREAKS, BREAKS),
    ),
    (
        "part added",
        [column(an_object(a="long"))],
        [column(an_object(a="long", b="long"))],
        *("ADDED", "x.b", BREAKS, FINE),
    ),
    (
        "optional part added",
        [column(an_object(a="long"))],
        [column(an_object(a="long", b_="long"))],
        *("ADDED", "x.b", FINE, FINE),
    ),
    (
        "part removed",
        [column(an_object(a="long", b_="long"))],
        [column(an_object(a="long"))],
        *("REMOVED", "x.b", BREAKS, LOOK),
    ),
    (
        "part deep inside",
        [column(a_list(an_object(a=an_object(b="long"))))],
        [column(a_list(an_object(a=an_object(b_="long"))))],
        *("NOW_OPTIONAL", "x[].a.b", FINE, BREAKS),
    ),
    (
        "unnamed column added",
        [column("long", None)],
        [column("long", None)] * 2,
        *("ADDED", "[1]", BREAKS, FINE),
    ),
    (
        "unnamed column removed",
        [column("long", None)] * 2,
        [column("long", None)],
        *("REMOVED", "[1]", FINE, BREAKS),
    ),
    ("names lost", [column("long")], [column("long", None)], "FORM_CHANGED", "", BREAKS, BREAKS),
    ("tensors", [column("long")], [tensor("int64", -1, name="x")], "FORM_CHANGED", "", BREAKS, BREAKS),
    (
        "order",
        [column("long"), column("string", "y")],
        [column("string", "y"), column("long")],
        *("ORDER_CHANGED", "", FINE, FINE),
    ),
    ("dtype", [tensor("float32", -1, 2)], [tensor("float64", -1, 2)], "DTYPE_CHANGED", "", BREAKS, BREAKS),
    ("any size", [tensor("float32", 1, 2)], [tensor("float32", -1, 2)], "SHAPE_CHANGED", "", FINE, BREAKS),
    ("one size", [tensor("float32", -1, 2)], [tensor("float32", 1, 2)], "SHAPE_CHANGED", "", BREAKS, FINE),
    ("rank", [tensor("float32", -1, 2)], [tensor("float32", -1)], "SHAPE_CHANGED", "", BREAKS, BREAKS),
    (
        "tensor added",
        [tensor("str", -1, name="a")],
        [tensor("str", -1, name="a"), tensor("str", -1, name="b c")],
        *("ADDED", '"b c"', BREAKS, FINE),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_one_change_is_judged_for_callers(case: Any) -> None:
    """What callers give may become wider, what they take may become narrower; anything else breaks them."""
    _, old, new, kind, path, for_inputs, for_outputs = case
    assert found("inputs", old, new) == [(kind, path, for_inputs)]
    assert found("outputs", old, new) == [(kind, path, for_outputs)]


def test_an_order_of_unnamed_columns_is_their_types() -> None:
    """Without names the position counts: swapped columns are two types that changed."""
    old, new = ([column(kind, None) for kind in kinds] for kinds in (("long", "string"), ("string", "long")))
    changes = [("TYPE_CHANGED", "[0]", BREAKS), ("TYPE_CHANGED", "[1]", BREAKS)]
    assert found("inputs", old, new) == changes


def test_any_tensor_fits_a_list_of_objects() -> None:
    """MLflow takes any array where the signature says object of shape (-1), so nothing breaks."""
    changes = found("inputs", [tensor("float32", -1, 2)], [tensor("object", -1)])
    assert [(kind, effect) for kind, _, effect in changes] == [("DTYPE_CHANGED", FINE), ("SHAPE_CHANGED", FINE)]
    assert {effect for *_, effect in found("outputs", [tensor("float32", -1, 2)], [tensor("object", -1)])} == {BREAKS}


@pytest.mark.parametrize(
    ("old", "new", "kind", "effect"),
    [
        ([], [param("long", 1)], "ADDED", FINE),
        ([param("long", 1)], [], "REMOVED", BREAKS),
        ([param("integer", 1)], [param("float", 1)], "TYPE_CHANGED", FINE),
        ([param("long", 1)], [param("double", 1)], "TYPE_CHANGED", FINE),
        ([param("long", 1)], [param("integer", 1)], "TYPE_CHANGED", BREAKS),
        ([param("long", 1)], [param("string", 1)], "TYPE_CHANGED", BREAKS),
        ([param("long", 1)], [param("long", 2)], "DEFAULT_CHANGED", LOOK),
        ([param("double", 1)], [param("double", 1.0)], "DEFAULT_CHANGED", LOOK),
        ([param("boolean", 1)], [param("boolean", True)], "DEFAULT_CHANGED", LOOK),
        ([param("long", [1])], [param("long", [1], shape=[-1])], "SHAPE_CHANGED", BREAKS),
    ],
)
def test_params(old: Any, new: Any, kind: str, effect: Effect) -> None:
    """A param may come, and become wider; it may not go; another default is worth a look."""
    columns = {"inputs": [column("long")]}
    before, after = (parse_signature({**columns, "params": params}) for params in (old, new))
    (change,) = diff_signatures(before, after).changes
    assert (change.part, change.path) == (SignaturePart.PARAMS, "k")
    assert (change.kind.value, change.effect) == (kind, effect)


def test_a_signature_that_is_lost_breaks_and_one_that_comes_restricts() -> None:
    """Without a signature nothing is promised; with one, callers who gave anything may be refused."""
    signature = parse_signature({"inputs": [column("long")], "outputs": [column("long")]})
    outputs_only = parse_signature({"outputs": [column("long")]})
    for old, new, kind, effect in (
        (signature, None, ChangeKind.REMOVED, BREAKS),
        (None, signature, ChangeKind.ADDED, BREAKS),
        (None, outputs_only, ChangeKind.ADDED, FINE),
    ):
        (change,) = diff_signatures(old, new).changes
        assert (change.part, change.kind, change.effect) == (SignaturePart.SIGNATURE, kind, effect)
    assert diff_signatures(None, None).changes == ()
    assert [c.effect for c in diff_signatures(signature, outputs_only).changes] == [BREAKS]
    assert [c.effect for c in diff_signatures(outputs_only, signature).changes] == [BREAKS]
    lost = ModelSignature(inputs=signature.inputs)
    assert [c.effect for c in diff_signatures(signature, lost).changes] == [BREAKS]
    assert [c.effect for c in diff_signatures(lost, signature).changes] == [FINE]


def test_the_gravest_effect_is_the_diffs() -> None:
    """One change that breaks makes the whole break; its other changes are still told."""
    old = parse_signature({"inputs": [column("integer"), column("long", "y")], "params": [param("long", 1)]})
    new = parse_signature({"inputs": [column("long"), column("string", "y")], "params": [param("long", 2)]})
    diff = diff_signatures(old, new)
    assert [change.effect for change in diff.changes] == [FINE, BREAKS, LOOK]
    assert diff.effect is BREAKS
    assert [change.path for change in diff.breaking] == ["y"]


def test_what_is_long_is_shortened() -> None:
    """Types and defaults of any size stay readable, and their change is still seen."""
    names = [f"part_{number}" for number in range(1000)]
    old = parse_signature({"inputs": [column(an_object(**dict.fromkeys(names, "long")))]})
    new = parse_signature({"inputs": [column("string")], "params": [param("string", "x" * 10_000)]})
    other = parse_signature({"inputs": [column("string")], "params": [param("string", "x" * 10_000 + "y")]})
    for change in (*diff_signatures(old, new).changes, *diff_signatures(new, other).changes):
        assert max(len(change.old or ""), len(change.new or ""), len(change.reason)) <= MAX_TEXT
    assert [change.kind for change in diff_signatures(new, other).changes] == [ChangeKind.DEFAULT_CHANGED]
