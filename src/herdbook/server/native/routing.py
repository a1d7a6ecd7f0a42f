"""From a request's path and method to the endpoint and the texts that its placeholders stand for."""

from __future__ import annotations

import re
from typing import Generic, TypeVar
from urllib.parse import unquote_to_bytes

from herdbook.errors import InvalidArgumentError

T = TypeVar("T")
_SEGMENT = re.compile(r"\{[\w.]+\}")


class _Node(Generic[T]):
    """A place in the tree of paths."""

    __slots__ = ("actions", "child", "fixed", "methods", "tail")

    def __init__(self) -> None:
        self.fixed: dict[bytes, _Node[T]] = {}
        self.child: _Node[T] | None = None
        self.actions: dict[bytes, _Node[T]] = {}
        self.tail: _Node[T] | None = None
        self.methods: dict[str, T] = {}


class Router(Generic[T]):
    """A tree of paths. Paths are matched as they were sent, and each value is decoded once, after it was cut out."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, method: str, path: str, what: T) -> None:
        """Add a route; `path` is written as in the route table."""
        node = self._root
        for segment in path.strip("/").split("/"):
            node = _step(node, segment)
        if method in node.methods:
            raise ImportError(f"two routes answer {method} {path}")
        node.methods[method] = what

    def find(self, path: bytes) -> tuple[dict[str, T], list[str]] | None:
        """Return what answers at a path, by method, and the values of its placeholders in order.

        Args:
            path: The raw path below the prefix, without its leading slash and without its query.

        Raises:
            InvalidArgumentError: a value is not UTF-8.
        """
        node, values = self._root, []
        segments = path.split(b"/")
        for position, segment in enumerate(segments):
            fixed = node.fixed.get(segment)
            if fixed is not None:
                node = fixed
                continue
            if node.tail is not None:
                values.append(b"/".join(segments[position:]))
                node = node.tail
                break
            if node.actions and b":" in segment:
                head, _, action = segment.rpartition(b":")
                if action in node.actions:
                    values.append(head)
                    node = node.actions[action]
                    continue
            if node.child is None:
                return None
            values.append(segment)
            node = node.child
        return (node.methods, [_decoded(value) for value in values]) if node.methods else None


def _step(node: _Node[T], segment: str) -> _Node[T]:
    if segment.endswith("...}"):
        node.tail = node.tail or _Node()
        return node.tail
    placeholder = _SEGMENT.match(segment)
    if placeholder is None:
        return node.fixed.setdefault(segment.encode(), _Node())
    action = segment[placeholder.end() :].removeprefix(":")
    if action:
        return node.actions.setdefault(action.encode(), _Node())
    node.child = node.child or _Node()
    return node.child


def _decoded(value: bytes) -> str:
    try:
        return (unquote_to_bytes(value) if b"%" in value else value).decode()
    except UnicodeDecodeError:
        raise InvalidArgumentError("The path of this request is not UTF-8.") from None
