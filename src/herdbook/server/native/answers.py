"""From what verbs return to plain data, as the wire has it; what many answers have in common is made plain once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cattrs.fns import identity

from herdbook.entities import ModelDescription
from herdbook.server.messages import render
from herdbook.wire import converter

KEPT = 1024
SMALL = 16_384
"""Bytes of JSON that are remembered of one thing."""


class _Kept:
    """Remembers the plain data of the things that it saw last, and those things; nobody changes either.

    Args:
        make: Makes plain data of one.
    """

    def __init__(self, make: Callable[[Any], Any]) -> None:
        self._make = make
        self._known: dict[int, tuple[Any, Any]] = {}

    def __call__(self, value: Any) -> Any:
        found = self._known.get(id(value))
        # The thing is kept beside what was made of it, so its id cannot come to mean another.
        if found is not None:
            return found[1]
        made = self._make(value)
        if len(render(made)) <= SMALL:
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[id(value)] = value, made
        return made


def _is_plain_mapping(kind: Any) -> bool:
    return kind in (dict[str, str], dict[str, int])


_answers = converter.copy()
# The converter copies these, for whoever would change them; an answer is only written.
_answers.register_unstructure_hook_func(_is_plain_mapping, identity)
# Stores return one description for one text, and to take it apart is half the work of an answer about a version.
_answers.register_unstructure_hook(ModelDescription, _Kept(converter.get_unstructure_hook(ModelDescription)))


def plain_of(kind: Any) -> Callable[[Any], Any]:
    """Return what makes plain data of answers of a type."""
    made: Callable[[Any], Any] = _answers.get_unstructure_hook(kind)
    return made
