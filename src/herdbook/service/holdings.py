"""Which files a caller need not send: those in versions that it may execute (AUTHORIZATION R26)."""

from __future__ import annotations

from collections.abc import Iterable

from herdbook.entities import Caller, Chain, FileEntry, Manifest
from herdbook.ports.metadata import ReadTransaction
from herdbook.service.gate import Gate
from herdbook.verdicts import Allowed, Privilege


class Holdings:
    """Answers for one caller in one transaction; each model is judged once.

    The model that the files are for is asked first, then a bounded number of others: a file that is held somewhere
    beyond that is sent once more, which costs time and nothing else.

    Args:
        gate: Judges EXECUTE.
        caller: Who asks.
        tx: What is read from.
        model: The chain of the model that the files are for.
    """

    def __init__(self, gate: Gate, caller: Caller, tx: ReadTransaction, model: Chain) -> None:
        self._gate = gate
        self._caller = caller
        self._tx = tx
        self._model_id = model.object.id
        self._judged: dict[str, bool] = {self._model_id: self._allowed(model)}

    def lacks(self, manifest: Manifest, sha256: str) -> bool:
        """Return whether some file of a manifest is in no version that the caller may execute.

        Args:
            manifest: The manifest.
            sha256: Its own SHA-256: what is registered once more has a version of the same one.
        """
        if self._may_execute(self._model_id) and self._tx.holds_manifest(self._model_id, sha256):
            return False
        return bool(self.missing(manifest.files))

    def missing(self, files: Iterable[FileEntry]) -> tuple[FileEntry, ...]:
        """Return the files that no version which the caller may execute holds."""
        wanted = tuple(files)
        near: frozenset[tuple[str, int]] = frozenset()
        if wanted and self._may_execute(self._model_id):
            near = self._tx.held_by(self._model_id, wanted)
        # The size is a part of what is claimed: rules judge it, and nobody measures a file that is not sent.
        far = {(entry.sha256, entry.size) for entry in wanted} - near
        held = near | {file for file in far if self._any(self._tx.holders(*file))}
        return tuple(entry for entry in wanted if (entry.sha256, entry.size) not in held)

    def sizes(self, sizes: Iterable[int]) -> frozenset[int]:
        """Return the sizes of which a version that the caller may execute holds a file."""
        wanted = set(sizes)
        near: frozenset[int] = frozenset()
        if wanted and self._may_execute(self._model_id):
            near = self._tx.sizes_held_by(self._model_id, wanted)
        return near | {size for size in wanted - near if self._any(self._tx.size_holders(size))}

    def _any(self, model_ids: Iterable[str]) -> bool:
        return any(self._may_execute(model_id) for model_id in model_ids)

    def _may_execute(self, model_id: str) -> bool:
        known = self._judged.get(model_id)
        if known is None:
            chain = self._tx.model_by_id(model_id).chain
            known = chain is not None and self._allowed(chain)
            self._judged[model_id] = known
        return known

    def _allowed(self, chain: Chain) -> bool:
        return isinstance(self._gate.may(self._caller, Privilege.EXECUTE, chain, self._tx), Allowed)
