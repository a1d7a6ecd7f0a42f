"""What a rule is: a name, a type of params, and a pure function for each stage that it judges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from attrs import frozen

from herdbook.policy.facts import CandidateFacts, DeletionFacts, TagFacts
from herdbook.verdicts import Verdict

P = TypeVar("P")


@frozen(kw_only=True)
class NoParams:
    """A rule that has nothing to set."""


@frozen(kw_only=True)
class Rule(Generic[P]):
    """A rule that a ruleset may name; a stage that it does not judge is None.

    Args:
        name: Its name in rulesets.
        says: What it demands, in one sentence.
        params: The type of its params.
        admits: Judges a version that asks to come in.
        deletes: Judges the deletion of a version.
        tags: Judges the setting, changing and deleting of a tag.
    """

    name: str
    says: str
    params: type[P]
    admits: Callable[[P, CandidateFacts], Verdict] | None = None
    deletes: Callable[[P, DeletionFacts], Verdict] | None = None
    tags: Callable[[P, TagFacts], Verdict] | None = None
