"""What the registry itself knows when it asks the rules: facts about a candidate, a deletion, a change of a tag."""

from __future__ import annotations

from enum import StrEnum

from attrs import field, frozen

from herdbook.entities import Lineage, Manifest, ModelDescription
from herdbook.names import PrincipalName, VersionRef


@frozen(kw_only=True)
class CandidateFacts:
    """A version that asks to come in.

    Args:
        model: What its files say.
        manifest: Its files.
        lineage: Where its author says that it came from.
        version_tags: Its tags.
        model_tags: The tags of its registered model.
    """

    model: ModelDescription
    manifest: Manifest
    lineage: Lineage = field(factory=Lineage)
    version_tags: dict[str, str] = field(factory=dict)
    model_tags: dict[str, str] = field(factory=dict)


@frozen(kw_only=True)
class DeletionFacts:
    """A version that is to be deleted, alone or together with its model.

    Args:
        version: Which.
        aliases: The aliases that point to it now, as written.
    """

    version: VersionRef
    aliases: tuple[str, ...] = ()


class TagHolder(StrEnum):
    """What bears a tag; the values are the store's names of the two."""

    MODEL = "registered_model"
    VERSION = "model_version"


@frozen(kw_only=True)
class TagFacts:
    """A tag that is to be set, changed or deleted.

    Args:
        holder: What bears it.
        key: The tag's key as written.
        value: What it is set to; None deletes it.
        admitted: Whether the version was admitted already, or the model has such versions.
        principals: The caller, and every group and role that it is in.
    """

    holder: TagHolder
    key: str
    value: str | None
    admitted: bool = False
    principals: frozenset[PrincipalName] = frozenset()
