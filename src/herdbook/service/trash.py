"""The trash, governed: what was deleted and can still come back."""

from __future__ import annotations

from herdbook.entities import Page
from herdbook.entities.governance import DeletedSecurable
from herdbook.errors import InvalidArgumentError
from herdbook.names import fold
from herdbook.ports.registry import SecurableLike, Trash
from herdbook.service import subjects
from herdbook.service.core import to_ms
from herdbook.service.part import GovernedPart
from herdbook.verdicts import Operation, SecurableKind


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
                return tx.list_deleted(on, before=position, limit=limit)

        query = ("list_deleted", fold(subject.what))
        return self._page(query, page_token, max_results, fetch, lambda item: [to_ms(item.deleted_at), item.id])
