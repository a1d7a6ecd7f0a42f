"""R8: who manages a container learns nothing of what a deny hides from them in it."""

from __future__ import annotations

import pytest

HIDDEN = "main.default.secret"


@pytest.fixture
def hidden(people):
    """Ann manages the schema; one model in it is hidden from her. Returns its id."""
    people.gates("user:ann")
    people.admin.grant("user:ann", "MANAGE", "main.default")
    found = people.admin.create_registered_model(HIDDEN)
    people.admin.deny("user:ann", "BROWSE", HIDDEN)
    return found.id


@pytest.mark.parametrize("verb", ["deny", "lift_deny"])
def test_denies_on_it_answer_as_on_what_does_not_exist(people, told, hidden, verb):
    people.admin.deny("user:bob", "EXECUTE", HIDDEN)
    ann = people("user:ann")
    there = told(lambda: getattr(ann, verb)("user:bob", "EXECUTE", HIDDEN))
    nowhere = told(lambda: getattr(ann, verb)("user:bob", "EXECUTE", "main.default.nowhere"))
    assert there == nowhere.replace("nowhere", "secret")
    assert ("user:bob", "EXECUTE", "deny") in people.lines(HIDDEN)


def test_it_is_not_purged_by_them(people, told, hidden):
    people.admin.delete_registered_model(HIDDEN)
    ann = people("user:ann")
    assert told(lambda: ann.purge_registered_model(hidden)) == told(lambda: ann.purge_registered_model("x")).replace(
        " x ", f" {hidden} "
    )
    assert [item.id for item in people.admin.list_deleted("main.default").items] == [hidden]
