"""Rulesets: `rules/*.toml` of the applied policy, parsed whole, and what holds for a securable."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable
from typing import Any

from attrs import field, frozen

from herdbook.entities import Chain, EffectiveRule
from herdbook.entities.ledger import AppliedPolicy
from herdbook.errors import InvalidArgumentError
from herdbook.formats.located_toml import LocatedTable, load_toml, structure_located
from herdbook.names import SecurableName, fold
from herdbook.policy.rules import RULES
from herdbook.verdicts import SecurableKind
from herdbook.wire import converter


@frozen(kw_only=True)
class _Entry:
    on: SecurableName
    rule: str | None = None
    check: str | None = None
    params: dict[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class _File:
    rules: tuple[_Entry, ...] = ()


@frozen(kw_only=True)
class RuleSet:
    """The rules of one policy revision.

    Args:
        revision: The revision.
        rules: All of them, in the order of the files.
    """

    revision: int
    rules: tuple[EffectiveRule, ...] = ()

    def holding_for(self, chain: Chain) -> tuple[EffectiveRule, ...]:
        """Return the rules bound to the chain's object or to anything that it lies in, the outermost first."""
        found: list[EffectiveRule] = []
        for link in reversed(chain.links):
            key = "metastore:" if link.kind is SecurableKind.METASTORE else fold(link.name)
            found += [rule for rule in self.rules if fold(rule.on) == key]
        return tuple(found)


def parse_rulesets(policy: AppliedPolicy) -> RuleSet:
    """Parse the `rules/*.toml` files of a policy; other files are not looked at.

    Raises:
        InvalidArgumentError: a file has a mistake; the message has file, line and the nearest right word.
    """
    rules: list[EffectiveRule] = []
    for file in policy.files:
        if file.path.startswith("rules/") and file.path.endswith(".toml"):
            rules += _parse(file.path, file.text, policy.revision)
    return RuleSet(revision=policy.revision, rules=tuple(rules))


def _parse(path: str, text: str, revision: int) -> Iterable[EffectiveRule]:
    table = load_toml(text, file=path)
    parsed = structure_located(table, (), _File, converter=converter)
    for position, entry in enumerate(parsed.rules):
        yield _effective(entry, f"{path}:{_line(table, position)}", revision)


def _line(table: LocatedTable, position: int) -> int:
    return table.line_of(("rules", position))


def _check_plain(entry: _Entry, origin: str) -> None:
    try:
        json.dumps(entry.params, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(
            f"{origin}: the params of {entry.check!r} are not plain data: {error}.",
            hint="Write times as text, and no inf or nan.",
        ) from error


def _effective(entry: _Entry, origin: str, revision: int) -> EffectiveRule:
    if (entry.rule is None) == (entry.check is None):
        raise InvalidArgumentError(f"{origin}: an entry names either a rule or a check.", hint="Give one of the two.")
    if entry.on.kind is SecurableKind.MODEL_ALIAS:
        raise InvalidArgumentError(
            f"{origin}: a rule cannot be bound to {entry.on}.",
            hint="Bind it to metastore:, a catalog, schema or model.",
        )
    if entry.check is not None:
        _check_plain(entry, origin)
        return EffectiveRule(
            rule=entry.check, on=str(entry.on), origin=origin, revision=revision, params=entry.params, is_check=True
        )
    name = entry.rule or ""
    if name not in RULES:
        near = difflib.get_close_matches(name, RULES, n=1)
        raise InvalidArgumentError(
            f"{origin}: there is no rule {name!r}.",
            hint=f"Did you mean {near[0]!r}?" if near else f"The rules are {', '.join(sorted(RULES))}.",
        )
    if entry.params:
        raise InvalidArgumentError(f"{origin}: the rule {name!r} has no params.", hint="Remove them.")
    return EffectiveRule(rule=name, on=str(entry.on), origin=origin, revision=revision)
