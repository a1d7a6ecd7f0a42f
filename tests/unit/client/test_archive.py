"""Export and import between two real registries: what comes over, what is recognised, what is left alone."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import pytest
from attrs import evolve

import herdbook
from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.bootstrap import open_registry, shipped_model
from herdbook.client.archive import layout, versions
from herdbook.client.archive.writing import ArchiveWriter
from herdbook.entities import Lineage, VersionStatus
from herdbook.entities.archives import ArchiveHeader, ImportOutcome
from herdbook.errors import (
    AlreadyExistsError,
    ConcurrentUpdateError,
    ConflictError,
    IntegrityError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
)
from herdbook.names import PrincipalName
from herdbook.settings import Settings
from herdbook.testing.archive_samples import RANKER, SCORER, fill, members, put_together, snapshot
from herdbook.testing.samples import model_files, register
from herdbook.verdicts import Denied, Privilege, Sight

OUT = ImportOutcome


@pytest.fixture
def source(tmp_path):
    with open_registry(str(tmp_path / "source"), settings=Settings()) as registry:
        fill(registry)
        yield registry


@pytest.fixture
def target(tmp_path):
    with open_registry(str(tmp_path / "target"), settings=Settings()) as registry:
        yield registry


@pytest.fixture
def archive(source, tmp_path):
    herdbook.export_archive("prod", tmp_path / "prod.tar", registry=source, registry_label="old house")
    return tmp_path / "prod.tar"


def outcomes(report):
    return {item.what: item.outcome for item in report.items}


def plain(lineage):
    return evolve(lineage, imported=())


def test_everything_comes_over(source, target, archive):
    """Names, numbers, comments, tags, aliases, parents and bytes are equal; a refused version is a gap."""
    report = herdbook.import_archive(archive, registry=target)
    assert {item.outcome for item in report.items} == {OUT.MADE, OUT.SKIPPED}
    assert [item.what for item in report.items if item.outcome is OUT.SKIPPED] == [f"{SCORER}/2"]
    for name in (SCORER, RANKER):
        old, new = source.get_registered_model(name), target.get_registered_model(name)
        assert (new.comment, new.tags, new.aliases, new.latest_version) == (
            old.comment, old.tags, old.aliases, old.latest_version,
        )  # fmt: skip
    for ref in (f"{SCORER}/1", f"{SCORER}/3", f"{RANKER}/1"):
        old, new = source.get_model_version(ref), target.get_model_version(ref)
        for field in ("status", "comment", "tags", "aliases", "manifest_sha256", "total_size", "file_count", "model"):
            assert getattr(new, field) == getattr(old, field)
        assert plain(new.lineage) == old.lineage
        (origin,) = new.lineage.imported
        assert (origin.ref, origin.version_id, origin.author) == (ref, old.id, old.author)
        assert (origin.created_at, origin.registry, origin.archive) == (old.created_at, "old house", report.archive)
    with pytest.raises(NotFoundError):
        target.get_model_version(f"{SCORER}/2")
    assert target.get_catalog("prod").comment == "What customers see"
    assert target.get_schema("prod.fraud").comment == "Card fraud"


def test_alias_history_is_replayed(source, target, archive):
    """Every move is there in its order, an alias that was unset is unset, and who set it there is told."""
    herdbook.import_archive(archive, registry=target)
    for alias in ("champion", "old"):
        old = source.list_alias_history(f"{SCORER}@{alias}").items
        new = target.list_alias_history(f"{SCORER}@{alias}").items
        assert [(a.alias, a.version, a.valid_to is None) for a in new] == [
            (a.alias, a.version, a.valid_to is None) for a in old
        ]
        for before, after in zip(old, new, strict=True):
            assert after.reason.startswith(f"imported: {before.set_by} set it at ")
            assert after.reason.endswith(before.reason or "Z")


def test_a_second_import_changes_nothing(target, archive):
    """Repeated, an import finds everything there, and the registry is the same to the byte."""
    herdbook.import_archive(archive, registry=target)
    before = snapshot(target)
    rows = [(v.row_version, v.updated_at) for v in target.list_model_versions(SCORER).items]
    report = herdbook.import_archive(archive, registry=target)
    assert {item.outcome for item in report.items} == {OUT.PRESENT, OUT.SKIPPED}
    assert snapshot(target) == before
    assert [(v.row_version, v.updated_at) for v in target.list_model_versions(SCORER).items] == rows


def test_a_later_archive_adds_what_is_new(source, target, archive, tmp_path):
    """A second export of the same thing, imported over the first, brings only the new version and move."""
    herdbook.import_archive(archive, registry=target)
    register(source, SCORER, model_files(b"fourth"))
    source.set_registered_model_alias(f"{SCORER}@champion", 4)
    herdbook.export_archive("prod", tmp_path / "later.tar", registry=source)
    report = herdbook.import_archive(tmp_path / "later.tar", registry=target)
    made = {item.what for item in report.items if item.outcome is OUT.MADE}
    assert made == {f"{SCORER}/4", f"{SCORER}@champion"}
    assert len(target.list_alias_history(f"{SCORER}@champion").items) == 4


def test_an_archive_of_its_own_registry_is_all_there(source, archive):
    """Imported where it came from, an archive changes nothing."""
    before = snapshot(source)
    report = herdbook.import_archive(archive, registry=source)
    assert {item.outcome for item in report.items} == {OUT.PRESENT, OUT.SKIPPED}
    assert snapshot(source) == before


def test_it_goes_through_several_registries(target, archive, tmp_path):
    """A version that was imported twice tells both origins, the last one last."""
    herdbook.import_archive(archive, registry=target)
    herdbook.export_archive(SCORER, tmp_path / "again.tar", registry=target, registry_label="second")
    with open_registry(str(tmp_path / "third"), settings=Settings()) as third:
        herdbook.import_archive(tmp_path / "again.tar", registry=third, into="main.default")
        version = third.get_model_version("main.default.scorer/3")
        assert [origin.registry for origin in version.lineage.imported] == ["old house", "second"]
        assert len(third.list_alias_history("main.default.scorer@champion").items) == 3


def test_other_names(target, archive, source, tmp_path):
    """`as_name` renames what was exported, `into` puts it elsewhere, and both at once or a wrong level are refused."""
    herdbook.import_archive(archive, registry=target, as_name="staging")
    assert target.get_model_version("staging.fraud.scorer/3").lineage.parents[0].model.catalog == "staging"
    herdbook.export_archive(SCORER, tmp_path / "one.tar", registry=source)
    herdbook.import_archive(tmp_path / "one.tar", registry=target, as_name="main.default.copy")
    herdbook.import_archive(tmp_path / "one.tar", registry=target, into="main.default")
    names = [str(model.name) for model in target.list_registered_models("main.default").items]
    assert names == ["main.default.copy", "main.default.scorer"]
    herdbook.export_archive("prod.fraud", tmp_path / "schema.tar", registry=source)
    herdbook.import_archive(tmp_path / "schema.tar", registry=target, into="main")
    assert target.get_schema("main.fraud").comment == "Card fraud"
    for wrong in ({"into": "main", "as_name": "x"}, {"into": "main"}, {"as_name": "main.x"}, {"into": "a.b"}):
        with pytest.raises(InvalidArgumentError):
            herdbook.import_archive(archive, registry=target, **wrong)
    for wrong in ({"into": "main"}, {"as_name": "main.x"}, {"into": "a.b.c"}):
        with pytest.raises(InvalidArgumentError):
            herdbook.import_archive(tmp_path / "one.tar", registry=target, **wrong)


def test_containers_above_must_exist(source, target, tmp_path):
    """A model's archive makes no schema, and a schema's no catalog."""
    for name in (SCORER, "prod.fraud"):
        herdbook.export_archive(name, tmp_path / f"{name}.tar", registry=source)
        with pytest.raises(NotFoundError):
            herdbook.import_archive(tmp_path / f"{name}.tar", registry=target)
    assert [str(catalog.name) for catalog in target.list_catalogs().items] == ["main"]


def test_parents_that_are_not_in_the_archive_are_told_of(source, target, tmp_path):
    """They are no lineage here, since nothing here is known to be them; what the archive said is kept."""
    herdbook.export_archive(RANKER, tmp_path / "one.tar", registry=source)
    report = herdbook.import_archive(tmp_path / "one.tar", registry=target, into="main.default")
    version = target.get_model_version("main.default.ranker/1")
    assert version.lineage.parents == ()
    assert version.lineage.imported[0].parents == (f"{SCORER}/1",)
    assert any(f"{SCORER}/1" in (item.why or "") for item in report.items)


def test_what_is_there_is_not_overwritten(target, archive):
    """Other bytes under a number, lower numbers, another comment, tag or alias history: told, and left alone."""
    target.create_catalog("prod")
    target.create_schema("prod.fraud")
    target.create_registered_model(SCORER, comment="mine", tags={"team": "mine"})
    mine = register(target, SCORER, model_files(b"mine"))
    target.set_registered_model_alias(f"{SCORER}@champion", 1)
    report = herdbook.import_archive(archive, registry=target)
    found = outcomes(report)
    assert found[f"{SCORER}/1"] is OUT.CONFLICT
    assert found[f"{SCORER}/3"] is OUT.MADE
    assert found[f"{SCORER}@champion"] is OUT.CONFLICT
    told = next(item.why for item in report.items if item.what == SCORER)
    assert "the comment" in told
    assert "'team'" in told
    assert target.get_registered_model(SCORER).tags == {"team": "mine", "empty": ""}
    assert target.get_model_version(mine.ref) == evolve(mine, aliases=("champion",))


def test_numbers_that_were_passed_are_not_taken(target, archive):
    """A version whose number the model here has passed is a conflict, in the dry run too."""
    target.create_catalog("prod")
    target.create_schema("prod.fraud")
    target.create_registered_model(SCORER)
    target.create_model_version(SCORER, number=2)
    for dry_run in (True, False):
        found = outcomes(herdbook.import_archive(archive, registry=target, dry_run=dry_run))
        assert (found[f"{SCORER}/1"], found[f"{SCORER}/3"]) == (OUT.CONFLICT, OUT.MADE)


def test_the_same_bytes_from_elsewhere_are_no_match(target, archive):
    """A version is recognised by where it came from, not by its bytes alone."""
    target.create_catalog("prod")
    target.create_schema("prod.fraud")
    target.create_registered_model(SCORER)
    register(target, SCORER)
    items = {item.what: item for item in herdbook.import_archive(archive, registry=target).items}
    assert items[f"{SCORER}/1"].outcome is OUT.CONFLICT
    assert "same bytes" in items[f"{SCORER}/1"].why
    # Version 1 here is READY; the aliases' moves to the archive's are left out because it is another one.
    assert target.get_model_version(f"{SCORER}/1").status is VersionStatus.READY
    assert items[f"{SCORER}@champion"].why.endswith(": not READY here, or another one")


def test_a_dry_run_changes_nothing(target, archive):
    """It says what the import then does."""
    before = snapshot(target)
    told = outcomes(herdbook.import_archive(archive, registry=target, dry_run=True))
    assert snapshot(target) == before
    assert told == outcomes(herdbook.import_archive(archive, registry=target))


def test_rules_here_judge(source, target, tmp_path, monkeypatch):
    """A version that a rule of this registry refuses is not READY here, whatever the archive says of it."""
    herdbook.export_archive(SCORER, tmp_path / "one.tar", registry=source)
    parts = dict(members(tmp_path / "one.tar"))
    version = json.loads(parts[layout.version(1, 1)])
    manifest = json.loads(parts[layout.manifest(version["manifest_sha256"])])
    manifest["files"] = [file for file in manifest["files"] if file["path"] != "MLmodel"]
    from hashlib import sha256

    written = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    version["manifest_sha256"] = sha256(written).hexdigest()
    parts[layout.version(1, 1)] = json.dumps(version).encode()
    parts[layout.manifest(version["manifest_sha256"])] = written
    crafted = put_together(tmp_path / "crafted.tar", list(parts.items()))
    for _ in range(2):
        report = herdbook.import_archive(crafted, registry=target, into="main.default")
        item = next(i for i in report.items if i.what == "main.default.scorer/1")
        assert item.outcome is OUT.REFUSED
        assert "signature-required" in item.why
        assert target.get_model_version(item.what).status is VersionStatus.FAILED_REGISTRATION
    assert outcomes(report)["main.default.scorer/3"] is OUT.PRESENT


class Without(CasbinAuthorizer):
    """An owner's rights without one privilege."""

    lacking = None

    def decide(self, caller, requirement, chain):
        if requirement.privilege is self.lacking:
            return Denied(
                privilege=requirement.privilege,
                kind=requirement.kind,
                securable=chain.link(requirement.kind).name,
                sight=Sight.KNOWN,
                revision=chain.policy_revision,
            )
        return super().decide(caller, requirement, chain)


@pytest.fixture
def limited(make_metastore):
    """A registry whose caller can be made to lack a privilege; (registry, authorizer)."""
    authorizer = Without(shipped_model())
    metastore = make_metastore(authorizer=authorizer)
    return metastore.for_caller(metastore.asserted(PrincipalName.parse("user:os/founder"))), authorizer


def test_a_number_needs_manage(limited):
    """Who may register but not manage cannot choose the number."""
    registry, authorizer = limited
    registry.create_registered_model("main.default.m")
    authorizer.lacking = Privilege.MANAGE
    with pytest.raises(PermissionDeniedError, match="MANAGE"):
        registry.create_model_version("main.default.m", number=3)
    assert registry.create_model_version("main.default.m").version == 1


def test_export_needs_execute_unless_it_leaves_the_bytes_out(limited, tmp_path):
    """Without EXECUTE the export is refused with a way out, and leaves nothing."""
    registry, authorizer = limited
    fill(registry)
    authorizer.lacking = Privilege.EXECUTE
    with pytest.raises(PermissionDeniedError, match="EXECUTE"):
        herdbook.export_archive(SCORER, tmp_path / "x.tar", registry=registry)
    assert not list(tmp_path.glob("x.tar*"))
    report = herdbook.export_archive(SCORER, tmp_path / "x.tar", registry=registry, metadata_only=True)
    assert (report.blobs, report.versions) == (0, 3)


def test_held_bytes_do_not_replace_the_right_to_them(limited, tmp_path):
    """A version whose files are in the archive already, by another version, is asked for all the same."""
    registry, authorizer = limited
    registry.create_registered_model("main.default.a")
    registry.create_registered_model("main.default.b")
    for name in ("a", "b"):
        register(registry, f"main.default.{name}")
    allowed = authorizer.decide

    def decide(caller, requirement, chain):
        authorizer.lacking = Privilege.EXECUTE if chain.links[0].name == "main.default.b" else None
        return allowed(caller, requirement, chain)

    authorizer.decide = decide
    with pytest.raises(PermissionDeniedError, match=r"main\.default\.b/1"):
        herdbook.export_archive("main.default", tmp_path / "x.tar", registry=registry)


def test_what_may_not_be_read_is_left_out_and_told(limited, tmp_path):
    """A model that may be known but not read is named in the report and the archive, and not in the rest of it."""
    registry, authorizer = limited
    fill(registry)
    allowed = authorizer.decide

    def decide(caller, requirement, chain):
        hidden = chain.links[0].name == RANKER
        authorizer.lacking = Privilege.READ_METADATA if hidden else None
        return allowed(caller, requirement, chain)

    authorizer.decide = decide
    report = herdbook.export_archive("prod.fraud", tmp_path / "x.tar", registry=registry)
    assert (report.models, report.left_out) == (1, (RANKER,))
    assert json.loads(dict(members(tmp_path / "x.tar"))[layout.FACTS])["left_out"] == [RANKER]


def test_metadata_alone_brings_models_and_no_versions(source, target, tmp_path):
    """Versions without bytes are skipped; those whose bytes are here come in."""
    herdbook.export_archive("prod", tmp_path / "x.tar", registry=source, metadata_only=True)
    for dry_run in (True, False):
        found = outcomes(herdbook.import_archive(tmp_path / "x.tar", registry=target, dry_run=dry_run))
        assert (found[SCORER], found[f"{SCORER}/1"], found[f"{SCORER}@champion"]) == (
            OUT.MADE,
            OUT.SKIPPED,
            OUT.SKIPPED,
        )
    for weights in (b"weights", b"ranks", b"third"):
        target.create_registered_model(f"main.default.{weights.decode()}")
        register(target, f"main.default.{weights.decode()}", model_files(weights))
    found = outcomes(herdbook.import_archive(tmp_path / "x.tar", registry=target))
    assert (found[f"{SCORER}/1"], found[f"{SCORER}@champion"]) == (OUT.MADE, OUT.MADE)


def test_a_pending_version_goes_on(target, archive, monkeypatch):
    """An import that fails between the files and the end of a version finishes it when it is run again."""
    real = type(target).finalize_model_version
    calls = []

    def broken(self, ref, manifest):
        calls.append(ref)
        if len(calls) == 2:
            raise IntegrityError("the line went dead")
        return real(self, ref, manifest)

    monkeypatch.setattr(type(target), "finalize_model_version", broken)
    with pytest.raises(IntegrityError, match="dead"):
        herdbook.import_archive(archive, registry=target)
    monkeypatch.setattr(type(target), "finalize_model_version", real)
    herdbook.import_archive(archive, registry=target)
    assert {v.status for v in target.list_model_versions(SCORER).items} == {VersionStatus.READY}
    assert [v.version for v in target.list_model_versions(SCORER).items] == [3, 1]


def test_it_waits_for_who_is_finalizing(target, archive, monkeypatch):
    """The lease of an import that was killed ends after a while; until then finalizing is tried again."""
    real, calls = type(target).finalize_model_version, []

    def leased(self, ref, manifest):
        calls.append(ref)
        if len(calls) < 4:
            raise ConcurrentUpdateError("The version is being finalized by another request.")
        return real(self, ref, manifest)

    monkeypatch.setattr(type(target), "finalize_model_version", leased)
    monkeypatch.setattr(versions, "FINALIZE_PAUSE_S", 0)
    with monkeypatch.context() as impatient:
        impatient.setattr(versions, "FINALIZE_TRIES", 2)
        with pytest.raises(ConcurrentUpdateError):
            herdbook.import_archive(archive, registry=target)
    herdbook.import_archive(archive, registry=target)
    assert len(calls) > 4
    assert {v.status for v in target.list_model_versions(SCORER).items} == {VersionStatus.READY}


def test_versions_that_were_imported_can_be_compared(target, archive):
    """Where two versions came from is part of what differs between them."""
    herdbook.import_archive(archive, registry=target)
    found = herdbook.diff_model_versions(f"{SCORER}/1", f"{SCORER}/3", registry=target)
    (change,) = [change for change in found.lineage if change.name == "imported"]
    assert f'"{SCORER}/1"' in change.old
    assert f'"{SCORER}/3"' in change.new


def test_many_tags_and_long_reasons(source, target, tmp_path):
    """What does not fit into one request, or into a reason, comes over as far as it can."""
    for number in range(205):
        source.set_registered_model_tag(SCORER, f"t{number}", "x")
        source.set_model_version_tag(f"{SCORER}/1", f"t{number}", "x")
    source.set_registered_model_alias(f"{SCORER}@long", 1, reason="r" * 2000)
    herdbook.export_archive("prod", tmp_path / "x.tar", registry=source)
    for _ in range(2):
        report = herdbook.import_archive(tmp_path / "x.tar", registry=target)
    assert {item.outcome for item in report.items} == {OUT.PRESENT, OUT.SKIPPED}
    assert target.get_registered_model(SCORER).tags == source.get_registered_model(SCORER).tags
    assert target.get_model_version(f"{SCORER}/1").tags == source.get_model_version(f"{SCORER}/1").tags
    assert len(target.list_alias_history(f"{SCORER}@long").items[0].reason) == 2000


def test_any_tar_reads_it(archive, source):
    """The file is a plain tar of regular files; each content is there once, under its digest."""
    with tarfile.open(archive) as tar:
        assert all(member.isreg() for member in tar)
        names = tar.getnames()
        assert len(names) == len(set(names))
        held = tar.extractfile(next(name for name in names if name.startswith(layout.BLOBS))).read()
    assert held
    contents = {file.sha256 for ref in (f"{SCORER}/1", f"{SCORER}/3", f"{RANKER}/1")
                for file in source.list_model_version_files(ref).items}  # fmt: skip
    assert {name.removeprefix(layout.BLOBS) for name in names if name.startswith(layout.BLOBS)} == contents


def test_nothing_is_seen_before_it_is_whole(source, tmp_path, monkeypatch):
    """An export that fails leaves no archive; what it wrote is gone on with, byte for byte the same in the end."""
    target = tmp_path / "x.tar"
    real, calls = ArchiveWriter.blob, []

    def broken(self, sha256, size, blocks, progress):
        calls.append(sha256)
        if len(calls) == 3:
            self._stream.write(b"half of something" + next(blocks))
            raise OSError(5, "the disk went away")
        real(self, sha256, size, blocks, progress)

    monkeypatch.setattr(ArchiveWriter, "blob", broken)
    with pytest.raises(OSError, match="disk"):
        herdbook.export_archive("prod", target, registry=source)
    assert not target.exists()
    assert (tmp_path / "x.tar.partial").exists()
    monkeypatch.setattr(ArchiveWriter, "blob", real)
    report = herdbook.export_archive("prod", target, registry=source)
    assert report.resumed == 2
    assert not (tmp_path / "x.tar.partial").exists()
    herdbook.export_archive("prod", tmp_path / "fresh.tar", registry=source)
    assert without_facts(target) == without_facts(tmp_path / "fresh.tar")


def without_facts(path: Path) -> list[tuple[str, bytes]]:
    return [(name, data) for name, data in members(path) if name != layout.FACTS]


def leave_partial(path: Path, blobs: list[bytes], name: str = "prod") -> Path:
    """Leave what an interrupted export leaves."""
    from hashlib import sha256

    writer = ArchiveWriter(path, ArchiveHeader(format=layout.FORMAT, kind="CATALOG", name=name))
    for data in blobs:
        writer.blob(sha256(data).hexdigest(), len(data), [data])
    writer.close()
    return path.with_name(f"{path.name}.partial")


@pytest.mark.parametrize("harm", ["flip", "garbage", "link", "other", "unwanted"])
def test_a_partial_file_is_believed_only_where_it_proves_itself(source, tmp_path, harm):
    """Damaged, foreign or no longer wanted contents of a partial file never get into an archive."""
    target = tmp_path / "x.tar"
    partial = leave_partial(target, [b"weights", b"third"], "other" if harm == "other" else "prod")
    if harm == "flip":
        data = bytearray(partial.read_bytes())
        data[data.index(b"weights")] ^= 1
        partial.write_bytes(data)
    elif harm == "garbage":
        partial.write_bytes(os.urandom(5000))
    elif harm == "unwanted":
        partial.unlink()
        leave_partial(target, [b"weights", b"deleted since"])
    elif harm == "link":
        partial.rename(tmp_path / "elsewhere")
        partial.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(OSError, match=r"x\.tar\.partial"):
            herdbook.export_archive("prod", target, registry=source)
        return
    report = herdbook.export_archive("prod", target, registry=source)
    assert report.resumed == 0
    herdbook.export_archive("prod", tmp_path / "fresh.tar", registry=source)
    assert without_facts(target) == without_facts(tmp_path / "fresh.tar")


def test_two_exports_do_not_write_one_file(source, tmp_path):
    """The second one is told; a file that is there is not replaced."""
    writer = ArchiveWriter(tmp_path / "x.tar", ArchiveHeader(format=1, kind="CATALOG", name="prod"))
    with pytest.raises(ConflictError, match="Another export"):
        herdbook.export_archive("prod", tmp_path / "x.tar", registry=source)
    writer.close()
    (tmp_path / "x.tar").write_bytes(b"precious")
    with pytest.raises(AlreadyExistsError):
        herdbook.export_archive("prod", tmp_path / "x.tar", registry=source)
    assert (tmp_path / "x.tar").read_bytes() == b"precious"


def test_what_cannot_be_exported(source, tmp_path):
    """Aliases, missing things and missing folders are refused before anything is written."""
    for name, error in (
        (f"{SCORER}@champion", InvalidArgumentError),
        ("metastore:", InvalidArgumentError),
        ("nope", NotFoundError),
    ):
        with pytest.raises(error):
            herdbook.export_archive(name, tmp_path / "x.tar", registry=source)
    with pytest.raises(InvalidArgumentError, match="folder"):
        herdbook.export_archive("prod", tmp_path / "nope" / "x.tar", registry=source)
    assert not list(tmp_path.glob("x.tar*"))


def test_bytes_that_are_not_theirs_end_the_export(source, tmp_path, monkeypatch):
    """What a registry sends under a digest is checked on the way in, too."""
    real = type(source).read_model_version_file

    def lying(self, ref, path, **how):
        return iter([b"lies"]) if path == "model.bin" else real(self, ref, path, **how)

    monkeypatch.setattr(type(source), "read_model_version_file", lying)
    with pytest.raises(IntegrityError):
        herdbook.export_archive("prod", tmp_path / "x.tar", registry=source)
    assert not (tmp_path / "x.tar").exists()


def test_a_lineage_stored_before_there_were_imports_is_read():
    """Rows without the field are as good as ever."""
    from herdbook.wire import from_json

    assert from_json(b'{"run_id": "r1"}', Lineage) == Lineage(run_id="r1")
