"""Arguments of a wrong type are refused as the registry refuses things, never by a raw exception."""

from __future__ import annotations

import pytest

from herdbook.errors import InvalidArgumentError

WRONG = (None, 5, 1.5, float("nan"), 2**70, object(), [], {}, "", "\ud800")


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: ascii(wrong)[:9])
def test_wrong_types_are_refused(people, wrong):
    admin = people.admin
    admin.grant("user:os/founder", "MANAGE_POLICY", "metastore:")
    for verb in ("grant", "deny", "revoke", "lift_deny"):
        with pytest.raises(InvalidArgumentError):
            getattr(admin, verb)("user:ann", wrong, "main")
    with pytest.raises(InvalidArgumentError):
        admin.update_principal("user:bob", enabled=wrong)
    with pytest.raises(InvalidArgumentError):
        admin.test_policies([], wrong)


@pytest.mark.parametrize("wrong", [None, 5, 1.5, object()], ids=lambda wrong: type(wrong).__name__)
def test_what_are_no_policy_files_is_refused(people, wrong):
    admin = people.admin
    admin.grant("user:os/founder", "MANAGE_POLICY", "metastore:")
    for ask in (
        lambda: admin.check_policies(wrong),
        lambda: admin.diff_policies(wrong),
        lambda: admin.test_policies(wrong, "[[cases]]"),
        lambda: admin.apply_policies(wrong, expected_revision=1),
    ):
        with pytest.raises(InvalidArgumentError):
            ask()
