"""R8: who manages a container learns nothing of what a deny hides from them in it."""

from __future__ import annotations

import pytest

from herdbook.testing.samples import register

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


def test_it_is_not_listed_in_the_trash(people, hidden):
    register(people.admin, HIDDEN)
    people.admin.delete_model_version(f"{HIDDEN}/1")
    people.admin.create_registered_model("main.default.plain")
    people.admin.delete_registered_model("main.default.plain")

    def listed(where):
        return [item.name for item in people("user:ann").list_deleted(where).items]

    assert listed("main.default") == ["main.default.plain"]
    people.admin.delete_registered_model(HIDDEN)
    assert listed("main.default") == ["main.default.plain"]
    assert len(people.admin.list_deleted("main.default").items) == 2
    people.admin.lift_deny("user:ann", "BROWSE", f"deleted:{hidden}")
    assert listed("main.default") == [HIDDEN, "main.default.plain"]


def test_pages_of_the_trash_go_on_behind_what_is_hidden(people, hidden):
    names = [f"main.default.m{number}" for number in range(3)]
    for name in (names[0], HIDDEN, *names[1:]):
        if name != HIDDEN:
            people.admin.create_registered_model(name)
        people.admin.delete_registered_model(name)
    found, token = [], None
    while True:
        page = people("user:ann").list_deleted("main.default", max_results=1, page_token=token)
        found += [item.name for item in page.items]
        token = page.next_page_token
        if token is None:
            break
    assert found == names[::-1]
