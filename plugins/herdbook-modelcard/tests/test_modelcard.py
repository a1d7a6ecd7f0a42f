"""The model card check: as a function, in its own process, and asked for by a ruleset."""

from __future__ import annotations

import shutil

import pytest

import herdbook
from herdbook.bootstrap import open_registry, shipped_policies
from herdbook.entities import ModelDescription
from herdbook.errors import InvalidArgumentError, RuleViolationError
from herdbook.plugins.check_runner import run_check, validate_params
from herdbook.settings import Settings
from herdbook.testing.check_contract import CheckContract, candidate_of
from herdbook.testing.samples import SIGNATURE
from herdbook.verdicts import Reject
from herdbook_modelcard.check import section_words
from herdbook_modelcard.params import ModelCardParams
from herdbook_modelcard.plugin import herdbook_pre_register_checks

INTENDED = "Telling iris species apart in teaching, nothing else."
GOOD = """# Iris

Intended use
------------
Telling iris species apart in teaching, nothing else.

## Limitations ##
It knows three species, and only from clean measurements.
### Further
- more
"""


class TestModelCard(CheckContract):
    @pytest.fixture
    def check(self):
        return herdbook_pre_register_checks()[0]

    @pytest.fixture
    def params(self):
        return {"sections": ["Intended use", "limitations"]}

    @pytest.fixture
    def good_files(self):
        return {"README.md": GOOD.encode()}

    @pytest.fixture(
        params=[
            "",
            "# Intended use\ntoo short\n",
            "```\n# Intended use\n# Limitations\n```\n",
            GOOD.replace(INTENDED, "- - .\n| | | | | |"),
            GOOD.replace(INTENDED, "<!-- write some words here please -->"),
            GOOD.replace(INTENDED, "Later <!-- write some words here -->"),
            GOOD.replace("It knows three species, and only from clean measurements.", "").replace("more", ""),
        ]
    )
    def bad_files(self, request):
        return {"README.md": request.param.encode()}


def test_words_are_counted_by_section():
    """Subsections count for the sections around them; code blocks hold no headings."""
    words = section_words(GOOD + "\n```\n# Code\nnot a heading\n```\n")
    assert words["limitations"] == 10
    assert words["further"] == 1
    assert "code" not in words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# Limitations\n## Limitations\nthree words here\n", {"limitations": 3}),
        ("\ufeff# Limitations\na b\n", {"limitations": 2}),
        ("# [Limitations](https://example.org)\na b\n", {"limitations": 2}),
        ("# `Limitations`: #\na b\n", {"limitations": 2}),
        ("# Intended   **use**\na\nb\n", {"intended use": 2}),
        ("# R&amp;D\na b\n", {"r&d": 2}),
        ("> # Limitations\n> a b\n", {}),
        ("- # Limitations\n  a b\n", {}),
        ("# A\n\n> quoted words\n\n- listed\n", {"a": 3}),
        ("# A\n[words here](https://example.org/not/these)\n", {"a": 2}),
        ("# A\n<b>bold</b> plain\n", {"a": 2}),
        ("---\nlicense: mit\n---\n# A\nb\n", {"license: mit": 0, "a": 1}),
        ("", {}),
    ],
)
def test_only_what_a_reader_sees_counts(text, words):
    """Markup, comments and addresses are no words; a heading is compared by what it shows."""
    assert section_words(text) == words


def test_every_lack_is_reported_at_once(tmp_path):
    """A missing section and a short one are two reasons, and the hint names what to write."""
    card = {"README.md": b"# Limitations\nfew words\n"}
    verdict = run_check(herdbook_pre_register_checks()[0], candidate_of(card, tmp_path, ModelDescription()), {})
    assert isinstance(verdict, Reject)
    said = [verdict.message, *verdict.reasons]
    assert len(said) == 4
    assert "has 2 words, fewer than 5" in said[3]
    assert all(section in verdict.hint for section in ModelCardParams().sections)


@pytest.mark.parametrize(
    "params", [{"sections": []}, {"sections": [" "]}, {"sections": ["A", "a:"]}, {"min_words": 0}, {"file": ""}]
)
def test_params_that_demand_nothing_are_refused(params):
    """A rule that would let anything pass is a mistake, found before anything runs."""
    with pytest.raises(InvalidArgumentError, match=next(iter(params))):
        validate_params(herdbook_pre_register_checks()[0], params)


def test_a_rule_demands_sections(tmp_path):
    """A ruleset that asks for the check refuses what lacks sections, with every reason, and admits what has them."""
    policies = tmp_path / "policies"
    shutil.copytree(shipped_policies(), policies, ignore=shutil.ignore_patterns("strict.toml", "mlflow-open.toml"))
    rule = '[[rules]]\ncheck = "modelcard"\non = "main"\nparams = { sections = ["Intended use", "Limitations"] }\n'
    (policies / "rules" / "cards.toml").write_text(rule)
    model = tmp_path / "model"
    model.mkdir()
    (model / "weights.bin").write_bytes(b"w")
    settings = Settings(policies_dir=str(policies))
    with open_registry(str(tmp_path / "registry"), settings=settings) as registry:
        with pytest.raises(RuleViolationError) as caught:
            herdbook.register_model(model, "main.default.iris", registry=registry, signature=SIGNATURE)
        assert [r.rule for r in caught.value.rejections] == ["modelcard"]
        (model / "README.md").write_text("# Iris")
        with pytest.raises(RuleViolationError) as caught:
            herdbook.register_model(model, "main.default.iris", registry=registry, signature=SIGNATURE)
        assert len(caught.value.rejections) == 2
        assert {r.securable for r in caught.value.rejections} == {"main"}
        (model / "README.md").write_text(GOOD)
        version = herdbook.register_model(model, "main.default.iris", registry=registry, signature=SIGNATURE)
        assert version.version == 3
        again = herdbook.register_model(model, "main.default.iris", registry=registry, signature=SIGNATURE)
        assert again.status.value == "READY"


def test_wrong_params_refuse_to_start(tmp_path):
    """A ruleset with a param that the check does not know is refused with file and line."""
    policies = tmp_path / "policies"
    shutil.copytree(shipped_policies(), policies, ignore=shutil.ignore_patterns("strict.toml", "mlflow-open.toml"))
    (policies / "rules" / "cards.toml").write_text(
        '[[rules]]\ncheck = "modelcard"\non = "main"\nparams = { section = 1 }\n'
    )
    with pytest.raises(InvalidArgumentError, match=r"rules/cards\.toml:1: .*section"):
        open_registry(str(tmp_path / "registry"), settings=Settings(policies_dir=str(policies)))


def test_the_defaults_are_documented():
    """The README's table says what the params are unless set."""
    from pathlib import Path

    text = (Path(__file__).parents[1] / "README.md").read_text()
    for section in ModelCardParams().sections:
        assert section in text
