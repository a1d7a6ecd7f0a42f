"""Registered sources of a version: EXECUTE on each, and the digest that it had (AUTHORIZATION R26)."""

from __future__ import annotations

from herdbook.entities import Caller, Lineage, VersionStatus
from herdbook.errors import ConflictError
from herdbook.ports.metadata import VersionRow, WriteTransaction
from herdbook.service import subjects
from herdbook.service.gate import Gate, missing
from herdbook.verdicts import Operation, Privilege


def parent_versions(
    gate: Gate, caller: Caller, tx: WriteTransaction, lineage: Lineage, operation: Operation
) -> tuple[tuple[str, str], ...]:
    """Return (version id, manifest SHA-256) of every parent that a lineage names.

    Raises:
        NotFoundError: there is no such version that the caller may know of.
        PermissionDeniedError: the caller lacks EXECUTE on it.
        ConflictError: it is not READY.
    """
    found: list[tuple[str, str]] = []
    for ref in lineage.parents:
        subject = subjects.version(ref)
        resolved = subject.resolve(tx)
        if resolved.chain is None:
            raise missing(subject.what)
        gate.require(caller, Privilege.EXECUTE, resolved.chain, subject.what, operation, tx)
        row = resolved.row
        if row is None:
            raise missing(subject.what)
        if row.version.status is not VersionStatus.READY or row.version.manifest_sha256 is None:
            raise ConflictError(f"The parent {ref} is {row.version.status}, not READY.", hint="Name a READY version.")
        found.append((row.version.id, row.version.manifest_sha256))
    return tuple(found)


def check_sources(gate: Gate, caller: Caller, tx: WriteTransaction, row: VersionRow, operation: Operation) -> None:
    """Demand EXECUTE once more on what a version was made from, by the ids that its names stood for (R26).

    Raises:
        NotFoundError: a source is gone, or the caller may not know of it any more.
        PermissionDeniedError: the caller lacks EXECUTE on it now.
    """
    for position, source_id in enumerate(row.source_ids):
        what = f"source {position + 1} of {row.version.ref}"
        found = tx.version_by_id(source_id)
        if found.chain is None:
            raise missing(what)
        gate.require(caller, Privilege.EXECUTE, found.chain, what, operation, tx)
