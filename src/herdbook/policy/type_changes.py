"""What a changed type means for callers: MLflow's safe conversions, applied at any depth."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from attrs import evolve, frozen

from herdbook.entities.changes import ChangeKind, Effect, SignatureChange, SignaturePart
from herdbook.entities.signature import Anything, Array, Map, Object, Property, Scalar, ScalarType, ValueType

MAX_TEXT = 200
"""Characters of what was and what is, in words."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_INTEGER, _LONG, _FLOAT, _DOUBLE = ScalarType.INTEGER, ScalarType.LONG, ScalarType.FLOAT, ScalarType.DOUBLE
_WIDENS = {_INTEGER: (_LONG, _DOUBLE), _FLOAT: (_DOUBLE,)}
"""Conversions without loss, which MLflow makes for columns."""
_PARAM_WIDENS = {_INTEGER: (_LONG, _FLOAT, _DOUBLE), _LONG: (_FLOAT, _DOUBLE), _FLOAT: (_DOUBLE,)}
"""Conversions that MLflow makes for params, where it takes some loss."""


class _Named(Protocol):
    @property
    def name(self) -> str | None: ...


N = TypeVar("N", bound=_Named)


@frozen(kw_only=True)
class Place:
    """A place in a signature.

    Args:
        part: The part that it is in.
        path: Where in that part.
    """

    part: SignaturePart
    path: str = ""

    def at(self, name: str) -> Place:
        """Return the place of a named thing inside this one."""
        step = name if _PLAIN.fullmatch(name) else json.dumps(name)
        return evolve(self, path=f"{self.path}.{step}" if self.path else step)

    def inside(self, mark: str) -> Place:
        """Return the place of all items, `[]`, of all values, `{}`, or of one position, `[0]`."""
        return evolve(self, path=f"{self.path}{mark}")

    @property
    def is_answer(self) -> bool:
        """Whether callers take what stands here; they give all else."""
        return self.part is SignaturePart.OUTPUTS

    def change(
        self, kind: ChangeKind, effect: Effect, reason: str, *, old: str | None = None, new: str | None = None
    ) -> SignatureChange:
        """Return a change at this place."""
        return SignatureChange(
            part=self.part,
            kind=kind,
            path=self.path,
            old=shortened(old),
            new=shortened(new),
            effect=effect,
            reason=reason,
        )


def compare_types(old: ValueType, new: ValueType, place: Place) -> Iterator[SignatureChange]:
    """Yield what changed from one type to the other, as deep as both have the same shape."""
    match old, new:
        case Array(items=before), Array(items=after):
            yield from compare_types(before, after, place.inside("[]"))
        case Map(values=before), Map(values=after):
            yield from compare_types(before, after, place.inside("{}"))
        case Object(properties=before_parts), Object(properties=after_parts):
            yield from _compare_parts(before_parts, after_parts, place)
        case _ if old != new:
            yield _retyped(old, new, place)


def compare_required(place: Place, *, old: bool, new: bool) -> Iterator[SignatureChange]:
    """Yield that something must be there now, or need not be any more."""
    if old == new:
        return
    kind = ChangeKind.NOW_REQUIRED if new else ChangeKind.NOW_OPTIONAL
    if place.is_answer:
        effect = Effect.COMPATIBLE if new else Effect.BREAKING
        reason = "it is always there now" if new else "callers count on it, and it may be absent now"
    else:
        effect = Effect.BREAKING if new else Effect.COMPATIBLE
        reason = "callers may leave it out, and it must be given now" if new else "callers may go on giving it"
    words = {True: "required", False: "optional"}
    yield place.change(kind, effect, reason, old=words[old], new=words[new])


def added(place: Place, text: str, *, required: bool) -> SignatureChange:
    """Return that something was added."""
    if place.is_answer:
        return place.change(ChangeKind.ADDED, Effect.COMPATIBLE, "callers may leave it unread", new=text)
    if required:
        return place.change(ChangeKind.ADDED, Effect.BREAKING, "callers do not give it, and it is required", new=text)
    return place.change(ChangeKind.ADDED, Effect.COMPATIBLE, "callers need not give it", new=text)


def removed_answer(place: Place, text: str, *, required: bool) -> SignatureChange:
    """Return that something was removed from what callers take."""
    if required:
        return place.change(ChangeKind.REMOVED, Effect.BREAKING, "callers count on it", old=text)
    return place.change(
        ChangeKind.REMOVED, Effect.NOTABLE, "callers had to do without it at times, and always have to now", old=text
    )


def paired(old: Iterable[N], new: Iterable[N]) -> list[tuple[N | None, N | None]]:
    """Pair things by name, those without one or with the same one by position; what is new comes last."""
    before, after = _keyed(old), _keyed(new)
    kept: list[tuple[N | None, N | None]] = [(item, after.get(key)) for key, item in before.items()]
    return kept + [(None, item) for key, item in after.items() if key not in before]


def type_text(kind: ValueType) -> str:
    """Return a type in words: `long`, `array<double>`, `map<string>`, `object{age: long, name?: string}`."""
    match kind:
        case Scalar(type=scalar):
            return scalar.value
        case Array(items=items):
            return f"array<{type_text(items)}>"
        case Map(values=values):
            return f"map<{type_text(values)}>"
        case Object(properties=parts):
            return (
                "object{" + ", ".join(f"{p.name}{'' if p.required else '?'}: {type_text(p.type)}" for p in parts) + "}"
            )
        case Anything():
            return "any"
        case _:
            return "sparkml_vector"


def shortened(text: str | None) -> str | None:
    """Return a text of at most MAX_TEXT characters."""
    return text if text is None or len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 3]}..."


def _keyed(items: Iterable[N]) -> dict[tuple[str | None, int], N]:
    seen: Counter[str | None] = Counter()
    made = {}
    for item in items:
        made[item.name, seen[item.name]] = item
        seen[item.name] += 1
    return made


def _compare_parts(old: tuple[Property, ...], new: tuple[Property, ...], place: Place) -> Iterator[SignatureChange]:
    for before, after in paired(old, new):
        if before is not None and after is not None:
            here = place.at(after.name)
            yield from compare_required(here, old=before.required, new=after.required)
            yield from compare_types(before.type, after.type, here)
        elif after is not None:
            yield added(place.at(after.name), type_text(after.type), required=after.required)
        elif before is not None:
            yield _removed_part(before, place.at(before.name))


def _removed_part(part: Property, place: Place) -> SignatureChange:
    text = type_text(part.type)
    if place.is_answer:
        return removed_answer(place, text, required=part.required)
    reason = "callers give it, and MLflow refuses what an object's type does not name"
    return place.change(ChangeKind.REMOVED, Effect.BREAKING, reason, old=text)


def _retyped(old: ValueType, new: ValueType, place: Place) -> SignatureChange:
    before, after = type_text(old), type_text(new)
    source, target = (new, old) if place.is_answer else (old, new)
    widens = _PARAM_WIDENS if place.part is SignaturePart.PARAMS else _WIDENS
    if _fits(source, target, widens):
        effect, reason = Effect.COMPATIBLE, f"every {type_text(source)} is taken as {type_text(target)}"
    elif place.is_answer:
        effect, reason = Effect.BREAKING, f"callers expect {before}, and {after} does not convert to it safely"
    else:
        effect, reason = Effect.BREAKING, f"callers give {before}, which does not convert to {after} safely"
    # Types of any depth stand in the reason as they do in old and new.
    reason = shortened(reason) or ""
    return place.change(ChangeKind.TYPE_CHANGED, effect, reason, old=before, new=after)


def _fits(source: ValueType, target: ValueType, widens: dict[ScalarType, tuple[ScalarType, ...]]) -> bool:
    if isinstance(target, Anything):
        return True
    if isinstance(source, Scalar) and isinstance(target, Scalar):
        return target.type in widens.get(source.type, ())
    return False
