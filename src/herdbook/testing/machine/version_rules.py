"""The machine's rules over versions and their bytes."""

from __future__ import annotations

import hashlib
import io

from hypothesis import strategies as st
from hypothesis.stateful import rule

from herdbook.entities import Lineage
from herdbook.entities.files import FileStat
from herdbook.errors import InvalidArgumentError
from herdbook.names import VersionRef
from herdbook.ports.registry import FileUpload
from herdbook.testing.machine.base import COMMENTS, EXPECTED, KEYS, NEWS, SIZES, TAGS, WANTS, MachineBase, Want
from herdbook.testing.machine.shown import manifest_of
from herdbook.testing.machine.state import MODEL, PENDING, Version
from herdbook.testing.samples import model_files

_FILES = st.builds(
    model_files, st.sampled_from((b"", b"weights", b"other", b"12")), signed=st.integers(0, 4).map(lambda n: n > 0)
)
_NUMBERS = st.sampled_from((1, 1, 2, 3, 0))


class VersionRules(MachineBase):
    """Rules that bring versions in, read them, and end them."""

    def furnish(self) -> None:
        """Register two versions of each model, the second of files that are held; one of them lies in the trash."""
        for name in ("main.default.iris", "lab.risk.iris"):
            files = model_files()
            self._create(name, None if name[0] == "m" else files, None, {}, [], None)
            if name[0] == "m":
                self._upload(f"{name}/1", files)
                self._finalize(f"{name}/1", files)
            self._create(name, files, None, {}, [f"{name}/1"], None)
        ref = "lab.risk.iris/2"
        self.do("delete_model_version", self.model.delete_version(ref, None), lambda r: r.delete_model_version(ref))
        super().furnish()

    @rule(want=WANTS, files=_FILES, tags=TAGS, comment=COMMENTS)
    def register(self, want: Want, files: dict[str, bytes], tags: dict[str, str], comment: str | None) -> None:
        """Register in three steps, as a client does."""
        name = self.name(MODEL, want)
        before = len(list(self.model.versions))
        self._create(name, None, comment, tags, [], None)
        made = [v for v in self.model.versions if v.status == PENDING]
        if len(list(self.model.versions)) > before and made:
            newest = max((v for v in made if v.model.name.lower() == name.lower()), key=lambda v: v.number)
            self._upload(newest.name, files)
            self._finalize(newest.name, files)

    @rule(
        want=WANTS,
        files=st.none() | _FILES,
        tags=TAGS,
        comment=COMMENTS,
        parents=st.lists(st.tuples(WANTS, _NUMBERS), max_size=2),
        key=KEYS,
        number=st.sampled_from((None,) * 8 + (1, 2, 5, 9)),
    )
    def create_version(
        self,
        want: Want,
        files: dict[str, bytes] | None,
        tags: dict[str, str],
        comment: str | None,
        parents: list[tuple[Want, int]],
        key: str | None,
        number: int | None,
    ) -> None:
        """Begin a version, or make it of files that are held."""
        sources = [self.ref(parent, max(number, 1)) for parent, number in parents]
        good = [source for source in sources if _is_ref(source)]
        self._create(self.name(MODEL, want), files, comment, tags, good, key, number)

    @rule(want=WANTS, number=_NUMBERS, files=_FILES, part=st.booleans())
    def upload(self, want: Want, number: int, files: dict[str, bytes], part: bool) -> None:
        """Send files, or some of them, mostly for a pending version."""
        sent = {"model.bin": files["model.bin"]} if part else files
        self._upload(self._pending(want, number), sent)

    @rule(want=WANTS, number=_NUMBERS, files=_FILES, what=st.sampled_from(("sent", "sent", "same", "drawn")))
    def finalize(self, want: Want, number: int, files: dict[str, bytes], what: str) -> None:
        """Finalize with what was sent, with what it was finalized with before, or with something else."""
        ref = self.ref(want, number) if what == "same" else self._pending(want, number)
        known = [v for v in self.model.versions if v.live and v.name.lower() == ref.lower()]
        if known and what != "drawn":
            files = known[0].sent or known[0].files or files
        self._finalize(ref, files)

    @rule(want=WANTS, number=_NUMBERS, container=WANTS, new=NEWS, fresh=st.booleans(), tags=TAGS, key=KEYS)
    def copy(
        self, want: Want, number: int, container: Want, new: Want, fresh: bool, tags: dict[str, str], key: str | None
    ) -> None:
        """Copy a version into a model that is there, or a new one."""
        source = self.ref(want, number)
        target = self.new_name(MODEL, container, new) if fresh else self.name(MODEL, container)
        self.do(
            "copy_model_version",
            self.model.copy(source, target, tags, key),
            lambda r: r.copy_model_version(source, target, tags=tags, idempotency_key=key),
        )
        self._learn_copies()

    @rule(want=WANTS, number=_NUMBERS)
    def get_version(self, want: Want, number: int) -> None:
        """Look at a version."""
        ref = self.ref(want, number)
        self.do("get_model_version", self.model.get_version(ref), lambda r: r.get_model_version(ref))

    @rule(want=WANTS, size=SIZES)
    def list_versions(self, want: Want, size: int) -> None:
        """List versions."""
        name = self.name(MODEL, want)
        self.do(
            "list_model_versions",
            self.model.list_versions(name, size),
            lambda r: r.list_model_versions(name, max_results=size),
        )

    @rule(want=WANTS, number=_NUMBERS, comment=COMMENTS, expected=EXPECTED)
    def update_version(self, want: Want, number: int, comment: str | None, expected: str) -> None:
        """Replace a version's comment."""
        ref = self.ref(want, number)
        at = self.row_version(expected, lambda: self.model.find_version(ref))
        self.do(
            "update_model_version",
            self.model.update_version(ref, comment, at),
            lambda r: r.update_model_version(ref, comment=comment, expected_row_version=at),
        )

    @rule(want=WANTS, number=_NUMBERS, expected=EXPECTED)
    def delete_version(self, want: Want, number: int, expected: str) -> None:
        """Delete a version."""
        ref = self.ref(want, number)
        at = self.row_version(expected, lambda: self.model.find_version(ref))
        self.do(
            "delete_model_version",
            self.model.delete_version(ref, at),
            lambda r: r.delete_model_version(ref, expected_row_version=at),
        )

    @rule(want=WANTS, number=_NUMBERS)
    def restore_version(self, want: Want, number: int) -> None:
        """Bring a version back."""
        ref = self._trashed_ref(want, number)
        self.do("restore_model_version", self.model.restore_version(ref), lambda r: r.restore_model_version(ref))

    @rule(want=WANTS, number=_NUMBERS)
    def purge_version(self, want: Want, number: int) -> None:
        """Remove a version for good."""
        ref = self._trashed_ref(want, number)
        self.do("purge_model_version", self.model.purge_version(ref), lambda r: r.purge_model_version(ref))

    @rule(want=WANTS, number=_NUMBERS, size=SIZES.filter(bool))
    def list_files(self, want: Want, number: int, size: int) -> None:
        """List a version's files."""
        ref = self.ref(want, number)
        self.do(
            "list_model_version_files",
            self.model.list_files(ref, size),
            lambda r: r.list_model_version_files(ref, max_results=size),
        )

    @rule(
        want=WANTS,
        number=_NUMBERS,
        path=st.sampled_from(("model.bin", "model.bin", "MLmodel", "nope")),
        offset=st.integers(0, 9),
        length=st.none() | st.integers(0, 9),
    )
    def read_file(self, want: Want, number: int, path: str, offset: int, length: int | None) -> None:
        """Read some bytes of a file."""
        ref = self.ref(want, number)
        self.do(
            "read_model_version_file",
            self.model.read_file(ref, path, offset, length),
            lambda r: b"".join(r.read_model_version_file(ref, path, offset=offset, length=length)),
        )

    @rule(want=WANTS, files=_FILES, digests=st.booleans(), number=st.none() | st.integers(1, 3))
    def plan(self, want: Want, files: dict[str, bytes], digests: bool, number: int | None) -> None:
        """Ask which files are wanted."""
        name = self.name(MODEL, want)
        stats = [
            FileStat(path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest() if digests else None)
            for path, data in files.items()
        ]
        self.do(
            "upload_plan",
            self.model.plan(name, stats, list(files.values()), number),
            lambda r: r.upload_plan(name, stats, version=number),
        )

    @rule(dry_run=st.booleans(), everything=st.booleans())
    def sweep(self, dry_run: bool, everything: bool) -> None:
        """Sweep: everything, or only what nobody touched for a very long time."""
        grace = 0.0 if everything else 1e10
        self.do(
            "sweep_artifacts",
            self.model.sweep(dry_run, everything),
            lambda r: r.sweep_artifacts(dry_run=dry_run, grace_s=grace),
        )

    def _create(
        self,
        name: str,
        files: dict[str, bytes] | None,
        comment: str | None,
        tags: dict[str, str],
        parents: list[str],
        key: str | None,
        number: int | None = None,
    ) -> None:
        manifest = None if files is None else manifest_of(files)
        lineage = Lineage(run_id="run", parents=tuple(VersionRef.parse(parent) for parent in parents))
        self.do(
            "create_model_version",
            self.model.create_version(name, files, comment, tags, parents, key, number),
            lambda r: r.create_model_version(
                name,
                manifest=manifest,
                comment=comment,
                tags=tags,
                lineage=lineage,
                number=number,
                idempotency_key=key,
            ),
        )

    def _upload(self, ref: str, files: dict[str, bytes]) -> None:
        uploads = [
            FileUpload(file=FileStat(path=path, size=len(data)), source=io.BytesIO(data))
            for path, data in files.items()
        ]
        self.do(
            "upload_model_version_files",
            self.model.upload(ref, files),
            lambda r: r.upload_model_version_files(ref, uploads),
        )

    def _finalize(self, ref: str, files: dict[str, bytes]) -> None:
        manifest = manifest_of(files)
        self.do(
            "finalize_model_version",
            self.model.finalize(ref, files),
            lambda r: r.finalize_model_version(ref, manifest),
        )

    def _learn_copies(self) -> None:
        """Ask for the id of a model that a copy made: the verb's answer is the version."""
        for thing in self.model.live(MODEL):
            if not thing.id:
                thing.id = self.registry.get_registered_model(thing.name).id

    def _pending(self, want: Want, number: int) -> str:
        pending = [v for v in self.model.versions if v.live and v.status == PENDING]
        return self.ref(want, number) if want.miss or not pending else pending[want.pick % len(pending)].name

    def _trashed_ref(self, want: Want, number: int) -> str:
        gone: list[Version] = [v for v in self.model.versions if v.trashed and not v.purged and v.model.live]
        return self.ref(want, number) if want.miss or not gone else gone[want.pick % len(gone)].name


def _is_ref(text: str) -> bool:
    """Tell whether a lineage could name it at all: its parents are parsed before any verb sees them."""
    try:
        VersionRef.parse(text)
    except InvalidArgumentError:
        return False
    return True
