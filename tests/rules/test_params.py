"""The params of rules: typed, and every mistake told with file and line."""

from __future__ import annotations

import pytest

from herdbook.entities.ledger import AppliedPolicy, PolicyFile
from herdbook.errors import InvalidArgumentError
from herdbook.policy.rules import RULES
from herdbook.policy.rulesets import parse_rulesets


def parse(rule: str, params: str) -> None:
    text = f'[[rules]]\nrule = "{rule}"\non = "prod"\n{params}\n'
    parse_rulesets(AppliedPolicy(revision=1, files=(PolicyFile(path="rules/own.toml", text=text),)))


@pytest.mark.parametrize(
    ("rule", "params", "message"),
    [
        ("tags-required", "", r"own\.toml:1: the key rules\[0\]\.params\.keys is missing"),
        ("tags-required", "params = { keys = {} }", r"own\.toml:4: .*keys is empty"),
        ("tags-required", "[rules.params]\nkey = {}", r"own\.toml:5: unknown key 'key' .*did you mean 'keys'"),
        (
            "tags-required",
            '[rules.params]\non = "versions"\nkeys = { a = {} }',
            r"own\.toml:5: .*'versions' is none of model, version, both",
        ),
        (
            "tags-required",
            "[rules.params.keys.a]\nvalue = []",
            r"own\.toml:5: unknown key 'value' .*did you mean 'values'",
        ),
        ("tags-required", "[rules.params.keys.a]\nvalues = []", r"own\.toml:\d: .*values is empty"),
        ("tags-required", '[rules.params.keys.a]\npattern = "a[bc]"', r"own\.toml:\d: .*not a pattern of values"),
        ("governed-tags", "[rules.params.keys.a]\nsetters = 3", r"own\.toml:5: .*expected a list"),
        ("governed-tags", '[rules.params.keys.a]\nsetters = ["usr:x"]', r"own\.toml:5: .*'usr'"),
        ("governed-tags", "params = { keys = { Risk = {}, risk = {} } }", r"own\.toml:4: .*are the same key"),
        ("allowed-formats", "", r"own\.toml:1: .*judges nothing"),
        ("allowed-formats", 'params = { files = ["a/*"] }', r"own\.toml:4: .*has a slash"),
        ("allowed-formats", 'params = { flavors = "sklearn" }', r"own\.toml:4: .*expected a list"),
        ("allowed-formats", 'params = { flavor = ["sklearn"] }', r"own\.toml:4: .*did you mean 'flavors'"),
        ("allowed-sources", "", r"own\.toml:1: .*judges nothing"),
        ("allowed-sources", 'params = { sources = ["prod"] }', r"own\.toml:4: .*not a pattern of URIs"),
        ("allowed-sources", 'params = { parents = ["a.b.c.d"] }', r"own\.toml:4: .*not a pattern of parents"),
        ("allowed-sources", 'params = { parents = ["a b"] }', r"own\.toml:4: .*not a pattern of parents"),
        ("signature-required", "params = { strict = true }", r"own\.toml:1: the rule 'signature-required' has no"),
        ("signature-required", "enabled = 1", r"own\.toml:4: rules\[0\]\.enabled: expected true or false"),
        ("signature-required", "overidable = true", r"own\.toml:4: .*did you mean 'overridable'"),
    ],
)
def test_mistakes_are_told_with_file_and_line(rule: str, params: str, message: str) -> None:
    """What a rule cannot take is refused when the files are read, not when somebody registers."""
    with pytest.raises(InvalidArgumentError, match=message):
        parse(rule, params)


def test_every_rule_judges_something() -> None:
    """No rule can be named that would let everything pass unseen; each says what it demands."""
    for name, rule in RULES.items():
        assert rule.name == name
        assert rule.says.endswith(".")
        assert any(stage is not None for stage in (rule.admits, rule.deletes, rule.tags))
