"""What the caller may not know answers, byte for byte, like what does not exist (R8, R9, R11, R12)."""

from __future__ import annotations

import io

import pytest
from attrs import evolve

from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.adapters.files.store import FileStore
from herdbook.adapters.sql.store import SqlStore
from herdbook.adapters.system import SystemClock, Uuid7Ids
from herdbook.bootstrap import load_plugins, read_policy, shipped_model
from herdbook.entities import FileStat, Lineage, Manifest, Page, TokenScope
from herdbook.entities.files import FileEntry
from herdbook.errors import RegistryError
from herdbook.names import PrincipalName, VersionRef
from herdbook.policy.operations import OPERATIONS, Shape, Target
from herdbook.ports.registry import FileUpload
from herdbook.service import Founding, GovernedRegistry, Metastore
from herdbook.settings import Settings
from herdbook.testing.samples import model_files, register
from herdbook.verdicts import Operation, Privilege

P = Privilege
Op = Operation
NOWHERE = "0" * 32
ENTRY = FileEntry(path="a", size=1, sha256="0" * 64)
# The same shape twice: what is there and hidden, and what is not there. Names are of equal length.
HIDDEN = {"catalog": "vault", "schema": "vault.room", "model": "vault.room.gem"}
MISSING = {"catalog": "vnone", "schema": "vnone.rnon", "model": "vnone.rnon.gno"}


def _file():
    return [FileUpload(file=FileStat(path="a", size=1), source=io.BytesIO(b"a"))]


# Every verb that names something, as a function of the registry, the names n, and the ids t of what is in the trash.
CALLS = {
    Op.GET_CATALOG: lambda r, n, t: r.get_catalog(n["catalog"]),
    Op.UPDATE_CATALOG: lambda r, n, t: r.update_catalog(n["catalog"], comment="x", expected_row_version=9),
    Op.RENAME_CATALOG: lambda r, n, t: r.rename_catalog(n["catalog"], "main"),
    Op.DELETE_CATALOG: lambda r, n, t: r.delete_catalog(n["catalog"]),
    Op.RESTORE_CATALOG: lambda r, n, t: r.restore_catalog(t["CATALOG"]),
    Op.PURGE_CATALOG: lambda r, n, t: r.purge_catalog(t["CATALOG"]),
    Op.CREATE_SCHEMA: lambda r, n, t: r.create_schema(n["schema"]),
    Op.GET_SCHEMA: lambda r, n, t: r.get_schema(n["schema"]),
    Op.LIST_SCHEMAS: lambda r, n, t: r.list_schemas(n["catalog"]),
    Op.UPDATE_SCHEMA: lambda r, n, t: r.update_schema(n["schema"], comment="x", expected_row_version=9),
    Op.RENAME_SCHEMA: lambda r, n, t: r.rename_schema(n["schema"], f"{n['catalog']}.default"),
    Op.DELETE_SCHEMA: lambda r, n, t: r.delete_schema(n["schema"]),
    Op.RESTORE_SCHEMA: lambda r, n, t: r.restore_schema(t["SCHEMA"]),
    Op.PURGE_SCHEMA: lambda r, n, t: r.purge_schema(t["SCHEMA"]),
    Op.CREATE_REGISTERED_MODEL: lambda r, n, t: r.create_registered_model(n["model"], tags={"k": "v"}),
    Op.GET_REGISTERED_MODEL: lambda r, n, t: r.get_registered_model(n["model"]),
    Op.LIST_REGISTERED_MODELS: lambda r, n, t: r.list_registered_models(n["schema"]),
    Op.SEARCH_REGISTERED_MODELS: lambda r, n, t: r.search_registered_models(f"name = '{n['model']}'", max_results=1),
    Op.UPDATE_REGISTERED_MODEL: lambda r, n, t: r.update_registered_model(
        n["model"], comment="x", expected_row_version=9
    ),
    Op.RENAME_REGISTERED_MODEL: lambda r, n, t: r.rename_registered_model(n["model"], f"{n['schema']}.x"),
    Op.DELETE_REGISTERED_MODEL: lambda r, n, t: r.delete_registered_model(n["model"]),
    Op.RESTORE_REGISTERED_MODEL: lambda r, n, t: r.restore_registered_model(t["REGISTERED_MODEL"]),
    Op.PURGE_REGISTERED_MODEL: lambda r, n, t: r.purge_registered_model(t["REGISTERED_MODEL"]),
    Op.UPLOAD_PLAN: lambda r, n, t: r.upload_plan(n["model"], [FileStat(path="a", size=1)], version=9),
    Op.CREATE_MODEL_VERSION: lambda r, n, t: r.create_model_version(n["model"], number=1, tags={"k": "v"}),
    Op.UPLOAD_MODEL_VERSION_FILES: lambda r, n, t: r.upload_model_version_files(f"{n['model']}/3", _file()),
    Op.FINALIZE_MODEL_VERSION: lambda r, n, t: r.finalize_model_version(f"{n['model']}/3", Manifest(files=(ENTRY,))),
    Op.COPY_MODEL_VERSION: lambda r, n, t: r.copy_model_version(f"{n['model']}/1", "own.own.own"),
    Op.GET_MODEL_VERSION: lambda r, n, t: r.get_model_version(f"{n['model']}/1"),
    Op.LIST_MODEL_VERSIONS: lambda r, n, t: r.list_model_versions(n["model"]),
    Op.SEARCH_MODEL_VERSIONS: lambda r, n, t: r.search_model_versions(f"name = '{n['model']}'", max_results=1),
    Op.UPDATE_MODEL_VERSION: lambda r, n, t: r.update_model_version(f"{n['model']}/1", comment="x"),
    Op.DELETE_MODEL_VERSION: lambda r, n, t: r.delete_model_version(f"{n['model']}/1"),
    Op.RESTORE_MODEL_VERSION: lambda r, n, t: r.restore_model_version(f"{n['model']}/2"),
    Op.PURGE_MODEL_VERSION: lambda r, n, t: r.purge_model_version(f"{n['model']}/2"),
    Op.LIST_MODEL_VERSION_FILES: lambda r, n, t: r.list_model_version_files(f"{n['model']}/latest"),
    Op.READ_MODEL_VERSION_FILE: lambda r, n, t: r.read_model_version_file(f"{n['model']}/1", "model.bin"),
    Op.SET_REGISTERED_MODEL_ALIAS: lambda r, n, t: r.set_registered_model_alias(f"{n['model']}@champion", 9),
    Op.DELETE_REGISTERED_MODEL_ALIAS: lambda r, n, t: r.delete_registered_model_alias(f"{n['model']}@unset"),
    Op.GET_MODEL_VERSION_BY_ALIAS: lambda r, n, t: r.get_model_version_by_alias(f"{n['model']}@champion"),
    Op.LIST_REGISTERED_MODEL_ALIASES: lambda r, n, t: r.list_registered_model_aliases(n["model"], ended=True),
    Op.LIST_ALIAS_HISTORY: lambda r, n, t: r.list_alias_history(f"{n['model']}@champion"),
    Op.SET_REGISTERED_MODEL_TAG: lambda r, n, t: r.set_registered_model_tag(n["model"], "k", "v"),
    Op.DELETE_REGISTERED_MODEL_TAG: lambda r, n, t: r.delete_registered_model_tag(n["model"], "nope"),
    Op.SET_MODEL_VERSION_TAG: lambda r, n, t: r.set_model_version_tag(f"{n['model']}/1", "k", "v"),
    Op.DELETE_MODEL_VERSION_TAG: lambda r, n, t: r.delete_model_version_tag(f"{n['model']}/9", "k"),
    Op.LIST_DELETED: lambda r, n, t: r.list_deleted(n["schema"]),
    Op.TRANSFER_OWNERSHIP: lambda r, n, t: r.transfer_ownership(n["model"], "user:nobody", expected_owner="user:x"),
    Op.GRANT: lambda r, n, t: r.grant("user:nobody", P.USE_CATALOG, n["model"]),
    Op.REVOKE: lambda r, n, t: r.revoke("user:nobody", P.EXECUTE, f"{n['schema']}@champion"),
    Op.DENY: lambda r, n, t: r.deny("user:nobody", P.EXECUTE, n["catalog"]),
    Op.LIFT_DENY: lambda r, n, t: r.lift_deny("user:nobody", P.EXECUTE, f"{n['model']}@champion"),
    Op.LIST_GRANTS: lambda r, n, t: r.list_grants(n["model"], principal="user:nobody"),
    Op.LIST_EFFECTIVE_GRANTS: lambda r, n, t: r.list_effective_grants(n["model"], principal="user:nobody"),
    Op.GET_EFFECTIVE_RULES: lambda r, n, t: r.get_effective_rules(n["model"]),
    Op.EXPLAIN: lambda r, n, t: r.explain("get_registered_model", n["model"]),
    Op.WHO_CAN: lambda r, n, t: r.who_can("get_registered_model", n["model"]),
}
# These name no securable that could be hidden: the whole registry, principals, policies, and what is not built.
NAMELESS = {operation for operation, need in OPERATIONS.items() if need.on is Target.METASTORE}
BUILT = {op for op in Operation if not getattr(GovernedRegistry, op.value).__module__.startswith("herdbook.ports")}
VIEWERS = ("outsider", "gates", "elsewhere", "owner", "token", "denied")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Return the registries of six viewers who may know nothing of `vault`, and what lies in the trash there."""
    metastore = Metastore(
        store=SqlStore.open("sqlite://"),
        artifacts=FileStore(tmp_path_factory.mktemp("existence")),
        authorizer=CasbinAuthorizer(shipped_model()),
        checks=load_plugins(Settings()),
        clock=SystemClock(),
        ids=Uuid7Ids(),
    )
    founder = PrincipalName.parse("user:os/founder")
    metastore.open(Founding(creator=founder, policy=read_policy(None)))
    admin = metastore.for_caller(metastore.asserted(founder))
    for catalog in ("vault", "own", "scratch"):
        admin.create_catalog(catalog)
    for schema in ("vault.room", "vault.default", "own.own", "vault.scratch"):
        admin.create_schema(schema)
    for model in ("vault.room.gem", "vault.room.scratch", "own.own.own"):
        admin.create_registered_model(model, tags={"team": "risk"})
    register(admin, "vault.room.gem")
    admin.set_registered_model_alias("vault.room.gem@champion", 1)
    admin.copy_model_version("vault.room.gem/1", "vault.room.gem")
    admin.delete_model_version("vault.room.gem/2")
    admin.create_model_version("vault.room.gem")
    parent = Lineage(parents=(VersionRef.parse("vault.room.gem/1"),))
    register(admin, "own.own.own", model_files(b"child"), lineage=parent)
    trash = {}
    for kind, name in (("catalog", "scratch"), ("schema", "vault.scratch"), ("registered_model", "vault.room.scratch")):
        trash[kind.upper()] = getattr(admin, f"get_{kind}")(name).id
        getattr(admin, f"delete_{kind}")(name)
    viewers = {name: f"user:{name}" for name in (*VIEWERS, "inside")}
    for name in viewers.values():
        admin.create_principal(name)
    for name in ("gates", "elsewhere", "denied", "inside"):
        for catalog in ("own", "vault") if name != "gates" else ("own",):
            admin.grant(viewers[name], P.USE_CATALOG, catalog)
            admin.grant(viewers[name], P.USE_SCHEMA, catalog)
    admin.deny(viewers["elsewhere"], P.BROWSE, "vault")
    admin.grant(viewers["elsewhere"], P.ALL_PRIVILEGES, "own")
    admin.grant(viewers["elsewhere"], P.MANAGE, "own")
    admin.grant(viewers["denied"], P.ALL_PRIVILEGES, "vault")
    admin.deny(viewers["denied"], P.ALL_PRIVILEGES, "vault")
    admin.transfer_ownership("vault.room.gem", viewers["owner"])
    admin.grant(viewers["inside"], P.SET_ALIAS, "vault.room@champion")
    callers = {name: metastore.asserted(PrincipalName.parse(who)) for name, who in viewers.items()}
    scope = TokenScope(privileges=frozenset(P), securable_id=admin.get_registered_model("own.own.own").id)
    callers["token"] = evolve(metastore.asserted(founder), scope=scope)
    yield {name: metastore.for_caller(caller) for name, caller in callers.items()}, trash
    metastore.close()


def answer(call, words):
    """Return all of an answer as text, with the given words replaced by what they stand for."""
    try:
        text = repr(call())
    except RegistryError as error:
        text = f"{type(error).__name__} {error.message} {error.hint} {error.details} {getattr(error, 'decision', None)}"
    for word, meaning in words:
        text = text.replace(word, meaning)
    return text


def test_every_verb_that_names_something_is_tried():
    """Nothing that is built and names a securable is left out below."""
    assert set(CALLS) >= BUILT - NAMELESS


@pytest.mark.parametrize("viewer", VIEWERS)
def test_hidden_answers_like_missing(world, viewer):
    """For each verb the answers about hidden and about missing things are the same, but for the names asked with."""
    viewers, trash = world
    registry = viewers[viewer]
    told = [(name, kind.upper()) for names in (HIDDEN, MISSING) for kind, name in reversed(names.items())]
    gone = [(NOWHERE, "ID"), *((each, "ID") for each in trash.values())]
    for operation in BUILT & set(CALLS):
        call = CALLS[operation]
        hidden = answer(lambda call=call: call(registry, HIDDEN, trash), [*told, *gone])
        missing = answer(lambda call=call: call(registry, MISSING, dict.fromkeys(trash, NOWHERE)), [*told, *gone])
        assert hidden == missing, operation
        if OPERATIONS[operation].shape is Shape.LIST and OPERATIONS[operation].on is Target.METASTORE:
            assert hidden == repr(Page(items=()))
        else:
            assert hidden.startswith("NotFoundError"), operation


class Names(dict[str, str]):
    """Names that remember which of them were asked for."""

    def __init__(self, names):
        super().__init__(names)
        self.asked = set()

    def __getitem__(self, kind):
        self.asked.add(kind)
        return super().__getitem__(kind)


def test_a_hidden_model_answers_like_a_missing_one_beside_it(world):
    """Who passes the gates, knows schema and catalog and has a right on slots there cannot tell it from none."""
    viewers, trash = world
    tried = set()
    for operation in BUILT & set(CALLS):
        answers = []
        for model, ids in (("vault.room.gem", trash), ("vault.room.gno", dict.fromkeys(trash, NOWHERE))):
            names, given = Names({**HIDDEN, "model": model}), Names(ids)
            told = [(model, "MODEL"), (NOWHERE, "ID"), *((each, "ID") for each in trash.values())]
            answers.append(answer(lambda n=names, t=given, call=CALLS[operation]: call(viewers["inside"], n, t), told))
            about = "model" in names.asked or "REGISTERED_MODEL" in given.asked
        if about:
            assert answers[0] == answers[1], operation
            creates = operation is Op.CREATE_REGISTERED_MODEL
            lists = OPERATIONS[operation].shape is Shape.LIST
            assert answers[0].startswith("Page" if lists else "PermissionDenied" if creates else "NotFound"), operation
            tried.add(operation)
    assert len(tried) > 35


@pytest.mark.parametrize("viewer", VIEWERS)
def test_lists_totals_and_tokens_tell_nothing(world, viewer):
    """No list, search, order, filter or page token is any different for what is hidden being there."""
    registry = world[0][viewer]
    known = {"gates": (), "outsider": (), "elsewhere": ("own.own.own",), "owner": (), "denied": (), "token": ()}[viewer]
    known = ("own.own.own",) if viewer == "token" else known
    for text in ("", "tags.team = 'risk'", "NOT tags.team = 'x'", "name LIKE '%g%'", "name LIKE '%'"):
        for order in ((), ("name DESC",), ("last_updated_at DESC",), ("created_at",), ("owner",)):
            found = registry.search_registered_models(text, order_by=order, max_results=1)
            assert found.next_page_token is None
            expected = () if text == "name LIKE '%g%'" else known
            assert tuple(str(model.name) for model in found.items) == expected, (text, order)
            versions = registry.search_model_versions(
                "" if "tags" in text else text, order_by=[each for each in order if "owner" not in each], max_results=1
            )
            assert versions.next_page_token is None
            assert "vault" not in repr(versions)
    assert "vault" not in repr(registry.list_catalogs(max_results=1))


def test_a_child_tells_nothing_of_a_hidden_parent(world):
    """Who may read a version and not know its parent reads of one that is hidden (R28)."""
    version = world[0]["elsewhere"].get_model_version("own.own.own/1")
    assert (version.lineage.parents, version.lineage.hidden_parents) == ((), 1)
    assert "vault" not in repr(version)
