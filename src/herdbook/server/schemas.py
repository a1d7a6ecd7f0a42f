"""JSON Schema of everything that `wire` reads and writes, from the same classes."""

from __future__ import annotations

import inspect
import re
import types
from datetime import datetime
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

from attrs import NOTHING, fields, has

from herdbook.entities.signature import ValueType
from herdbook.names import (
    AliasRef,
    AliasSlots,
    CatalogName,
    MetastoreName,
    ModelName,
    PrincipalName,
    SchemaName,
    SecurableName,
    VersionRef,
)
from herdbook.verdicts import Decision, Verdict

Schema = dict[str, Any]

NAMES = (AliasRef, AliasSlots, CatalogName, MetastoreName, ModelName, PrincipalName, SchemaName, VersionRef)
_PLAIN: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    datetime: {"type": "string", "format": "date-time"},
    bytes: {"type": "string", "contentEncoding": "base64"},
    Any: {},
}
_TAGGED: tuple[tuple[Any, str, str], ...] = (
    (ValueType, "kind", "lower"),
    (Decision, "decision", "upper"),
    (Verdict, "verdict", "upper"),
)
_ARGUMENT = re.compile(r"^    (\w+): (.*)$")


class Schemas:
    """Collects schemas as named components."""

    def __init__(self) -> None:
        self.components: dict[str, Schema] = {}

    def of(self, kind: Any) -> Schema:
        """Return the schema of a type; what has a name of its own becomes a component."""
        if kind in _PLAIN:
            return dict(_PLAIN[kind])
        schema = self._own_form(kind) or self._made_of(kind) or self._class(kind)
        if schema is None:
            raise TypeError(f"{kind!r} has no schema: docs and clients would not know what it looks like")
        return schema

    def _own_form(self, kind: Any) -> Schema | None:
        """Return the schema of what `wire` writes in a form of its own."""
        for union, tag, spelling in _TAGGED:
            if kind == union:
                return self._tagged(union, tag, spelling)
        if kind == SecurableName:
            return self._named("SecurableName", {"type": "string", "description": "The name of any securable."})
        if kind in NAMES:
            return self._named(kind.__name__, {"type": "string", "description": _summary(kind)})
        return None

    def _made_of(self, kind: Any) -> Schema | None:
        """Return the schema of a union or a container."""
        origin, arguments = get_origin(kind), get_args(kind)
        if origin in (Union, types.UnionType):
            return self._union(kind)
        if origin in (tuple, frozenset, list):
            return {"type": "array", "items": self.of(arguments[0])}
        if origin is dict:
            return {"type": "object", "additionalProperties": self.of(arguments[1])}
        return None

    def _class(self, kind: Any) -> Schema | None:
        if inspect.isclass(kind) and issubclass(kind, Enum):
            return self._named(kind.__name__, _enum(kind))
        return self._object(kind) if has(get_origin(kind) or kind) else None

    def _named(self, name: str, schema: Schema) -> Schema:
        self.components.setdefault(name, schema)
        return {"$ref": f"#/components/schemas/{name}"}

    def _union(self, kind: Any) -> Schema:
        members = get_args(kind)
        rest = tuple(member for member in members if member is not type(None))
        if len(rest) == len(members):
            return {"anyOf": [self.of(member) for member in members]}
        inner = self.of(Union[rest])  # noqa: UP007 the members are known only here
        return {"anyOf": [inner, {"type": "null"}]}

    def _tagged(self, union: Any, tag: str, spelling: str) -> Schema:
        name = {"kind": "ValueType", "decision": "Decision", "verdict": "Verdict"}[tag]
        if name not in self.components:
            # It may hold itself.
            self.components[name] = {}
            members = []
            for member in get_args(union):
                schema = self._fields(member, member)
                word = getattr(member.__name__, spelling)()
                schema["properties"] = {tag: {"const": word}, **schema["properties"]}
                schema["required"] = [tag, *schema.get("required", [])]
                members.append(schema)
            self.components[name] = {"oneOf": members}
        return {"$ref": f"#/components/schemas/{name}"}

    def _object(self, kind: Any) -> Schema:
        name = _component(kind)
        if name not in self.components:
            self.components[name] = {}
            self.components[name] = self._fields(get_origin(kind) or kind, kind)
        return {"$ref": f"#/components/schemas/{name}"}

    def _fields(self, base: Any, kind: Any) -> Schema:
        hints = _hints(base)
        given = dict(zip(getattr(base, "__parameters__", ()), get_args(kind), strict=False))
        told = arguments_of(inspect.getdoc(base) or "")
        properties, required = {}, []
        for each in fields(base):
            schema = self.of(_filled(hints[each.name], given))
            if each.name in told:
                schema = {**schema, "description": told[each.name]}
            properties[each.name] = schema
            if each.default is NOTHING:
                required.append(each.name)
        made: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        if summary := _summary(base):
            made["description"] = summary
        if required:
            made["required"] = required
        return made


def _hints(kind: Any) -> dict[str, Any]:
    # A class made from a route has its types in its fields alone.
    made = {each.name: each.type for each in fields(kind)}
    return made if all(not isinstance(hint, str) for hint in made.values()) else get_type_hints(kind)


def _filled(hint: Any, given: dict[Any, Any]) -> Any:
    if hint in given:
        return given[hint]
    arguments = get_args(hint)
    if arguments and any(argument in given for argument in arguments):
        return get_origin(hint)[tuple(given.get(argument, argument) for argument in arguments)]
    return hint


def _component(kind: Any) -> str:
    arguments = "".join(argument.__name__ for argument in get_args(kind))
    base: str = (get_origin(kind) or kind).__name__
    return f"{arguments}{base}"


def _enum(kind: type[Enum]) -> Schema:
    return {"type": "string", "enum": [member.value for member in kind], "description": _summary(kind)}


def _summary(kind: Any) -> str:
    doc = inspect.getdoc(kind) or ""
    # attrs writes a docstring for a class that has none.
    return "" if doc.startswith("Method generated by attrs") else doc.partition("\n\n")[0].replace("\n", " ")


def arguments_of(doc: str) -> dict[str, str]:
    """Return what a docstring says of each argument or field."""
    told: dict[str, str] = {}
    last = ""
    for line in doc.partition("Args:\n")[2].splitlines():
        found = _ARGUMENT.match(line)
        if found:
            last = found.group(1)
            told[last] = found.group(2)
        elif line.startswith("        ") and last:
            told[last] += f" {line.strip()}"
        elif line.strip():
            break
    return told
