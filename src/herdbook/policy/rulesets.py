"""Rulesets: `rules/*.toml` of the applied policy, parsed whole, and what holds for a securable."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve, field, fields, frozen

from herdbook.entities import Chain, EffectiveRule, Link
from herdbook.entities.ledger import AppliedPolicy, PolicyFile
from herdbook.errors import InvalidArgumentError
from herdbook.formats.located_toml import LocatedTable, load_toml, structure_located
from herdbook.names import METASTORE, SecurableName, fold
from herdbook.policy.overriding import check_overrides, layered
from herdbook.policy.rules import RULES
from herdbook.verdicts import SecurableKind
from herdbook.wire import converter


@frozen(kw_only=True)
class _Entry:
    on: SecurableName
    rule: str | None = None
    check: str | None = None
    params: dict[str, Any] = field(factory=dict)
    overridable: bool = False
    enabled: bool = True


@frozen(kw_only=True)
class _File:
    rules: tuple[_Entry, ...] = ()


@frozen(kw_only=True)
class RuleSet:
    """The rules of one policy revision.

    Args:
        revision: The revision that applied their files.
        rules: All of them, in the order of the files.
        bound: What the folded names that they are bound to stand for, by id; a rule holds for that and also for
            whatever bears the name (R16).
    """

    revision: int
    rules: tuple[EffectiveRule, ...] = ()
    bound: Mapping[str, str] = field(factory=dict)
    # Of each rule the folded name that it is on, and the id of what that stands for: every registration asks for them.
    _places: tuple[tuple[str, str | None, EffectiveRule], ...] = field(init=False, eq=False, repr=False)

    @_places.default
    def _placed(self) -> tuple[tuple[str, str | None, EffectiveRule], ...]:
        return tuple((on, self.bound.get(on), rule) for rule in self.rules for on in (fold(rule.on),))

    def holding_for(self, chain: Chain) -> tuple[EffectiveRule, ...]:
        """Return the rules in force for the chain's object, the outermost first."""
        return tuple(rule for rule in self.bound_along(chain) if rule.in_force)

    def bound_along(self, chain: Chain) -> tuple[EffectiveRule, ...]:
        """Return what is bound to the chain's object or to anything that it lies in, also what is not in force."""
        return layered(self._on(link) for link in reversed(chain.links))

    def _on(self, link: Link) -> list[EffectiveRule]:
        key = METASTORE.key if link.kind is SecurableKind.METASTORE else fold(link.name)
        return [rule for on, bound, rule in self._places if on == key or bound == link.id]


def parse_rulesets(policy: AppliedPolicy) -> RuleSet:
    """Parse the `rules/*.toml` files of a policy; other files are not looked at.

    Raises:
        InvalidArgumentError: a file has a mistake; the message has file, line and the nearest right word.
    """
    rules: list[EffectiveRule] = []
    for file in policy.files:
        if has_rules(file.path):
            rules += _parse(file.path, file.text, policy.revision)
    check_overrides(rules)
    return RuleSet(revision=policy.revision, rules=tuple(rules))


def rules_and_problems(files: Iterable[PolicyFile], revision: int = 0) -> tuple[RuleSet, tuple[str, ...]]:
    """Parse the `rules/*.toml` files of a policy, telling all mistakes at once.

    Args:
        files: The files of the policy; other files are not looked at.
        revision: The policy revision.

    Returns:
        The rules of the files that have no mistake, and the mistakes, each with file and line.
    """
    rules: list[EffectiveRule] = []
    problems: list[str] = []
    for file in files:
        if has_rules(file.path):
            try:
                rules += tuple(_parse(file.path, file.text, revision))
            except InvalidArgumentError as error:
                problems += error.details.get("faults") or [str(error)]
    try:
        if not problems:
            check_overrides(rules)
    except InvalidArgumentError as error:
        problems.append(str(error))
    return RuleSet(revision=revision, rules=tuple(rules)), tuple(problems)


def has_rules(path: str) -> bool:
    """Return whether a file of a policy folder is one of rules."""
    return path.startswith("rules/") and path.endswith(".toml")


def _parse(path: str, text: str, revision: int) -> Iterator[EffectiveRule]:
    table = load_toml(text, file=path)
    parsed = structure_located(table, (), _File, converter=converter)
    for position, entry in enumerate(parsed.rules):
        origin = f"{path}:{table.line_of(('rules', position))}"
        _check_entry(entry, origin)
        if entry.check is not None:
            _check_plain(entry, origin)
        else:
            _check_rule(entry, origin, table, position)
        yield EffectiveRule(
            rule=entry.check or entry.rule or "",
            on=str(entry.on),
            origin=origin,
            revision=revision,
            params=entry.params,
            is_check=entry.check is not None,
            overridable=entry.overridable,
            enabled=entry.enabled,
        )


def _check_entry(entry: _Entry, origin: str) -> None:
    if (entry.rule is None) == (entry.check is None):
        raise InvalidArgumentError(f"{origin}: an entry names either a rule or a check.", hint="Give one of the two.")
    if entry.on.kind is SecurableKind.MODEL_ALIAS:
        raise InvalidArgumentError(
            f"{origin}: a rule cannot be bound to {entry.on}.",
            hint="Bind it to metastore:, a catalog, schema or model.",
        )
    if not entry.enabled and (entry.params or entry.overridable):
        raise InvalidArgumentError(
            f"{origin}: an entry with enabled = false has no params and nothing to override.",
            hint="Remove params and overridable.",
        )


def _check_plain(entry: _Entry, origin: str) -> None:
    try:
        json.dumps(entry.params, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(
            f"{origin}: the params of {entry.check!r} are not plain data: {error}.",
            hint="Write times as text, and no inf or nan.",
        ) from error


def _check_rule(entry: _Entry, origin: str, table: LocatedTable, position: int) -> None:
    name = entry.rule or ""
    if name not in RULES:
        near = difflib.get_close_matches(name, RULES, n=1)
        raise InvalidArgumentError(
            f"{origin}: there is no rule {name!r}.",
            hint=f"Did you mean {near[0]!r}?" if near else f"The rules are {', '.join(sorted(RULES))}.",
        )
    kind = RULES[name].params
    if entry.params and not fields(kind):
        raise InvalidArgumentError(f"{origin}: the rule {name!r} has no params.", hint="Remove them.")
    if entry.enabled:
        # An entry without params is judged as one whose params are empty.
        whole = evolve(table, data={"rules": {position: {"params": entry.params}}})
        structure_located(whole, ("rules", position, "params"), kind, converter=converter)
