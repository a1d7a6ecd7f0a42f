"""Signatures written in MLflow's JSON form, so that MLflow reads them back equal."""

from __future__ import annotations

import json
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
    Scalar,
    SparkVector,
    Tensor,
    ValueType,
)


def write_signature(signature: ModelSignature) -> dict[str, str | None]:
    """Return the `signature:` mapping of an MLmodel file: JSON text for inputs, outputs and params."""

    def text(items: list[dict[str, Any]] | None) -> str | None:
        return None if items is None else json.dumps(items)

    return {
        "inputs": text(_write_fields(signature.inputs)),
        "outputs": text(_write_fields(signature.outputs)),
        "params": text([_write_param(param) for param in signature.params] or None),
    }


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
