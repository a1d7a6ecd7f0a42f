"""R13: who may ask about whom, and what a denial tells."""

from __future__ import annotations

import pytest

from herdbook.errors import NotFoundError, PermissionDeniedError
from herdbook.verdicts import Privilege, SecurableKind

P = Privilege
MODEL = "main.default.iris"


@pytest.fixture
def shared(people):
    """Return the people; ann and bob read the model, ann through a group as well."""
    people.gates("user:ann", "user:bob")
    people.give("user:ann", MODEL, P.READ_METADATA)
    people.give("user:bob", MODEL, P.EXECUTE)
    people.admin.add_member("group:team", "user:ann")
    people.give("group:team", MODEL, P.MODIFY)
    return people


def seen(page):
    """Return whose lines a page shows."""
    return {(str(line.principal), line.privilege) for line in page.items}


def test_one_sees_only_ones_own_lines(shared):
    """Without MANAGE or READ_AUDIT there, only lines to oneself and one's groups are shown, whatever is asked."""
    ann = shared("user:ann")
    own = {("user:ann", P.READ_METADATA), ("group:team", P.MODIFY)}
    assert seen(ann.list_grants(MODEL)) == own
    assert seen(ann.list_grants(MODEL, principal="user:bob")) == set()
    assert seen(ann.list_grants(MODEL, principal="group:team")) == {("group:team", P.MODIFY)}
    reaching = {(str(found.grant.principal), found.grant.privilege) for found in ann.list_effective_grants(MODEL).items}
    assert reaching == own | {("user:ann", P.USE_CATALOG), ("user:ann", P.USE_SCHEMA)}
    with pytest.raises(PermissionDeniedError, match="MANAGE"):
        ann.list_effective_grants(MODEL, principal="user:bob")
    assert ann.list_effective_grants(MODEL, principal="user:ann") == ann.list_effective_grants(MODEL)


@pytest.mark.parametrize(("privilege", "on"), [(P.MANAGE, MODEL), (P.READ_AUDIT, "main"), (P.READ_AUDIT, "metastore:")])
def test_manage_there_or_read_audit_shows_everyones(shared, privilege, on):
    """MANAGE on the thing, or READ_AUDIT that reaches it, shows foreign lines."""
    shared.give("user:ann", on, privilege)
    ann = shared("user:ann")
    assert ("user:bob", P.EXECUTE) in seen(ann.list_grants(MODEL))
    found = ann.list_effective_grants(MODEL, principal="user:bob").items
    assert P.EXECUTE in {each.grant.privilege for each in found}


def test_only_for_what_one_may_know(shared):
    """Lines on what the caller may not know are not told, one's own included."""
    shared.admin.deny("user:ann", P.BROWSE, MODEL)
    for verb in ("list_grants", "list_effective_grants"):
        with pytest.raises(NotFoundError):
            getattr(shared("user:ann"), verb)(MODEL)


def test_a_denial_names_privilege_level_and_whom_to_ask(shared):
    """The refusal says what is missing, where, and who can give it; as words and as data."""
    with pytest.raises(PermissionDeniedError) as caught:
        shared("user:ann").read_model_version_file(f"{MODEL}/1", "model.bin")
    assert f"it needs EXECUTE on the registered model {MODEL}" in caught.value.message
    assert "user:os/founder" in caught.value.hint
    decision = caught.value.decision
    assert (decision.privilege, decision.kind, decision.securable) == (P.EXECUTE, SecurableKind.REGISTERED_MODEL, MODEL)
    assert decision.ask == ("user:os/founder",)


def test_a_denial_does_not_tell_a_deny_to_who_does_not_manage(shared, told):
    """Who is denied reads that a denial stands in the way, and neither whom it names nor its line; a manager does."""
    shared.give("user:ann", MODEL, P.EXECUTE)
    line = shared.admin.deny("group:team", P.EXECUTE, MODEL)
    denied = told(lambda: shared("user:ann").read_model_version_file(f"{MODEL}/1", "model.bin"))
    assert "a denial stands in the way" in denied
    assert line.id not in denied
    told_to_manager = repr(shared.admin.explain("read_model_version_file", MODEL, principal="user:ann"))
    assert line.id in told_to_manager
    assert "team" not in denied
