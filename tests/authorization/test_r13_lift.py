"""R13: what still denies after a denial was lifted is told of the levels that the caller manages alone."""

from __future__ import annotations

MODEL = "main.default.iris"


def test_lifting_does_not_tell_of_denials_further_up(people):
    people.gates("user:ann")
    people.admin.grant("user:ann", "MANAGE", "main.default")
    people.admin.add_member("group:team", "user:bob")
    for where in ("metastore:", "main", "main.default"):
        people.admin.deny("group:team", "EXECUTE", where)
    for name in ("admin", "user:ann"):
        people.admin.deny("user:bob", "EXECUTE", MODEL)
        left = people(name).lift_deny("user:bob", "EXECUTE", MODEL)
        told = {str(one.grant.securable) for one in left}
        assert told == ({"main.default"} if name == "user:ann" else {"metastore:", "main", "main.default"})
