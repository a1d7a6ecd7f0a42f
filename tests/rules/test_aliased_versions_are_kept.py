"""The rule `aliased-versions-are-kept`."""

from __future__ import annotations

import pytest

from herdbook.names import ModelName, VersionRef
from herdbook.policy.content_rules import aliased_versions_are_kept
from herdbook.policy.facts import DeletionFacts
from herdbook.policy.rule import NoParams
from herdbook.verdicts import Pass, Reject

VERSION = VersionRef(model=ModelName.parse("prod.fraud.scorer"), version=3)


def test_a_version_that_no_alias_points_to_may_go() -> None:
    """The rule has nothing against it."""
    assert aliased_versions_are_kept(NoParams(), DeletionFacts(version=VERSION)) == Pass()


@pytest.mark.parametrize(
    ("aliases", "message"),
    [
        (("champion",), "Version prod.fraud.scorer/3 is what @champion points to."),
        (("champion", "Blue"), "Version prod.fraud.scorer/3 is what @champion, @Blue point to."),
    ],
)
def test_an_aliased_version_is_kept(aliases: tuple[str, ...], message: str) -> None:
    """The refusal names every alias, and what to do."""
    verdict = aliased_versions_are_kept(NoParams(), DeletionFacts(version=VERSION, aliases=aliases))
    assert isinstance(verdict, Reject)
    assert verdict.message == message
    assert "first" in (verdict.hint or "")
