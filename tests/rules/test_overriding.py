"""What is in force where: entries add up, and are replaced only where they let themselves be."""

from __future__ import annotations

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st

from herdbook.entities import Chain, EffectiveRule, Link
from herdbook.entities.ledger import AppliedPolicy, PolicyFile
from herdbook.errors import InvalidArgumentError
from herdbook.policy.overriding import way_down
from herdbook.policy.rulesets import RuleSet, parse_rulesets
from herdbook.verdicts import SecurableKind

WAY = ("metastore:", "prod", "prod.fraud", "prod.fraud.scorer")
KINDS = (SecurableKind.METASTORE, SecurableKind.CATALOG, SecurableKind.SCHEMA, SecurableKind.REGISTERED_MODEL)
PARAMS = {
    "signature-required": None,
    "allowed-formats": 'forbidden_files = ["*.pkl"]',
    "tags-required": "keys = { team = {} }",
}


def chain(depth: int = 4) -> Chain:
    links = [Link(id=name, kind=kind, name=name) for name, kind in zip(WAY[:depth], KINDS, strict=False)]
    return Chain(links=tuple(reversed(links)), policy_revision=1)


@frozen(kw_only=True)
class Bound:
    """An entry as a test writes it."""

    on: str
    rule: str = "signature-required"
    overridable: bool = False
    enabled: bool = True

    def __str__(self) -> str:
        lines = ["[[rules]]", f'rule = "{self.rule}"', f'on = "{self.on}"']
        lines += ["overridable = true"] if self.overridable else []
        lines += [] if self.enabled else ["enabled = false"]
        params = PARAMS[self.rule]
        return "\n".join(lines + ([f"params = {{ {params} }}"] if params and self.enabled else []))


def parse(*entries: Bound) -> RuleSet:
    files = tuple(PolicyFile(path=f"rules/{number}.toml", text=str(entry)) for number, entry in enumerate(entries))
    return parse_rulesets(AppliedPolicy(revision=1, files=files))


def in_force(rules: tuple[EffectiveRule, ...]) -> list[str]:
    return [rule.origin.partition(".")[0].removeprefix("rules/") for rule in rules]


def test_a_child_adds() -> None:
    """What a child binds holds beside what it inherits."""
    assert in_force(parse(Bound(on="metastore:"), Bound(on="prod")).holding_for(chain())) == ["0", "1"]


def test_an_overridable_entry_is_replaced_below_and_nowhere_else() -> None:
    """Further down the other entry holds alone; above it and beside it, the overridable one still does."""
    rules = parse(Bound(on="metastore:", overridable=True), Bound(on="prod.fraud"))
    assert in_force(rules.holding_for(chain())) == ["1"]
    assert in_force(rules.holding_for(chain(2))) == ["0"]
    replaced, own = rules.bound_along(chain())
    assert (replaced.overridden_by, replaced.state) == ("rules/1.toml:1", "replaced by rules/1.toml:1")
    assert (own.overridden_by, own.state) == (None, "in force")


def test_another_rule_replaces_nothing() -> None:
    """Only an entry of the same rule takes the place of one."""
    rules = parse(Bound(on="metastore:", overridable=True), Bound(on="prod", rule="tags-required"))
    assert in_force(rules.holding_for(chain())) == ["0", "1"]


def test_entries_of_one_level_add_up() -> None:
    """Beside each other nothing is replaced; below, only what is overridable."""
    rules = parse(Bound(on="prod", overridable=True), Bound(on="prod"), Bound(on="prod.fraud"))
    assert in_force(rules.holding_for(chain(2))) == ["0", "1"]
    assert in_force(rules.holding_for(chain())) == ["1", "2"]


def test_a_rule_is_switched_off_and_on_again() -> None:
    """A switch holds for what lies below it, until something further down demands the rule again."""
    rules = parse(
        Bound(on="metastore:", overridable=True), Bound(on="prod", enabled=False), Bound(on="prod.fraud.scorer")
    )
    assert in_force(rules.holding_for(chain(1))) == ["0"]
    assert in_force(rules.holding_for(chain(3))) == []
    assert in_force(rules.holding_for(chain(4))) == ["2"]
    assert [rule.state for rule in rules.bound_along(chain(3))] == ["replaced by rules/1.toml:1", "switched off"]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (
            (Bound(on="metastore:"), Bound(on="Prod", enabled=False)),
            r"^rules/1\.toml:1: 'signature-required' cannot be switched off for Prod: .*metastore: \(rules/0\.toml:1\)",
        ),
        (
            (Bound(on="metastore:", overridable=True), Bound(on="prod"), Bound(on="prod.fraud", enabled=False)),
            r"^rules/2\.toml:1: .*demanded by prod \(rules/1\.toml:1\)",
        ),
        ((Bound(on="metastore:", enabled=False),), r"^rules/0\.toml:1: nothing above metastore: demands"),
        ((Bound(on="dev"), Bound(on="prod", enabled=False)), r"^rules/1\.toml:1: nothing above prod demands"),
        (
            (Bound(on="metastore:", overridable=True), Bound(on="prod"), Bound(on="PROD", enabled=False)),
            r"^rules/2\.toml:1: .*switched off for PROD, and rules/1\.toml:1 binds it there too",
        ),
        (
            (Bound(on="metastore:"), Bound(on="prod", enabled=False, overridable=True)),
            r"^rules/1\.toml:1: an entry with enabled = false has no params and nothing to override",
        ),
    ],
)
def test_what_may_not_be_switched_off_is_refused(entries: tuple[Bound, ...], message: str) -> None:
    """A child that relaxes what it may not, or what nobody demands, makes the files invalid, with both places."""
    with pytest.raises(InvalidArgumentError, match=message):
        parse(*entries)


def reference(entries: list[Bound], depth: int) -> list[str] | None:
    """An independent reading, entry by entry; None where the set is to be refused."""
    for entry in entries:
        above = WAY[: WAY.index(entry.on)]
        demands = [number for number in alive(entries, above) if entries[int(number)].rule == entry.rule]
        twins = [other for other in entries if (other.on, other.rule) == (entry.on, entry.rule)]
        if not entry.enabled and (not demands or len(twins) > 1):
            return None
        if not entry.enabled and any(not entries[int(number)].overridable for number in demands):
            return None
    return alive(entries, WAY[:depth])


def alive(entries: list[Bound], way: tuple[str, ...]) -> list[str]:
    found = []
    for level in way:
        for number, entry in enumerate(entries):
            below = {other.on for other in entries if other.rule == entry.rule} & set(way[way.index(level) + 1 :])
            if entry.on == level and entry.enabled and not (entry.overridable and below):
                found.append(str(number))
    return found


bound = st.builds(
    Bound,
    on=st.sampled_from(WAY),
    rule=st.sampled_from(sorted(PARAMS)[:2]),
    overridable=st.booleans(),
    enabled=st.just(True),
) | st.builds(Bound, on=st.sampled_from(WAY), rule=st.sampled_from(sorted(PARAMS)[:2]), enabled=st.just(False))


@given(st.lists(bound, max_size=6), st.integers(1, 4))
def test_what_is_in_force_is_what_the_reference_says(entries: list[Bound], depth: int) -> None:
    """Inheritance and overriding agree with an independent reading, refusals included."""
    wanted = reference(entries, depth)
    if wanted is None:
        with pytest.raises(InvalidArgumentError):
            parse(*entries)
    else:
        assert in_force(parse(*entries).holding_for(chain(depth))) == wanted


@given(st.lists(bound.filter(lambda entry: not entry.overridable and entry.enabled), max_size=6), bound)
def test_nothing_final_is_ever_lost(final: list[Bound], other: Bound) -> None:
    """Whatever is added, an entry that is not overridable stays in force for all that lies below it."""
    try:
        rules = parse(*final, other)
    except InvalidArgumentError:
        assert not other.enabled
        return
    assert set(map(str, range(len(final)))) <= set(in_force(rules.holding_for(chain())))


def test_the_way_down() -> None:
    """A securable lies in the metastore and in every prefix of its name."""
    assert way_down("metastore:") == ["metastore:"]
    assert way_down("Prod.Fraud.scorer") == list(WAY)
