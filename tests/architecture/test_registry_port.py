"""The port and the gate: one verb an operation, nothing written or read where nothing is allowed."""

from __future__ import annotations

import inspect
import io
from contextlib import contextmanager

import pytest

from herdbook.entities import FileStat, Manifest, Page
from herdbook.entities.files import FileEntry
from herdbook.errors import NotFoundError, PermissionDeniedError, RegistryError
from herdbook.names import PrincipalName
from herdbook.policy.operations import OPERATIONS, Shape
from herdbook.ports.authorizer import Authorizer, Reach, Visible
from herdbook.ports.registry import FileUpload, Registry
from herdbook.service import GovernedRegistry
from herdbook.testing.samples import register
from herdbook.verdicts import Denied, Operation, Privilege, Sight

FOUNDER = PrincipalName.parse("user:os/founder")
MODEL = "main.default.iris"
ENTRY = FileEntry(path="a", size=1, sha256="0" * 64)


class DenyAll(Authorizer):
    """Denies everything, and lets nothing be known."""

    revision = 10**9

    def __init__(self, sight: Sight = Sight.HIDDEN) -> None:
        self.sight = sight

    def feed(self, changes, revision):
        pass

    def replace(self, snapshot):
        pass

    def accepts(self, model):
        return True

    def trial(self, snapshot):
        return self

    def decide(self, caller, requirement, chain):
        link = chain.link(requirement.kind)
        return Denied(
            privilege=requirement.privilege,
            kind=requirement.kind,
            securable=link.name,
            sight=self.sight,
            revision=chain.policy_revision,
        )

    def closure(self, caller):
        return frozenset()

    def deciding(self, caller, requirement, chain):
        return None

    def visible(self, caller, kind):
        return Visible(reach=Reach.LISTED)

    def holding(self, caller, privileges, kind):
        return Visible(reach=Reach.LISTED)


CALLS = {
    Operation.CREATE_CATALOG: ("fresh",),
    Operation.GET_CATALOG: ("main",),
    Operation.LIST_CATALOGS: (),
    Operation.UPDATE_CATALOG: ("main", {"comment": "x"}),
    Operation.CREATE_SCHEMA: ("main.fresh",),
    Operation.GET_SCHEMA: ("main.default",),
    Operation.LIST_SCHEMAS: ("main",),
    Operation.UPDATE_SCHEMA: ("main.default", {"comment": "x"}),
    Operation.CREATE_REGISTERED_MODEL: ("main.default.fresh",),
    Operation.GET_REGISTERED_MODEL: (MODEL,),
    Operation.LIST_REGISTERED_MODELS: ("main.default",),
    Operation.SEARCH_REGISTERED_MODELS: (f"name = '{MODEL}'",),
    Operation.UPDATE_REGISTERED_MODEL: (MODEL, {"comment": "x"}),
    Operation.UPLOAD_PLAN: (MODEL, [FileStat(path="a", size=1)]),
    Operation.CREATE_MODEL_VERSION: (MODEL,),
    Operation.UPLOAD_MODEL_VERSION_FILES: (
        f"{MODEL}/1",
        [FileUpload(file=FileStat(path="a", size=1), source=io.BytesIO(b"a"))],
    ),
    Operation.FINALIZE_MODEL_VERSION: (f"{MODEL}/1", Manifest(files=(ENTRY,))),
    Operation.GET_MODEL_VERSION: (f"{MODEL}/1",),
    Operation.LIST_MODEL_VERSIONS: (MODEL,),
    Operation.SEARCH_MODEL_VERSIONS: (f"name = '{MODEL}'",),
    Operation.UPDATE_MODEL_VERSION: (f"{MODEL}/1", {"comment": "x"}),
    Operation.LIST_MODEL_VERSION_FILES: (f"{MODEL}/1",),
    Operation.READ_MODEL_VERSION_FILE: (f"{MODEL}/1", "model.bin"),
    Operation.SET_REGISTERED_MODEL_ALIAS: (f"{MODEL}@champion", 1),
    Operation.DELETE_REGISTERED_MODEL_ALIAS: (f"{MODEL}@champion",),
    Operation.GET_MODEL_VERSION_BY_ALIAS: (f"{MODEL}@champion",),
    Operation.LIST_REGISTERED_MODEL_ALIASES: (MODEL,),
    Operation.LIST_ALIAS_HISTORY: (f"{MODEL}@champion",),
    Operation.SET_REGISTERED_MODEL_TAG: (MODEL, "k", "v"),
    Operation.DELETE_REGISTERED_MODEL_TAG: (MODEL, "k"),
    Operation.SET_MODEL_VERSION_TAG: (f"{MODEL}/1", "k", "v"),
    Operation.DELETE_MODEL_VERSION_TAG: (f"{MODEL}/1", "k"),
    Operation.GET_EFFECTIVE_RULES: (MODEL,),
    Operation.GRANT: (str(FOUNDER), Privilege.EXECUTE, MODEL),
    Operation.REVOKE: (str(FOUNDER), Privilege.EXECUTE, MODEL),
    Operation.DENY: (str(FOUNDER), Privilege.EXECUTE, MODEL),
    Operation.LIFT_DENY: (str(FOUNDER), Privilege.EXECUTE, MODEL),
    Operation.LIST_GRANTS: (MODEL,),
    Operation.LIST_EFFECTIVE_GRANTS: (MODEL,),
    Operation.CREATE_PRINCIPAL: ("user:new",),
    Operation.GET_PRINCIPAL: (str(FOUNDER),),
    Operation.LIST_PRINCIPALS: (),
    Operation.UPDATE_PRINCIPAL: (str(FOUNDER), {"enabled": False}),
    Operation.DELETE_PRINCIPAL: (str(FOUNDER),),
    Operation.ADD_MEMBER: ("group:team", str(FOUNDER)),
    Operation.REMOVE_MEMBER: ("group:team", str(FOUNDER)),
    Operation.LIST_MEMBERS: ("group:team",),
    Operation.RENAME_CATALOG: ("main", "fresh"),
    Operation.DELETE_CATALOG: ("main", {"force": True}),
    Operation.RESTORE_CATALOG: ("trash CATALOG",),
    Operation.PURGE_CATALOG: ("trash CATALOG",),
    Operation.RENAME_SCHEMA: ("main.default", "main.renamed"),
    Operation.DELETE_SCHEMA: ("main.default", {"force": True}),
    Operation.RESTORE_SCHEMA: ("trash SCHEMA",),
    Operation.PURGE_SCHEMA: ("trash SCHEMA",),
    Operation.RENAME_REGISTERED_MODEL: (MODEL, "main.default.fresh"),
    Operation.DELETE_REGISTERED_MODEL: (MODEL, {"force": True}),
    Operation.RESTORE_REGISTERED_MODEL: ("trash REGISTERED_MODEL",),
    Operation.PURGE_REGISTERED_MODEL: ("trash REGISTERED_MODEL",),
    Operation.COPY_MODEL_VERSION: (f"{MODEL}/1", MODEL),
    Operation.DELETE_MODEL_VERSION: (f"{MODEL}/1",),
    Operation.RESTORE_MODEL_VERSION: (f"{MODEL}/2",),
    Operation.PURGE_MODEL_VERSION: (f"{MODEL}/2",),
    Operation.LIST_DELETED: (MODEL,),
    Operation.TRANSFER_OWNERSHIP: (MODEL, str(FOUNDER)),
    Operation.SWEEP_ARTIFACTS: (),
    Operation.CREATE_TOKEN: ({"expires_in_s": 60, "securable": MODEL},),
    Operation.LIST_TOKENS: (),
    Operation.REVOKE_TOKEN: ("0" * 32,),
    Operation.EXPLAIN: ("get_registered_model", MODEL),
    Operation.WHO_CAN: ("get_registered_model", MODEL),
    Operation.WHAT_CAN: (),
    Operation.GET_POLICIES: (),
    Operation.CHECK_POLICIES: ([],),
    Operation.DIFF_POLICIES: ([],),
    Operation.TEST_POLICIES: ([], ""),
    Operation.APPLY_POLICIES: ([], {"expected_revision": 1}),
    Operation.REBIND_POLICY_NAME: ("main",),
}
# The ids of what the fixture below put into the trash.
TRASH = {}
NOWHERE = "0" * 32
# It tells callers only who they are themselves.
# Ways to do what a verb of the list does, under its requirement.
NO_VERBS = {
    "close",
    "copy_model_version_file",
    "copy_model_version_files",
    "locate_model_version_file",
    "open_model_version_files",
    "stage_model_version_file",
    "take_in_model_version_file",
}
NEEDS_NOTHING = {Operation.GET_CURRENT_PRINCIPAL}


def call(registry, operation):
    words = [TRASH.get(word, word) if isinstance(word, str) else word for word in CALLS[operation]]
    keywords = words.pop() if words and isinstance(words[-1], dict) else {}
    return getattr(registry, operation.value)(*words, **keywords)


def supported():
    return sorted(
        (op for op in Operation if not getattr(GovernedRegistry, op.value).__module__.startswith("herdbook.ports")),
        key=str,
    )


@pytest.fixture
def closed(make_metastore):
    """A metastore with something in it, whose authorizer then denies; (metastore, registry, authorizer)."""
    metastore = make_metastore()
    registry = metastore.for_caller(metastore.asserted(FOUNDER))
    registry.create_registered_model(MODEL)
    register(registry, MODEL)
    registry.set_registered_model_alias(f"{MODEL}@champion", 1)
    registry.copy_model_version(f"{MODEL}/1", MODEL)
    registry.delete_model_version(f"{MODEL}/2")
    registry.create_catalog("scratch")
    registry.create_schema("main.scratch")
    registry.create_registered_model("main.default.scratch")
    registry.delete_catalog("scratch")
    registry.delete_schema("main.scratch")
    registry.delete_registered_model("main.default.scratch")
    TRASH.clear()
    TRASH.update({f"trash {item.kind}": item.id for item in registry.list_deleted("metastore:").items})
    deny = DenyAll()
    metastore.core.gate.authority._authorizer = deny
    return metastore, metastore.for_caller(metastore.asserted(FOUNDER)), deny


def test_every_operation_is_a_verb_of_the_port_and_has_a_requirement():
    """One list: operations, verbs of the port and rows of the table are the same (R39)."""
    verbs = {
        name
        for name, member in inspect.getmembers(Registry, inspect.isfunction)
        if not name.startswith("_") and name not in NO_VERBS
    }
    assert verbs == {operation.value for operation in Operation} == {operation.value for operation in OPERATIONS}


ADMITTED_INSIDE = {Operation.CREATE_MODEL_VERSION}
"""Verbs so frequent that they are admitted once, in the transaction that writes; all others before there is one."""


def test_every_supported_verb_is_tried_below():
    """The lists of this module cover what is built."""
    assert set(supported()) == set(CALLS) | NEEDS_NOTHING


def test_no_verb_takes_a_principal_to_act_as():
    """Who acts is bound to the registry; a `principal` parameter is only ever about whom one asks."""
    for operation in set(Operation) - {Operation.GRANT, Operation.REVOKE, Operation.DENY, Operation.LIFT_DENY}:
        parameters = inspect.signature(getattr(Registry, operation.value)).parameters
        assert not {"caller", "user", "as_principal"} & set(parameters)


@pytest.mark.parametrize("operation", [op for op in supported() if op in CALLS], ids=str)
def test_a_denied_verb_tells_nothing_and_does_nothing(closed, operation, monkeypatch):
    """Where everything is denied, each verb raises 404 (or lists nothing), writes no row and reads no byte."""
    metastore, registry, _ = closed

    def forbidden(*_args, **_kwargs):
        raise AssertionError("a denied verb went on")

    write = metastore.core.store.write

    @contextmanager
    def undone(**kwargs):
        with write(**kwargs) as tx:
            yield tx
            raise AssertionError("a denied verb would have committed")

    for name in ("put_many", "read", "writer", "remove", "blobs", "remove_staging", "copy_to"):
        monkeypatch.setattr(metastore.core.artifacts, name, forbidden)
    monkeypatch.setattr(metastore.core.store, "write", undone if operation in ADMITTED_INSIDE else forbidden)
    try:
        answer = call(registry, operation)
    except NotFoundError as error:
        assert "that you may know of" in error.message
    else:
        assert answer == Page(items=())
        assert OPERATIONS[operation].shape is Shape.LIST


@pytest.mark.parametrize("operation", [op for op in supported() if op in CALLS], ids=str)
def test_what_may_not_be_known_answers_like_what_does_not_exist(closed, operation):
    """For hidden things every verb answers the same as for missing ones, text and all (R8)."""
    _, registry, _ = closed

    def renamed(text):
        for trashed in TRASH.values():
            text = text.replace(trashed, NOWHERE)
        return text.replace("iris", "nope").replace("main.fresh", "nope.fresh")

    def answer(words):
        keywords = words[-1] if words and isinstance(words[-1], dict) else {}
        words = words[:-1] if keywords else words
        try:
            return repr(getattr(registry, operation.value)(*words, **keywords))
        except RegistryError as error:
            return f"{type(error).__name__} {error} {error.details}"

    hidden = tuple(TRASH.get(word, word) if isinstance(word, str) else word for word in CALLS[operation])
    swap = {"main": "nope", "main.default": "main.nopenop"}
    missing = tuple(swap.get(word, renamed(word)) if isinstance(word, str) else word for word in hidden)
    assert renamed(answer(hidden)) in (
        answer(missing),
        answer(missing).replace("main.nopenop", "main.default").replace("catalog nope", "catalog main"),
    )


@pytest.mark.parametrize(
    "operation",
    [op for op in supported() if op in CALLS and OPERATIONS[op].any_of],
    ids=str,
)
def test_a_known_thing_without_the_right_answers_403_with_its_decision(closed, operation):
    """Who knows the thing is told which privilege is missing, where, and whom to ask."""
    _, registry, deny = closed
    deny.sight = Sight.KNOWN
    if operation is Operation.GET_MODEL_VERSION:
        # Its author may read status and verdicts, and nothing else (R30).
        version = call(registry, operation)
        assert (version.status.value, version.model, version.manifest_sha256) == ("READY", None, None)
        return
    with pytest.raises(PermissionDeniedError) as caught:
        call(registry, operation)
    decision = caught.value.decision
    assert decision is not None
    # What is copied is asked for first.
    first = (Privilege.EXECUTE,) if operation is Operation.COPY_MODEL_VERSION else ()
    assert decision.privilege in (*first, *OPERATIONS[operation].any_of)
    assert decision.privilege.value in caught.value.message
    assert decision.sight is Sight.KNOWN
