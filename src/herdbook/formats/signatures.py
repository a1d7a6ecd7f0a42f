"""Signatures read from MLflow's JSON form; what MLflow could not load is refused, with its place."""

from __future__ import annotations

import json
import reprlib
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
from herdbook.formats.written_signatures import write_signature

MAX_DEPTH = 32
MAX_DEFAULT = 100_000
"""Values in the default of a param, at any depth."""
_SHORT = 60
_SHORTENED = reprlib.Repr()
_SHORTENED.maxstring = _SHORTENED.maxother = _SHORT
_KEYS = ("inputs", "outputs", "params")
_SCALARS = {scalar.value: scalar for scalar in ScalarType}
_BINARY = Scalar(type=ScalarType.BINARY)


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
    signature = ModelSignature(
        inputs=_fields(data.get("inputs"), "inputs"),
        outputs=_fields(data.get("outputs"), "outputs"),
        params=_params(data.get("params")),
    )
    if signature == ModelSignature():
        found = f"only {', '.join(map(_short, list(data)[:3]))}" if data.keys() - _KEYS else "nothing"
        raise SignatureError(f"signature: expected inputs, outputs or params, and there is {found}")
    return signature


def signature_from(value: Any) -> ModelSignature:
    """Make a signature of what a caller has.

    Args:
        value: A ModelSignature, a mapping as in MLmodel files, or an object with `to_dict()`, such as MLflow's.

    Raises:
        InvalidArgumentError: it is none of these, or not a signature.
    """
    try:
        if isinstance(value, ModelSignature):
            parse_signature(write_signature(value))
            return value
        return parse_signature(_as_data(value))
    except (SignatureError, TypeError) as error:
        raise InvalidArgumentError(
            f"The signature is not acceptable: {error}.", hint="Hand over MLflow's infer_signature(...) result."
        ) from error


def _as_data(value: Any) -> Any:
    to_dict = getattr(value, "to_dict", None)
    return to_dict() if callable(to_dict) and not isinstance(value, type) else value


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
    fields = tuple(_each(items, where, _tensor if any(tensors) else _column))
    _check_names(fields, where)
    return fields


def _check_names(fields: tuple[Column | Tensor, ...], where: str) -> None:
    """Refuse what MLflow refuses of a schema as a whole."""
    unnamed = [position for position, field in enumerate(fields) if field.name is None]
    if not fields:
        raise SignatureError(f"{where}: it is empty")
    if not unnamed:
        return
    if len(unnamed) < len(fields):
        raise SignatureError(f"{where}[{unnamed[0]}].name: it is missing, and others have one")
    if len(fields) > 1 and isinstance(fields[0], Tensor):
        raise SignatureError(f"{where}[0].name: it is missing, and there are several tensors")
    for position, field in enumerate(fields):
        if isinstance(field, Column) and not field.required:
            raise SignatureError(f"{where}[{position}].name: it is missing, and the column is not required")


def _params(value: Any) -> tuple[Param, ...]:
    params: dict[str, Param] = {}
    for position, param in enumerate(_each(_listed(value, "params") or [], "params", _param)):
        if param.name in params:
            raise SignatureError(f"params[{position}].name: {_short(param.name)} is there twice")
        params[param.name] = param
    return tuple(params.values())


def _tensor(item: dict[str, Any], where: str) -> Tensor:
    spec = item.get("tensor-spec")
    if not isinstance(spec, dict):
        raise SignatureError(f"{where}.tensor-spec: expected a mapping, not {_short(spec)}")
    return Tensor(
        name=_name(item, where),
        dtype=_text(spec.get("dtype"), f"{where}.tensor-spec.dtype"),
        shape=_shape(spec.get("shape"), f"{where}.tensor-spec.shape"),
    )


def _column(item: dict[str, Any], where: str) -> Column:
    return Column(name=_name(item, where), type=_type(item, where, MAX_DEPTH), required=_required(item, where))


def _param(item: dict[str, Any], where: str) -> Param:
    shape = item.get("shape")
    # Before 2.4, MLflow wrote a parameter's type under `dtype`.
    kind = _type(item if "type" in item else {**item, "type": item.get("dtype")}, where, MAX_DEPTH)
    if not isinstance(kind, Scalar | Object) or kind == _BINARY:
        raise SignatureError(f"{where}.type: a param cannot be of it")
    if "default" not in item:
        raise SignatureError(f"{where}.default: it is missing")
    if shape is not None and _shape(shape, f"{where}.shape") != (-1,):
        raise SignatureError(f"{where}.shape: expected nothing or [-1], not {_short(shape)}")
    return Param(
        name=_text(item.get("name"), f"{where}.name"),
        type=kind,
        default=_plain(item["default"], f"{where}.default"),
        shape=None if shape is None else (-1,),
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
    if not value:
        raise SignatureError(f"{where}: it is empty")
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


def _name(item: dict[str, Any], where: str) -> str | None:
    name = item.get("name")
    return None if name is None else _text(name, f"{where}.name")


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
    values = 0
    for _ in range(MAX_DEPTH):
        level = [
            part
            for item in level
            if isinstance(item, list | dict)
            for part in (item.values() if isinstance(item, dict) else item)
        ]
        values += len(level)
        if values > MAX_DEFAULT:
            raise SignatureError(f"{where}: it has more than {MAX_DEFAULT:,} values")
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
    try:
        text = _SHORTENED.repr(value)
    except ValueError:
        # A whole number that is too long to be written in decimal.
        return "a long number"
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 3]}..."
