"""YAML as plain data, under limits on size, depth and aliases."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import yaml
from attrs import define, field

from herdbook.errors import InvalidArgumentError

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
MAX_ALIASES = 64
MAX_NODES = 200_000
MAX_CHARACTERS = 4 * MAX_BYTES
"""Of all keys and values together, where an alias counts as what it stands for."""
MAX_INTEGER_BITS = 4096

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _RefusedError(Exception):
    """Why a document is refused, and on which line."""

    def __init__(self, why: str, line: int | None = None) -> None:
        super().__init__(why)
        self.line = line


class _Loader(_Base):  # type: ignore[misc]  # the base is chosen at run time
    """Safe loading that refuses duplicate keys and keeps times as text."""


def _mapping(loader: Any, node: yaml.Node) -> dict[str, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise _RefusedError("a mapping was expected", node.start_mark.line + 1)
    made: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        line = key_node.start_mark.line + 1
        if not isinstance(key, str):
            raise _RefusedError(f"the key {key!r} is not text", line)
        if key in made:
            raise _RefusedError(f"the key {key!r} is there twice", line)
        made[key] = loader.construct_object(value_node, deep=True)
    return made


def _refuse(loader: Any, node: yaml.Node) -> Any:  # noqa: ARG001 the shape of a constructor
    raise _RefusedError(f"{node.tag} is not plain data", node.start_mark.line + 1)


def _integer(loader: Any, node: yaml.Node) -> int | str:
    text = str(loader.construct_scalar(node))
    if ":" in text:
        # YAML 1.1 counts `1:30:00` in base 60, in time that grows with the square of its length.
        return text
    value = int(loader.construct_yaml_int(node))
    if value.bit_length() > MAX_INTEGER_BITS:
        raise _RefusedError(f"a whole number has more than {MAX_INTEGER_BITS:,} bits", node.start_mark.line + 1)
    return value


def _float(loader: Any, node: yaml.Node) -> float | str:
    text = str(loader.construct_scalar(node))
    if ":" in text:
        return text
    value = float(loader.construct_yaml_float(node))
    # JSON has no such numbers; as text they are at least not lost.
    return value if math.isfinite(value) else text


def _located(construct: Callable[[Any, yaml.Node], Any]) -> Callable[[Any, yaml.Node], Any]:
    """Tell the line of a value that its tag does not fit; PyYAML raises LookupError for some, such as `!!int ""`."""

    def constructor(loader: Any, node: yaml.Node) -> Any:
        try:
            return construct(loader, node)
        except (ValueError, LookupError, OverflowError) as error:
            kind = node.tag.rpartition(":")[2]
            raise _RefusedError(f"a value is not acceptable as !!{kind}", node.start_mark.line + 1) from error

    return constructor


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", _located(_integer))
_Loader.add_constructor("tag:yaml.org,2002:float", _located(_float))
_Loader.add_constructor("tag:yaml.org,2002:bool", _located(lambda loader, node: loader.construct_yaml_bool(node)))
for _kind in ("set", "omap", "pairs", "binary"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _refuse)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_yaml_str(node))


def load_yaml(data: bytes, *, what: str) -> Any:
    """Read a YAML document.

    Args:
        data: The document, UTF-8, at most 1 MiB.
        what: What it is, for errors.

    Returns:
        Plain data: dicts with text keys, lists, text, numbers, booleans, None.

    Raises:
        InvalidArgumentError: it is no YAML, or over a limit, or holds more than plain data.
    """
    if len(data) > MAX_BYTES:
        raise InvalidArgumentError(f"{what} has {len(data):,} bytes; at most {MAX_BYTES:,} are read.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidArgumentError(f"{what} cannot be read, line {line}: it is not UTF-8 text.") from error
    try:
        _check_events(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 _Loader is a SafeLoader
    except _RefusedError as error:
        where = "" if error.line is None else f", line {error.line}"
        raise InvalidArgumentError(f"{what} cannot be read{where}: {error}.") from error
    except yaml.YAMLError as error:
        raise InvalidArgumentError(f"{what} is not acceptable YAML, {_problem(error, text)}.") from error


def _problem(error: yaml.YAMLError, text: str) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        # libyaml counts bytes and PyYAML characters, so the character itself is looked for.
        line = text.count("\n", 0, max(text.find(chr(error.character)), 0)) + 1
        return f"line {line}: {error.reason}"
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it is not well formed"
    return f"line {1 if mark is None else mark.line + 1}: {problem}"


@define
class _Measure:
    """What a document comes to, counted by the parser's events before anything is built.

    Args:
        depth: Of what is open now.
        aliases: How often an alias is used.
        nodes: Keys, values, lists and mappings; an alias counts as all that it stands for.
        characters: Of keys and values; counted alike.
        anchors: Anchor -> nodes and characters of what it names; None while that is still open.
        open: The anchors of what is open, each with the counts before it.
    """

    depth: int = 0
    aliases: int = 0
    nodes: int = 0
    characters: int = 0
    anchors: dict[str, tuple[int, int] | None] = field(factory=dict)
    open: list[tuple[str | None, int, int]] = field(factory=list)

    def add(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self.nodes += 1
            self.characters += len(event.value)
            if not event.value.isascii():
                # Only PyYAML's own parser lets escapes name halves of a surrogate pair.
                _check_unicode(event.value)
            if event.anchor is not None:
                self._name(event.anchor, (1, len(event.value)))
        elif isinstance(event, yaml.CollectionStartEvent):
            self.open.append((event.anchor, self.nodes, self.characters))
            self.depth += 1
            self.nodes += 1
            if event.anchor is not None:
                self._name(event.anchor, None)
        elif isinstance(event, yaml.CollectionEndEvent):
            self.depth -= 1
            anchor, nodes, characters = self.open.pop()
            if anchor is not None:
                self.anchors[anchor] = (self.nodes - nodes, self.characters - characters)
        elif isinstance(event, yaml.AliasEvent):
            self._follow(str(event.anchor))
        self._check_limits()

    def _name(self, anchor: str, size: tuple[int, int] | None) -> None:
        if anchor in self.anchors:
            raise _RefusedError(f"the anchor &{anchor} is there twice")
        self.anchors[anchor] = size

    def _follow(self, anchor: str) -> None:
        if anchor not in self.anchors:
            raise _RefusedError(f"nothing has the anchor &{anchor}")
        size = self.anchors[anchor]
        if size is None:
            raise _RefusedError(f"the alias *{anchor} stands inside what it names")
        self.aliases += 1
        self.nodes += size[0]
        self.characters += size[1]

    def _check_limits(self) -> None:
        if self.depth > MAX_DEPTH:
            raise _RefusedError(f"it is nested more than {MAX_DEPTH} deep")
        if self.aliases > MAX_ALIASES:
            raise _RefusedError(f"it has more than {MAX_ALIASES} aliases")
        if self.nodes > MAX_NODES:
            raise _RefusedError(f"it has more than {MAX_NODES:,} values")
        if self.characters > MAX_CHARACTERS:
            raise _RefusedError(f"its aliases stand for more than {MAX_CHARACTERS:,} characters")


def _check_unicode(text: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise _RefusedError("it is not valid Unicode")


def _check_events(text: str) -> None:
    """Refuse before anything is built: depth, aliases, and what they expand to."""
    measure = _Measure()
    line = 1
    try:
        for event in yaml.parse(text, Loader=_Base):
            if event.start_mark is not None:
                line = event.start_mark.line + 1
            measure.add(event)
    except _RefusedError as error:
        raise _RefusedError(str(error), line) from None
    except (ValueError, OverflowError) as error:
        # PyYAML's own parser converts escapes and directives that are no characters and no numbers.
        raise _RefusedError(str(error), line) from error
