"""R11: page tokens are sealed positions, filtered afresh on each page."""

from __future__ import annotations

import pytest

from herdbook.errors import InvalidArgumentError, NotFoundError
from herdbook.verdicts import Privilege

P = Privilege
NAMES = [f"main.default.m{number}" for number in range(6)]


@pytest.fixture
def many(people):
    """Return the people; ann may read six models."""
    people.gates("user:ann", "user:bob")
    for name in NAMES:
        people.admin.create_registered_model(name)
        people.admin.grant("user:ann", P.READ_METADATA, name)
    people.give("user:bob", "main.default", P.READ_METADATA)
    return people


LISTS = {
    "list": lambda r, token=None: r.list_registered_models("main.default", max_results=2, page_token=token),
    "search": lambda r, token=None: r.search_registered_models(max_results=2, page_token=token),
    "updated": lambda r, token=None: r.search_registered_models(
        order_by=["last_updated_at DESC"], max_results=2, page_token=token
    ),
}


@pytest.mark.parametrize("verb", LISTS)
def test_a_token_is_sealed_to_principal_and_query(many, verb):
    """Another's token, one of another query and a forged one are each refused."""
    token = LISTS[verb](many("user:ann")).next_page_token
    with pytest.raises(InvalidArgumentError, match="token"):
        LISTS[verb](many("user:bob"), token)
    for other in set(LISTS) - {verb}:
        with pytest.raises(InvalidArgumentError, match="token"):
            LISTS[other](many("user:ann"), token)
    first, last = ("B" if token[place] == "A" else "A" for place in (0, -1))
    for forged in (token[:-1] + last, first + token[1:], "", token + "AAAA"):
        with pytest.raises(InvalidArgumentError, match="token"):
            LISTS[verb](many("user:ann"), forged)


@pytest.mark.parametrize("verb", ["list", "search"])
def test_each_page_is_filtered_afresh(many, verb):
    """What was taken or given between two pages shows on the next one."""
    ann = many("user:ann")
    first = LISTS[verb](ann)
    assert [str(item.name) for item in first.items] == NAMES[:2]
    many.admin.revoke("user:ann", P.READ_METADATA, NAMES[2])
    many.admin.delete_registered_model(NAMES[3])
    second = LISTS[verb](ann, first.next_page_token)
    assert [str(item.name) for item in second.items] == NAMES[4:]
    many.admin.grant("user:ann", P.READ_METADATA, "main.default.iris")
    assert LISTS[verb](ann, first.next_page_token).items == second.items


@pytest.mark.parametrize("verb", ["list", "search"])
def test_a_token_is_never_looked_up(many, verb):
    """It is a position: it stays good where the thing that it was made at is hidden, renamed or purged."""
    ann = many("user:ann")
    first = LISTS[verb](ann)
    at = str(first.items[-1].name)
    many.admin.revoke("user:ann", P.READ_METADATA, at)
    assert [str(item.name) for item in LISTS[verb](ann, first.next_page_token).items] == NAMES[2:4]
    gone = many.admin.get_registered_model(at).id
    many.admin.delete_registered_model(at)
    many.admin.purge_registered_model(gone)
    assert [str(item.name) for item in LISTS[verb](ann, first.next_page_token).items] == NAMES[2:4]


def test_a_token_opens_nothing(many):
    """Who may no longer know the container gets 404 for the next page as well."""
    token = LISTS["list"](many("user:ann")).next_page_token
    many.admin.deny("user:ann", P.BROWSE, "main")
    with pytest.raises(NotFoundError):
        LISTS["list"](many("user:ann"), token)


def test_a_full_page_of_hidden_things_has_no_token(many):
    """A page says that more follow only where the caller may see more."""
    for name in NAMES[2:]:
        many.admin.revoke("user:ann", P.READ_METADATA, name)
    for verb in LISTS.values():
        page = verb(many("user:ann"))
        assert {str(item.name) for item in page.items} == set(NAMES[:2])
        assert page.next_page_token is None
