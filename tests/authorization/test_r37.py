"""R37: a mutation is decided at the policy revision that its transaction commits under."""

from __future__ import annotations

import pytest

from herdbook.errors import NotFoundError, PermissionDeniedError
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"
CALLS = {
    "update": (lambda r: r.update_registered_model(MODEL, comment="late"), P.MODIFY, MODEL),
    "tag": (lambda r: r.set_registered_model_tag(MODEL, "k", "late"), P.APPLY_TAG, MODEL),
    "alias": (lambda r: r.delete_registered_model_alias(f"{MODEL}@champion"), P.SET_ALIAS, MODEL),
    "version": (lambda r: r.create_model_version(MODEL), P.CREATE_MODEL_VERSION, MODEL),
    "model": (lambda r: r.create_registered_model("main.default.late"), P.CREATE_MODEL, "main.default"),
    "grant": (lambda r: r.grant("user:bob", P.EXECUTE, MODEL), P.MANAGE, MODEL),
    "delete": (lambda r: r.delete_registered_model(MODEL, force=True), P.MANAGE, MODEL),
}


@pytest.fixture
def between(people, monkeypatch):
    """Return a function: what it is given happens once, after a verb was authorized and before it writes."""
    store = people.metastore.core.store
    write = store.write

    def arrange(event):
        def first(**how):
            monkeypatch.setattr(store, "write", write)
            event()
            return write(**how)

        monkeypatch.setattr(store, "write", first)

    return arrange


@pytest.mark.parametrize("verb", CALLS)
@pytest.mark.parametrize("how", ["revoke", "deny", "leave", "disable"])
def test_a_right_that_goes_away_in_between_refuses(people, between, verb, how):
    """A right lost between the first look and the write is a refusal, and nothing is written."""
    call, privilege, on = CALLS[verb]
    people.gates("user:ann")
    people.give("user:ann", MODEL, P.READ_METADATA)
    people.admin.add_member("role:lead", "user:ann")
    people.give("role:lead", on, privilege)
    ann = people("user:ann")
    events = {
        "revoke": lambda: people.admin.revoke("role:lead", privilege, on),
        "deny": lambda: people.admin.deny("user:ann", privilege, on),
        "leave": lambda: people.admin.remove_member("role:lead", "user:ann"),
        "disable": lambda: people.admin.update_principal("user:ann", enabled=False),
    }
    [[before]] = people.rows("SELECT count(*) FROM audit")
    between(events[how])
    with pytest.raises((PermissionDeniedError, NotFoundError)):
        call(ann)
    assert people.rows("SELECT count(*) FROM audit") == [(before + 1,)]


def test_what_has_the_name_by_then_is_what_is_asked_about(people, between):
    """A right on the thing that had the name does not write to the one that has it now."""
    people.gates("user:ann")
    people.give("user:ann", MODEL, P.MODIFY, P.READ_METADATA)
    ann = people("user:ann")

    def swap():
        people.admin.rename_registered_model(MODEL, "main.default.old")
        people.admin.create_registered_model(MODEL, comment="new")

    between(swap)
    with pytest.raises(NotFoundError):
        ann.update_registered_model(MODEL, comment="late")
    assert people.admin.get_registered_model(MODEL).comment == "new"
    assert people.admin.get_registered_model("main.default.old").comment == "c"
