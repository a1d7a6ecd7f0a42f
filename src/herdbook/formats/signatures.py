"""Signatures in MLflow's JSON form: read into values, and written so that MLflow reads them back equal."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from herdbook.entities.signature import (
    Anything,
    Array,
    Column,
    Fields,
    Map,
    ModelSignature,
    Object,
    Param,
    Property,
    Scalar,
    ScalarType,
    SparkVector,
    Tensor,
    ValueType,
)
from herdbook.errors import InvalidArgumentError

MAX_DEPTH = 32
_SHORT = 60
_SCALARS = {scalar.value: scalar for scalar in ScalarType}


class SignatureError(ValueError):
    """What is wrong with a signature, and where."""


def parse_signature(data: Any) -> ModelSignature:
    """Read the `signature:` mapping of an MLmodel file.

    Args:
        data: A mapping with `inputs`, `outputs` and `params`, each a list or its JSON text; None where there is none.

    Raises:
        SignatureError: it is not of that form; the text names the place.
    """
    if not isinstance(data, dict):
        raise SignatureError(f"signature: expected a mapping, not {_short(data)}")
    return ModelSignature(
        inputs=_fields(data.get("inputs"), "inputs"),
        outputs=_fields(data.get("outputs"), "outputs"),
        params=tuple(_each(_listed(data.get("params"), "params") or [], "params", _param)),
    )


def signature_from(value: Any) -> ModelSignature:
    """Make a signature of what a caller has.

    Args:
        value: A ModelSignature, a mapping as in MLmodel files, or an object with `to_dict()`, such as MLflow's.

    Raises:
        InvalidArgumentError: it is none of these, or not a signature.
    """
    if isinstance(value, ModelSignature):
        return value
    to_dict = getattr(value, "to_dict", None)
    data = to_dict() if callable(to_dict) else value
    try:
        return parse_signature(data)
    except SignatureError as error:
        raise InvalidArgumentError(
            f"The signature is not acceptable: {error}.", hint="Hand over MLflow's infer_signature(...) result."
        ) from error


def write_signature(signature: ModelSignature) -> dict[str, str | None]:
    """Return the `signature:` mapping of an MLmodel file: JSON text for inputs, outputs and params."""

    def text(items: list[dict[str, Any]] | None) -> str | None:
        return None if items is None else json.dumps(items)

    return {
        "inputs": text(_write_fields(signature.inputs)),
        "outputs": text(_write_fields(signature.outputs)),
        "params": text([_write_param(param) for param in signature.params] or None),
    }


def _listed(value: Any, where: str) -> list[Any] | None:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise SignatureError(f"{where}: it is not JSON ({error})") from error
    if value is not None and not isinstance(value, list):
        raise SignatureError(f"{where}: expected a list, not {_short(value)}")
    return value


def _each(items: list[Any], where: str, read: Callable[[dict[str, Any], str], Any]) -> list[Any]:
    made = []
    for position, item in enumerate(items):
        place = f"{where}[{position}]"
        if not isinstance(item, dict):
            raise SignatureError(f"{place}: expected a mapping, not {_short(item)}")
        made.append(read(item, place))
    return made


def _fields(value: Any, where: str) -> Fields | None:
    items = _listed(value, where)
    if items is None:
        return None
    tensors = [isinstance(item, dict) and item.get("type") == "tensor" for item in items]
    if any(tensors) and not all(tensors):
        raise SignatureError(f"{where}: columns and tensors cannot be mixed")
    if any(tensors):
        return tuple(_each(items, where, _tensor))
    return tuple(_each(items, where, _column))


def _tensor(item: dict[str, Any], where: str) -> Tensor:
    spec = item.get("tensor-spec")
    if not isinstance(spec, dict):
        raise SignatureError(f"{where}.tensor-spec: expected a mapping, not {_short(spec)}")
    return Tensor(
        name=_name(item, where, optional=True),
        dtype=_text(spec.get("dtype"), f"{where}.tensor-spec.dtype"),
        shape=_shape(spec.get("shape"), f"{where}.tensor-spec.shape"),
    )


def _column(item: dict[str, Any], where: str) -> Column:
    return Column(
        name=_name(item, where, optional=True), type=_type(item, where, MAX_DEPTH), required=_required(item, where)
    )


def _param(item: dict[str, Any], where: str) -> Param:
    shape = item.get("shape")
    return Param(
        name=_name(item, where, optional=False) or "",
        # Before 2.4, MLflow wrote a parameter's type under `dtype`.
        type=_type(item if "type" in item else {**item, "type": item.get("dtype")}, where, MAX_DEPTH),
        default=_plain(item.get("default"), f"{where}.default"),
        shape=None if shape is None else _shape(shape, f"{where}.shape"),
    )


def _type(item: Any, where: str, depth: int) -> ValueType:
    if depth == 0:
        raise SignatureError(f"{where}: it is nested more than {MAX_DEPTH} deep")
    if not isinstance(item, dict):
        raise SignatureError(f"{where}: expected a mapping, not {_short(item)}")
    kind = item.get("type")
    if kind == "array":
        return Array(items=_type(item.get("items"), f"{where}.items", depth - 1))
    if kind == "map":
        return Map(values=_type(item.get("values"), f"{where}.values", depth - 1))
    if kind == "object":
        return Object(properties=_properties(item.get("properties"), f"{where}.properties", depth - 1))
    if kind == "any":
        return Anything()
    if kind == "sparkml_vector":
        return SparkVector()
    if isinstance(kind, str) and kind in _SCALARS:
        return Scalar(type=_SCALARS[kind])
    raise SignatureError(f"{where}.type: {_short(kind)} is not a type")


def _properties(value: Any, where: str, depth: int) -> tuple[Property, ...]:
    if not isinstance(value, dict):
        raise SignatureError(f"{where}: expected a mapping, not {_short(value)}")
    made = []
    for name, item in value.items():
        place = f"{where}.{name}"
        made.append(Property(name=_text(name, where), type=_type(item, place, depth), required=_required(item, place)))
    return tuple(made)


def _required(item: dict[str, Any], where: str) -> bool:
    if "required" in item:
        required = item["required"]
        if not isinstance(required, bool):
            raise SignatureError(f"{where}.required: expected true or false, not {_short(required)}")
        return required
    # Before 2.6, MLflow wrote the opposite.
    return not item.get("optional", False)


def _name(item: dict[str, Any], where: str, *, optional: bool) -> str | None:
    name = item.get("name")
    if name is None and optional:
        return None
    return _text(name, f"{where}.name")


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise SignatureError(f"{where}: expected text, not {_short(value)}")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise SignatureError(f"{where}: {_short(value)} is not valid Unicode")
    return value


def _shape(value: Any, where: str) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or not all(type(size) is int and size >= -1 for size in value):
        raise SignatureError(f"{where}: expected a list of sizes, not {_short(value)}")
    return tuple(value)


def _plain(value: Any, where: str) -> Any:
    """Return a default that JSON can carry, under the same limit on depth as types."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            part
            for item in level
            if isinstance(item, list | dict)
            for part in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            break
    else:
        raise SignatureError(f"{where}: it is nested more than {MAX_DEPTH} deep")
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (TypeError, ValueError) as error:
        raise SignatureError(f"{where}: it is not plain data ({error})") from error
    return value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 3]}..."


def _write_fields(fields: Fields | None) -> list[dict[str, Any]] | None:
    if fields is None:
        return None
    return [_write_tensor(field) if isinstance(field, Tensor) else _write_column(field) for field in fields]


def _write_tensor(tensor: Tensor) -> dict[str, Any]:
    written: dict[str, Any] = {} if tensor.name is None else {"name": tensor.name}
    return {**written, "type": "tensor", "tensor-spec": {"dtype": tensor.dtype, "shape": list(tensor.shape)}}


def _write_column(column: Column) -> dict[str, Any]:
    named = {} if column.name is None else {"name": column.name}
    return {**_write_type(column.type), **named, "required": column.required}


def _write_param(param: Param) -> dict[str, Any]:
    shape = None if param.shape is None else list(param.shape)
    return {"name": param.name, **_write_type(param.type), "default": param.default, "shape": shape}


def _write_type(kind: ValueType) -> dict[str, Any]:
    match kind:
        case Scalar(type=scalar):
            return {"type": scalar.value}
        case Array(items=items):
            return {"type": "array", "items": _write_type(items)}
        case Map(values=values):
            return {"type": "map", "values": _write_type(values)}
        case Object(properties=properties):
            inner = {part.name: {**_write_type(part.type), "required": part.required} for part in properties}
            return {"type": "object", "properties": inner}
        case Anything():
            return {"type": "any"}
        case SparkVector():
            return {"type": "sparkml_vector"}
