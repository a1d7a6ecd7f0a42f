"""R14: alias slots are securables of their own."""

from __future__ import annotations

import pytest

from herdbook.errors import InvalidArgumentError, NotFoundError, PermissionDeniedError
from herdbook.testing.samples import register
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"
OTHER = "main.default.rose"


def test_a_slot_exists_whether_set_or_not(people):
    """A right on a slot can be given before the alias is ever set, and holds when it is."""
    people.gates("user:ann")
    people.give("user:ann", MODEL, P.READ_METADATA)
    people.give("user:ann", f"{MODEL}@next", P.SET_ALIAS)
    ann = people("user:ann")
    assert ann.set_registered_model_alias(f"{MODEL}@next", 1).version == 1
    assert ann.set_registered_model_alias(f"{MODEL}@NEXT", 1).version == 1
    ann.delete_registered_model_alias(f"{MODEL}@next")
    for call in (
        lambda: ann.set_registered_model_alias(f"{MODEL}@champion", 1),
        lambda: ann.delete_registered_model_alias(f"{MODEL}@champion"),
    ):
        with pytest.raises(PermissionDeniedError, match="SET_ALIAS on the alias"):
            call()


@pytest.mark.parametrize("on", [f"{MODEL}@champion", "main.default@champion", "main@champion"])
def test_it_takes_only_set_alias_and_approve(people, on):
    """Every other privilege is refused on a slot, as a grant and as a deny."""
    for privilege in P:
        for verb in (people.admin.grant, people.admin.deny):
            if privilege in (P.SET_ALIAS, P.APPROVE):
                assert str(verb("user:ann", privilege, on).securable) == on
            else:
                with pytest.raises(InvalidArgumentError, match="MODEL_ALIAS"):
                    verb("user:ann", privilege, on)


def test_lines_survive_the_alias_and_go_with_the_model(people):
    """Unsetting the alias leaves its lines; deleting the model keeps them inert, purging it ends them."""
    people.gates("user:ann")
    people.give("user:ann", MODEL, P.READ_METADATA)
    people.give("user:ann", f"{MODEL}@champion", P.SET_ALIAS)
    people.admin.delete_registered_model_alias(f"{MODEL}@champion")
    assert people.lines(f"{MODEL}@champion") == {("user:ann", "SET_ALIAS", "allow")}
    people("user:ann").set_registered_model_alias(f"{MODEL}@champion", 1)
    people("user:ann").delete_registered_model_alias(f"{MODEL}@champion")
    gone = people.admin.get_registered_model(MODEL).id
    people.admin.delete_registered_model(MODEL, force=True)
    assert people.rows("SELECT privilege FROM grants WHERE alias_key = 'champion' AND valid_to IS NULL") != []
    people.admin.purge_registered_model(gone)
    assert people.rows("SELECT privilege FROM grants WHERE alias_key = 'champion' AND valid_to IS NULL") == []


@pytest.mark.parametrize("container", ["main.default", "main"])
def test_slots_of_a_container_are_on_every_model_there_now_and_later(people, container):
    """`container@champion` names that alias on each model in it, those made later included, and no other alias."""
    people.gates("user:ann")
    people.give("user:ann", "main", P.READ_METADATA)
    people.give("user:ann", f"{container}@champion", P.SET_ALIAS)
    people.admin.create_registered_model(OTHER)
    register(people.admin, OTHER)
    ann = people("user:ann")
    for name in (MODEL, OTHER):
        assert ann.set_registered_model_alias(f"{name}@Champion", 1).version == 1
        with pytest.raises(PermissionDeniedError):
            ann.set_registered_model_alias(f"{name}@next", 1)


@pytest.mark.parametrize("on", [f"{MODEL}@champion", "main.default@champion", "main@champion"])
def test_a_deny_on_slots_binds_owners_there_alone(people, on):
    """An owner does not move a denied alias, from wherever the deny reaches it, and moves every other."""
    people.gates("user:ann")
    people.admin.transfer_ownership(MODEL, "user:ann")
    people.admin.deny("user:ann", P.SET_ALIAS, on)
    ann = people("user:ann")
    with pytest.raises(PermissionDeniedError, match="SET_ALIAS"):
        ann.delete_registered_model_alias(f"{MODEL}@champion")
    assert ann.set_registered_model_alias(f"{MODEL}@next", 1).version == 1


def test_a_slot_right_does_not_include_knowing_the_model(people, told):
    """Who has a slot right and may not know the model gets 404 like for what does not exist (R8), and changes nothing.

    Otherwise the right on `main.default@champion` would tell which models there are in the schema.
    """
    people.gates("user:ann")
    people.give("user:ann", "main.default@champion", P.SET_ALIAS)
    ann = people("user:ann")
    with pytest.raises(NotFoundError):
        ann.get_registered_model(MODEL)
    assert ann.search_registered_models().items == ()
    for verb in (
        lambda name: ann.set_registered_model_alias(f"{name}@champion", 1),
        lambda name: ann.set_registered_model_alias(f"{name}@champion", 99),
        lambda name: ann.delete_registered_model_alias(f"{name}@champion"),
        lambda name: ann.delete_registered_model_alias(f"{name}@champion", expected_current=99),
    ):
        hidden, missing = (
            told(lambda n=n, verb=verb: verb(n)).replace(n, "MODEL") for n in (MODEL, "main.default.nope")
        )
        assert hidden == missing
    assert people.admin.get_model_version_by_alias(f"{MODEL}@champion").version == 1
    people.give("user:ann", MODEL, P.BROWSE)
    ann.delete_registered_model_alias(f"{MODEL}@champion")
