"""R21: what policy files may not say of the metastore, and that MANAGE_POLICY is no administration by itself."""

from __future__ import annotations

import pytest

from herdbook.entities.ledger import PolicyFile
from herdbook.errors import PermissionDeniedError
from herdbook.policy.policy_lines import parse_lines
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"


@pytest.mark.parametrize("effect", ["allow", "deny"])
@pytest.mark.parametrize("privilege", P)
def test_files_may_not_mention_who_administers(privilege, effect):
    """MANAGE and MANAGE_POLICY on the metastore are neither given nor taken, nor is what would take MANAGE."""
    line = f"p, user:ann, metastore:, {privilege}, {effect}"
    found = parse_lines([PolicyFile(path="a.csv", text=line)])
    takes = {P.MANAGE, P.MANAGE_POLICY, P.READ_METADATA, P.BROWSE, P.ALL_PRIVILEGES}
    allowed = {P.CREATE_CATALOG, P.READ_AUDIT} if effect == "allow" else set(P) - takes
    assert (found.problems == ()) is (privilege in allowed)


def test_manage_policy_alone_opens_nothing_at_run_time(people):
    """It acts through files: it neither reads, grants nor changes principals by itself."""
    people.gates("user:ann")
    people.give("user:ann", "metastore:", P.MANAGE_POLICY)
    ann = people("user:ann")
    assert ann.search_registered_models().items == ()
    for call in (
        lambda: ann.grant("user:ann", P.EXECUTE, "main"),
        lambda: ann.create_principal("user:new"),
        lambda: ann.grant("user:ann", P.MANAGE, "metastore:"),
    ):
        with pytest.raises(PermissionDeniedError):
            call()
