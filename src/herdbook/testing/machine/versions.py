"""The dict model of versions and their bytes: what each verb refuses, and what it changes."""

from __future__ import annotations

from collections.abc import Sequence

from herdbook.entities import FileStat, SlotNeed
from herdbook.errors import (
    ConcurrentUpdateError,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    RuleViolationError,
)
from herdbook.testing.machine.shown import check_page, check_version
from herdbook.testing.machine.state import (
    FAILED,
    MODEL,
    PENDING,
    READY,
    SCHEMA,
    Change,
    Refused,
    Thing,
    Version,
    check_tags,
    parse,
    parse_new,
    parse_version,
    refuse,
    together,
)
from herdbook.testing.machine.tree import TreeModel, Verb


class VersionModel(TreeModel):
    """The verbs over model versions."""

    def __init__(self, me: str, now_ms: float) -> None:
        super().__init__(me, now_ms)
        self.blobs: set[bytes] = set()

    def create_version(
        self,
        name: str,
        files: dict[str, bytes] | None,
        comment: str | None,
        tags: dict[str, str],
        parents: list[str],
        key: str | None,
        number: int | None = None,
    ) -> Verb:
        """Begin a version; where all its files are held, it is judged at once."""
        check_tags(tags)
        model = self.find(MODEL, name)
        refuse((not model.full, PermissionDeniedError))
        request = (name, files, comment, tags, parents, number)
        kept = self.repeated("create_model_version", key, request)
        if isinstance(kept, Version):
            refuse((not kept.live, NotFoundError))
            check_version(self, kept, (yield Change()))
            return
        held = files is not None and all(self.holders(data) for data in files.values())
        unsigned = held and files is not None and "MLmodel" not in files
        together(
            *(lambda ref=ref: self.source(ref) for ref in parents),
            lambda: refuse(
                (unsigned, RuleViolationError), (number is not None and number <= model.last_number, ConflictError)
            ),
        )
        sources = list(dict.fromkeys(self.find_version(ref) for ref in parents))
        answer = yield Change(audited=1)
        made = self.add(model, answer.id, comment, tags, sources, number)
        if held and files is not None:
            made.status, made.files = READY, dict(files)
        self.remember("create_model_version", key, request, made)
        check_version(self, made, answer)

    def upload(self, ref: str, files: dict[str, bytes]) -> Verb:
        """Take in files of a pending version."""
        version = self.version_to_change(ref)
        refuse((version.status != PENDING, ConflictError))
        answer = yield Change(audited=1)
        assert [(entry.path, entry.size) for entry in answer] == [(path, len(data)) for path, data in files.items()]
        version.sent |= files
        version.touched_ms = self.now_ms
        self.blobs |= set(files.values())

    def finalize(self, ref: str, files: dict[str, bytes]) -> Verb:
        """Judge a pending version; an unsigned one fails for good."""
        version = self.version_to_change(ref)
        if version.status == READY and files == version.files:
            check_version(self, version, (yield Change()))
            return
        refuse((version.status != PENDING, ConflictError))
        lacking = any(data not in version.sent.values() and not self.holders(data) for data in files.values())
        gone = any(not parent.live for parent in version.parents)
        denied = any(parent.live and not parent.model.full for parent in version.parents)
        if not lacking:
            version.touched_ms, version.files = self.now_ms, dict(files)
        refuse((lacking, InvalidArgumentError), (gone, NotFoundError), (denied, PermissionDeniedError))
        signed = "MLmodel" in files
        answer = yield Change(audited=1, raises=None if signed else RuleViolationError)
        version.status, version.sent = READY if signed else FAILED, {}
        version.row_version += 1
        if signed:
            check_version(self, version, answer)

    def copy(self, source: str, target: str, tags: dict[str, str], key: str | None) -> Verb:
        """Make a version of another model, or of a new one, from a version (R26)."""
        check_tags(tags)
        levels = parse(MODEL, target)
        origin: list[Version] = []
        together(lambda: origin.append(self.source(source)), lambda: self.copy_target(target))
        request = (origin[0], target, tags)
        kept = self.repeated("copy_model_version", key, request)
        if isinstance(kept, Version):
            refuse((not kept.live, NotFoundError))
            check_version(self, kept, (yield Change()))
            return
        schema = self.find(SCHEMA, ".".join(levels[:-1]))
        model = schema.child(levels[-1])
        answer = yield Change(audited=1 if model is not None else 2)
        if model is None:
            model = Thing(id="", kind=MODEL, level=levels[-1], parent=schema)
            schema.children.append(model)
        made = self.add(model, answer.id, origin[0].comment, tags, origin)
        made.status, made.files = READY, dict(origin[0].files)
        self.remember("copy_model_version", key, request, made)
        check_version(self, made, answer)

    def get_version(self, ref: str) -> Verb:
        """Look at one."""
        check_version(self, self.find_version(ref), (yield Change()))

    def list_versions(self, name: str, max_results: int) -> Verb:
        """List a model's versions, the highest first."""
        refuse((not 1 <= max_results <= 1000, InvalidArgumentError))
        versions = [v for v in reversed(self.find(MODEL, name).versions) if not v.trashed]
        answer = yield Change()
        check_page(answer, len(versions), max_results)
        for version, item in zip(versions, answer.items, strict=False):
            check_version(self, version, item)

    def update_version(self, ref: str, comment: str | None, expected: int | None) -> Verb:
        """Replace a comment."""
        version = self.version_to_change(ref)
        refuse((expected not in (None, version.row_version), ConcurrentUpdateError))
        answer = yield Change(audited=1)
        version.comment, version.touched_ms = comment, self.now_ms
        version.row_version += 1
        check_version(self, version, answer)

    def delete_version(self, ref: str, expected: int | None) -> Verb:
        """Move to the trash; what an alias points to is kept."""
        refuse((ref.endswith("/latest"), InvalidArgumentError))
        version = self.find_version(ref)
        aliased = any(entry.version is version for entry in version.model.aliases.values())
        refuse(
            (expected not in (None, version.row_version), ConcurrentUpdateError),
            (aliased, RuleViolationError),
        )
        assert (yield Change(audited=1)) is None
        version.trashed, version.touched_ms = True, self.now_ms
        version.row_version += 1

    def restore_version(self, ref: str) -> Verb:
        """Bring back from the trash under its number."""
        version = self.trashed_version(ref)
        refuse((not version.model.full, PermissionDeniedError))
        answer = yield Change(audited=1)
        version.trashed, version.touched_ms = False, self.now_ms
        version.row_version += 1
        check_version(self, version, answer)

    def purge_version(self, ref: str) -> Verb:
        """Remove what it said and held; its number stays used."""
        version = self.trashed_version(ref)
        assert (yield Change(audited=1)) is None
        version.purged = True

    def list_files(self, ref: str, max_results: int) -> Verb:
        """List the files of a version."""
        version = self.find_version(ref)
        answer = yield Change()
        if version.status == READY:
            check_page(answer, len(version.files), max_results)
            assert [(f.path, f.size) for f in answer.items] == [
                (path, len(version.files[path])) for path in sorted(version.files)[:max_results]
            ]

    def read_file(self, ref: str, path: str, offset: int, length: int | None) -> Verb:
        """Read bytes of a READY version."""
        model = self.find(MODEL, parse_version(ref)[0])
        refuse((not model.full, PermissionDeniedError))
        version = self.find_version(ref)
        refuse((version.status != READY, ConflictError))
        refuse((path not in version.files, NotFoundError))
        size = len(version.files[path])
        end = size if length is None else offset + length
        refuse((not offset <= end <= size, InvalidArgumentError))
        assert (yield Change()) == version.files[path][offset:end]

    def plan(self, name: str, files: Sequence[FileStat], datas: Sequence[bytes], number: int | None) -> Verb:
        """Say what is wanted of files."""
        model = self.find(MODEL, name)
        refuse((not model.full, PermissionDeniedError))
        sent: list[bytes] = []
        if number is not None:
            version = self.find_version(f"{name}/{number}")
            refuse((version.status != PENDING, ConflictError))
            sent = list(version.sent.values())
        answer = yield Change()
        ready = [v for v in self.versions if v.live and v.status == READY and v.model.full]
        held = {data for v in ready for data in v.files.values()} | set(sent)
        for slot, file, data in zip(answer.slots, files, datas, strict=True):
            if file.sha256 is not None:
                wanted = SlotNeed.HELD if data in held else SlotNeed.BYTES
            else:
                wanted = SlotNeed.DIGEST if len(data) in {len(other) for other in held} else SlotNeed.BYTES
            assert slot.need is wanted

    def sweep(self, dry_run: bool, everything: bool) -> Verb:
        """Fail what was left pending, and remove bytes that nothing refers to."""
        all_versions = [v for v in self.versions if not v.purged]
        abandoned = [v for v in all_versions if everything and v.status == PENDING and v.touched_ms <= self.now_ms]
        kept = [v for v in all_versions if v.status != FAILED and v not in abandoned]
        live = {data for v in kept for data in (*v.files.values(), *v.sent.values())}
        dead = self.blobs - live if everything else set()
        answer = yield Change(audited=0 if dry_run else bool(abandoned) + bool(dead))
        told = (answer.abandoned_versions, answer.removed_blobs, answer.freed_bytes, answer.kept_blobs)
        wanted = (len(abandoned), len(dead), sum(map(len, dead)), len(self.blobs - dead))
        assert told == wanted, f"swept (versions, blobs, bytes; kept): {told}, not {wanted}"
        if not dry_run:
            self.blobs -= dead
            for version in abandoned:
                version.status, version.sent = FAILED, {}
                version.row_version += 1

    def add(
        self,
        model: Thing,
        version_id: str,
        comment: str | None,
        tags: dict[str, str],
        parents: list[Version],
        number: int | None = None,
    ) -> Version:
        """Give a model its next version; numbers count on over those that are gone."""
        made = Version(
            id=version_id,
            model=model,
            number=model.last_number + 1 if number is None else number,
            run_id="run",
            comment=comment,
            tags=dict(tags),
            parents=parents,
            touched_ms=self.now_ms,
        )
        model.versions.append(made)
        return made

    def source(self, ref: str) -> Version:
        """Return a version to make another one from; refuses what may not be executed or is not READY."""
        refuse((ref.endswith("/latest"), InvalidArgumentError))
        model = self.find(MODEL, parse_version(ref)[0])
        refuse((not model.full, PermissionDeniedError))
        version = self.find_version(ref)
        refuse((version.status != READY, ConflictError))
        return version

    def copy_target(self, name: str) -> None:
        """Refuse what a copy may not be made into."""
        levels = parse(MODEL, name)
        container = ".".join(levels[:-1])
        together(lambda: self.find(SCHEMA, container), lambda: parse_new(MODEL, name))
        schema = self.find(SCHEMA, container)
        model = schema.child(levels[-1])
        refuse((not (schema if model is None else model).full, PermissionDeniedError))

    def version_to_change(self, ref: str) -> Version:
        """Return a version that the caller may change; the answer to who may not does not depend on the number (R8)."""
        refuse((ref.endswith("/latest"), InvalidArgumentError))
        model = self.find(MODEL, parse_version(ref)[0])
        refuse((not model.full, PermissionDeniedError))
        return self.find_version(ref)

    def trashed_version(self, ref: str) -> Version:
        """Return a version in the trash, of a live model."""
        refuse((ref.endswith("/latest"), InvalidArgumentError))
        name, number = parse_version(ref)
        model = self.find(MODEL, name)
        found = [v for v in model.versions if v.number == int(number) and v.trashed and not v.purged]
        if not found:
            raise Refused([NotFoundError])
        return found[0]
