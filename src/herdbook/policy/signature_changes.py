"""What changed from one signature to another, and whether that breaks a caller of the old one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from herdbook.entities.changes import ChangeKind, Effect, SignatureChange, SignatureDiff, SignaturePart
from herdbook.entities.signature import Column, Fields, ModelSignature, Param, Tensor
from herdbook.policy.type_changes import (
    Place,
    added,
    compare_required,
    compare_types,
    paired,
    removed_answer,
    type_text,
)

_ANY_TENSOR = Tensor(dtype="object", shape=(-1,))


def diff_signatures(old: ModelSignature | None, new: ModelSignature | None) -> SignatureDiff:
    """Compare two signatures, for a caller who knows the old one and calls the new one.

    What callers give (inputs, params) may become wider, what they take (outputs) may become narrower. Conversions are
    those that MLflow makes of its own accord when it checks an input. The order of params, and of the parts of an
    object, means nothing. The other direction (what a caller of the new one finds at the old one) is
    `diff_signatures(new, old)`.

    Args:
        old: The signature that callers know; None where there was none.
        new: The signature that they meet; None where there is none.

    Returns:
        The changes in order, each with its effect and the reason for it; none where nothing changed.
    """
    if old is None or new is None:
        return SignatureDiff.of(_whole(old, new))
    return SignatureDiff.of(
        (
            *_fields(Place(part=SignaturePart.INPUTS), old.inputs or None, new.inputs or None),
            *_fields(Place(part=SignaturePart.OUTPUTS), old.outputs or None, new.outputs or None),
            *_params(old.params, new.params),
        )
    )


def _whole(old: ModelSignature | None, new: ModelSignature | None) -> Iterator[SignatureChange]:
    place = Place(part=SignaturePart.SIGNATURE)
    if old is not None:
        reason = "nothing says any more what it takes and returns, and nothing is checked"
        yield place.change(ChangeKind.REMOVED, Effect.BREAKING, reason, old="a signature")
    elif new is not None:
        reason = "callers could give anything, and now only what it names is taken"
        effect = Effect.BREAKING if new.inputs else Effect.COMPATIBLE
        yield place.change(
            ChangeKind.ADDED, effect, reason if new.inputs else "nothing was promised before", new="a signature"
        )


def _fields(place: Place, old: Fields | None, new: Fields | None) -> Iterator[SignatureChange]:
    if old is None or new is None:
        yield from _side(place, old, new)
    elif _form(old) != _form(new):
        reason = f"callers {'expect' if place.is_answer else 'give'} {_form(old)}"
        yield place.change(ChangeKind.FORM_CHANGED, Effect.BREAKING, reason, old=_form(old), new=_form(new))
    else:
        known: Iterable[Column | Tensor] = old
        for position, (before, after) in enumerate(paired(known, new)):
            yield from _field(_place_of(before or after, position, place), before, after)
        yield from _order(place, old, new)


def _side(place: Place, old: Fields | None, new: Fields | None) -> Iterator[SignatureChange]:
    """All inputs or all outputs were added or removed."""
    if new is not None:
        if place.is_answer:
            effect, reason = Effect.COMPATIBLE, "nothing was promised before"
        else:
            effect, reason = Effect.BREAKING, "callers could give anything, and now only what it names is taken"
        yield place.change(ChangeKind.ADDED, effect, reason, new=_form(new))
    elif old is not None:
        what = "returns, which callers count on" if place.is_answer else "takes, and nothing is checked"
        yield place.change(ChangeKind.REMOVED, Effect.BREAKING, f"nothing says any more what it {what}", old=_form(old))


def _form(fields: Fields) -> str:
    named = fields[0].name is not None
    if isinstance(fields[0], Tensor):
        return "named tensors" if named else "a tensor without a name"
    return "named columns" if named else "columns without names"


def _place_of(field: Column | Tensor | None, position: int, place: Place) -> Place:
    if field is not None and field.name is not None:
        return place.at(field.name)
    return place if isinstance(field, Tensor) else place.inside(f"[{position}]")


def _field(place: Place, old: Column | Tensor | None, new: Column | Tensor | None) -> Iterator[SignatureChange]:
    if isinstance(old, Column) and isinstance(new, Column):
        yield from compare_required(place, old=old.required, new=new.required)
        yield from compare_types(old.type, new.type, place)
    elif isinstance(old, Tensor) and isinstance(new, Tensor):
        yield from _tensor(place, old, new)
    elif old is None and new is not None:
        yield added(place, _text(new), required=_required(new))
    elif old is not None:
        yield _removed(place, old)


def _required(field: Column | Tensor) -> bool:
    return field.required if isinstance(field, Column) else True


def _removed(place: Place, field: Column | Tensor) -> SignatureChange:
    if place.is_answer:
        return removed_answer(place, _text(field), required=_required(field))
    reason = "MLflow leaves out what callers give and the signature does not name"
    return place.change(ChangeKind.REMOVED, Effect.COMPATIBLE, reason, old=_text(field))


def _tensor(place: Place, old: Tensor, new: Tensor) -> Iterator[SignatureChange]:
    source, target = (new, old) if place.is_answer else (old, new)
    # MLflow takes any array for a list of objects of any length.
    anything = (target.dtype, target.shape) == (_ANY_TENSOR.dtype, _ANY_TENSOR.shape)
    if old.dtype != new.dtype:
        effect = Effect.COMPATIBLE if anything else Effect.BREAKING
        reason = "any array is taken" if anything else "MLflow converts no array to another type"
        yield place.change(ChangeKind.DTYPE_CHANGED, effect, reason, old=_text(old), new=_text(new))
    if old.shape != new.shape:
        fits = anything or _shape_fits(source.shape, target.shape)
        effect = Effect.COMPATIBLE if fits else Effect.BREAKING
        told = ("any size of the old shape fits", "not every size of the old shape fits")
        if place.is_answer:
            told = ("every size of the new shape was promised before", "it may have a size that was not promised")
        yield place.change(
            ChangeKind.SHAPE_CHANGED, effect, told[0] if fits else told[1], old=_text(old), new=_text(new)
        )


def _shape_fits(source: tuple[int, ...], target: tuple[int, ...]) -> bool:
    return len(source) == len(target) and all(t in (-1, s) for s, t in zip(source, target, strict=True))


def _order(place: Place, old: Fields, new: Fields) -> Iterator[SignatureChange]:
    before, after = [field.name for field in old], [field.name for field in new]
    kept_before = [name for name in before if name in set(after)]
    kept_after = [name for name in after if name in set(before)]
    if sorted(map(str, kept_before)) != sorted(map(str, kept_after)) or kept_before == kept_after:
        return
    reason = "they are read by name" if place.is_answer else "MLflow puts what is given by name in order"
    old_text, new_text = (", ".join(map(str, names)) for names in (before, after))
    yield place.change(ChangeKind.ORDER_CHANGED, Effect.COMPATIBLE, reason, old=old_text, new=new_text)


def _text(field: Column | Tensor) -> str:
    if isinstance(field, Tensor):
        return f"{field.dtype}({', '.join(map(str, field.shape))})"
    return type_text(field.type) if field.required else f"optional {type_text(field.type)}"


def _params(old: tuple[Param, ...], new: tuple[Param, ...]) -> Iterator[SignatureChange]:
    place = Place(part=SignaturePart.PARAMS)
    for before, after in paired(old, new):
        if before is not None and after is not None:
            yield from _param(place.at(after.name), before, after)
        elif after is not None:
            reason = "it has a default"
            yield place.at(after.name).change(
                ChangeKind.ADDED, Effect.COMPATIBLE, reason, new=f"{_param_text(after)} = {_default(after)}"
            )
        elif before is not None:
            reason = "MLflow ignores it, so what callers ask for is not done"
            yield place.at(before.name).change(
                ChangeKind.REMOVED, Effect.BREAKING, reason, old=f"{_param_text(before)} = {_default(before)}"
            )


def _param(place: Place, old: Param, new: Param) -> Iterator[SignatureChange]:
    yield from compare_types(old.type, new.type, place)
    if old.shape != new.shape:
        reason = "MLflow takes no list for one value, and no value for a list"
        texts = {"old": _param_text(old), "new": _param_text(new)}
        yield place.change(ChangeKind.SHAPE_CHANGED, Effect.BREAKING, reason, **texts)
    if _default(old) != _default(new):
        reason = "callers who do not give it get the other value"
        yield place.change(ChangeKind.DEFAULT_CHANGED, Effect.NOTABLE, reason, old=_default(old), new=_default(new))


def _param_text(param: Param) -> str:
    text = type_text(param.type)
    return text if param.shape is None else f"list of {text}"


def _default(param: Param) -> str:
    # As JSON, for Python takes 1, 1.0 and True for one value.
    return json.dumps(param.default, sort_keys=True, ensure_ascii=False)
