"""What every implementation of the Registry port keeps, whatever is behind it."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest

from herdbook.entities import FileEntry, FileStat, Lineage, Manifest, SlotNeed, VersionStatus
from herdbook.errors import (
    AlreadyExistsError,
    ConcurrentUpdateError,
    ConflictError,
    IntegrityError,
    InvalidArgumentError,
    NotFoundError,
    RuleViolationError,
    UnsupportedError,
)
from herdbook.names import VersionRef
from herdbook.ports.registry import FileUpload, Registry
from herdbook.testing.registry_life_contract import RegistryLifeContract
from herdbook.testing.samples import WEIGHTS, model_files, register, upload
from herdbook.testing.search_contract import SearchContract
from herdbook.testing.tokens_contract import TokensContract
from herdbook.verdicts import Operation

NAME = "main.default.iris"


class RegistryContract(RegistryLifeContract, SearchContract, TokensContract):
    """Override the fixture `registry`: a fresh one, whose caller founded it."""

    @pytest.fixture
    def registry(self) -> Registry:
        """A fresh registry."""
        raise NotImplementedError("override the fixture `registry`")

    @pytest.fixture
    def model(self, registry: Registry) -> str:
        """The name of a registered model without versions."""
        registry.create_registered_model(NAME)
        return NAME

    def test_a_new_registry_has_one_schema_of_its_founder(self, registry: Registry) -> None:
        """`main.default` is there, owned by who made the registry."""
        schema = registry.get_schema("main.default")
        assert schema.owner == str(registry.get_current_principal().name)
        assert [str(c.name) for c in registry.list_catalogs().items] == ["main"]

    def test_unsupported_verbs_say_so(self, registry: Registry) -> None:
        """A verb outside `supported` raises UnsupportedError that names it."""
        for operation, words in ((Operation.LIST_WEBHOOKS, ("main",)), (Operation.DELETE_WEBHOOK, ("id",))):
            if operation not in registry.supported:
                with pytest.raises(UnsupportedError, match=r"cannot"):
                    getattr(registry, operation.value)(*words)

    def test_names_are_kept_as_written_and_found_in_any_case(self, registry: Registry) -> None:
        """Two spellings of one name cannot both exist."""
        registry.create_catalog("Prod")
        assert str(registry.get_catalog("pROD").name) == "Prod"
        with pytest.raises(AlreadyExistsError):
            registry.create_catalog("PROD")

    def test_bad_names_are_refused_with_advice(self, registry: Registry) -> None:
        """Nothing is repaired: a name with the wrong letters or levels is an error that says what is right."""
        for name in ("", "a b", "a.b", "-a", "ä", "a/b", "x" * 256):
            with pytest.raises(InvalidArgumentError):
                registry.create_catalog(name)
        with pytest.raises(InvalidArgumentError, match="reserved"):
            registry.create_catalog("__MLF_x")

    def test_comments_and_row_versions(self, registry: Registry) -> None:
        """A comment can be replaced and removed, and a stale change is refused."""
        registry.create_catalog("prod", comment="one")
        changed = registry.update_catalog("prod", comment="two", expected_row_version=1)
        assert (changed.comment, changed.row_version) == ("two", 2)
        with pytest.raises(ConcurrentUpdateError):
            registry.update_catalog("prod", comment="three", expected_row_version=1)
        assert registry.update_catalog("prod", comment=None).comment is None
        assert registry.update_schema("main.default", comment="s").comment == "s"
        registry.create_registered_model(NAME)
        assert registry.update_registered_model(NAME, comment="m").comment == "m"

    def test_idempotent_creates(self, registry: Registry) -> None:
        """A repeated create answers as the first did; the same key for something else is refused."""
        first = registry.create_registered_model(NAME, tags={"a": "1"}, idempotency_key="k1")
        assert registry.create_registered_model(NAME, tags={"a": "1"}, idempotency_key="k1") == first
        with pytest.raises(ConflictError):
            registry.create_registered_model(NAME, tags={"a": "2"}, idempotency_key="k1")
        version = registry.create_model_version(NAME, idempotency_key="k2")
        assert registry.create_model_version(NAME, idempotency_key="k2").version == version.version

    def test_lists_page_through_everything_once(self, registry: Registry) -> None:
        """Pages are ordered by name, without gaps or repeats, also while others write."""
        names = [f"main.default.m{i:02}" for i in range(7)]
        for name in names:
            registry.create_registered_model(name)
        seen: list[str] = []
        token = None
        while True:
            page = registry.list_registered_models("main.default", max_results=3, page_token=token)
            seen += [str(model.name) for model in page.items]
            token = page.next_page_token
            if token is None:
                break
            registry.create_registered_model(f"main.default.a{len(seen)}")
        assert seen == names
        with pytest.raises(InvalidArgumentError, match="token"):
            registry.list_registered_models("main.default", page_token="bm9wZQ")  # noqa: S106 not a secret
        for size in (0, 1001, True):
            with pytest.raises(InvalidArgumentError):
                registry.list_catalogs(max_results=size)

    def test_a_page_token_belongs_to_its_list(self, registry: Registry) -> None:
        """A token of one list is refused by another (R11)."""
        for name in ("a", "b"):
            registry.create_schema(f"main.{name}")
        token = registry.list_schemas("main", max_results=1).next_page_token
        with pytest.raises(InvalidArgumentError, match="token"):
            registry.list_catalogs(page_token=token)

    def test_missing_things_answer_404(self, registry: Registry) -> None:
        """Whatever level is missing, the answer has one form."""
        for call in (
            lambda: registry.get_catalog("nope"),
            lambda: registry.get_schema("nope.x"),
            lambda: registry.get_registered_model("main.default.nope"),
            lambda: registry.get_model_version("main.default.nope/1"),
            lambda: registry.get_model_version_by_alias("main.default.nope@a"),
            lambda: registry.create_schema("nope.x"),
            lambda: registry.create_registered_model("main.nope.x"),
            lambda: registry.create_model_version("main.default.nope"),
            lambda: registry.list_schemas("nope"),
        ):
            with pytest.raises(NotFoundError, match=r"There is no .* that you may know of"):
                call()

    def test_registration_in_three_steps(self, registry: Registry, model: str) -> None:
        """Create is pending, finalize makes it READY with what the files say, and the bytes come back."""
        version = registry.create_model_version(model, comment="c", tags={"k": "v"})
        assert (version.version, version.status) == (1, VersionStatus.PENDING_REGISTRATION)
        manifest = upload(registry, version, model_files())
        done = registry.finalize_model_version(version.ref, manifest)
        assert done.status is VersionStatus.READY
        assert (done.comment, done.tags, done.file_count) == ("c", {"k": "v"}, 2)
        assert done.model is not None
        assert done.model.signature is not None
        assert registry.get_model_version(f"{model}/latest") == done
        assert b"".join(registry.read_model_version_file(done.ref, "model.bin")) == WEIGHTS
        assert b"".join(registry.read_model_version_file(done.ref, "model.bin", offset=2, length=3)) == WEIGHTS[2:5]
        target = io.BytesIO()
        assert [file.path for file in registry.list_model_version_files(done.ref).items] == ["MLmodel", "model.bin"]
        for block in registry.read_model_version_file(done.ref, "MLmodel"):
            target.write(block)
        assert target.getvalue() == model_files()["MLmodel"]

    def test_finalize_is_idempotent(self, registry: Registry, model: str) -> None:
        """The same manifest again changes nothing; another one is refused."""
        version = registry.create_model_version(model)
        manifest = upload(registry, version, model_files())
        done = registry.finalize_model_version(version.ref, manifest)
        assert registry.finalize_model_version(version.ref, manifest) == done
        other = Manifest.of([manifest.files[0]])
        with pytest.raises(ConflictError):
            registry.finalize_model_version(version.ref, other)
        with pytest.raises(ConflictError):
            upload(registry, version, model_files())

    def test_a_version_without_signature_is_refused(self, registry: Registry, model: str) -> None:
        """The rule, who demands it and what to do are named; the number is burned, and nothing is READY."""
        version = registry.create_model_version(model)
        manifest = upload(registry, version, model_files(signed=False))
        with pytest.raises(RuleViolationError, match="signature-required") as caught:
            registry.finalize_model_version(version.ref, manifest)
        assert [r.securable for r in caught.value.rejections] == ["metastore:"]
        assert "signature=" in str(caught.value)
        failed = registry.get_model_version(version.ref)
        assert failed.status is VersionStatus.FAILED_REGISTRATION
        assert failed.rejections == caught.value.rejections
        with pytest.raises(NotFoundError):
            registry.get_model_version(f"{model}/latest")
        with pytest.raises(ConflictError):
            b"".join(registry.read_model_version_file(version.ref, "model.bin"))

    def test_finalize_names_the_files_that_are_missing(self, registry: Registry, model: str) -> None:
        """A manifest with a file that was never sent is refused, and the version stays pending."""
        version = registry.create_model_version(model)
        manifest = upload(registry, version, {"model.bin": WEIGHTS})
        lie = Manifest.of([*manifest.files, FileEntry(path="MLmodel", size=1, sha256="0" * 64)])
        with pytest.raises(InvalidArgumentError, match="MLmodel"):
            registry.finalize_model_version(version.ref, lie)
        assert registry.get_model_version(version.ref).status is VersionStatus.PENDING_REGISTRATION

    def test_a_file_that_is_not_what_was_announced_is_refused(self, registry: Registry, model: str) -> None:
        """Size and digest are checked against the bytes that came."""
        version = registry.create_model_version(model)
        for stat in (FileStat(path="a", size=3), FileStat(path="a", size=7, sha256="0" * 64)):
            with pytest.raises(IntegrityError):
                registry.upload_model_version_files(version.ref, [FileUpload(file=stat, source=io.BytesIO(WEIGHTS))])

    def test_held_files_are_not_sent_again(self, registry: Registry, model: str) -> None:
        """The plan asks for digests of sizes it knows, holds what the caller may execute, and create does it all."""
        done = register(registry, model)
        files = registry.list_model_version_files(done.ref).items
        unknown = registry.upload_plan(model, [FileStat(path=f.path, size=f.size) for f in files])
        assert {slot.need for slot in unknown.slots} == {SlotNeed.DIGEST}
        known = registry.upload_plan(model, [FileStat(path=f.path, size=f.size, sha256=f.sha256) for f in files])
        assert {slot.need for slot in known.slots} == {SlotNeed.HELD}
        wanted = registry.upload_plan(model, [FileStat(path="new", size=12345)])
        assert wanted.slots[0].need is SlotNeed.BYTES
        again = registry.create_model_version(model, manifest=Manifest.of(files))
        assert (again.version, again.status) == (2, VersionStatus.READY)
        assert again.manifest_sha256 == done.manifest_sha256
        assert again.model == done.model

    def test_an_upload_can_be_resumed(self, registry: Registry, model: str) -> None:
        """What was sent for a pending version counts as held when its upload goes on."""
        version = registry.create_model_version(model)
        manifest = upload(registry, version, {"model.bin": b"unique bytes"})
        sent = manifest.files[0]
        stat = FileStat(path=sent.path, size=sent.size, sha256=sent.sha256)
        assert registry.upload_plan(model, [stat], version=1).slots[0].need is SlotNeed.HELD
        assert registry.upload_plan(model, [stat]).slots[0].need is SlotNeed.BYTES

    def test_what_goes_straight_to_the_store(self, registry: Registry, model: str) -> None:
        """A file is located as what it is, by who may read it; what nobody put anywhere is not taken in."""
        done = register(registry, model)
        for entry in registry.list_model_version_files(done.ref).items:
            assert registry.locate_model_version_file(done.ref, entry.path).entry == entry
        with pytest.raises(NotFoundError):
            registry.locate_model_version_file(done.ref, "nothing")
        begun = registry.create_model_version(model)
        (slot,) = registry.upload_plan(model, [FileStat(path="a", size=1)], version=2, direct=True).slots
        assert slot.need is SlotNeed.BYTES
        with pytest.raises((ConflictError, UnsupportedError)):
            registry.take_in_model_version_file(begun.ref, FileStat(path="a", size=1, sha256="0" * 64))
        with pytest.raises(InvalidArgumentError):
            registry.upload_plan(model, [FileStat(path="a", size=1)], direct=True)

    def test_lineage_is_kept(self, registry: Registry, model: str) -> None:
        """What a version came from is answered as it was given; parents must be READY versions."""
        parent = register(registry, model)
        lineage = Lineage(run_id="r1", experiment_id="e1", parents=(parent.ref,), environment={"python": "3.11"})
        child = register(registry, model, model_files(b"other"), lineage=lineage)
        assert registry.get_model_version(child.ref).lineage == lineage
        with pytest.raises(NotFoundError):
            registry.create_model_version(model, lineage=Lineage(parents=(VersionRef.parse(f"{model}/99"),)))

    def test_aliases_move_with_history(self, registry: Registry, model: str) -> None:
        """An alias points to READY versions only, moves, keeps its past, and answers as of any time."""
        one = register(registry, model)
        two = register(registry, model, model_files(b"two"))
        slot = f"{model}@champion"
        first = registry.set_registered_model_alias(slot, one.version, expected_current=0, reason="first")
        assert registry.set_registered_model_alias(slot, one.version) == first
        with pytest.raises(ConcurrentUpdateError):
            registry.set_registered_model_alias(slot, two.version, expected_current=2)
        second = registry.set_registered_model_alias(slot.upper().replace("MAIN.DEFAULT", "main.default"), two.version)
        assert registry.get_model_version_by_alias(slot).version == two.version
        assert registry.get_model_version_by_alias(slot, as_of=first.valid_from).version == one.version
        with pytest.raises(NotFoundError):
            registry.get_model_version_by_alias(slot, as_of=first.valid_from - timedelta(milliseconds=1))
        history = registry.list_alias_history(slot, max_results=1)
        assert [a.version for a in history.items] == [two.version]
        older = registry.list_alias_history(slot, page_token=history.next_page_token).items
        assert [(a.version, a.reason, a.valid_to) for a in older] == [(one.version, "first", second.valid_from)]
        assert registry.get_model_version(two.ref).aliases == (second.alias,)
        assert registry.get_registered_model(model).aliases == {second.alias: two.version}

    def test_a_number_can_be_taken_above_all_others(self, registry: Registry, model: str) -> None:
        """A given number is kept, what it skips stays unused, and nothing at or below a number is given again."""
        assert registry.create_model_version(model, number=5).version == 5
        assert registry.create_model_version(model, number=7, idempotency_key="k").version == 7
        assert registry.create_model_version(model, number=7, idempotency_key="k").version == 7
        for number in (1, 5, 6, 7):
            with pytest.raises(ConflictError, match="up to 7"):
                registry.create_model_version(model, number=number)
        for wrong in (0, -1, 10**18, True, "8"):
            with pytest.raises(InvalidArgumentError):
                registry.create_model_version(model, number=wrong)  # type: ignore[arg-type]  # that is the point
        assert registry.create_model_version(model).version == 8
        assert [v.version for v in registry.list_model_versions(model).items] == [8, 7, 5]
        with pytest.raises(NotFoundError):
            registry.get_model_version(f"{model}/6")

    def test_aliases_that_are_no_longer_set_can_be_listed(self, registry: Registry, model: str) -> None:
        """`ended` adds the last assignment of each alias that was set once."""
        for weights in (b"1", b"2"):
            register(registry, model, model_files(weights))
        for number in (1, 2):
            registry.set_registered_model_alias(f"{model}@gone", number)
            registry.set_registered_model_alias(f"{model}@there", number)
        registry.delete_registered_model_alias(f"{model}@gone")
        assert [a.alias for a in registry.list_registered_model_aliases(model)] == ["there"]
        every = registry.list_registered_model_aliases(model, ended=True)
        assert [(a.alias, a.version, a.valid_to is None) for a in every] == [("gone", 2, False), ("there", 2, True)]

    def test_aliases_can_be_unset(self, registry: Registry, model: str) -> None:
        """An unset alias is gone now, and its history stays."""
        version = register(registry, model)
        slot = f"{model}@champion"
        registry.set_registered_model_alias(slot, version.version)
        registry.delete_registered_model_alias(slot, expected_current=version.version)
        assert registry.list_registered_model_aliases(model) == ()
        with pytest.raises(NotFoundError):
            registry.get_model_version_by_alias(slot)
        with pytest.raises(NotFoundError):
            registry.delete_registered_model_alias(slot)
        assert len(registry.list_alias_history(slot).items) == 1

    def test_an_alias_does_not_point_to_what_is_not_ready(self, registry: Registry, model: str) -> None:
        """Pending and missing versions are refused (R15)."""
        registry.create_model_version(model)
        with pytest.raises(ConflictError, match="READY"):
            registry.set_registered_model_alias(f"{model}@champion", 1)
        with pytest.raises(NotFoundError):
            registry.set_registered_model_alias(f"{model}@champion", 99)
        for alias in ("latest", "V1", "a b"):
            with pytest.raises(InvalidArgumentError):
                registry.set_registered_model_alias(f"{model}@{alias}", 1)

    def test_tags(self, registry: Registry, model: str) -> None:
        """Tags are set, replaced and deleted on models and versions; a missing one answers 404."""
        version = register(registry, model)
        for value in ("1", "2", ""):
            registry.set_registered_model_tag(model, "a key", value)
            registry.set_model_version_tag(version.ref, "stage/x", value)
        assert registry.get_registered_model(model).tags == {"a key": ""}
        assert registry.get_model_version(version.ref).tags == {"stage/x": ""}
        with pytest.raises(ConcurrentUpdateError):
            registry.delete_registered_model_tag(model, "a key", expected_value="other")
        registry.delete_registered_model_tag(model, "a key", expected_value="")
        registry.delete_model_version_tag(version.ref, "stage/x")
        assert registry.get_registered_model(model).tags == {}
        with pytest.raises(NotFoundError):
            registry.delete_model_version_tag(version.ref, "stage/x")
        for key in ("", "a$", "x" * 251):
            with pytest.raises(InvalidArgumentError):
                registry.set_registered_model_tag(model, key, "v")

    def test_versions_are_listed_highest_first(self, registry: Registry, model: str) -> None:
        """Numbers grow by one and are never reused."""
        for weights in (b"1", b"2", b"3"):
            register(registry, model, model_files(weights))
        page = registry.list_model_versions(model, max_results=2)
        assert [v.version for v in page.items] == [3, 2]
        rest = registry.list_model_versions(model, max_results=2, page_token=page.next_page_token)
        assert [v.version for v in rest.items] == [1]

    def test_rules_in_force_are_visible(self, registry: Registry, model: str) -> None:
        """The shipped rules are in force everywhere, with file and line."""
        rules = registry.get_effective_rules(model)
        assert [(rule.rule, rule.on, rule.revision) for rule in rules] == [
            ("signature-required", "metastore:", 1),
            ("aliased-versions-are-kept", "metastore:", 1),
        ]
        assert all(rule.origin.startswith("rules/default.toml:") for rule in rules)

    def test_the_sweep_frees_what_was_abandoned(self, registry: Registry, model: str) -> None:
        """Dry run tells, the sweep does, and registered bytes stay."""
        kept = register(registry, model)
        pending = registry.create_model_version(model)
        upload(registry, pending, {"orphan.bin": b"orphan"})
        early = registry.sweep_artifacts(grace_s=3600)
        assert (early.abandoned_versions, early.removed_blobs) == (0, 0)
        told = registry.sweep_artifacts(dry_run=True, grace_s=0)
        assert (told.abandoned_versions, told.removed_blobs) == (1, 1)
        assert registry.get_model_version(pending.ref).status is VersionStatus.PENDING_REGISTRATION
        done = registry.sweep_artifacts(grace_s=0)
        assert (done.abandoned_versions, done.removed_blobs, done.freed_bytes) == (1, 1, len(b"orphan"))
        assert registry.get_model_version(pending.ref).status is VersionStatus.FAILED_REGISTRATION
        assert b"".join(registry.read_model_version_file(kept.ref, "model.bin")) == WEIGHTS
        with pytest.raises(InvalidArgumentError):
            registry.sweep_artifacts(grace_s=-1)
