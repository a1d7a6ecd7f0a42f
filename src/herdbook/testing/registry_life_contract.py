"""What every registry keeps about things after they were made: renames, the trash, owners, copies."""

from __future__ import annotations

import pytest

from herdbook.entities import Lineage, ModelVersion, VersionStatus
from herdbook.entities.governance import DeletedKind
from herdbook.errors import (
    AlreadyExistsError,
    ConcurrentUpdateError,
    ConflictError,
    InvalidArgumentError,
    NotEmptyError,
    NotFoundError,
    RuleViolationError,
)
from herdbook.names import VersionRef
from herdbook.ports.registry import Registry
from herdbook.testing.samples import WEIGHTS, model_files, register
from herdbook.verdicts import Privilege

MODEL = "main.default.iris"


class RegistryLifeContract:
    """A part of RegistryContract."""

    @pytest.fixture
    def version(self, registry: Registry) -> ModelVersion:
        """A READY version of a model that `champion` points to."""
        registry.create_registered_model(MODEL, tags={"team": "risk"})
        made = register(registry, MODEL)
        registry.set_registered_model_alias(f"{MODEL}@champion", made.version)
        return made

    def test_a_rename_keeps_everything_else(self, registry: Registry, version: ModelVersion) -> None:
        """Id, tags, versions, aliases and their past stay; the old name is free (R10)."""
        before = registry.get_registered_model(MODEL)
        after = registry.rename_registered_model(MODEL, "main.default.flower", expected_row_version=before.row_version)
        assert str(after.name) == "main.default.flower"
        assert (after.id, after.tags, after.aliases) == (before.id, before.tags, before.aliases)
        assert registry.get_model_version("main.default.flower/1").id == version.id
        assert len(registry.list_alias_history("main.default.flower@champion").items) == 1
        with pytest.raises(NotFoundError):
            registry.get_registered_model(MODEL)
        assert registry.create_registered_model(MODEL).id != before.id

    def test_a_container_takes_along_what_is_in_it(self, registry: Registry, version: ModelVersion) -> None:
        """Renaming a schema or catalog renames all inside, the trash too."""
        registry.create_registered_model("main.default.gone")
        registry.delete_registered_model("main.default.gone")
        registry.rename_schema("main.default", "main.fraud")
        registry.rename_catalog("main", "prod")
        assert registry.get_model_version_by_alias("prod.fraud.iris@champion").id == version.id
        assert [str(m.name) for m in registry.list_registered_models("prod.fraud").items] == ["prod.fraud.iris"]
        [deleted] = registry.list_deleted("prod").items
        assert deleted.name == "prod.fraud.gone"
        assert str(registry.restore_registered_model(deleted.id).name) == "prod.fraud.gone"
        with pytest.raises(NotFoundError):
            registry.get_catalog("main")

    def test_a_change_of_case_is_a_rename(self, registry: Registry, version: ModelVersion) -> None:
        """The same thing under another spelling, however it is asked for."""
        for old, new in (("main", "Main"), ("Main", "MAIN")):
            assert str(registry.rename_catalog(old, new).name) == new
        assert str(registry.rename_schema("main.default", "main.Default").name) == "MAIN.Default"
        assert str(registry.rename_registered_model(MODEL, "main.default.IRIS").name) == "MAIN.Default.IRIS"
        assert registry.get_model_version(f"{MODEL}/1").id == version.id

    def test_lists_show_names_as_they_were_written_last(self, registry: Registry, version: ModelVersion) -> None:
        """Whatever level was renamed and however the caller spells the others, searches, lists and gets agree."""
        registry.create_registered_model("MAIN.Default.Other")
        registry.rename_schema("Main.DEFAULT", "mAIN.Second")
        registry.delete_registered_model("main.second.other")
        registry.rename_catalog("MAIN", "Prime")
        gone = next(iter(registry.list_deleted("prime.second").items))
        registry.restore_registered_model(gone.id)
        names = [str(model.name) for model in registry.search_registered_models().items]
        assert names == ["Prime.Second.iris", "Prime.Second.Other"]
        assert [str(model.name) for model in registry.list_registered_models("prime.second").items] == names
        assert [str(registry.get_registered_model(name.lower()).name) for name in names] == names
        versions = [(found.id, str(found.ref)) for found in registry.search_model_versions().items]
        assert versions == [(version.id, "Prime.Second.iris/1")]
        assert gone.name.casefold() == names[1].casefold()

    def test_renames_that_are_refused(self, registry: Registry, version: ModelVersion) -> None:
        """Into another container, onto a taken name, of a stale row, to a reserved or bad name."""
        registry.create_registered_model("main.default.other")
        registry.create_schema("main.second")
        for new, error in (
            ("main.second.iris", InvalidArgumentError),
            ("main.default.OTHER", AlreadyExistsError),
            ("main.default.__mlf_x", InvalidArgumentError),
            ("main.default", InvalidArgumentError),
        ):
            with pytest.raises(error):
                registry.rename_registered_model(MODEL, new)
        with pytest.raises(ConcurrentUpdateError):
            registry.rename_registered_model(MODEL, "main.default.x", expected_row_version=99)
        with pytest.raises(NotFoundError):
            registry.rename_schema("main.nope", "main.x")
        assert registry.get_model_version(f"{MODEL}/1") == registry.get_model_version(version.ref)

    def test_delete_is_for_what_is_empty(self, registry: Registry, version: ModelVersion) -> None:
        """What holds something needs `force`, and what an alias points to is kept even then."""
        for call in (registry.delete_catalog, registry.delete_schema, registry.delete_registered_model):
            name = {"catalog": "main", "schema": "main.default"}.get(call.__name__[7:], MODEL)
            with pytest.raises(NotEmptyError, match="force"):
                call(name)
            with pytest.raises(RuleViolationError, match="@champion"):
                call(name, force=True)
        with pytest.raises(RuleViolationError, match="aliased-versions-are-kept"):
            registry.delete_model_version(version.ref)
        assert registry.get_model_version(version.ref).id == version.id

    def test_a_deleted_model_comes_back_whole(self, registry: Registry, version: ModelVersion) -> None:
        """Deleting frees the name; restoring brings versions, tags and history back (R31)."""
        registry.delete_registered_model_alias(f"{MODEL}@champion")
        before = registry.get_registered_model(MODEL)
        registry.delete_registered_model(MODEL, force=True, reason="cleaning")
        for call in (
            lambda: registry.get_registered_model(MODEL),
            lambda: registry.get_model_version(version.ref),
            lambda: registry.list_model_versions(MODEL),
            lambda: registry.set_registered_model_tag(MODEL, "a", "b"),
        ):
            with pytest.raises(NotFoundError):
                call()
        second = registry.create_registered_model(MODEL)
        assert registry.list_model_versions(MODEL).items == ()
        [deleted] = registry.list_deleted("main.default").items
        assert (deleted.id, deleted.kind, deleted.name) == (before.id, DeletedKind.REGISTERED_MODEL, MODEL)
        with pytest.raises(AlreadyExistsError):
            registry.restore_registered_model(deleted.id)
        back = registry.restore_registered_model(deleted.id, new_name="main.default.old")
        assert (back.id, back.tags, back.latest_version) == (before.id, before.tags, 1)
        assert b"".join(registry.read_model_version_file("main.default.old/1", "model.bin")) == WEIGHTS
        assert registry.get_registered_model(MODEL).id == second.id
        assert registry.list_deleted("main.default").items == ()

    def test_a_container_comes_back_with_what_went_with_it(self, registry: Registry, version: ModelVersion) -> None:
        """What was in the trash before stays there; nothing inside can be restored alone."""
        registry.delete_registered_model_alias(f"{MODEL}@champion")
        registry.create_registered_model("main.default.gone")
        registry.delete_registered_model("main.default.gone")
        [gone] = registry.list_deleted("main").items
        registry.delete_catalog("main", force=True)
        assert registry.list_catalogs().items == ()
        [deleted] = registry.list_deleted("metastore:").items
        with pytest.raises(ConflictError, match="trash"):
            registry.restore_registered_model(gone.id)
        registry.create_catalog("main")
        with pytest.raises(AlreadyExistsError):
            registry.restore_catalog(deleted.id)
        registry.restore_catalog(deleted.id, new_name="old")
        assert registry.get_model_version("old.default.iris/1").id == version.id
        assert [item.name for item in registry.list_deleted("metastore:").items] == ["old.default.gone"]
        assert registry.list_schemas("main").items == ()

    def test_parents_are_shown_by_their_names_at_once(self, registry: Registry, version: ModelVersion) -> None:
        """The answer to create names parents as every later look does: as they are written, each once."""
        spelled = (version.ref, VersionRef.parse(MODEL.upper() + "/1"))
        child = registry.create_model_version(MODEL, lineage=Lineage(parents=spelled), idempotency_key="k")
        assert [str(parent) for parent in child.lineage.parents] == [str(version.ref)]
        assert registry.get_model_version(child.ref) == child
        again = registry.create_model_version(MODEL, lineage=Lineage(parents=spelled), idempotency_key="k")
        assert again == child

    def test_a_container_in_another_case_is_no_rename(self, registry: Registry, version: ModelVersion) -> None:
        """Who writes the container's name in another case and the same last level changes nothing."""
        before = registry.get_registered_model(MODEL)
        assert registry.rename_registered_model(MODEL, "MAIN.DEFAULT.iris") == before
        assert registry.rename_schema("main.default", "Main.default").row_version == 1
        assert version.version == 1

    def test_a_purged_version_is_not_abandoned(self, registry: Registry, version: ModelVersion) -> None:
        """The sweep fails what is pending, in the trash too, and leaves alone what was purged."""
        for _ in range(2):
            pending = registry.create_model_version(MODEL)
            registry.delete_model_version(pending.ref)
        registry.purge_model_version(pending.ref)
        assert registry.sweep_artifacts(dry_run=True, grace_s=0).abandoned_versions == 1
        assert registry.sweep_artifacts(grace_s=0).abandoned_versions == 1
        assert registry.restore_model_version(f"{MODEL}/2").status is VersionStatus.FAILED_REGISTRATION
        assert version.version == 1

    def test_versions_in_the_trash(self, registry: Registry, version: ModelVersion) -> None:
        """A deleted version is not found, comes back under its number, and its number is never used again."""
        second = register(registry, MODEL, model_files(b"two"))
        assert second.version == version.version + 1
        registry.delete_model_version(second.ref, expected_row_version=second.row_version, reason="bad data")
        assert registry.get_registered_model(MODEL).latest_version == 1
        assert [v.version for v in registry.list_model_versions(MODEL).items] == [1]
        with pytest.raises(NotFoundError):
            registry.get_model_version(second.ref)
        with pytest.raises(NotFoundError):
            registry.set_registered_model_alias(f"{MODEL}@next", 2)
        assert register(registry, MODEL, model_files(b"three")).version == 3
        assert [item.name for item in registry.list_deleted(MODEL).items] == [f"{MODEL}/2"]
        assert registry.restore_model_version(second.ref).status is VersionStatus.READY
        assert registry.get_model_version(second.ref).manifest_sha256 == second.manifest_sha256
        with pytest.raises(NotFoundError):
            registry.restore_model_version(second.ref)

    def test_purged_is_gone_with_its_bytes(self, registry: Registry, version: ModelVersion) -> None:
        """Only what is in the trash can be purged; then the sweep frees its bytes, and nothing brings it back."""
        second = register(registry, MODEL, model_files(b"purge me"))
        with pytest.raises(NotFoundError):
            registry.purge_model_version(second.ref)
        registry.delete_model_version(second.ref)
        assert registry.sweep_artifacts(grace_s=0).removed_blobs == 0
        registry.purge_model_version(second.ref)
        assert registry.sweep_artifacts(grace_s=0).freed_bytes == len(b"purge me")
        with pytest.raises(NotFoundError):
            registry.restore_model_version(second.ref)
        assert register(registry, MODEL).version == 3
        registry.delete_registered_model_alias(f"{MODEL}@champion")
        registry.delete_registered_model(MODEL, force=True)
        [deleted] = registry.list_deleted("main").items
        registry.purge_registered_model(deleted.id)
        assert registry.list_deleted("metastore:").items == ()
        with pytest.raises(NotFoundError):
            registry.restore_registered_model(deleted.id)
        assert registry.sweep_artifacts(grace_s=0).kept_blobs == 0
        assert version.version == register_again(registry).version

    def test_a_purge_ends_what_was_granted(self, registry: Registry, version: ModelVersion) -> None:
        """Lines on what is purged, on what lies in it and on its slots are gone, and the rest stays (R31)."""
        me, name = str(registry.get_current_principal().name), str(version.name)
        schema = name.rpartition(".")[0]
        for place, privilege in (
            (name, Privilege.EXECUTE),
            (f"{name}@champion", Privilege.SET_ALIAS),
            (schema, Privilege.EXECUTE),
        ):
            registry.grant(me, privilege, place)
        gone = registry.get_registered_model(name).id
        registry.delete_registered_model_alias(f"{name}@champion")
        registry.delete_registered_model(name, force=True)
        registry.purge_registered_model(gone)
        registry.create_registered_model(name)
        assert registry.list_grants(name).items == registry.list_grants(f"{name}@champion").items == ()
        assert len(registry.list_grants(schema).items) == 1

    def test_a_purged_container_takes_all_along(self, registry: Registry, version: ModelVersion) -> None:
        """Schemas, models and versions inside go too; what was copied elsewhere keeps its bytes."""
        registry.create_schema("main.safe")
        copy = registry.copy_model_version(version.ref, "main.safe.copy")
        registry.delete_registered_model_alias(f"{MODEL}@champion")
        registry.delete_schema("main.default", force=True)
        [deleted] = registry.list_deleted("main").items
        registry.purge_schema(deleted.id)
        registry.sweep_artifacts(grace_s=0)
        assert b"".join(registry.read_model_version_file(copy.ref, "model.bin")) == WEIGHTS
        lineage = registry.get_model_version(copy.ref).lineage
        assert (lineage.parents, lineage.hidden_parents) == ((), 1)
        registry.create_schema("main.default")
        assert registry.list_registered_models("main.default").items == ()

    def test_a_copy_is_a_version_of_its_own(self, registry: Registry, version: ModelVersion) -> None:
        """The same bytes under another name, with the source as parent, into a model that need not exist."""
        registry.update_model_version(version.ref, comment="best yet")
        copy = registry.copy_model_version(version.ref, "main.default.copy", tags={"k": "v"}, idempotency_key="one")
        assert (
            registry.copy_model_version(version.ref, "main.default.copy", tags={"k": "v"}, idempotency_key="one")
            == copy
        )
        assert (str(copy.ref), copy.status, copy.comment) == ("main.default.copy/1", VersionStatus.READY, "best yet")
        assert (copy.tags, copy.manifest_sha256, copy.model) == ({"k": "v"}, version.manifest_sha256, version.model)
        assert copy.lineage.parents == (version.ref,)
        assert registry.copy_model_version(version.ref, MODEL).version == 2
        registry.rename_registered_model(MODEL, "main.default.flower")
        assert [str(p) for p in registry.get_model_version(copy.ref).lineage.parents] == ["main.default.flower/1"]

    def test_copies_that_are_refused(self, registry: Registry, version: ModelVersion) -> None:
        """A source that is missing or not READY, a schema that is missing, a bad name: nothing is left behind."""
        pending = registry.create_model_version(MODEL)
        for source, target, error in (
            (f"{MODEL}/99", "main.default.copy", NotFoundError),
            (pending.ref, "main.default.copy", ConflictError),
            (version.ref, "main.nope.copy", NotFoundError),
            (version.ref, "main.default.__mlf_copy", InvalidArgumentError),
        ):
            with pytest.raises(error):
                registry.copy_model_version(source, target)
        assert [str(m.name) for m in registry.list_registered_models("main.default").items] == [MODEL]

    def test_ownership_goes_only_to_who_can_own(self, registry: Registry, version: ModelVersion) -> None:
        """Roles and strangers own nothing, nobody owns an alias, and a stale owner is refused (R23)."""
        me = registry.get_current_principal().name
        registry.transfer_ownership(MODEL, me, expected_owner=me)
        for securable, to, error in (
            (MODEL, "role:scientist", InvalidArgumentError),
            (MODEL, "user:nobody", NotFoundError),
            (f"{MODEL}@champion", me, InvalidArgumentError),
            ("metastore:", me, InvalidArgumentError),
            ("main.nope", me, NotFoundError),
        ):
            with pytest.raises(error):
                registry.transfer_ownership(securable, to)
        with pytest.raises(ConcurrentUpdateError):
            registry.transfer_ownership(MODEL, me, expected_owner="user:other")
        assert registry.get_registered_model(MODEL).owner == str(me)
        assert version.version == 1

    def test_the_trash_is_paged_newest_first(self, registry: Registry) -> None:
        """Every deleted thing once, whatever its kind, at any depth below what was asked about."""
        names = []
        for number in range(5):
            name = f"main.default.m{number}"
            registry.create_registered_model(name)
            registry.delete_registered_model(name)
            names.append(name)
        seen: list[str] = []
        token = None
        while True:
            page = registry.list_deleted("metastore:", max_results=2, page_token=token)
            seen += [item.name for item in page.items]
            token = page.next_page_token
            if token is None:
                break
        assert seen == names[::-1]


def register_again(registry: Registry) -> ModelVersion:
    """Register a first version under a name that was purged."""
    registry.create_registered_model(MODEL)
    return register(registry, MODEL)
