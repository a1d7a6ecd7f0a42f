"""The rule `signature-required`, and the rulesets that bind rules to securables."""

from __future__ import annotations

from pathlib import Path

import pytest

from herdbook.entities import Chain, FileEntry, Link, Manifest, ModelDescription, ModelSignature
from herdbook.entities.ledger import AppliedPolicy, PolicyFile
from herdbook.entities.signature import Column, Scalar, ScalarType
from herdbook.errors import InvalidArgumentError
from herdbook.policy.content_rules import signature_required
from herdbook.policy.facts import CandidateFacts
from herdbook.policy.rule import NoParams
from herdbook.policy.rules import RULES
from herdbook.policy.rulesets import RuleSet, parse_rulesets
from herdbook.verdicts import Pass, Reject, SecurableKind, Verdict

DOUBLE = (Column(name="x", type=Scalar(type=ScalarType.DOUBLE)),)
WHOLE = ModelSignature(inputs=DOUBLE, outputs=DOUBLE)


def verdict(model: ModelDescription, *paths: str) -> Verdict:
    files = [FileEntry(path=path, size=1, sha256="0" * 64) for path in paths or ("MLmodel",)]
    return signature_required(NoParams(), CandidateFacts(model=model, manifest=Manifest.of(files)))


def test_a_whole_signature_passes() -> None:
    """Inputs and outputs are what is demanded; params are not."""
    assert verdict(ModelDescription(signature=WHOLE)) == Pass()


@pytest.mark.parametrize(
    ("model", "paths", "message"),
    [
        (ModelDescription(), ("MLmodel",), "It has no signature: its MLmodel has no signature."),
        (ModelDescription(), ("model.bin",), "It has no signature: it has no MLmodel file."),
        (ModelDescription(signature=ModelSignature(inputs=DOUBLE)), (), "Its signature has no outputs."),
        (ModelDescription(signature=ModelSignature(outputs=DOUBLE)), (), "Its signature has no inputs."),
        (ModelDescription(signature=ModelSignature()), (), "Its signature has no inputs and no outputs."),
        (ModelDescription(signature=ModelSignature(inputs=(), outputs=())), (), "has no inputs and no outputs."),
        (ModelDescription(signature_error="inputs[0]: bad"), (), "Its signature cannot be read: inputs[0]: bad."),
    ],
)
def test_every_lack_is_told_with_what_to_do(model: ModelDescription, paths: tuple[str, ...], message: str) -> None:
    """A refusal says what is missing, and how to add it."""
    made = verdict(model, *paths)
    assert isinstance(made, Reject)
    assert message in made.message
    assert made.hint is not None
    assert "infer_signature" in made.hint


def parse(*texts: str) -> RuleSet:
    files = tuple(PolicyFile(path=f"rules/{number}.toml", text=text) for number, text in enumerate(texts))
    return parse_rulesets(AppliedPolicy(revision=4, files=files))


def entry(on: str, what: str = 'rule = "signature-required"') -> str:
    return f'[[rules]]\n{what}\non = "{on}"\n'


def chain(*names: str) -> Chain:
    kinds = (SecurableKind.CATALOG, SecurableKind.SCHEMA, SecurableKind.REGISTERED_MODEL)
    below = [Link(id=name, kind=kinds[name.count(".")], name=name) for name in names]
    return Chain(links=(*below, Link(id="ms", kind=SecurableKind.METASTORE, name="metastore:")), policy_revision=4)


MODEL = chain("prod.fraud.scorer", "prod.fraud", "prod")


@pytest.mark.parametrize("on", ["metastore:", "prod", "prod.fraud", "prod.fraud.scorer", "PROD.Fraud"])
def test_a_binding_is_inherited_downward(on: str) -> None:
    """What is bound to a securable holds for it and all that lies in it, in any spelling of its name."""
    (rule,) = parse(entry(on)).holding_for(MODEL)
    assert (rule.rule, rule.on, rule.revision, rule.is_check) == ("signature-required", on, 4, False)


@pytest.mark.parametrize("on", ["prod.fraud.other", "prod.fraudulent", "prod.fra", "pro", "fraud", "dev"])
def test_a_binding_does_not_reach_beside(on: str) -> None:
    """A securable beside, or one whose name begins alike, has no part in it."""
    assert parse(entry(on)).holding_for(MODEL) == ()


def test_a_binding_does_not_reach_up() -> None:
    """A model's rule does not hold for its schema."""
    rules = parse(entry("prod.fraud.scorer") + entry("prod.fraud"))
    assert [rule.on for rule in rules.holding_for(chain("prod.fraud", "prod"))] == ["prod.fraud"]


def test_the_outermost_comes_first_and_origins_are_kept() -> None:
    """All that hold are told, from the metastore down, each with file and line."""
    rules = parse(entry("prod.fraud.scorer") + entry("metastore:"), entry("prod", 'check = "modelcard"'))
    found = rules.holding_for(MODEL)
    assert [(rule.rule, rule.on, rule.origin, rule.is_check) for rule in found] == [
        ("signature-required", "metastore:", "rules/0.toml:4", False),
        ("modelcard", "prod", "rules/1.toml:1", True),
        ("signature-required", "prod.fraud.scorer", "rules/0.toml:1", False),
    ]


def test_checks_have_params_and_rules_have_none() -> None:
    """A check's params are handed on as written; the core's rule has none to set."""
    text = entry("prod", 'check = "modelcard"') + 'params = { sections = ["Limitations"] }\n'
    assert parse(text).rules[0].params == {"sections": ["Limitations"]}
    with pytest.raises(InvalidArgumentError, match=r"rules/0\.toml:1: the rule 'signature-required' has no params"):
        parse(entry("prod") + "params = { strict = true }\n")


def test_an_unknown_rule_suggests_the_nearest() -> None:
    """A misspelt rule is refused with its place and the word that was meant; a strange one with all the words."""
    with pytest.raises(InvalidArgumentError, match=r"^rules/0\.toml:5: there is no rule 'signature-requird'") as caught:
        parse("\n" + entry("dev") + entry("prod", 'rule = "signature-requird"'))
    assert caught.value.hint == "Did you mean 'signature-required'?"
    with pytest.raises(InvalidArgumentError) as caught:
        parse(entry("prod", 'rule = "zzz"'))
    assert caught.value.hint == f"The rules are {', '.join(sorted(RULES))}."


@pytest.mark.parametrize("what", ["", 'rule = "signature-required"\ncheck = "modelcard"'])
def test_an_entry_names_either_a_rule_or_a_check(what: str) -> None:
    """Neither or both is refused with its place."""
    with pytest.raises(InvalidArgumentError, match=r"^rules/0\.toml:1: an entry names either a rule or a check"):
        parse(entry("prod", what))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[rules]]\nrule = "signature-required"\n', r"rules/0\.toml:1: the key rules\[0\]\.on is missing"),
        (entry("prod") + "onn = 1\n", r"rules/0\.toml:4: unknown key 'onn' in rules\[0\]; did you mean 'on'"),
        ('[[rulez]]\non = "prod"\n', r"rules/0\.toml:1: unknown key 'rulez'; did you mean 'rules'"),
        (entry("no good"), r"rules/0\.toml:3: rules\[0\]\.on: 'no good' is not a catalog name"),
        (entry("prod", "rule = 3"), r"rules/0\.toml:2: rules\[0\]\.rule: .*not 3"),
        (entry("prod.fraud@champion"), r"rules/0\.toml:1: a rule cannot be bound to prod\.fraud@champion"),
        ("rules = [", r"rules/0\.toml:1: "),
        (
            entry("prod", 'check = "modelcard"') + "params = { since = 2026-01-01 }\n",
            r"rules/0\.toml:1: the params of 'modelcard' are not plain data",
        ),
        (
            entry("prod", 'check = "modelcard"') + "params = { least = nan }\n",
            r"rules/0\.toml:1: the params of 'modelcard' are not plain data",
        ),
    ],
)
def test_mistakes_are_told_with_file_and_line(text: str, message: str) -> None:
    """Whatever is wrong with a ruleset is told where it stands."""
    with pytest.raises(InvalidArgumentError, match=message):
        parse(text)


def test_only_rule_files_are_read() -> None:
    """Other files of the policy are not rulesets; no file is no rule."""
    other = PolicyFile(path="model.conf", text="[request]")
    nested = PolicyFile(path="roles/rules.toml", text=entry("prod"))
    assert parse_rulesets(AppliedPolicy(revision=4, files=(other, nested))).rules == ()
    assert parse().holding_for(MODEL) == ()


def test_the_default_ruleset_holds_everywhere() -> None:
    """The policy that a new metastore gets demands a signature of every model."""
    shipped = Path(__file__).parents[2] / "policies" / "rules" / "default.toml"
    file = PolicyFile(path="rules/default.toml", text=shipped.read_text())
    rules = parse_rulesets(AppliedPolicy(revision=1, files=(file,)))
    assert [rule.rule for rule in rules.holding_for(MODEL)] == ["signature-required", "aliased-versions-are-kept"]
