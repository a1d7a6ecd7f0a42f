"""R31: lines of what is deleted, restored and purged."""

from __future__ import annotations

import pytest

from herdbook.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError, PermissionDeniedError
from herdbook.verdicts import Privilege, SecurableKind

P = Privilege
MODEL = "main.default.iris"
LEVELS = {
    "catalog": ("lab", "lab"),
    "schema": ("lab", "lab.own"),
    "registered_model": ("lab", "lab.own.m"),
}


@pytest.fixture
def lab(people):
    """Return the people; on everything in the catalog `lab`, slots included, ann has a line, and a deny."""
    people.admin.create_catalog("lab")
    people.admin.create_schema("lab.own")
    people.admin.create_registered_model("lab.own.m")
    people.gates("user:ann", catalog="lab")
    for on in ("lab", "lab.own", "lab.own.m"):
        people.give("user:ann", on, P.READ_METADATA)
        people.give("user:ann", f"{on}@champion", P.SET_ALIAS)
        people.admin.deny("user:ann", P.MODIFY, on)
    return people


def in_force(people):
    """Return how many lines of ann are in force."""
    [[count]] = people.rows(
        "SELECT count(*) FROM grants g JOIN principals p ON p.id = g.principal_id "
        "WHERE p.key = 'user:ann' AND g.valid_to IS NULL"
    )
    return count


def delete(people, kind, name):
    """Delete something and return its id."""
    found = getattr(people.admin, f"get_{kind}")(name).id
    getattr(people.admin, f"delete_{kind}")(name, force=True)
    return found


@pytest.mark.parametrize("kind", LEVELS)
def test_deleting_frees_the_name_and_lines_stay_inert(lab, kind):
    """Lines are kept and give nothing: neither on what is gone nor on what has its name now."""
    name, before = LEVELS[kind][1], in_force(lab)
    gone = delete(lab, kind, name)
    assert in_force(lab) == before
    with pytest.raises(NotFoundError):
        lab("user:ann").get_registered_model("lab.own.m")
    if kind == "catalog":
        lab.admin.create_catalog("lab")
    if kind != "registered_model":
        lab.admin.create_schema("lab.own")
    lab.admin.create_registered_model("lab.own.m")
    fresh = {"registered_model": {P.READ_METADATA}, "schema": {P.READ_METADATA}, "catalog": set()}[kind]
    held = {each for each in (P.READ_METADATA, P.EXECUTE, P.MANAGE) if lab.may("user:ann", each, "lab.own.m")}
    assert held == fresh
    assert lab.lines(name) == set()
    with pytest.raises(AlreadyExistsError):
        getattr(lab.admin, f"restore_{kind}")(gone)


@pytest.mark.parametrize("kind", LEVELS)
def test_they_return_with_restore(lab, kind):
    """A restore brings every right and every deny back, under another name as well."""
    name = LEVELS[kind][1]
    gone = delete(lab, kind, name)
    new = f"{name}2"
    getattr(lab.admin, f"restore_{kind}")(gone, new_name=new)
    model = "lab.own.m".replace(name, new, 1)
    assert lab("user:ann").get_registered_model(model).owner == "user:os/founder"
    assert lab.may("user:ann", P.SET_ALIAS, f"{model}@champion")
    lab.give("user:ann", model, P.MODIFY)
    assert not lab.may("user:ann", P.MODIFY, model)
    assert lab.lines(new) >= {("user:ann", "READ_METADATA", "allow"), ("user:ann", "MODIFY", "deny")}


@pytest.mark.parametrize("kind", LEVELS)
def test_they_end_at_purge(lab, kind):
    """A purge ends the lines on the thing and on all inside, slots included, and no others; on record, in one revision.

    The authorizer, which has decided by them before, drops them too.
    """
    before = in_force(lab)
    name = LEVELS[kind][1]
    depth = name.count(".")
    gone = delete(lab, kind, name)
    [[revision]] = lab.rows("SELECT policy_revision FROM metastore")
    getattr(lab.admin, f"purge_{kind}")(gone)
    ended = 3 * (3 - depth) + (2 if kind == "catalog" else 0)
    assert in_force(lab) == before - ended
    assert lab.rows("SELECT policy_revision FROM metastore") == [(revision + 1,)]
    assert lab.rows(
        "SELECT count(*), min(added), max(added) FROM policy_changes WHERE revision > :revision", revision=revision
    ) == [(ended, 0, 0)]
    lab.admin.list_catalogs()
    lines = lab.metastore.core.gate.authority._authorizer._state.index.lines
    people = [row[0] for row in lab.rows("SELECT DISTINCT principal_id FROM grants")]
    assert any(lines.of(who) for who in people)
    assert not any(gone in str(key) for who in people for key in lines.of(who))


def test_a_purge_of_what_has_no_line_is_no_revision(people):
    """Nothing about rights changes where no line ends."""
    people.admin.create_registered_model("main.default.bare")
    gone = delete(people, "registered_model", "main.default.bare")
    before = people.rows("SELECT policy_revision FROM metastore")
    people.admin.purge_registered_model(gone)
    assert people.rows("SELECT policy_revision FROM metastore") == before


def test_lines_of_what_went_to_the_trash_before_its_container_end_too(lab):
    """A model that was deleted by itself is purged with its schema, and its lines end with it."""
    delete(lab, "registered_model", "lab.own.m")
    gone = delete(lab, "schema", "lab.own")
    lab.admin.purge_schema(gone)
    assert lab.rows("SELECT count(*) FROM grants WHERE securable_kind = 'REGISTERED_MODEL' AND valid_to IS NULL") == [
        (0,)
    ]


def test_restore_needs_manage_and_the_right_to_create(lab):
    """Either alone restores nothing; who may not know the thing gets 404 for its id as for any other."""
    gone = delete(lab, "registered_model", "lab.own.m")
    lab.give("user:ann", "lab.own", P.CREATE_MODEL)
    with pytest.raises(PermissionDeniedError, match="MANAGE"):
        lab("user:ann").restore_registered_model(gone)
    lab.give("user:ann", "lab.own", P.MANAGE)
    lab.admin.revoke("user:ann", P.CREATE_MODEL, "lab.own")
    with pytest.raises(PermissionDeniedError, match="CREATE_MODEL"):
        lab("user:ann").restore_registered_model(gone)
    lab.gates("user:bob", catalog="lab")
    with pytest.raises(NotFoundError):
        lab("user:bob").restore_registered_model(gone)
    lab.give("user:ann", "lab.own", P.CREATE_MODEL)
    assert str(lab("user:ann").restore_registered_model(gone).name) == "lab.own.m"


def test_purge_needs_manage_on_the_container(lab):
    """MANAGE on the thing itself purges nothing."""
    lab.give("user:ann", "lab.own.m", P.MANAGE)
    gone = delete(lab, "registered_model", "lab.own.m")
    with pytest.raises(PermissionDeniedError, match="MANAGE on the schema"):
        lab("user:ann").purge_registered_model(gone)
    lab.give("user:ann", "lab.own", P.MANAGE)
    lab("user:ann").purge_registered_model(gone)


def test_a_deleted_principal_has_no_line_left_in_the_trash(lab):
    """What is inert in the trash ends with its principal like any line (R25)."""
    gone = delete(lab, "registered_model", "lab.own.m")
    lab.admin.delete_principal("user:ann")
    lab.admin.restore_registered_model(gone)
    assert lab.rows("SELECT count(*) FROM grants WHERE securable_id = :id AND valid_to IS NULL", id=gone) == [(0,)]
    assert lab.chain("lab.own.m").object.kind is SecurableKind.REGISTERED_MODEL


@pytest.mark.parametrize("kind", LEVELS)
def test_lines_in_the_trash_can_be_revoked(lab, kind):
    """By the id of what is in the trash; what is revoked there does not return with it, the rest does."""
    name = LEVELS[kind][1]
    gone = delete(lab, kind, name)
    on = f"deleted:{gone}"
    assert len(lab.admin.list_grants(on).items) == (4 if kind == "catalog" else 2)
    lab.admin.revoke("user:ann", P.READ_METADATA, on)
    lab.admin.revoke("user:ann", P.SET_ALIAS, f"{on}@Champion")
    lab.admin.lift_deny("user:ann", P.MODIFY, on)
    for verb in (lab.admin.grant, lab.admin.deny):
        with pytest.raises(InvalidArgumentError):
            verb("user:ann", P.READ_METADATA, on)
    with pytest.raises((NotFoundError, PermissionDeniedError)):
        lab("user:ann").revoke("user:bob", P.READ_METADATA, on)
    with pytest.raises(NotFoundError):
        lab.admin.revoke("user:ann", P.READ_METADATA, f"deleted:{'0' * 32}")
    getattr(lab.admin, f"restore_{kind}")(gone)
    left = {grant.privilege for grant in lab.admin.list_grants(name).items}
    assert left == ({P.USE_CATALOG, P.USE_SCHEMA} if kind == "catalog" else set())
    assert lab.admin.list_grants(f"{name}@champion").items == ()
