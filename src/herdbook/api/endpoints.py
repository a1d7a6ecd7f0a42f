"""What the port's own signatures say of a route: its arguments and where each travels, its answer, its errors."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

from attrs import NOTHING, evolve, field, frozen, make_class

from herdbook import errors
from herdbook.api.files import FILE_SIZE, OFFSET
from herdbook.api.routes import BUNDLES, DIRECT, ROUTES, Route
from herdbook.errors import RegistryError
from herdbook.names import VersionRef
from herdbook.ports.registry import Registry
from herdbook.verdicts import Operation

IDEMPOTENCY_HEADER = "idempotency-key"
_PLACEHOLDER = re.compile(r"\{(\w+)(?:\.(\w+))?(\.\.\.)?\}")
_RAISES = re.compile(r"^    (\w+Error): ", re.MULTILINE)
_WITHOUT_BODY = ("GET", "DELETE")
REQUIRED = inspect.Parameter.empty
"""Stands for the default of an argument that must be given."""
EVERYWHERE: tuple[type[RegistryError], ...] = (
    errors.InvalidArgumentError,
    errors.UnauthenticatedError,
    errors.PermissionDeniedError,
    errors.NotFoundError,
    errors.RateLimitedError,
    errors.UnsupportedError,
    errors.UnavailableError,
    errors.IntegrityError,
    errors.InternalError,
)
"""Errors that any route may answer, whatever its verb's docstring says."""


class Place(Enum):
    """Where an argument travels."""

    PATH = "path"
    QUERY = "query"
    HEADER = "header"
    BODY = "body"


@frozen(kw_only=True)
class Argument:
    """One argument of a verb.

    Args:
        name: Its name in the port.
        kind: Its type on the wire: names and references are text, which the port itself reads; lists are tuples.
        names: The types of names that the text may spell, where it is a name.
        place: Where it travels.
        parts: The attributes of the reference that the path spells one by one, such as `model` and `version`.
        default: Its default; `REQUIRED` where it must be given.
    """

    name: str
    kind: Any
    names: tuple[type, ...] = ()
    place: Place
    parts: tuple[str, ...] = ()
    default: Any = REQUIRED

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is REQUIRED


@frozen(kw_only=True)
class Endpoint:
    """A route, and what is derived for it.

    Args:
        route: The route.
        arguments: The arguments, in the order of the port's signature.
        body: The class of the JSON body; None where the request has none.
        answer: The type of the answer, as the port declares it; None where there is none.
        errors: What it may be refused with.
        summary: The first line of the verb's docstring.
        doc: The whole docstring.
    """

    route: Route
    arguments: tuple[Argument, ...]
    body: type | None
    answer: Any
    errors: tuple[type[RegistryError], ...]
    summary: str
    doc: str

    @property
    def operation(self) -> Operation:
        """The verb."""
        return self.route.operation

    def at(self, place: Place) -> tuple[Argument, ...]:
        """Return the arguments that travel there."""
        return tuple(argument for argument in self.arguments if argument.place is place)


def wire_type(hint: Any) -> tuple[Any, tuple[type, ...]]:
    """Return what travels for a type of the port, and the types of names that it may spell."""
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    optional = type(None) in members
    rest = tuple(member for member in members if member is not type(None))
    names: tuple[type, ...] = ()
    kind: Any
    if str in rest and len(rest) > 1:
        kind, names = str, tuple(member for member in rest if member is not str)
    elif get_origin(rest[0]) is Sequence:
        kind = types.GenericAlias(tuple, (wire_type(get_args(rest[0])[0])[0], ...))
    elif get_origin(rest[0]) is Mapping:
        kind = dict[str, str]
    else:
        (kind,) = rest
    return (kind | None if optional else kind), names


def _placeholders(path: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, part, _ in _PLACEHOLDER.findall(path):
        found[name] = (*found.get(name, ()), *([part] if part else []))
    return found


def _arguments(route: Route, method: Any, hints: Mapping[str, Any]) -> tuple[Argument, ...]:
    if route.raw and route.operation is Operation.UPLOAD_MODEL_VERSION_FILES:
        # One file a request: its path is in the URL, its bytes are the body, and headers say size and digest.
        ref = Argument(name="ref", kind=str, names=(VersionRef,), place=Place.PATH, parts=("model", "version"))
        path = Argument(name="path", kind=str, place=Place.PATH)
        if route.way is None:
            return ref, path
        return ref, path, *(Argument(name=name, kind=int, place=Place.QUERY) for name in (OFFSET, FILE_SIZE))
    spelled = _placeholders(route.path)
    made = []
    for name, parameter in list(inspect.signature(method).parameters.items())[1:]:
        kind, names = wire_type(hints[name])
        if name in spelled:
            place = Place.PATH
        elif name == "idempotency_key":
            place = Place.HEADER
        else:
            place = Place.QUERY if route.method in _WITHOUT_BODY else Place.BODY
        parts = spelled.get(name, ())
        made.append(Argument(name=name, kind=kind, names=names, place=place, parts=parts, default=parameter.default))
    if missing := set(spelled) - {argument.name for argument in made}:
        raise ImportError(f"{route.path} names {', '.join(missing)}, which {route.verb} does not take")
    return tuple(made)


def _body(route: Route, arguments: Sequence[Argument]) -> type | None:
    """Make the class of the body; None where the method has none, or a file is sent."""
    if route.method in _WITHOUT_BODY or route.raw:
        return None
    fields = {
        argument.name: field(type=argument.kind, default=NOTHING if argument.required else argument.default)
        for argument in arguments
        if argument.place is Place.BODY
    }
    title = "".join(word.capitalize() for word in route.verb.split("_"))
    made: type = make_class(f"{title}Body", fields, frozen=True, kw_only=True)
    return made


def errors_of(method: Any) -> tuple[type[RegistryError], ...]:
    """Return the errors that a verb's docstring says it raises, and those that any route may answer."""
    text = inspect.getdoc(method) or ""
    section = text.partition("\nRaises:\n")[2].partition("\n\n")[0]
    own = [getattr(errors, name) for name in _RAISES.findall(section)]
    return tuple(dict.fromkeys([*own, *EVERYWHERE]))


def _endpoint(route: Route) -> Endpoint:
    method = getattr(Registry, route.verb)
    hints = get_type_hints(method)
    arguments = _arguments(route, method, hints)
    body = _body(route, arguments)
    declared = errors_of(method)
    answer = hints["return"]
    doc = inspect.getdoc(method) or ""
    return Endpoint(
        route=route,
        arguments=arguments,
        body=body,
        answer=None if answer is type(None) else answer,
        errors=declared if route.method in _WITHOUT_BODY else tuple(dict.fromkeys([*declared, errors.TooLargeError])),
        summary=doc.partition("\n")[0],
        doc=doc,
    )


ENDPOINTS: tuple[Endpoint, ...] = tuple(_endpoint(route) for route in ROUTES)
BY_OPERATION: dict[Operation, Endpoint] = {endpoint.operation: endpoint for endpoint in ENDPOINTS}
UPLOAD_MANY, READ_MANY = (evolve(BY_OPERATION[route.operation], route=route) for route in BUNDLES)
STAGE, TAKE_IN, LOCATE = map(_endpoint, DIRECT)
WAYS: tuple[Endpoint, ...] = (*ENDPOINTS, UPLOAD_MANY, READ_MANY, STAGE, TAKE_IN, LOCATE)
"""Every way in: one a verb, and the further ways of those that move bytes."""

if left := set(Operation) - set(BY_OPERATION):
    raise ImportError(f"operations without a route: {', '.join(sorted(left))}")
