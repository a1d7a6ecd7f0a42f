"""The trash, governed: what was deleted and can still come back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from herdbook.entities import Link, Page
from herdbook.entities.governance import DeletedKind, DeletedSecurable
from herdbook.errors import InvalidArgumentError
from herdbook.names import VersionRef, fold
from herdbook.ports.metadata import ReadTransaction
from herdbook.ports.registry import SecurableLike, Trash
from herdbook.service import subjects
from herdbook.service.core import to_ms
from herdbook.service.part import GovernedPart
from herdbook.verdicts import Allowed, Operation, Privilege, SecurableKind

_CHUNK = 500


class GovernedTrash(GovernedPart, Trash):
    """The verb over the trash."""

    def list_deleted(
        self, securable: SecurableLike, *, max_results: int = 100, page_token: str | None = None
    ) -> Page[DeletedSecurable]:
        """List what was deleted from a container."""
        core, caller = self._core, self._caller
        subject = subjects.securable(securable)

        def fetch(before: list[object] | None, limit: int) -> tuple[DeletedSecurable, ...]:
            with core.store.read() as tx:
                on = core.gate.admit(caller, Operation.LIST_DELETED, subject, tx, tx).chain.object
                if on.kind is SecurableKind.MODEL_ALIAS:
                    raise InvalidArgumentError(
                        f"Nothing lies in {on.name}.", hint="Name metastore:, a catalog, schema or model."
                    )
                position = None if before is None else (int(str(before[0])), str(before[1]))
                return tuple(islice(self._told(tx, on, position), limit))

        query = ("list_deleted", fold(subject.what))
        return self._page(query, page_token, max_results, fetch, lambda item: [*_position(item)])

    def _told(self, tx: ReadTransaction, on: Link, before: tuple[int, str] | None) -> Iterator[DeletedSecurable]:
        """Yield what was deleted from a container and the caller may know of (R8)."""
        while found := tx.list_deleted(on, before=before, limit=_CHUNK):
            yield from (item for item in found if self._knows_of(tx, item))
            if len(found) < _CHUNK:
                return
            before = _position(found[-1])

    def _knows_of(self, tx: ReadTransaction, item: DeletedSecurable) -> bool:
        gate = self._core.gate
        if item.kind is DeletedKind.MODEL_VERSION:
            chain = tx.trashed_version(VersionRef.parse(item.name)).chain
            # BROWSE shows no versions (R7).
            return chain is not None and isinstance(gate.may(self._caller, Privilege.READ_METADATA, chain, tx), Allowed)
        chain = tx.trashed(SecurableKind(item.kind), item.id).chain
        return chain is not None and gate.knows(self._caller, chain, tx)


def _position(item: DeletedSecurable) -> tuple[int, str]:
    return to_ms(item.deleted_at), item.id
