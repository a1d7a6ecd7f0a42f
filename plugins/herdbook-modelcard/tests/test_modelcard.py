"""The model card check: as a function, in its own process, and asked for by a ruleset."""

from __future__ import annotations

import shutil

import pytest

import herdbook
from herdbook.bootstrap import open_registry, shipped_policies
from herdbook.errors import InvalidArgumentError, RuleViolationError
from herdbook.settings import Settings
from herdbook.testing.check_contract import CheckContract
from herdbook.testing.samples import SIGNATURE
from herdbook_modelcard.check import section_words
from herdbook_modelcard.params import ModelCardParams
from herdbook_modelcard.plugin import herdbook_pre_register_checks

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

    @pytest.fixture(params=["", "# Intended use\ntoo short\n", "```\n# Intended use\n# Limitations\n```\n"])
    def bad_files(self, request):
        return {"README.md": request.param.encode()}


def test_words_are_counted_by_section():
    """Subsections count for the sections around them; code blocks hold no headings."""
    words = section_words(GOOD + "\n```\n# Code\nnot a heading\n```\n")
    assert words["limitations"] == 10
    assert words["further"] == 1
    assert "code" not in words


def test_a_rule_demands_sections(tmp_path):
    """A ruleset that asks for the check refuses what lacks sections, with every reason, and admits what has them."""
    policies = tmp_path / "policies"
    shutil.copytree(shipped_policies(), policies)
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
    shutil.copytree(shipped_policies(), policies)
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
