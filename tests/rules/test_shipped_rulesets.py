"""The rulesets that ship, and how an installation chooses one."""

from __future__ import annotations

import json

import pytest

from herdbook.bootstrap import open_registry, read_policy, shipped_policies
from herdbook.cli import main
from herdbook.entities import Lineage
from herdbook.entities.ledger import AppliedPolicy
from herdbook.errors import InvalidArgumentError, RuleViolationError
from herdbook.policy.rulesets import parse_rulesets
from herdbook.settings import Settings, load_settings
from herdbook.testing.samples import model_files, register, upload

MODEL = "main.default.iris"
SHIPPED = ("default", "mlflow-open", "strict")


def test_these_ship() -> None:
    """The folder holds the three and nothing else."""
    assert sorted(path.stem for path in (shipped_policies() / "rules").iterdir()) == list(SHIPPED)


@pytest.mark.parametrize("name", SHIPPED)
def test_each_holds_alone(name: str) -> None:
    """Each is whole, is read alone, and demands signatures and the keeping of aliased versions."""
    files = read_policy(None, name)
    assert [file.path for file in files] == ["model.conf", f"rules/{name}.toml"]
    rules = [rule.rule for rule in parse_rulesets(AppliedPolicy(revision=1, files=files)).rules if rule.enabled]
    assert {"signature-required", "aliased-versions-are-kept"} <= set(rules)


def test_the_default_is_applied_unless_said() -> None:
    """Nothing of the others is in force where nobody chose them."""
    assert read_policy(None) == read_policy(None, "default")


def test_an_unknown_ruleset_is_refused_with_the_nearest() -> None:
    """A misspelt one would otherwise be a registry without its rules."""
    with pytest.raises(InvalidArgumentError, match="no ruleset 'strikt'") as caught:
        read_policy(None, "strikt")
    assert caught.value.hint == "Did you mean 'strict'?"


def test_a_folder_and_a_ruleset_are_not_mixed(tmp_path) -> None:
    """A folder of one's own is whole: a ruleset beside it would be ignored, so it is refused."""
    with pytest.raises(InvalidArgumentError, match="has its own rules"):
        read_policy(str(shipped_policies()), "strict")
    with pytest.raises(InvalidArgumentError, match="has its own rules"):
        open_registry(str(tmp_path / "r"), settings=Settings(policies_dir=str(shipped_policies()), ruleset="strict"))


def test_the_setting_chooses(tmp_path) -> None:
    """`ruleset` in herdbook.toml is what a new metastore begins with."""
    (tmp_path / "herdbook.toml").write_text('ruleset = "strict"\n')
    settings = load_settings(tmp_path / "herdbook.toml", environ={})
    with open_registry(str(tmp_path / "r"), settings=settings) as registry:
        assert {rule.origin.partition(":")[0] for rule in registry.get_effective_rules("main")} == {"rules/strict.toml"}


def test_strict_says_everything_that_lacks(tmp_path) -> None:
    """A careless version meets every rule at once, a careful one is admitted."""
    with open_registry(str(tmp_path / "r"), settings=Settings(ruleset="strict")) as registry:
        registry.create_registered_model(MODEL)
        with pytest.raises(RuleViolationError) as caught:
            register(registry, MODEL, {"model.pkl": b"x"}, lineage=Lineage(source="/home/me/model"))
        assert {rejection.rule for rejection in caught.value.rejections} == {
            "signature-required",
            "tags-required",
            "allowed-formats",
            "allowed-sources",
        }
        registry.set_registered_model_tag(MODEL, "team", "fraud")
        registry.set_registered_model_tag(MODEL, "contact", "fraud@example.com")
        with pytest.raises(RuleViolationError, match="must be one of 'low', 'medium', 'high'"):
            registry.set_registered_model_tag(MODEL, "risk", "none")
        pending = registry.create_model_version(
            MODEL, tags={"intended-use": "tests"}, lineage=Lineage(source="https://models.example.com/iris")
        )
        manifest = upload(registry, pending, model_files())
        assert registry.finalize_model_version(pending.ref, manifest).status == "READY"


def test_mlflow_open_opens_one_catalog(tmp_path) -> None:
    """The catalog that was chosen takes what has no signature; every other one refuses it."""
    with open_registry(str(tmp_path / "r"), settings=Settings(ruleset="mlflow-open")) as registry:
        registry.create_catalog("mlflow")
        registry.create_schema("mlflow.default")
        for name in (MODEL, "mlflow.default.iris"):
            registry.create_registered_model(name)
        assert register(registry, "mlflow.default.iris", model_files(signed=False)).status == "READY"
        with pytest.raises(RuleViolationError, match="signature-required"):
            register(registry, MODEL, model_files(signed=False))


def run(capsys, *words: str) -> str:
    code = main(list(words))
    said = capsys.readouterr()
    assert code == 0, said.err
    return said.out


def test_init_copies_the_chosen_one_and_rules_show_tells_all(tmp_path, capsys) -> None:
    """The copy is the installation's own; `rules show` tells what is in force, what not, and where each stands."""
    folder = tmp_path / "r"
    run(capsys, "init", str(folder), "--ruleset", "mlflow-open", "--no-plugins")
    assert [path.name for path in (folder / "policies" / "rules").iterdir()] == ["mlflow-open.toml"]
    with open_registry(str(folder), settings=load_settings(folder / "herdbook.toml", environ={})) as registry:
        registry.create_catalog("mlflow")
    told = json.loads(run(capsys, "rules", "show", "mlflow", "-r", str(folder), "--json", "--no-plugins"))
    assert [(row["rule"], row["enabled"], row["overridable"], row["overridden_by"]) for row in told] == [
        ("signature-required", True, True, "rules/mlflow-open.toml:10"),
        ("aliased-versions-are-kept", True, True, "rules/mlflow-open.toml:20"),
        ("signature-required", False, False, None),
        ("aliased-versions-are-kept", False, False, None),
    ]
    table = run(capsys, "rules", "show", "mlflow", "-r", str(folder), "--no-plugins")
    assert "replaced by rules/mlflow-open.toml:10" in table
    assert "switched off" in table
    assert run(capsys, "rules", "show", "main", "-r", str(folder), "--no-plugins").count("in force") == 2
