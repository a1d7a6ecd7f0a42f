"""What the registry itself knows when it asks the rules: facts about a candidate, a deletion, a change of a tag."""

from __future__ import annotations

from attrs import frozen

from herdbook.entities import Manifest, ModelDescription
from herdbook.names import VersionRef


@frozen(kw_only=True)
class CandidateFacts:
    """What the registry read of a version that asks to come in.

    Args:
        model: What its files say.
        manifest: Its files.
    """

    model: ModelDescription
    manifest: Manifest


@frozen(kw_only=True)
class DeletionFacts:
    """A version that is to be deleted, alone or together with its model.

    Args:
        version: Which.
        aliases: The aliases that point to it now, as written.
    """

    version: VersionRef
    aliases: tuple[str, ...] = ()
