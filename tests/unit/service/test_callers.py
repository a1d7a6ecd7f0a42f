"""What one caller does and another may see: the gate, over several callers of one metastore."""

from __future__ import annotations

import io

import pytest
from attrs import evolve

from herdbook.entities import Caller, FileStat, Lineage, Manifest, SlotNeed, TokenScope, VersionStatus
from herdbook.errors import (
    AlreadyExistsError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    UnavailableError,
)
from herdbook.names import PrincipalName, VersionRef
from herdbook.ports.registry import FileUpload
from herdbook.testing.samples import model_files, register, upload
from herdbook.verdicts import Operation, Privilege

FOUNDER = PrincipalName.parse("user:os/founder")
NAME = "main.default.iris"


@pytest.fixture
def metastore(make_metastore):
    return make_metastore()


@pytest.fixture
def founder(metastore):
    return metastore.for_caller(metastore.asserted(FOUNDER))


@pytest.fixture
def stranger(metastore):
    return metastore.for_caller(metastore.asserted(PrincipalName.parse("user:os/stranger")))


@pytest.fixture
def owner_of_schema(metastore, founder):
    """Somebody who owns a schema in the founder's catalog, and so lacks the gate of that catalog (R6)."""
    caller = metastore.asserted(PrincipalName.parse("user:os/risk"))
    founder.create_schema("main.risk")
    with metastore.core.store.write() as tx:
        tx._run.run("UPDATE schemas SET owner_id = :who WHERE key = 'main.risk'", who=caller.principal_id)
    return metastore.for_caller(caller)


@pytest.fixture
def owner_of_catalog(metastore, founder):
    """Somebody who owns a catalog, and is no admin."""
    caller = metastore.asserted(PrincipalName.parse("user:os/lab"))
    founder.create_catalog("lab")
    founder.create_schema("lab.own")
    with metastore.core.store.write() as tx:
        tx._run.run("UPDATE catalogs SET owner_id = :who WHERE key = 'lab'", who=caller.principal_id)
        tx._run.run("UPDATE schemas SET owner_id = :who WHERE key = 'lab.own'", who=caller.principal_id)
    return metastore.for_caller(caller)


def test_a_stranger_knows_nothing(founder, stranger):
    """Who has no right sees empty lists and 404s, and learns no name that is taken (R8, R9)."""
    founder.create_registered_model(NAME)
    register(founder, NAME)
    assert stranger.list_catalogs().items == ()
    for call in (
        lambda: stranger.get_catalog("main"),
        lambda: stranger.list_schemas("main"),
        lambda: stranger.get_registered_model(NAME),
        lambda: stranger.get_model_version(f"{NAME}/1"),
        lambda: stranger.create_registered_model(NAME),
        lambda: stranger.set_registered_model_alias(f"{NAME}@champion", 1),
        lambda: list(stranger.read_model_version_file(f"{NAME}/1", "model.bin")),
    ):
        with pytest.raises(NotFoundError):
            call()
    with pytest.raises(PermissionDeniedError, match="CREATE_CATALOG on the metastore") as caught:
        stranger.create_catalog("main")
    assert caught.value.decision.privilege is Privilege.CREATE_CATALOG
    with pytest.raises(AlreadyExistsError):
        founder.create_catalog("main")


def test_an_owner_lives_below_its_catalog(owner_of_catalog):
    """A catalog's owner passes its gates, creates inside what it owns, and sees that and nothing else."""
    owner_of_catalog.create_registered_model("lab.own.m")
    version = register(owner_of_catalog, "lab.own.m")
    owner_of_catalog.set_registered_model_alias("lab.own.m@champion", version.version)
    assert [str(c.name) for c in owner_of_catalog.list_catalogs().items] == ["lab"]
    assert [str(s.name) for s in owner_of_catalog.list_schemas("lab").items] == ["lab.own"]
    assert [str(m.name) for m in owner_of_catalog.list_registered_models("lab.own").items] == ["lab.own.m"]
    with pytest.raises(NotFoundError):
        owner_of_catalog.get_schema("main.default")


def test_a_schema_owner_needs_the_catalogs_gate(owner_of_schema):
    """Ownership of a schema does not pass the catalog's gate (R6), so it is not seen either."""
    with pytest.raises(NotFoundError):
        owner_of_schema.create_registered_model("main.risk.m")
    assert owner_of_schema.list_catalogs().items == ()
    with pytest.raises(NotFoundError):
        owner_of_schema.list_schemas("main")


def test_an_admin_manages_and_does_not_read_bytes(metastore, founder, owner_of_catalog):
    """A metastore admin sees and reads metadata everywhere, and has no bytes, creation or aliases there (R3)."""
    owner_of_catalog.create_registered_model("lab.own.m")
    register(owner_of_catalog, "lab.own.m")
    assert founder.get_model_version("lab.own.m/1").status is VersionStatus.READY
    assert [str(m.name) for m in founder.list_registered_models("lab.own").items] == ["lab.own.m"]
    for call in (
        lambda: list(founder.read_model_version_file("lab.own.m/1", "model.bin")),
        lambda: founder.create_model_version("lab.own.m"),
        lambda: founder.set_registered_model_alias("lab.own.m@champion", 1),
        lambda: founder.set_registered_model_tag("lab.own.m", "k", "v"),
    ):
        with pytest.raises(PermissionDeniedError) as caught:
            call()
        assert "user:os/lab" in caught.value.decision.ask


def test_what_is_pending_is_its_authors(metastore, founder, owner_of_catalog):
    """A version that is not READY is shown to its author and to who manages; only its author goes on with it (R27)."""
    owner_of_catalog.create_registered_model("lab.own.m")
    version = owner_of_catalog.create_model_version("lab.own.m")
    manifest = upload(owner_of_catalog, version, model_files())
    assert founder.get_model_version(version.ref).status is VersionStatus.PENDING_REGISTRATION
    with metastore.core.store.write() as tx:
        tx._run.run("UPDATE registered_models SET owner_id = :who", who=founder.get_current_principal().id)
        tx._run.run("UPDATE catalogs SET owner_id = :who", who=founder.get_current_principal().id)
        tx._run.run("UPDATE schemas SET owner_id = :who", who=founder.get_current_principal().id)
    with pytest.raises(PermissionDeniedError, match="begun by"):
        founder.finalize_model_version(version.ref, manifest)
    with pytest.raises(NotFoundError):
        owner_of_catalog.finalize_model_version(version.ref, manifest)


def test_a_digest_is_no_proof(founder, owner_of_catalog):
    """Files that only others may execute have to be sent, whatever digest one knows (R26)."""
    founder.create_registered_model(NAME)
    secret = register(founder, NAME, model_files(b"secret weights"))
    files = founder.list_model_version_files(secret.ref).items
    owner_of_catalog.create_registered_model("lab.own.m")
    stats = [FileStat(path=f.path, size=f.size, sha256=f.sha256) for f in files]
    plan = owner_of_catalog.upload_plan("lab.own.m", stats)
    assert {slot.need for slot in plan.slots} == {SlotNeed.BYTES}
    sizes = owner_of_catalog.upload_plan("lab.own.m", [FileStat(path=f.path, size=f.size) for f in files])
    assert {slot.need for slot in sizes.slots} == {SlotNeed.BYTES}
    stolen = owner_of_catalog.create_model_version("lab.own.m", manifest=Manifest.of(files))
    assert stolen.status is VersionStatus.PENDING_REGISTRATION
    with pytest.raises(InvalidArgumentError, match="lacks 2 file"):
        owner_of_catalog.finalize_model_version(stolen.ref, Manifest.of(files))


def test_parents_need_execute(founder, owner_of_catalog):
    """A version cannot be said to come from what its author may not execute (R26)."""
    founder.create_registered_model(NAME)
    register(founder, NAME)
    owner_of_catalog.create_registered_model("lab.own.m")
    with pytest.raises(NotFoundError):
        owner_of_catalog.create_model_version("lab.own.m", lineage=Lineage(parents=(VersionRef.parse(f"{NAME}/1"),)))
    assert owner_of_catalog.list_model_versions("lab.own.m").items == ()


def test_page_tokens_belong_to_one_principal(metastore, founder):
    """A token made for one principal is refused for another, however much that one may see (R11)."""
    founder.create_catalog("a")
    token = founder.list_catalogs(max_results=1).next_page_token
    other = metastore.for_caller(evolve(metastore.asserted(FOUNDER), principal_id="0" * 32))
    with pytest.raises(InvalidArgumentError, match="token"):
        other.list_catalogs(page_token=token)


def test_idempotency_keys_belong_to_one_principal(founder, owner_of_catalog, metastore):
    """Another's key is no key: the answer kept for one principal is never given to another (R27)."""
    founder.create_catalog("mine", idempotency_key="k")
    with pytest.raises(PermissionDeniedError):
        owner_of_catalog.create_catalog("mine", idempotency_key="k")


def test_a_scope_cuts_what_its_principal_has(metastore, founder):
    """A token's scope leaves its privileges on its securable, admin and ownership cut too (R24)."""
    founder.create_registered_model(NAME)
    register(founder, NAME)
    model = founder.get_registered_model(NAME)
    scope = TokenScope(privileges=frozenset({Privilege.READ_METADATA}), securable_id=model.id)
    cut = metastore.for_caller(evolve(metastore.asserted(FOUNDER), scope=scope))
    assert cut.get_model_version(f"{NAME}/1").version == 1
    with pytest.raises(PermissionDeniedError):
        list(cut.read_model_version_file(f"{NAME}/1", "model.bin"))
    with pytest.raises(NotFoundError):
        cut.get_schema("main.default")
    with pytest.raises(PermissionDeniedError):
        cut.create_catalog("x")
    with pytest.raises(PermissionDeniedError):
        cut.sweep_artifacts()


def test_system_callers_have_no_rights_in_the_gate(metastore, founder):
    """Herdbook's own work is audited under its name, and the gate gives it nothing."""
    system = metastore.for_caller(Caller.system("sweep"))
    with pytest.raises(NotFoundError):
        system.get_catalog("main")
    assert system.list_catalogs().items == ()


def test_disabled_principals_may_not_act(metastore, founder):
    """A disabled principal is refused at the door."""
    from herdbook.errors import UnauthenticatedError

    name = PrincipalName.parse("user:os/gone")
    metastore.asserted(name)
    with metastore.core.store.write() as tx:
        tx._run.run("UPDATE principals SET enabled = 0 WHERE key = 'user:os/gone'")
    with pytest.raises(UnauthenticatedError):
        metastore.asserted(name)


def test_a_denial_says_what_and_whom(founder, owner_of_catalog):
    """The message names the verb, the thing, the privilege, the level and whom to ask."""
    owner_of_catalog.create_registered_model("lab.own.m")
    with pytest.raises(PermissionDeniedError) as caught:
        founder.set_registered_model_tag("lab.own.m", "k", "v")
    assert "set registered model tag" in str(caught.value)
    assert "APPLY_TAG on the registered model lab.own.m" in str(caught.value) or "USE_" in str(caught.value)
    assert "Ask user:os/lab or user:os/founder for USE_CATALOG on lab, USE_SCHEMA on lab.own and" in str(caught.value)


def test_no_policy_means_nothing_is_admitted(metastore, founder):
    """Empty is not permission: without an applied policy no version comes in."""
    founder.create_registered_model(NAME)
    version = founder.create_model_version(NAME)
    manifest = upload(founder, version, model_files())
    with metastore.core.store.write() as tx:
        tx._run.run("DELETE FROM policy_files")
        tx._run.run("UPDATE metastore SET policy_revision = policy_revision + 1")
    with pytest.raises(UnavailableError, match="No policy"):
        founder.finalize_model_version(version.ref, manifest)
    assert founder.get_model_version(version.ref).status is VersionStatus.PENDING_REGISTRATION


def test_a_refused_upload_is_no_upload(founder):
    """Bytes that were refused are not counted as sent."""
    founder.create_registered_model(NAME)
    version = founder.create_model_version(NAME)
    wrong = FileUpload(file=FileStat(path="a", size=2), source=io.BytesIO(b"abc"))
    with pytest.raises(Exception, match="announced"):
        founder.upload_model_version_files(version.ref, [wrong])
    assert Operation.UPLOAD_MODEL_VERSION_FILES in founder.supported
    plan = founder.upload_plan(NAME, [FileStat(path="a", size=3)], version=1)
    assert plan.slots[0].need is SlotNeed.BYTES


@pytest.mark.parametrize("url", [None, "sqlite://"])
def test_a_denial_inside_a_transaction_is_a_denial(make_metastore, url):
    """A right that is found missing in the middle of a change answers 403, on a file and in memory alike."""
    metastore = make_metastore(url)
    founder = metastore.for_caller(metastore.asserted(FOUNDER))
    lab = metastore.asserted(PrincipalName.parse("user:os/lab"))
    founder.create_catalog("lab")
    founder.create_schema("lab.own")
    with metastore.core.store.write() as tx:
        for table in ("catalogs", "schemas"):
            tx._run.run(f"UPDATE {table} SET owner_id = :who WHERE key LIKE 'lab%'", who=lab.principal_id)
    founder.create_registered_model(NAME)
    other = metastore.for_caller(lab)
    other.create_registered_model("lab.own.m")
    register(other, "lab.own.m")
    with pytest.raises(PermissionDeniedError, match="USE_CATALOG on the catalog lab"):
        founder.create_model_version(NAME, lineage=Lineage(parents=(VersionRef.parse("lab.own.m/1"),)))
    assert founder.list_model_versions(NAME).items == ()
