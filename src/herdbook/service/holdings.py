"""Which files a caller need not send: those in versions that it may execute (AUTHORIZATION R26)."""

from __future__ import annotations

from collections.abc import Iterable

from herdbook.entities import Caller, FileEntry
from herdbook.ports.metadata import ReadTransaction
from herdbook.service.gate import Gate
from herdbook.verdicts import Allowed, Privilege


class Holdings:
    """Answers for one caller in one transaction; each model is judged once.

    Args:
        gate: Judges EXECUTE.
        caller: Who asks.
        tx: What is read from.
    """

    def __init__(self, gate: Gate, caller: Caller, tx: ReadTransaction) -> None:
        self._gate = gate
        self._caller = caller
        self._tx = tx
        self._judged: dict[str, bool] = {}

    def missing(self, files: Iterable[FileEntry]) -> tuple[FileEntry, ...]:
        """Return the files that no version which the caller may execute holds."""
        wanted = tuple(files)
        if not wanted:
            return ()
        holders = self._tx.holders({entry.sha256 for entry in wanted})
        return tuple(entry for entry in wanted if not self._any(holders.get(entry.sha256, ())))

    def sizes(self, sizes: Iterable[int]) -> frozenset[int]:
        """Return the sizes of which a version that the caller may execute holds a file."""
        wanted = set(sizes)
        holders = self._tx.size_holders(wanted) if wanted else {}
        return frozenset(size for size in wanted if self._any(holders.get(size, ())))

    def _any(self, model_ids: Iterable[str]) -> bool:
        return any(self._may_execute(model_id) for model_id in model_ids)

    def _may_execute(self, model_id: str) -> bool:
        known = self._judged.get(model_id)
        if known is None:
            chain = self._tx.model_by_id(model_id).chain
            known = chain is not None and isinstance(
                self._gate.may(self._caller, Privilege.EXECUTE, chain, self._tx), Allowed
            )
            self._judged[model_id] = known
        return known
