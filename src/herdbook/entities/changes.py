"""What changed between two signatures, and between two versions."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from attrs import field, frozen

from herdbook.entities.files import FileEntry
from herdbook.names import VersionRef


class Effect(StrEnum):
    """What a change means for a caller of the old version that calls the new one.

    COMPATIBLE: nothing to do. NOTABLE: nothing is refused, but answers may differ. BREAKING: a call that the old
    version accepts may be refused, or its answer may not be what the old version promised.
    """

    COMPATIBLE = "COMPATIBLE"
    NOTABLE = "NOTABLE"
    BREAKING = "BREAKING"


class SignaturePart(StrEnum):
    """The part of a signature that changed."""

    SIGNATURE = "SIGNATURE"
    INPUTS = "INPUTS"
    OUTPUTS = "OUTPUTS"
    PARAMS = "PARAMS"


class ChangeKind(StrEnum):
    """How it changed; FORM_CHANGED: between columns and tensors, or between named and unnamed ones."""

    ADDED = "ADDED"
    REMOVED = "REMOVED"
    FORM_CHANGED = "FORM_CHANGED"
    TYPE_CHANGED = "TYPE_CHANGED"
    DTYPE_CHANGED = "DTYPE_CHANGED"
    SHAPE_CHANGED = "SHAPE_CHANGED"
    NOW_REQUIRED = "NOW_REQUIRED"
    NOW_OPTIONAL = "NOW_OPTIONAL"
    DEFAULT_CHANGED = "DEFAULT_CHANGED"
    ORDER_CHANGED = "ORDER_CHANGED"


@frozen(kw_only=True)
class SignatureChange:
    """One change of a signature.

    Args:
        part: Where it changed.
        kind: How it changed.
        path: The place inside that part: `address.street`, `tags[]` (the items of a list), `scores{}` (the values of
            a map), `[0]` (a column without a name); a name that is no plain word is a JSON text. Empty is the part.
        old: What it was, in words; None where it was not there.
        new: What it is, in words; None where it is not there any more.
        effect: What that means for callers of the old version.
        reason: Why.
    """

    part: SignaturePart
    kind: ChangeKind
    path: str = ""
    old: str | None = None
    new: str | None = None
    effect: Effect
    reason: str


@frozen(kw_only=True)
class SignatureDiff:
    """What changed between two signatures, judged for callers of the old one that call the new one.

    Args:
        effect: The gravest effect of all changes.
        changes: Inputs, outputs, then params, each in the old signature's order; what was added comes last.
    """

    effect: Effect = Effect.COMPATIBLE
    changes: tuple[SignatureChange, ...] = ()

    @classmethod
    def of(cls, changes: Iterable[SignatureChange]) -> SignatureDiff:
        """Return these changes with their gravest effect."""
        made = tuple(changes)
        found = {change.effect for change in made}
        grave = (effect for effect in (Effect.BREAKING, Effect.NOTABLE) if effect in found)
        return cls(effect=next(grave, Effect.COMPATIBLE), changes=made)

    @property
    def breaking(self) -> tuple[SignatureChange, ...]:
        """The changes that break callers."""
        return tuple(change for change in self.changes if change.effect is Effect.BREAKING)


@frozen(kw_only=True)
class FileChange:
    """A file that is not the same in both versions.

    Args:
        path: Its path.
        old: What it was; None where it was not there.
        new: What it is; None where it is not there any more.
    """

    path: str
    old: FileEntry | None = None
    new: FileEntry | None = None


@frozen(kw_only=True)
class ValueChange:
    """A value that is not the same in both versions.

    Args:
        name: What it is a value of: a tag's key, a flavor and its setting (`sklearn.sklearn_version`), ...
        old: What it was, plain text as it is and other data as JSON; None where it was not there.
        new: What it is; None where it is not there any more.
    """

    name: str
    old: str | None = None
    new: str | None = None


@frozen(kw_only=True)
class VersionDiff:
    """What changed between two versions, which may be of different models.

    Args:
        old: The version that was compared with.
        new: The version that was compared.
        signature: What changed in the signature.
        files: The files that were added, removed or changed, by path.
        flavors: Flavors and their settings.
        requirements: Python packages, by name.
        external: Endpoint, provider and params of external models.
        metadata: What the author attached to the model.
        tags: Tags of the versions.
        lineage: Where the versions came from.
        comment: The comments, where they differ.
    """

    old: VersionRef
    new: VersionRef
    signature: SignatureDiff = field(factory=SignatureDiff)
    files: tuple[FileChange, ...] = ()
    flavors: tuple[ValueChange, ...] = ()
    requirements: tuple[ValueChange, ...] = ()
    external: tuple[ValueChange, ...] = ()
    metadata: tuple[ValueChange, ...] = ()
    tags: tuple[ValueChange, ...] = ()
    lineage: tuple[ValueChange, ...] = ()
    comment: ValueChange | None = None
