"""The example of three people does what it says, from policy files that pass their own checks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from herdbook.bootstrap import open_registry
from herdbook.cli import main
from herdbook.settings import Settings, os_principal

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
CHAMPION = "prod.fraud.scorer@champion"


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """Run the example; return the folder of its registry, and what it printed for each person."""
    folder = tmp_path_factory.mktemp("people")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HERDBOOK_")}
    command = [sys.executable, str(EXAMPLES / "three_people.py"), str(folder)]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = {part.partition(",")[0]: part for part in done.stdout.strip().split("\n\n")[:-1]}
    return folder / "registry", {**said, "admin": done.stdout.strip().split("\n\n")[-1]}


def test_a_scientist_registers_and_may_not_promote(example):
    """The owner of the model is bound by the denial, is told what stands in the way and whom to ask, and no more."""
    _, said = example
    told = said["user:ann"]
    assert "registered prod.fraud.scorer/1, READY; the owner of prod.fraud.scorer is user:ann" in told
    assert "moved @challenger to version 1" in told
    assert f"it needs SET_ALIAS on the alias {CHAMPION}" in told
    assert f"a denial stands in the way. Ask {os_principal()}." in told
    assert "deny" not in told
    assert "people.csv:7" not in told


def test_a_lead_promotes_and_loads(example):
    """The move is recorded with its reason, done by the lead, and what is loaded predicts as what was trained."""
    folder, said = example
    assert "moved @champion to version 1: beats the rules that we had" in said["user:bob"]
    assert "predicts as the trained model does: True" in said["user:bob"]
    with open_registry(str(folder), settings=Settings()) as registry:
        assert registry.get_model_version_by_alias(CHAMPION).version == 1
        (move,) = registry.list_alias_history(CHAMPION).items
        assert (move.set_by, move.reason) == ("user:bob", "beats the rules that we had")


def test_an_outsider_sees_nothing(example):
    """What is there is answered as what is not."""
    _, said = example
    assert "finds 0 catalogs, models and versions" in said["user:eve"]
    there, missing = said["user:eve"].splitlines()[-2:]
    assert there.replace("prod.fraud.scorer", "NAME") == missing.replace("prod.fraud.no-such-model", "NAME")


def test_an_admin_is_told_the_line_that_decides(example):
    """The denial is shown with its file and line, who may move the alias is told, and all cases hold."""
    _, said = example
    line = (EXAMPLES / "policies" / "people.csv").read_text().splitlines()[6]
    assert line == "p, role:scientist, prod.fraud@champion, SET_ALIAS, deny"
    assert "denied by people.csv:7, SET_ALIAS on the slots prod.fraud@champion to role:scientist" in said["admin"]
    assert "    - user:bob: " in said["admin"]
    assert "    - user:ann: " not in said["admin"]
    assert "every case in cases.toml is as expected" in said["admin"]


def test_its_policy_folder_is_one_for_the_command_line(example, capsys):
    """`check` and `test` take the folder as it lies there, and applying it again would change nobody's rights."""
    folder, _ = example
    policies = EXAMPLES / "policies"
    uri = ["-r", str(folder)]
    assert main(["policies", "check", str(policies), *uri]) == 0
    assert main(["policies", "test", str(policies), str(policies / "cases.toml"), *uri]) == 0
    assert main(["policies", "diff", str(policies), *uri]) == 0
    assert "Nobody's rights would change." in capsys.readouterr().out
