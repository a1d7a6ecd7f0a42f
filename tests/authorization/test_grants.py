"""Grants and denials through the registry: who may give what, and what follows from it."""

from __future__ import annotations

import pytest

from herdbook.adapters.sql.reads import SqlReads
from herdbook.entities.ledger import Effect
from herdbook.errors import (
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from herdbook.names import PrincipalName
from herdbook.verdicts import Privilege

MODEL = "main.default.iris"


def pass_gates(admin, who):
    admin.grant(who, Privilege.USE_CATALOG, "main")
    admin.grant(who, Privilege.USE_SCHEMA, "main.default")


def test_a_grant_opens_and_a_revoke_closes(people):
    """Nothing is known before; gates and one privilege later the model is read; revoked, it is gone again."""
    admin, ann = people("admin"), people("user:ann")
    with pytest.raises(NotFoundError):
        ann.get_registered_model(MODEL)
    pass_gates(admin, "user:ann")
    assert ann.list_registered_models("main.default").items == ()
    made = admin.grant("user:ann", Privilege.READ_METADATA, MODEL, reason="asked for it")
    assert (made.principal, made.effect, str(made.securable)) == (PrincipalName.parse("user:ann"), Effect.ALLOW, MODEL)
    assert ann.get_registered_model(MODEL).latest_version == 1
    with pytest.raises(PermissionDeniedError, match="EXECUTE"):
        b"".join(ann.read_model_version_file(f"{MODEL}/1", "model.bin"))
    assert [str(m.name) for m in ann.list_registered_models("main.default").items] == [MODEL]
    assert admin.grant("user:ann", Privilege.READ_METADATA, MODEL).id == made.id
    assert admin.revoke("user:ann", Privilege.READ_METADATA, MODEL) == ()
    with pytest.raises(NotFoundError):
        ann.get_registered_model(MODEL)
    with pytest.raises(NotFoundError, match="no such line"):
        admin.revoke("user:ann", Privilege.READ_METADATA, MODEL)


def test_groups_and_roles_carry_rights(people):
    """Members of a group that has a role have what the role has, and a revoke says what still gives it."""
    admin, ann = people("admin"), people("user:ann")
    admin.add_member("group:team", "user:ann")
    admin.add_member("role:scientist", "group:team")
    pass_gates(admin, "role:scientist")
    admin.grant("role:scientist", Privilege.EXECUTE, "main")
    admin.grant("user:ann", Privilege.EXECUTE, MODEL)
    assert b"".join(ann.read_model_version_file(f"{MODEL}/1", "model.bin"))
    [still] = admin.revoke("user:ann", Privilege.EXECUTE, MODEL)
    assert [str(name) for name in still.through] == ["group:team", "role:scientist"]
    assert str(still.inherited_from) == "main"
    admin.remove_member("group:team", "user:ann")
    with pytest.raises(NotFoundError):
        ann.get_registered_model(MODEL)


def test_a_deny_beats_ownership_and_needs_the_container(people):
    """An owner is bound by a deny on a slot, cannot lift it, and the container's manager can (R5)."""
    admin, ann = people("admin"), people("user:ann")
    pass_gates(admin, "user:ann")
    admin.transfer_ownership(MODEL, "user:ann")
    admin.deny("user:ann", Privilege.SET_ALIAS, "main.default@champion")
    with pytest.raises(PermissionDeniedError, match="SET_ALIAS"):
        ann.delete_registered_model_alias(f"{MODEL}@champion")
    ann.set_registered_model_alias(f"{MODEL}@next", 1)
    with pytest.raises(PermissionDeniedError):
        ann.lift_deny("user:ann", Privilege.SET_ALIAS, "main.default@champion")
    with pytest.raises(PermissionDeniedError):
        ann.deny("user:bob", Privilege.EXECUTE, MODEL)
    with pytest.raises(PermissionDeniedError):
        ann.grant("user:bob", Privilege.APPROVE, MODEL)
    with pytest.raises(PermissionDeniedError):
        ann.grant("user:bob", Privilege.BROWSE, MODEL)
    ann.grant("user:bob", Privilege.EXECUTE, MODEL)
    admin.lift_deny("user:ann", Privilege.SET_ALIAS, "main.default@champion")
    ann.delete_registered_model_alias(f"{MODEL}@champion")


def test_browse_shows_without_gates(people):
    """BROWSE lets a model be known, listed and shown by name, comment and tags, without the gates (R7)."""
    admin, ann = people("admin"), people("user:ann")
    admin.grant("user:ann", Privilege.BROWSE, MODEL)
    with pytest.raises(PermissionDeniedError, match="USE_CATALOG"):
        ann.get_registered_model(MODEL)
    [seen] = ann.search_registered_models().items
    assert (str(seen.name), seen.comment, seen.tags) == (MODEL, "c", {"a": "b"})
    assert (seen.owner, seen.aliases, seen.latest_version) == (None, {}, None)
    assert ann.search_registered_models("alias = 'champion'").items == ()


def test_what_can_be_granted_where(people):
    """Each privilege has its levels, and the error says which."""
    admin = people("admin")
    for privilege, securable in (
        (Privilege.EXECUTE, "metastore:"),
        (Privilege.CREATE_SCHEMA, "main.default"),
        (Privilege.USE_CATALOG, MODEL),
        (Privilege.EXECUTE, f"{MODEL}@champion"),
        (Privilege.CREATE_CATALOG, "main"),
    ):
        with pytest.raises(InvalidArgumentError, match="cannot be granted"):
            admin.grant("user:ann", privilege, securable)
    with pytest.raises(InvalidArgumentError, match="no privilege"):
        admin.grant("user:ann", "SUPERUSER", MODEL)
    with pytest.raises(NotFoundError, match="user:nobody"):
        admin.grant("user:nobody", Privilege.EXECUTE, MODEL)


def test_the_last_admin_stays(people):
    """No revoke, denial, disabling, deletion or membership leaves nobody (R3)."""
    admin = people("admin")
    founder = str(admin.get_current_principal().name)
    for call in (
        lambda: admin.revoke(founder, Privilege.MANAGE, "metastore:"),
        lambda: admin.deny(founder, Privilege.MANAGE, "metastore:"),
        lambda: admin.deny(founder, Privilege.READ_METADATA, "metastore:"),
        lambda: admin.update_principal(founder, enabled=False),
        lambda: admin.delete_principal(founder),
    ):
        with pytest.raises(ConflictError, match="Nobody would be metastore admin"):
            call()
    admin.deny("group:team", Privilege.ALL_PRIVILEGES, "metastore:")
    with pytest.raises(ConflictError, match="Nobody would be metastore admin"):
        admin.add_member("group:team", founder)
    assert admin.get_principal(founder).enabled
    admin.grant("user:ann", Privilege.MANAGE, "metastore:")
    people("user:ann").delete_principal(founder)
    with pytest.raises(NotFoundError):
        admin.get_registered_model(MODEL)


def test_revoking_all_privileges_takes_nearly_all(people):
    """Individual lines go too, except MANAGE, APPROVE and BROWSE (R40)."""
    admin = people("admin")
    for privilege in (
        Privilege.ALL_PRIVILEGES,
        Privilege.EXECUTE,
        Privilege.MANAGE,
        Privilege.BROWSE,
        Privilege.APPROVE,
    ):
        admin.grant("user:ann", privilege, MODEL)
    admin.revoke("user:ann", Privilege.ALL_PRIVILEGES, MODEL)
    left = {grant.privilege for grant in admin.list_grants(MODEL, principal="user:ann").items}
    assert left == {Privilege.MANAGE, Privilege.BROWSE, Privilege.APPROVE}


def test_who_may_ask_about_whom(people):
    """Others' lines are shown to managers; everyone sees one's own (R13)."""
    admin, ann, bob = people("admin"), people("user:ann"), people("user:bob")
    for who in ("user:ann", "user:bob"):
        pass_gates(admin, who)
        admin.grant(who, Privilege.EXECUTE, MODEL)
    assert len(admin.list_grants(MODEL).items) == 2
    assert [str(g.principal) for g in ann.list_grants(MODEL).items] == ["user:ann"]
    assert len(ann.list_effective_grants(MODEL).items) == 3
    with pytest.raises(PermissionDeniedError):
        bob.list_effective_grants(MODEL, principal="user:ann")
    assert len(admin.list_effective_grants(MODEL, principal="user:ann").items) == 3
    with pytest.raises(PermissionDeniedError):
        ann.grant("user:ann", Privilege.MANAGE, MODEL)
    with pytest.raises(UnauthenticatedError):
        people("group:team")


def test_principals_are_for_admins(people):
    """Only a metastore admin makes, changes and lists principals; nesting has no circles and ends at 8 (R20)."""
    admin, ann = people("admin"), people("user:ann")
    for call in (ann.list_principals, lambda: ann.create_principal("user:x")):
        with pytest.raises(PermissionDeniedError):
            call()
    names = [str(p.name) for p in admin.list_principals(max_results=4).items]
    assert names == ["group:okta/risk", "group:team", "role:lead", "role:scientist"]
    admin.add_member("role:lead", "role:scientist")
    with pytest.raises(InvalidArgumentError, match="itself"):
        admin.add_member("role:scientist", "role:lead")
    for group, member in (("user:ann", "user:bob"), ("group:okta/x", "user:ann"), ("group:team", "group:okta/x")):
        with pytest.raises(InvalidArgumentError):
            admin.add_member(group, member)
    for number in range(9):
        admin.create_principal(f"role:r{number}")
    for number in range(8):
        admin.add_member(f"role:r{number + 1}", f"role:r{number}")
    admin.create_principal("role:r9")
    with pytest.raises(InvalidArgumentError, match="9 deep"):
        admin.add_member("role:r9", "role:r8")
    assert [str(m.name) for m in admin.list_members("role:lead").items] == ["role:scientist"]
    admin.update_principal("user:bob", enabled=False)
    with pytest.raises(Exception, match="disabled"):
        people("user:bob")
    admin.delete_principal("role:scientist")
    assert admin.list_members("role:lead").items == ()


def test_who_does_not_manage_learns_no_denials(people):
    """One's own lines are shown without what is denied, and another's name is not told to be known or not (R13)."""
    admin, ann = people("admin"), people("user:ann")
    pass_gates(admin, "user:ann")
    admin.grant("user:ann", Privilege.EXECUTE, MODEL)
    admin.deny("user:ann", Privilege.SET_ALIAS, MODEL)
    admin.deny("user:ann", Privilege.APPROVE, "main")
    assert [grant.effect for grant in ann.list_grants(MODEL).items] == [Effect.ALLOW]
    assert {found.grant.effect for found in ann.list_effective_grants(MODEL).items} == {Effect.ALLOW}
    assert ann.list_grants(MODEL, principal="user:bob").items == ()
    assert ann.list_grants(MODEL, principal="user:nobody").items == ()
    assert len(admin.list_effective_grants(MODEL, principal="user:ann").items) == 5


def test_no_grant_reads_the_whole_policy(people, monkeypatch):
    """Giving and taking read the lines that they are about: nobody else changes anything meanwhile."""
    admin = people("admin")
    admin.grant("user:ann", Privilege.USE_CATALOG, "main")

    def snapshot(_):
        raise AssertionError("all lines were read")

    monkeypatch.setattr(SqlReads, "snapshot", snapshot)
    admin.grant("user:ann", Privilege.READ_METADATA, MODEL)
    assert admin.revoke("user:ann", Privilege.READ_METADATA, MODEL) == ()
    admin.deny("user:ann", Privilege.EXECUTE, MODEL)
    assert admin.lift_deny("user:ann", Privilege.EXECUTE, MODEL) == ()
