"""R10: what a rename changes and needs."""

from __future__ import annotations

import pytest

from herdbook.errors import InvalidArgumentError, PermissionDeniedError
from herdbook.verdicts import Privilege

P = Privilege
MODEL = "main.default.iris"


@pytest.mark.parametrize(
    ("kind", "old", "new", "create", "container"),
    [
        ("catalog", "main", "trunk", P.CREATE_CATALOG, "metastore:"),
        ("schema", "main.default", "main.other", P.CREATE_SCHEMA, "main"),
        ("registered_model", MODEL, "main.default.rose", P.CREATE_MODEL, "main.default"),
    ],
)
def test_a_rename_needs_manage_and_the_right_to_create(people, kind, old, new, create, container):
    """Either of the two alone renames nothing."""
    people.gates("user:ann", "user:bob")
    people.give("user:ann", old, P.MANAGE)
    people.give("user:bob", container, create)
    people.give("user:bob", old, P.READ_METADATA)
    for name, lacks in (("user:ann", create), ("user:bob", P.MANAGE)):
        with pytest.raises(PermissionDeniedError, match=lacks.value):
            getattr(people(name), f"rename_{kind}")(old, new)
    people.give("user:ann", container, create)
    assert str(getattr(people("user:ann"), f"rename_{kind}")(old, new).name) == new


@pytest.mark.parametrize("new", ["main.other.iris", "other.default.iris"])
def test_nothing_moves_between_containers(people, new):
    """A rename changes the last level only, for whoever asks."""
    people.admin.create_schema("main.other")
    people.admin.create_catalog("other")
    people.admin.create_schema("other.default")
    with pytest.raises(InvalidArgumentError, match="last level"):
        people.admin.rename_registered_model(MODEL, new)


def test_rights_stay_with_the_thing(people):
    """A rename at any level neither gives nor takes a right, and the old name carries none of them."""
    people.gates("user:ann")
    people.give("user:ann", MODEL, P.EXECUTE)
    people.admin.deny("user:ann", P.SET_ALIAS, f"{MODEL}@champion")
    people.admin.grant("user:ann", P.SET_ALIAS, MODEL)
    people.admin.rename_registered_model(MODEL, "main.default.rose")
    people.admin.rename_schema("main.default", "main.garden")
    people.admin.rename_catalog("main", "trunk")
    ann, now = people("user:ann"), "trunk.garden.rose"
    assert b"".join(ann.read_model_version_file(f"{now}/1", "model.bin"))
    with pytest.raises(PermissionDeniedError, match="SET_ALIAS"):
        ann.set_registered_model_alias(f"{now}@champion", 1)
    ann.set_registered_model_alias(f"{now}@next", 1)
    people.admin.create_catalog("main")
    people.admin.create_schema("main.default")
    people.admin.create_registered_model(MODEL)
    assert not people.may("user:ann", P.EXECUTE, MODEL)
    assert [str(model.name) for model in ann.search_registered_models().items] == [now]


def test_a_change_of_case_is_a_rename_of_the_same_thing(people):
    """It needs the same rights, meets no taken name, and keeps id and lines."""
    people.gates("user:ann")
    people.give("user:ann", MODEL, P.MANAGE)
    with pytest.raises(PermissionDeniedError, match="CREATE_MODEL"):
        people("user:ann").rename_registered_model(MODEL, "main.default.Iris")
    before = people.admin.get_registered_model(MODEL).id
    people.give("user:ann", "main.default", P.CREATE_MODEL)
    after = people("user:ann").rename_registered_model(MODEL, "main.default.IRIS")
    assert (str(after.name), after.id) == ("main.default.IRIS", before)
    assert ("user:ann", "MANAGE", "allow") in people.lines(MODEL)
