"""The files of a policy read whole: which may be there, and all that is wrong with what they say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

from attrs import frozen

from herdbook.entities.ledger import PolicyFile
from herdbook.policy.policy_lines import FileLines, parse_lines
from herdbook.policy.rulesets import RuleSet, has_rules, rules_and_problems

MODEL_CONF = "model.conf"
MAX_PATH = 1024
_UNKEPT = re.compile("[\0\ud800-\udfff]")
"""What no database keeps: NUL, and what is no Unicode."""


@frozen(kw_only=True)
class ReadFiles:
    """What policy files say.

    Args:
        files: The files, ordered by path.
        lines: Their rights and memberships.
        rules: Their rules.
        problems: Mistakes, each with file and line.
    """

    files: tuple[PolicyFile, ...]
    lines: FileLines
    rules: RuleSet
    problems: tuple[str, ...] = ()

    @property
    def rule_names(self) -> tuple[str, ...]:
        """What the rules are bound to."""
        return tuple(rule.on for rule in self.rules.rules)


def read_files(files: Iterable[PolicyFile], accepts: Callable[[str], bool]) -> ReadFiles:
    """Read policy files, finding all mistakes that can be found without a registry.

    Args:
        files: The files.
        accepts: Whether the text of a `model.conf` is that of the shipped one.
    """
    ordered = tuple(sorted(files, key=lambda file: file.path))
    lines = parse_lines(ordered)
    rules, wrong = rules_and_problems(ordered)
    problems = (*_unkept(ordered), *_misplaced(ordered, accepts), *lines.problems, *wrong)
    return ReadFiles(files=ordered, lines=lines, rules=rules, problems=problems)


def _unkept(files: tuple[PolicyFile, ...]) -> list[str]:
    found: list[str] = []
    for file in files:
        named = file.path[:MAX_PATH].encode("utf-8", "backslashreplace").decode()
        if len(file.path) > MAX_PATH:
            found.append(f"{named}:1: the path has over {MAX_PATH} characters.")
        if _UNKEPT.search(file.path) is not None:
            found.append(f"{named}:1: the path has a NUL, or a character that is no Unicode.")
        at = _UNKEPT.search(file.text)
        if at is not None:
            line = file.text.count("\n", 0, at.start()) + 1
            found.append(f"{named}:{line}: there is a NUL, or a character that is no Unicode.")
    return found


def _misplaced(files: tuple[PolicyFile, ...], accepts: Callable[[str], bool]) -> list[str]:
    counted = Counter(file.path for file in files)
    found = [f"{path}:1: the file is given {times} times." for path, times in counted.items() if times > 1]
    for file in files:
        lines = file.path.endswith(".csv") and "/" not in file.path and file.path != ".csv"
        if file.path == MODEL_CONF:
            if not accepts(file.text):
                found.append(f"{MODEL_CONF}:1: it is not the model that Herdbook ships. Policies go into *.csv.")
        elif not lines and not (has_rules(file.path) and file.path.count("/") == 1):
            found.append(f"{file.path}:1: a policy has model.conf, *.csv and rules/*.toml, and no other file.")
    if MODEL_CONF not in counted:
        found.append(f"{MODEL_CONF}:1: the file is missing. Copy the shipped one; `herdbook init` writes it.")
    return found
