"""Each verb through the registry: refused with every privilege but the sufficient one, done with that one more."""

from __future__ import annotations

import io
from contextlib import nullcontext

import pytest

from herdbook.entities import FileStat, Manifest
from herdbook.entities.files import FileEntry
from herdbook.errors import InvalidArgumentError, PermissionDeniedError
from herdbook.policy.granting import GRANTABLE
from herdbook.policy.operations import OPERATIONS, AlsoNeeds
from herdbook.policy.privileges import given_by
from herdbook.ports.registry import FileUpload
from herdbook.service import GovernedRegistry
from herdbook.verdicts import Operation, Privilege, SecurableKind

P = Privilege
K = SecurableKind
Op = Operation
READS = {P.EXECUTE, P.MANAGE, P.APPROVE, P.READ_METADATA}
MODEL = "main.default.iris"
ENTRY = FileEntry(path="a", size=1, sha256="0" * 64)
FURTHER = {
    AlsoNeeds.CREATE_IN_CONTAINER: {
        Op.RENAME_CATALOG: (P.CREATE_CATALOG, "metastore:"),
        Op.RESTORE_CATALOG: (P.CREATE_CATALOG, "metastore:"),
        Op.RENAME_SCHEMA: (P.CREATE_SCHEMA, "main"),
        Op.RESTORE_SCHEMA: (P.CREATE_SCHEMA, "main"),
        Op.RENAME_REGISTERED_MODEL: (P.CREATE_MODEL, "main.default"),
        Op.RESTORE_REGISTERED_MODEL: (P.CREATE_MODEL, "main.default"),
        Op.RESTORE_MODEL_VERSION: (P.CREATE_MODEL_VERSION, MODEL),
    }
}
# Each verb of the port with a need, through the registry: where its need is met, and a call that then succeeds.
VERBS = {
    Op.CREATE_CATALOG: ("metastore:", lambda r, t: r.create_catalog("fresh")),
    Op.UPDATE_CATALOG: ("main", lambda r, t: r.update_catalog("main", comment="x")),
    Op.RENAME_CATALOG: ("main", lambda r, t: r.rename_catalog("main", "fresh")),
    Op.DELETE_CATALOG: ("bare", lambda r, t: r.delete_catalog("bare")),
    Op.RESTORE_CATALOG: ("gone", lambda r, t: r.restore_catalog(t["CATALOG"])),
    Op.PURGE_CATALOG: ("metastore:", lambda r, t: r.purge_catalog(t["CATALOG"])),
    Op.CREATE_SCHEMA: ("main", lambda r, t: r.create_schema("main.fresh")),
    Op.UPDATE_SCHEMA: ("main.default", lambda r, t: r.update_schema("main.default", comment="x")),
    Op.RENAME_SCHEMA: ("main.default", lambda r, t: r.rename_schema("main.default", "main.fresh")),
    Op.DELETE_SCHEMA: ("main.bare", lambda r, t: r.delete_schema("main.bare")),
    Op.RESTORE_SCHEMA: ("main", lambda r, t: r.restore_schema(t["SCHEMA"])),
    Op.PURGE_SCHEMA: ("main", lambda r, t: r.purge_schema(t["SCHEMA"])),
    Op.CREATE_REGISTERED_MODEL: ("main.default", lambda r, t: r.create_registered_model("main.default.fresh")),
    Op.GET_REGISTERED_MODEL: (MODEL, lambda r, t: r.get_registered_model(MODEL)),
    Op.UPDATE_REGISTERED_MODEL: (MODEL, lambda r, t: r.update_registered_model(MODEL, comment="x")),
    Op.RENAME_REGISTERED_MODEL: (MODEL, lambda r, t: r.rename_registered_model(MODEL, "main.default.fresh")),
    Op.DELETE_REGISTERED_MODEL: ("main.default.bare", lambda r, t: r.delete_registered_model("main.default.bare")),
    Op.RESTORE_REGISTERED_MODEL: ("main.default", lambda r, t: r.restore_registered_model(t["REGISTERED_MODEL"])),
    Op.PURGE_REGISTERED_MODEL: ("main.default", lambda r, t: r.purge_registered_model(t["REGISTERED_MODEL"])),
    Op.UPLOAD_PLAN: (MODEL, lambda r, t: r.upload_plan(MODEL, [FileStat(path="a", size=1)])),
    Op.CREATE_MODEL_VERSION: (MODEL, lambda r, t: r.create_model_version(MODEL)),
    Op.GET_MODEL_VERSION: (MODEL, lambda r, t: r.get_model_version(f"{MODEL}/1")),
    Op.LIST_MODEL_VERSIONS: (MODEL, lambda r, t: r.list_model_versions(MODEL)),
    Op.UPDATE_MODEL_VERSION: (MODEL, lambda r, t: r.update_model_version(f"{MODEL}/1", comment="x")),
    Op.DELETE_MODEL_VERSION: (MODEL, lambda r, t: r.delete_model_version(f"{MODEL}/3")),
    Op.RESTORE_MODEL_VERSION: (MODEL, lambda r, t: r.restore_model_version(f"{MODEL}/2")),
    Op.PURGE_MODEL_VERSION: ("main.default", lambda r, t: r.purge_model_version(f"{MODEL}/2")),
    Op.LIST_MODEL_VERSION_FILES: (MODEL, lambda r, t: r.list_model_version_files(f"{MODEL}/1")),
    Op.READ_MODEL_VERSION_FILE: (MODEL, lambda r, t: b"".join(r.read_model_version_file(f"{MODEL}/1", "model.bin"))),
    Op.SET_REGISTERED_MODEL_ALIAS: (f"{MODEL}@a", lambda r, t: r.set_registered_model_alias(f"{MODEL}@a", 1)),
    Op.DELETE_REGISTERED_MODEL_ALIAS: (
        f"{MODEL}@champion",
        lambda r, t: r.delete_registered_model_alias(f"{MODEL}@champion"),
    ),
    Op.GET_MODEL_VERSION_BY_ALIAS: (MODEL, lambda r, t: r.get_model_version_by_alias(f"{MODEL}@champion")),
    Op.LIST_REGISTERED_MODEL_ALIASES: (MODEL, lambda r, t: r.list_registered_model_aliases(MODEL)),
    Op.LIST_ALIAS_HISTORY: (MODEL, lambda r, t: r.list_alias_history(f"{MODEL}@champion")),
    Op.SET_REGISTERED_MODEL_TAG: (MODEL, lambda r, t: r.set_registered_model_tag(MODEL, "k", "v")),
    Op.DELETE_REGISTERED_MODEL_TAG: (MODEL, lambda r, t: r.delete_registered_model_tag(MODEL, "a")),
    Op.SET_MODEL_VERSION_TAG: (MODEL, lambda r, t: r.set_model_version_tag(f"{MODEL}/1", "k", "v")),
    Op.DELETE_MODEL_VERSION_TAG: (MODEL, lambda r, t: r.delete_model_version_tag(f"{MODEL}/1", "t")),
    Op.LIST_DELETED: (MODEL, lambda r, t: r.list_deleted(MODEL)),
    Op.TRANSFER_OWNERSHIP: (MODEL, lambda r, t: r.transfer_ownership(MODEL, "user:bob")),
    Op.GRANT: (MODEL, lambda r, t: r.grant("user:bob", P.EXECUTE, MODEL)),
    Op.REVOKE: (MODEL, lambda r, t: r.revoke("service:bot", P.EXECUTE, MODEL)),
    Op.DENY: ("main.default", lambda r, t: r.deny("user:bob", P.EXECUTE, MODEL)),
    Op.LIFT_DENY: ("main.default", lambda r, t: r.lift_deny("service:bot", P.MODIFY, MODEL)),
    Op.CREATE_PRINCIPAL: ("metastore:", lambda r, t: r.create_principal("user:new")),
    Op.GET_PRINCIPAL: ("metastore:", lambda r, t: r.get_principal("user:bob")),
    Op.LIST_PRINCIPALS: ("metastore:", lambda r, t: r.list_principals()),
    Op.UPDATE_PRINCIPAL: ("metastore:", lambda r, t: r.update_principal("user:bob", enabled=False)),
    Op.DELETE_PRINCIPAL: ("metastore:", lambda r, t: r.delete_principal("user:bob")),
    Op.ADD_MEMBER: ("metastore:", lambda r, t: r.add_member("group:team", "user:bob")),
    Op.REMOVE_MEMBER: ("metastore:", lambda r, t: r.remove_member("role:lead", "service:bot")),
    Op.LIST_MEMBERS: ("metastore:", lambda r, t: r.list_members("role:lead")),
    Op.SWEEP_ARTIFACTS: ("metastore:", lambda r, t: r.sweep_artifacts(dry_run=True)),
}
# These ask for more than rights: who began a version sends and finalizes it; a copy asks two models.
ELSEWHERE = {
    Op.UPLOAD_MODEL_VERSION_FILES: lambda r, t: r.upload_model_version_files(
        f"{MODEL}/4", [FileUpload(file=FileStat(path="a", size=1), source=io.BytesIO(b"a"))]
    ),
    Op.FINALIZE_MODEL_VERSION: lambda r, t: r.finalize_model_version(f"{MODEL}/4", Manifest(files=(ENTRY,))),
    Op.COPY_MODEL_VERSION: lambda r, t: r.copy_model_version("main.default.other/1", MODEL),
}
BUILT = {op for op in Op if not getattr(GovernedRegistry, op.value).__module__.startswith("herdbook.ports")}
NAMES = {"metastore:": K.METASTORE, "main": K.CATALOG, "main.default": K.SCHEMA, MODEL: K.REGISTERED_MODEL}


def test_every_built_verb_with_a_need_is_tried_below():
    """No verb is left out of the end-to-end half but those of policy files, which have tests of their own."""
    left = {op for op in BUILT if OPERATIONS[op].any_of} - set(VERBS) - set(ELSEWHERE)
    assert {op for op in left if "polic" not in op.value and op is not Op.WHO_CAN} == set()


@pytest.mark.parametrize("operation", [op for op in VERBS if op in BUILT], ids=str)
def test_through_the_registry(people, operation):
    """All that is not sufficient together is refused and changes nothing; the one privilege more lets it through."""
    on, call = VERBS[operation]
    admin, need = people.admin, OPERATIONS[operation]
    trash = prepared(people)
    kind = (
        K.MODEL_ALIAS
        if "@" in on
        else (K.METASTORE, K.CATALOG, K.SCHEMA, K.REGISTERED_MODEL)[0 if on == "metastore:" else on.count(".") + 1]
    )
    sufficient = {each for needed in need.any_of for each in given_by(needed)}
    sufficient |= READS if P.READ_METADATA in need.any_of else set()
    places = [each for each in (*NAMES, "bare", "main.bare", "main.default.bare") if each in NAMES or each == on]
    for place in places:
        level = NAMES.get(place) or kind
        reaches = place in ("metastore:", on) or on.startswith((f"{place}.", f"{place}@"))
        for privilege in sorted(GRANTABLE[level]):
            within = not (reaches and privilege in sufficient) and privilege is not P.ALL_PRIVILEGES
            if within and not (place == "metastore:" and privilege is P.MANAGE):
                admin.grant("user:ann", privilege, place)
    audited = people.rows("SELECT count(*) FROM audit")
    with pytest.raises(PermissionDeniedError) as caught:
        call(people("user:ann"), trash)
    assert caught.value.decision.privilege in need.any_of
    assert people.rows("SELECT count(*) FROM audit") == audited
    further = FURTHER[AlsoNeeds.CREATE_IN_CONTAINER].get(operation)
    people.gates("user:bob2")
    for privilege, place in ((need.any_of[0], on), *((further,) if further else ())):
        admin.grant("user:bob2", privilege, place if place != "gone" else "metastore:")
    if "@" in on:
        admin.grant("user:bob2", P.BROWSE, MODEL)
    call(people("user:bob2"), trash)


def prepared(people):
    """Put something into the trash at every level, and make what is empty; return the ids of what is in the trash."""
    admin = people.admin
    admin.create_principal("user:bob2")
    admin.set_model_version_tag(f"{MODEL}/1", "t", "v")
    for _ in range(2):
        admin.copy_model_version(f"{MODEL}/1", MODEL)
    admin.delete_model_version(f"{MODEL}/2")
    for name in ("bare", "gone"):
        admin.create_catalog(name)
        admin.create_schema(f"main.{name}")
        admin.create_registered_model(f"main.default.{name}")
    ids = {}
    for kind, name in (("catalog", "gone"), ("schema", "main.gone"), ("registered_model", "main.default.gone")):
        ids[kind.upper()] = getattr(admin, f"get_{kind}")(name).id
        getattr(admin, f"delete_{kind}")(name)
    people.give("service:bot", MODEL, P.EXECUTE)
    admin.deny("service:bot", P.MODIFY, MODEL)
    admin.add_member("role:lead", "service:bot")
    return ids


@pytest.mark.parametrize("operation", ELSEWHERE, ids=str)
def test_registering_needs_its_privilege(people, operation):
    """Sending, finalizing and copying without CREATE_MODEL_VERSION are refused, and with it get as far as the rest."""
    prepared(people)
    people.admin.copy_model_version(f"{MODEL}/1", "main.default.other")
    people.gates("user:ann")
    people.give("user:ann", "main.default.other", P.EXECUTE)
    others = GRANTABLE[K.REGISTERED_MODEL] - {P.CREATE_MODEL_VERSION, P.ALL_PRIVILEGES}
    people.give("user:ann", MODEL, P.CREATE_MODEL_VERSION)
    assert people("user:ann").create_model_version(MODEL).version == 4
    people.admin.revoke("user:ann", P.CREATE_MODEL_VERSION, MODEL)
    people.give("user:ann", MODEL, *others)
    with pytest.raises(PermissionDeniedError, match="CREATE_MODEL_VERSION"):
        ELSEWHERE[operation](people("user:ann"), {})
    people.give("user:ann", MODEL, P.CREATE_MODEL_VERSION)
    # What was sent is not what the manifest says: further than that only CREATE_MODEL_VERSION leads.
    refused = pytest.raises(InvalidArgumentError, match="lacks 1 file")
    with refused if operation is Op.FINALIZE_MODEL_VERSION else nullcontext():
        ELSEWHERE[operation](people("user:ann"), {})
