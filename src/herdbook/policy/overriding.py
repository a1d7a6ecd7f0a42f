"""Which of the entries that are bound along a securable's way up are in force: they add up, except where replaced."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import evolve

from herdbook.entities import EffectiveRule
from herdbook.errors import InvalidArgumentError
from herdbook.names import METASTORE, fold


def layered(levels: Iterable[Sequence[EffectiveRule]]) -> tuple[EffectiveRule, ...]:
    """Return all entries of all levels in order, those that a lower level replaces marked with what replaces them.

    An entry of a level replaces those of the same rule on the levels above that are overridable, or that only switch
    one off. All others stay: whatever is bound on one level, or is not overridable, adds up.

    Args:
        levels: The entries bound to each securable, from the metastore down.
    """
    made: list[EffectiveRule] = []
    for level in filter(None, levels):
        first: dict[tuple[str, bool], str] = {}
        for entry in level:
            first.setdefault(_what(entry), entry.origin)
        made = [
            evolve(held, overridden_by=first[_what(held)])
            if held.overridden_by is None and _what(held) in first and (held.overridable or not held.enabled)
            else held
            for held in made
        ]
        made += level
    return tuple(made)


def check_overrides(rules: Sequence[EffectiveRule]) -> None:
    """Refuse entries that switch off what they may not, or what is not there.

    Args:
        rules: All entries of a policy, not marked yet.

    Raises:
        InvalidArgumentError: with file and line of the entry, and of the one that it cannot switch off.
    """
    for entry in rules:
        if entry.enabled:
            continue
        same = [rule for rule in rules if _what(rule) == _what(entry)]
        beside = [rule for rule in same if fold(rule.on) == fold(entry.on) and rule is not entry]
        if beside:
            raise InvalidArgumentError(
                f"{entry.origin}: {entry.rule!r} is switched off for {entry.on}, and {beside[0].origin} binds it there "
                "too.",
                hint="Keep one of the two.",
            )
        way = way_down(entry.on)[:-1]
        above = layered([rule for rule in same if fold(rule.on) == name] for name in way)
        live = [rule for rule in above if rule.in_force]
        final = [rule for rule in live if not rule.overridable]
        if final:
            raise InvalidArgumentError(
                f"{entry.origin}: {entry.rule!r} cannot be switched off for {entry.on}: it is demanded by "
                f"{final[0].on} ({final[0].origin}), which does not let it be overridden.",
                hint="Remove the entry, or write overridable = true where the rule is demanded.",
            )
        if not live:
            raise InvalidArgumentError(
                f"{entry.origin}: nothing above {entry.on} demands {entry.rule!r}, so there is nothing to switch off.",
                hint="Remove the entry.",
            )


def way_down(on: str) -> list[str]:
    """Return the folded names of everything that a securable lies in, from the metastore down to itself."""
    if on == str(METASTORE):
        return [METASTORE.key]
    levels = fold(on).split(".")
    return [METASTORE.key, *(".".join(levels[:length]) for length in range(1, len(levels) + 1))]


def _what(entry: EffectiveRule) -> tuple[str, bool]:
    return entry.rule, entry.is_check
