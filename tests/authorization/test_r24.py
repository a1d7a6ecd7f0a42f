"""R24: a token's scope cuts its principal's rights."""

from __future__ import annotations

import pytest

from herdbook.errors import NotFoundError, PermissionDeniedError
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"


def test_privileges_are_cut(people):
    """Only those of the scope remain, and what they include; ALL_PRIVILEGES stands for what it always does."""
    read = people("user:os/founder", scope=({P.READ_METADATA}, MODEL))
    assert read.get_model_version(f"{MODEL}/1").version == 1
    run = people("user:os/founder", scope=({P.EXECUTE}, MODEL))
    assert run.get_model_version(f"{MODEL}/1").version == 1
    assert b"".join(run.read_model_version_file(f"{MODEL}/1", "model.bin"))
    every = people.caller("user:os/founder", ({P.ALL_PRIVILEGES}, "metastore:"))
    assert people.may(every, P.MODIFY, MODEL)
    assert not people.may(every, P.MANAGE, MODEL)
    for call in (
        lambda: read.read_model_version_file(f"{MODEL}/1", "model.bin"),
        lambda: read.update_registered_model(MODEL, comment="x"),
        lambda: read.delete_registered_model_alias(f"{MODEL}@champion"),
    ):
        with pytest.raises(PermissionDeniedError):
            call()


def test_ownership_and_admin_are_cut(people):
    """A scope without MANAGE leaves its owner's and admin's token no grant, no transfer and no principals."""
    cut = people("user:os/founder", scope=(set(P) - {P.MANAGE}, "metastore:"))
    for call in (
        lambda: cut.grant("user:ann", P.EXECUTE, MODEL),
        lambda: cut.transfer_ownership(MODEL, "user:ann"),
        lambda: cut.delete_registered_model(MODEL, force=True),
        lambda: cut.create_principal("user:new"),
        cut.list_principals,
    ):
        with pytest.raises(PermissionDeniedError, match="MANAGE"):
            call()
    below = people("user:os/founder", scope=(set(P), "main"))
    below.grant("user:ann", P.EXECUTE, MODEL)
    with pytest.raises(PermissionDeniedError, match="MANAGE on the metastore"):
        below.create_principal("user:new")
    with pytest.raises(PermissionDeniedError, match="MANAGE on the metastore"):
        below.deny("user:ann", P.EXECUTE, "main")


def test_gates_on_the_way_are_implied(people):
    """A scope on a model needs no gate in it; its principal still needs to have the gates."""
    people.give("user:ann", MODEL, P.READ_METADATA)
    cut = people("user:ann", scope=({P.READ_METADATA}, MODEL))
    with pytest.raises(NotFoundError):
        cut.get_registered_model(MODEL)
    people.gates("user:ann")
    assert cut.get_registered_model(MODEL).latest_version == 1


def test_nothing_outside_is_known(people, told):
    """What lies beside or above the scope answers like what does not exist, and is in no list."""
    people.admin.create_registered_model("main.default.rose")
    people.admin.create_schema("main.other")
    cut = people("user:os/founder", scope=(set(P), MODEL))
    for verb, hidden, missing in (
        (cut.get_registered_model, "main.default.rose", "main.default.nope"),
        (cut.get_schema, "main.default", "main.nope"),
        (cut.get_schema, "main.other", "main.nope"),
        (cut.get_catalog, "main", "nope"),
        (cut.list_registered_models, "main.default", "main.nope"),
        (lambda name: cut.create_registered_model(f"{name}.x"), "main.default", "main.nope"),
    ):
        assert told(lambda v=verb, h=hidden: v(h)).replace(hidden, "X") == told(lambda v=verb, m=missing: v(m)).replace(
            missing, "X"
        )
    assert cut.list_catalogs().items == ()
    assert [str(model.name) for model in cut.search_registered_models().items] == [MODEL]


@pytest.mark.parametrize("privilege", [P.READ_METADATA, P.MODIFY, P.SET_ALIAS, P.CREATE_MODEL_VERSION, P.MANAGE])
def test_a_scope_gives_nothing(people, privilege):
    """What its principal does not have, a token that names it does not have either."""
    people.gates("user:ann")
    cut = people.caller("user:ann", ({privilege}, MODEL))
    assert not people.may(cut, privilege, MODEL)
    people.give("user:ann", MODEL, privilege)
    assert people.may(cut, privilege, MODEL)
    people.admin.deny("user:ann", privilege, "main")
    assert not people.may(cut, privilege, MODEL)


def test_what_shows_a_container_is_shown_no_further(people):
    """A token that only browses a catalog, whose gate its principal passes, is shown its name and no owner."""
    people.give("user:ann", "main", P.USE_CATALOG, P.BROWSE)
    found = people("user:ann", scope=({P.BROWSE}, "main")).get_catalog("main")
    assert (str(found.name), found.owner) == ("main", None)
