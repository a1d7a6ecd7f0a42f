"""R27: a repeated grant is authorized again, in full."""

from __future__ import annotations

import pytest

from herdbook.errors import PermissionDeniedError

MODEL = "main.default.iris"


@pytest.mark.parametrize(("privilege", "above"), [("APPROVE", "main.default"), ("BROWSE", "main")])
def test_a_replay_needs_the_right_that_the_line_needs(people, privilege, above):
    people.gates("user:bob")
    for where in (MODEL, above):
        people.admin.grant("user:bob", "MANAGE", where)
    bob = people("user:bob")
    first = bob.grant("user:ann", privilege, MODEL, idempotency_key="once")
    assert bob.grant("user:ann", privilege, MODEL, idempotency_key="once") == first
    people.admin.revoke("user:bob", "MANAGE", above)
    with pytest.raises(PermissionDeniedError):
        bob.grant("user:ann", privilege, MODEL, idempotency_key="once")
