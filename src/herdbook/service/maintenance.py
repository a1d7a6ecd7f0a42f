"""Maintenance, governed: what was abandoned is failed, what nobody refers to is removed."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from herdbook.entities import SweepReport
from herdbook.errors import InvalidArgumentError
from herdbook.ports.metadata import Stamp, WriteTransaction
from herdbook.ports.registry import Maintenance
from herdbook.service import subjects
from herdbook.service.gate import Admitted, Outcome
from herdbook.service.ledger import Happened
from herdbook.service.part import GovernedPart
from herdbook.verdicts import Operation

BATCH = 256
MAX_GRACE_S = 10**10
MOST_TOLD = 1_000_000
_Work = Callable[[WriteTransaction, Stamp], tuple[int, dict[str, object]]]
ABANDONED = "abandoned: it was begun and not finalized in time"


class GovernedMaintenance(GovernedPart, Maintenance):
    """The verbs that keep a registry tidy."""

    def sweep_artifacts(self, *, dry_run: bool = False, grace_s: float = 86_400.0) -> SweepReport:
        """Fail versions that were left pending, and remove bytes that nothing refers to."""
        if not isinstance(grace_s, int | float) or not 0 <= grace_s <= MAX_GRACE_S:
            raise InvalidArgumentError(f"grace_s is {grace_s!r}; it is 0 to {MAX_GRACE_S:,} seconds.")
        self._core.gate.admit(self._caller, Operation.SWEEP_ARTIFACTS, subjects.metastore())
        before_ms = self._core.clock.now_ms() - int(grace_s * 1000)
        told = self._abandoned_ids(before_ms) if dry_run else ()
        abandoned = len(told) if dry_run else self._fail_abandoned(before_ms)
        removed, freed, kept = self._blobs(before_ms, told, dry_run=dry_run)
        staging = self._core.artifacts.remove_staging(before_ms=before_ms + 1, dry_run=dry_run)
        return SweepReport(
            dry_run=dry_run,
            abandoned_versions=abandoned,
            removed_blobs=removed,
            freed_bytes=freed,
            removed_staging=staging,
            kept_blobs=kept,
        )

    def _abandoned_ids(self, before_ms: int) -> tuple[str, ...]:
        with self._core.store.read() as tx:
            rows = tx.abandoned(before_ms=before_ms, now_ms=self._core.clock.now_ms(), limit=MOST_TOLD)
        return tuple(row.version.id for row in rows)

    def _fail_abandoned(self, before_ms: int) -> int:
        count = 0
        while batch := self._swept(lambda tx, stamp: self._fail_batch(tx, stamp, before_ms)):
            count += batch
        return count

    @staticmethod
    def _fail_batch(tx: WriteTransaction, stamp: Stamp, before_ms: int) -> tuple[int, dict[str, object]]:
        rows = tx.abandoned(before_ms=before_ms, now_ms=stamp.at_ms, limit=BATCH)
        for row in rows:
            tx.fail_abandoned(row.version.id, ABANDONED, stamp)
            tx.drop_uploads(row.version.id)
        tx.forget_expired(now_ms=stamp.at_ms)
        return len(rows), {"abandoned": [row.version.id for row in rows]}

    def _blobs(self, before_ms: int, without: tuple[str, ...], *, dry_run: bool) -> tuple[int, int, int]:
        removed = freed = kept = 0
        blobs = iter(self._core.artifacts.blobs())
        while batch := list(islice(blobs, BATCH)):
            old = [blob for blob in batch if blob.modified_ms <= before_ms]
            dead = self._dead([blob.sha256 for blob in old], without, dry_run=dry_run)
            removed += len(dead)
            freed += sum(blob.size for blob in old if blob.sha256 in dead)
            kept += len(batch) - len(dead)
        return removed, freed, kept

    def _dead(self, digests: list[str], without: tuple[str, ...], *, dry_run: bool) -> frozenset[str]:
        if not digests:
            return frozenset()
        with self._core.store.read() as tx:
            candidates = frozenset(digests) - tx.live_digests(digests, without=without)
        if dry_run or not candidates:
            return candidates
        gone: set[str] = set()

        def remove(tx: WriteTransaction, _: Stamp) -> tuple[int, dict[str, object]]:
            # In an exclusive transaction nobody can begin to refer to a blob between the look and the removal.
            still_dead = candidates - tx.live_digests(sorted(candidates))
            self._core.artifacts.remove_many(sorted(still_dead))
            gone.update(still_dead)
            return len(still_dead), {"removed_blobs": sorted(still_dead)}

        self._swept(remove)
        return frozenset(gone)

    def _swept(self, work: _Work) -> int:
        def body(tx: WriteTransaction, admitted: Admitted[None], stamp: Stamp) -> Outcome[int]:
            count, detail = work(tx, stamp)
            happened = Happened(on=admitted.chain.object, detail=detail) if count else None
            return Outcome(result=count, happened=happened)

        operation = Operation.SWEEP_ARTIFACTS
        return self._core.gate.change(self._caller, operation, subjects.metastore(), body, exclusive=True)
