"""The one converter between values and JSON: strict about types and unknown keys, names and times as text."""

from __future__ import annotations

import base64
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar, get_args, get_origin

from attrs import fields, has, resolve_types
from cattrs import Converter, transform_error
from cattrs.errors import BaseValidationError, IterableValidationError, IterableValidationNote
from cattrs.fns import identity
from cattrs.strategies import configure_tagged_union

from herdbook.entities.signature import (
    Array,
    Column,
    Fields,
    Map,
    ModelSignature,
    Object,
    Param,
    Property,
    Tensor,
    ValueType,
)
from herdbook.errors import InvalidArgumentError, RegistryError
from herdbook.names import (
    AliasRef,
    AliasSlots,
    CatalogName,
    MetastoreName,
    ModelName,
    ModelUri,
    PrincipalName,
    SchemaName,
    VersionRef,
    format_time,
    parse_securable,
    parse_time,
)
from herdbook.names.securables import SecurableName
from herdbook.verdicts import Allowed, Decision, Denied, Pass, Reject, Verdict

T = TypeVar("T")
MOST_FAULTS = 100
"""How many faults of one value are told: each is kept while the rest is read, and a body may have millions."""
_LONGEST_FAULT = 1_000
_MOST_KEYS = 10


def _exactly(kind: type) -> Callable[[Any, Any], Any]:
    def structure(value: Any, wanted: Any) -> Any:
        # The hook for `str` also answers for every StrEnum.
        if wanted is not kind and issubclass(wanted, Enum):
            return _enum(value, wanted)
        if type(value) is not kind:
            raise TypeError(f"expected {_JSON_NAMES[kind]}, not {value!r}")
        return value

    return structure


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_JSON_NAMES = {str: "text", int: "a whole number", bool: "true or false"}


def _number(value: Any, _: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise TypeError(f"expected a number, not {value!r}")
    return float(value)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(f"expected text, not {value!r}")
    return value


def _enum(value: Any, kind: type[Enum]) -> Enum:
    if isinstance(value, kind):
        return value
    try:
        return kind(_text(value))
    except ValueError:
        known = ", ".join(str(member.value) for member in kind)
        raise ValueError(f"{value!r} is none of {known}") from None


def _sequence(value: Any, kind: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError(f"expected a list, not {value!r}")
    item = get_args(kind)[0]
    return _items(value, ((element, item) for element in value))


def _register_tagged(made: Converter, union: Any, tag: str, spell: Callable[[str], str]) -> None:
    configure_tagged_union(union, made, tag_name=tag, tag_generator=lambda member: spell(member.__name__))
    inner = made.get_structure_hook(union)
    known = [spell(member.__name__) for member in get_args(union)]

    def structure(value: Any, wanted: Any) -> Any:
        if not isinstance(value, dict):
            raise TypeError(f"expected an object, not {value!r}")
        if value.get(tag) not in known:
            raise ValueError(f"{tag!r} is {value.get(tag)!r}, which is none of {', '.join(known)}")
        return inner(value, wanted)

    made.register_structure_hook(union, structure)


def _is_entity(kind: Any) -> bool:
    return has(get_origin(kind) or kind)


def _only_objects(made: Converter, kind: Any) -> Callable[[Any, Any], Any]:
    inner = made.gen_structure_attrs_fromdict(kind)

    def structure(value: Any, wanted: Any) -> Any:
        if not isinstance(value, dict):
            raise TypeError(f"expected an object, not {value!r}")
        return inner(value, wanted)

    return structure


def _set(value: Any, kind: Any) -> frozenset[Any]:
    if isinstance(value, frozenset):
        value = sorted(value)
    return frozenset(_sequence(value, kind))


def _mapping(value: Any, kind: Any) -> dict[str, Any]:
    """Structure every value, and report every one that fails with its key."""
    if not isinstance(value, dict):
        raise TypeError(f"expected an object, not {value!r}")
    item = get_args(kind)[1]
    keys = [_text(key) for key in value]
    return dict(zip(keys, _items(value, ((element, item) for element in value.values()), keys), strict=True))


def _bytes(value: Any, _: Any) -> bytes:
    return value if isinstance(value, bytes) else base64.b64decode(_text(value).encode(), validate=True)


def _items(value: Any, pairs: Iterable[tuple[Any, Any]], keys: list[str] | None = None) -> tuple[Any, ...]:
    """Structure every item, and report every item that fails with its key or position, up to so many."""
    made: list[Any] = []
    failed: list[Exception] = []
    for position, (element, kind) in enumerate(pairs):
        try:
            made.append(converter.structure(element, kind))
        except (BaseValidationError, TypeError, ValueError, KeyError, RegistryError) as error:
            index = position if keys is None else keys[position]
            error.add_note(IterableValidationNote(f"item {index}", index, kind))
            failed.append(error)
            if len(failed) > MOST_FAULTS:
                break
    if failed:
        raise IterableValidationError("some items are not acceptable", failed, type(value))
    return tuple(made)


def _fields(value: Any, _: Any) -> Any:
    if not isinstance(value, list | tuple):
        raise TypeError(f"expected a list, not {value!r}")
    tensors = bool(value) and all(isinstance(item, dict) and "dtype" in item for item in value)
    return _items(value, ((item, Tensor if tensors else Column) for item in value))


def _register_names(made: Converter) -> None:
    parsers: dict[type, Callable[[str], Any]] = {
        CatalogName: CatalogName.parse,
        SchemaName: SchemaName.parse,
        ModelName: ModelName.parse,
        VersionRef: VersionRef.parse,
        AliasRef: AliasRef.parse,
        AliasSlots: parse_securable,
        MetastoreName: parse_securable,
        ModelUri: ModelUri.parse,
        PrincipalName: PrincipalName.parse,
    }
    for kind, parse in parsers.items():
        made.register_structure_hook(kind, _name_hook(kind, parse))
        made.register_unstructure_hook(kind, str)
    made.register_structure_hook(SecurableName, lambda value, _: _securable(value))
    made.register_unstructure_hook(SecurableName, str)
    # The union and None are one flat union, which has none of the union's hooks.
    made.register_structure_hook(SecurableName | None, lambda value, _: None if value is None else _securable(value))
    made.register_unstructure_hook(SecurableName | None, lambda value: None if value is None else str(value))


def _securable(value: Any) -> Any:
    return value if isinstance(value, get_args(SecurableName)) else parse_securable(_text(value))


def _name_hook(kind: type, parse: Callable[[str], Any]) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        name = value if isinstance(value, kind) else parse(_text(value))
        if not isinstance(name, kind):
            raise TypeError(f"{value!r} does not name a {kind.__name__}")
        return name

    return structure


def _make() -> Converter:
    made = Converter(forbid_extra_keys=True, detailed_validation=True)
    for kind in (str, int, bool):
        made.register_structure_hook(kind, _exactly(kind))
    made.register_structure_hook(float, _number)
    made.register_structure_hook(bytes, _bytes)
    made.register_unstructure_hook(bytes, lambda value: base64.b64encode(value).decode())
    made.register_structure_hook(datetime, lambda value, _: parse_time(_text(value)))
    made.register_unstructure_hook(datetime, format_time)
    # What may be missing is mostly plain, or a time: a page has six such fields a model.
    made.register_unstructure_hook_func(_is_plain_or_none, identity)
    made.register_unstructure_hook(datetime | None, lambda value: None if value is None else format_time(value))
    made.register_structure_hook_func(lambda kind: isinstance(kind, type) and issubclass(kind, Enum), _enum)
    made.register_structure_hook_func(_is_homogeneous_tuple, _sequence)
    made.register_unstructure_hook_factory(_is_homogeneous_tuple, _plain_list)
    made.register_structure_hook_func(lambda kind: _is_made_of(kind, dict), _mapping)
    made.register_structure_hook_func(lambda kind: _is_made_of(kind, frozenset), _set)
    made.register_unstructure_hook_func(
        lambda kind: _is_made_of(kind, frozenset), lambda value: sorted(made.unstructure(item) for item in value)
    )
    made.register_structure_hook_factory(_is_entity, lambda kind: _only_objects(made, kind))
    _register_names(made)
    for recursive in (Array, Property, Object, Map, Column, Param, ModelSignature):
        resolve_types(recursive)
    _register_tagged(made, ValueType, "kind", str.lower)
    made.register_structure_hook(Fields, _fields)
    made.register_structure_hook(Fields | None, lambda value, kind: None if value is None else _fields(value, kind))
    for optional in (Fields, Fields | None):
        made.register_unstructure_hook(
            optional, lambda value: None if value is None else [made.unstructure(item) for item in value]
        )
    for union, tag in ((Decision, "decision"), (Verdict, "verdict")):
        _register_tagged(made, union, tag, str.upper)
    return made


def _plain_list(kind: Any, asked: Converter) -> Callable[[Any], list[Any]]:
    """Return what makes a list of a tuple; most that an answer has are empty."""
    (of, _) = get_args(kind)
    # Of a page of whatever it is, each item says what it is.
    item = asked.unstructure if isinstance(of, TypeVar) else asked.get_unstructure_hook(of, cache_result=False)
    return lambda value: [item(each) for each in value] if value else []


def _is_plain_or_none(kind: Any) -> bool:
    return any(kind == plain | None for plain in (str, int, bool))


def _is_made_of(kind: Any, origin: type) -> bool:
    return getattr(kind, "__origin__", None) is origin


def _is_homogeneous_tuple(kind: Any) -> bool:
    arguments = get_args(kind)
    return getattr(kind, "__origin__", None) is tuple and arguments[1:] == (Ellipsis,)


converter = _make()
"""The converter itself, for code that structures from something other than JSON."""

__all__ = ["Allowed", "Denied", "Pass", "Reject", "converter", "from_json", "structure", "to_json", "unstructure"]


def unstructure(value: Any) -> Any:
    """Return a value as plain JSON data."""
    return converter.unstructure(value)


def structure(data: Any, kind: type[T], *, what: str = "the value") -> T:
    """Make a value of plain JSON data.

    Args:
        data: What `json.loads` returns.
        kind: The type wanted.
        what: What the data is, for errors.

    Raises:
        InvalidArgumentError: a key is unknown or missing, or a value has the wrong type; all faults are listed
            with their paths, up to `MOST_FAULTS`.
    """
    try:
        return converter.structure(data, kind)
    except BaseValidationError as error:
        found = transform_error(error, path="$", format_exception=_describe)
        faults = found[:MOST_FAULTS]
        more = "; and more" if len(found) > len(faults) else ""
        raise InvalidArgumentError(f"{what} is not acceptable: {'; '.join(faults)}{more}.", faults=faults) from error
    except (TypeError, ValueError, InvalidArgumentError) as error:
        raise InvalidArgumentError(f"{what} is not acceptable: {_shortened(str(error))}.") from error


def to_json(value: Any) -> bytes:
    """Return canonical JSON: keys and sets sorted, no spaces, UTF-8; values spelled alike give the same bytes."""
    return canonical(converter.unstructure(value))


def canonical(plain: Any) -> bytes:
    """Return canonical JSON of plain values: keys sorted, no spaces, UTF-8."""
    return _CANONICAL.encode(plain).encode()


def from_json(data: bytes | str, kind: type[T], *, what: str = "the JSON") -> T:
    """Make a value of JSON text; raises InvalidArgumentError as `structure` does, or where it is no JSON."""
    try:
        plain = _DECODER.decode(data if isinstance(data, str) else data.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"{what} is not JSON: {error}.") from error
    return structure(plain, kind, what=what)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object whose keys stand once each: of two, whoever looked at it before may have gone by the other."""
    made = dict(pairs)
    if len(made) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the key {_shortened(repr(twice))} stands twice in one object")
    return made


_DECODER = json.JSONDecoder(object_pairs_hook=_once)


def _describe(error: BaseException, _: type | None) -> str:
    if isinstance(error, KeyError):
        return "required key is missing"
    extra = getattr(error, "extra_fields", None)
    if extra:
        owner = error.cl  # type: ignore[attr-defined]  # the error that has extra_fields has this too
        known = ", ".join(field.name for field in fields(owner)) if has(owner) else ""
        told = ", ".join(_shortened(repr(key)) for key in sorted(extra)[:_MOST_KEYS])
        more = f" and {len(extra) - _MOST_KEYS} more" if len(extra) > _MOST_KEYS else ""
        return f"unknown key {told}{more} (known: {known})"
    return _shortened(str(error))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_FAULT else f"{text[:_LONGEST_FAULT]}..."
