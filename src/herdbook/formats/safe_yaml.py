"""YAML as plain data, under limits on size, depth and aliases."""

from __future__ import annotations

import math
from typing import Any

import yaml

from herdbook.errors import InvalidArgumentError

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
MAX_ALIASES = 64
MAX_NODES = 200_000

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


def _float(loader: Any, node: yaml.ScalarNode) -> float | str:
    value = float(loader.construct_yaml_float(node))
    # JSON has no such numbers; as text they are at least not lost.
    return value if math.isfinite(value) else str(node.value)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:float", _float)
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
        raise InvalidArgumentError(f"{what} is not UTF-8 text (byte {error.start}).") from error
    try:
        _check_events(text)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 _Loader is a SafeLoader
    except _RefusedError as error:
        where = "" if error.line is None else f", line {error.line}"
        raise InvalidArgumentError(f"{what} cannot be read{where}: {error}.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f", line {mark.line + 1}"
        problem = getattr(error, "problem", None) or "it is not well formed"
        raise InvalidArgumentError(f"{what} is not acceptable YAML{where}: {problem}.") from error
    except (ValueError, LookupError, RecursionError, OverflowError) as error:
        # PyYAML's constructors raise LookupError for tags that do not fit, such as `!!int ""`.
        raise InvalidArgumentError(f"{what} cannot be read: {error}.") from error


def _check_events(text: str) -> None:  # noqa: C901 one branch for each kind of event
    """Refuse by the parser's events, before anything is built: depth, aliases, and what they expand to."""
    depth = aliases = nodes = 0
    sizes: dict[str, int] = {}
    open_anchors: list[tuple[str | None, int]] = []
    for event in yaml.parse(text, Loader=_Base):
        line = None if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            aliases += 1
            nodes += sizes.get(event.anchor or "", MAX_NODES)
            if aliases > MAX_ALIASES:
                raise _RefusedError(f"it has more than {MAX_ALIASES} aliases", line)
        elif isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            nodes += 1
            open_anchors.append((event.anchor, nodes))
            if depth > MAX_DEPTH:
                raise _RefusedError(f"it is nested more than {MAX_DEPTH} deep", line)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
            anchor, before = open_anchors.pop()
            if anchor is not None:
                sizes[anchor] = nodes - before + 1
        elif isinstance(event, yaml.ScalarEvent):
            nodes += 1
            if event.anchor is not None:
                sizes[event.anchor] = 1
        if nodes > MAX_NODES:
            raise _RefusedError(f"it has more than {MAX_NODES:,} values", line)
