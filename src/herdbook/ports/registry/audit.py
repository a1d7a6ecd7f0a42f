"""The verb over the audit log."""

from __future__ import annotations

from datetime import datetime

from herdbook.entities import Page
from herdbook.entities.governance import AuditEvent
from herdbook.names import PrincipalName
from herdbook.ports.registry.base import RegistryPart, SecurableLike
from herdbook.verdicts import Operation


class AuditLog(RegistryPart):
    """The audit log: who did what, when, and why."""

    def list_audit_events(
        self,
        *,
        securable: SecurableLike = "metastore:",
        principal: PrincipalName | str | None = None,
        operation: Operation | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> Page[AuditEvent]:
        """List what was done, the newest first.

        Args:
            securable: Only what was done there and below.
            principal: Only what this principal did.
            operation: Only this verb.
            since: From this time on (UTC).
            until: Before this time (UTC).
            max_results: How many a page holds, 1 to 1000.
            page_token: Where to go on, from the page before.

        Raises:
            NotFoundError: there is no such thing that the caller may know of.
            PermissionDeniedError: the caller lacks READ_AUDIT there.
        """
        raise self._unsupported(Operation.LIST_AUDIT_EVENTS)
