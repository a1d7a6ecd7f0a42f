"""Bringing versions in: their numbers, their manifests, and they themselves, in the caller's one transaction."""

from __future__ import annotations

from functools import cache

from attrs import frozen

from herdbook.adapters.sql import cards, rows, tables
from herdbook.adapters.sql.reads import MANIFEST_HELD, SqlReads
from herdbook.adapters.sql.sql_text import insert_sql
from herdbook.adapters.sql.statements import Runner
from herdbook.entities import Manifest, ModelDescription, ModelVersion, VersionStatus
from herdbook.errors import ConcurrentUpdateError, ConflictError
from herdbook.ports.metadata import NewVersion, Stamp, VersionRow
from herdbook.wire import to_json

_MANIFEST = "SELECT id, description FROM manifests WHERE sha256 = :sha256"
_PERSON = "coalesce((SELECT p.written FROM principals p WHERE p.id = :by), :by)"


@frozen(kw_only=True)
class _Known:
    """A manifest that this transaction has looked up or inserted; what it says never changes.

    Args:
        described: What its files were read to say, as it is kept; None where that is not known yet.
    """

    sha256: str
    total_size: int
    file_count: int
    described: str | None


class SqlNewVersions(SqlReads):
    """The part of a write transaction that brings versions in."""

    def __init__(self, runner: Runner) -> None:
        super().__init__(runner)
        self._manifests: dict[str, _Known] = {}
        # By their digests, the rows of those that some version has: they stay.
        self._held: dict[str, tuple[str, str | None]] = {}
        # The written names of models and of people.
        self._named: dict[str, str] = {}
        # By model, the number of an event that is counted already; and which versions are the latest already.
        self._counted: dict[str, int] = {}
        self._latest: set[tuple[str, int]] = set()

    def holds_manifest(self, model_id: str, sha256: str) -> bool:
        """Return whether a model has a version of a manifest; which is then known to `insert_manifest`."""
        row = self._run.one(MANIFEST_HELD, model=model_id, sha256=sha256)
        if row is not None:
            self._held[sha256] = row[0], row[1]
        return row is not None

    def allocate_version(self, model_id: str, stamp: Stamp, *, number: int | None = None, ready: bool = False) -> int:
        """Return the model's next version number, or take the one asked for."""
        sql = _allocation(given=number is not None, ready=ready)
        row = self._run.one(sql, id=model_id, number=number, at=stamp.at_ms, by=stamp.by)
        if row is None:
            raise self._not_free(model_id, number)
        taken, counted, self._named[model_id], self._named[stamp.by] = row
        if ready:
            self._counted[model_id] = counted
            self._latest.add((model_id, taken))
        return int(taken)

    def insert_version(self, new: NewVersion) -> VersionRow:
        """Insert a version."""
        origin = to_json(new.lineage).decode()
        row = {
            "id": new.id,
            "model_id": new.model_id,
            "version": new.version,
            "status": new.status.value,
            "comment": new.comment,
            "author_id": new.author_id,
            "lineage": origin,
            "source": new.lineage.source,
            "run_id": new.lineage.run_id,
            "experiment_id": new.lineage.experiment_id,
            "logged_model_id": new.lineage.logged_model_id,
            "manifest_id": new.manifest_id,
            "created_at": new.at_ms,
            "created_by": new.author_id,
            "updated_at": new.at_ms,
            "updated_by": new.author_id,
        }
        self._run.later(insert_sql(tables.model_versions, *row), **row)
        if new.status is VersionStatus.READY and (new.model_id, new.version) not in self._latest:
            self._run.later(cards.STATUS, id=new.id)
        if new.manifest_id is not None and new.description is not None:
            self._describe(new.manifest_id, new.description)
        sources = [
            {"version_id": new.id, "source_version_id": source, "source_manifest_sha256": sha256, "position": position}
            for position, (source, sha256) in enumerate(dict(new.parent_ids).items())
        ]
        columns = ("version_id", "source_version_id", "source_manifest_sha256", "position")
        self._run.many(insert_sql(tables.version_sources, *columns), sources)
        return self._as_read(new, origin)

    def insert_manifest(self, manifest: Manifest, sha256: str, *, new_id: str) -> str:
        """Return the id of a manifest, inserted unless an equal one is there."""
        row = {"id": new_id, "sha256": sha256, "total_size": manifest.total_size, "file_count": len(manifest.files)}
        known = self._held.get(sha256) or self._run.one(_MANIFEST, sha256=sha256)
        if known is None and not self._run.run(f"{insert_sql(tables.manifests, *row)} ON CONFLICT DO NOTHING", **row):
            known = self._run.one(_MANIFEST, sha256=sha256)
        manifest_id, described = (new_id, None) if known is None else known
        self._manifests[manifest_id] = _Known(
            sha256=sha256, total_size=manifest.total_size, file_count=len(manifest.files), described=described
        )
        if known is None:
            columns = ("manifest_id", "path", "size", "sha256")
            files = [dict(zip(columns, (new_id, f.path, f.size, f.sha256), strict=True)) for f in manifest.files]
            self._run.many(insert_sql(tables.manifest_files, *columns), files)
        return str(manifest_id)

    def _not_free(self, model_id: str, number: int | None) -> ConcurrentUpdateError | ConflictError:
        last = self._run.one("SELECT last_version FROM registered_models WHERE id = :id", id=model_id)
        if last is None:
            return ConcurrentUpdateError("The registered model is gone.", hint="Read it again.")
        return ConflictError(
            f"The version number {number} is not free: the model has had numbers up to {last[0]}.",
            hint=f"Numbers are never used again; take {last[0] + 1} or above.",
        )

    def _describe(self, manifest_id: str, description: ModelDescription) -> None:
        known = self._manifests.get(manifest_id)
        if known is not None and known.described is not None:
            return
        self._run.run(
            "UPDATE manifests SET description = :text WHERE id = :id AND description IS NULL",
            id=manifest_id,
            text=to_json(description).decode(),
        )

    def _person(self, principal_id: str) -> str:
        row = self._run.one(f"SELECT {_PERSON}", by=principal_id)
        return principal_id if row is None else str(row[0])

    def _as_read(self, new: NewVersion, origin: str) -> VersionRow:
        """Return a version that was just inserted as a later reading finds it."""
        author = self._named.get(new.author_id) or self._person(new.author_id)
        at = rows.to_time(new.at_ms)
        known = None if new.manifest_id is None else self._manifests[new.manifest_id]
        model = new.description if known is None or known.described is None else rows.description(known.described)
        version = ModelVersion(
            id=new.id,
            name=rows.model_name(self._named[new.model_id]),
            version=new.version,
            status=new.status,
            comment=new.comment,
            author=author,
            created_at=at,
            updated_at=at,
            updated_by=author,
            lineage=rows.lineage(origin),
            model=model,
            manifest_sha256=None if known is None else known.sha256,
            total_size=None if known is None else known.total_size,
            file_count=None if known is None else known.file_count,
        )
        sources = tuple(dict(new.parent_ids))
        return VersionRow(version=version, author_id=new.author_id, manifest_id=new.manifest_id, source_ids=sources)


@cache
def _allocation(*, given: bool, ready: bool) -> str:
    number, free = (":number", " AND last_version < :number") if given else ("last_version + 1", "")
    # A number is above all that there were, so a version that is READY at once is the latest.
    latest = f", latest_version = {number}, event_seq = event_seq + 1" if ready else ""
    return f"""UPDATE registered_models SET last_version = {number}{latest}, updated_at = :at, updated_by = :by
        WHERE id = :id{free} RETURNING last_version, event_seq, full_name, {_PERSON}"""
