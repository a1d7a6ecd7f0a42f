"""Replaying the history of an alias: which steps make it, and which of them are left to do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from attrs import frozen

from herdbook.entities import AliasAssignment
from herdbook.names import fold, format_time
from herdbook.policy.limits import MAX_REASON


@frozen(kw_only=True)
class Move:
    """One step: point the alias to a version, or unset it.

    Args:
        alias: The alias as written then.
        version: The version's number; None unsets it.
        was: Where it points before; 0 where it is not set.
        reason: Why, for the registry's own history.
    """

    alias: str
    version: int | None
    was: int
    reason: str


def by_alias(assignments: Iterable[AliasAssignment]) -> dict[str, list[AliasAssignment]]:
    """Return histories by folded alias, each the oldest first."""
    found: dict[str, list[AliasAssignment]] = {}
    for assignment in sorted(assignments, key=lambda one: one.valid_from):
        found.setdefault(fold(assignment.alias), []).append(assignment)
    return found


def moves(history: Sequence[AliasAssignment], ready: Collection[int]) -> list[Move]:
    """Return the steps that make a history again, without the versions that are not there.

    While the alias pointed to one of those, it is unset.

    Args:
        history: One alias's assignments, the oldest first.
        ready: The numbers of the versions that are there.
    """
    made: list[Move] = []
    was = 0
    for position, one in enumerate(history):
        following = history[position + 1] if position + 1 < len(history) else None
        if one.version in ready:
            made.append(Move(alias=one.alias, version=one.version, was=was, reason=_reason(one)))
            was = one.version
        followed = following is not None and following.version in ready and following.version != was
        goes_on = one.valid_to is None or (followed and following is not None and following.valid_from <= one.valid_to)
        if was and not goes_on:
            made.append(Move(alias=one.alias, version=None, was=was, reason="imported: it was unset or moved there"))
            was = 0
    return made


def left(steps: Sequence[Move], here: Sequence[AliasAssignment]) -> Sequence[Move] | None:
    """Return the steps that are still to do; None where the alias has a history of its own.

    Args:
        steps: All steps.
        here: What the registry has of that alias, the newest first.
    """
    if not here:
        return steps
    done = {one.reason for one in here}
    newest = here[0]
    for position, step in enumerate(steps):
        if step.version == newest.version and step.reason == newest.reason:
            rest = steps[position + 1 :]
            if newest.valid_to is None or not rest:
                return rest
            # It was unset already: by the step that comes next, or by somebody here.
            rest = rest[1:] if rest[0].version is None else rest
            return rest if not rest or rest[0].was == 0 else None
    if all(step.version is None or step.reason in done for step in steps):
        return []
    return None


def _reason(one: AliasAssignment) -> str:
    told = f"imported: {one.set_by} set it at {format_time(one.valid_from)}"
    whole = f"{told}: {one.reason}" if one.reason else told
    return whole if len(whole) <= MAX_REASON else whole[: MAX_REASON - 1] + "\N{HORIZONTAL ELLIPSIS}"
