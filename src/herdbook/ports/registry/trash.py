"""The verbs over what was deleted."""

from __future__ import annotations

from herdbook.entities import Page
from herdbook.entities.governance import DeletedSecurable
from herdbook.ports.registry.base import RegistryPart, SecurableLike
from herdbook.verdicts import Operation


class Trash(RegistryPart):
    """The trash: what was deleted and can still be restored."""

    def list_deleted(
        self, securable: SecurableLike, *, max_results: int = 100, page_token: str | None = None
    ) -> Page[DeletedSecurable]:
        """List what was deleted from a container, the newest first.

        Args:
            securable: The container.
            max_results: How many a page holds, 1 to 1000.
            page_token: Where to go on, from the page before.

        Raises:
            NotFoundError: there is no such thing that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on it.

        Example:
            >>> registry.delete_registered_model_alias("main.default.iris@champion")
            >>> registry.delete_model_version("main.default.iris/1")
            >>> [(item.kind.value, item.name) for item in registry.list_deleted("main").items]
            [('MODEL_VERSION', 'main.default.iris/1')]
        """
        raise self._unsupported(Operation.LIST_DELETED)
