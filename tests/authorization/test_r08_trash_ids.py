"""R8: what is no alias or id is refused alike, whatever lies in the trash."""

from __future__ import annotations

import pytest

from herdbook.errors import InvalidArgumentError


@pytest.mark.parametrize("alias", ["", "a b", "latest", "\ud800"])
def test_the_answer_to_no_alias_does_not_tell_what_is_in_the_trash(people, told, alias):
    found = people.admin.create_registered_model("main.default.gone").id
    people.admin.delete_registered_model("main.default.gone")
    bob = people("user:bob")
    there = told(lambda: bob.list_grants(f"deleted:{found}@{alias}"))
    nowhere = told(lambda: bob.list_grants(f"deleted:{'0' * 32}@{alias}"))
    assert there.replace(found, "0" * 32) == nowhere


@pytest.mark.parametrize("written", ["\ud800", "\x00", "a b", "x" * 256])
def test_what_cannot_be_an_id_is_refused(people, written):
    for ask in (
        lambda: people.admin.list_grants(f"deleted:{written}"),
        lambda: people.admin.revoke("user:bob", "EXECUTE", f"deleted:{written}"),
        lambda: people.admin.restore_schema(written),
        lambda: people.admin.purge_catalog(written),
        lambda: people.admin.restore_registered_model(written),
    ):
        with pytest.raises(InvalidArgumentError):
            ask()
