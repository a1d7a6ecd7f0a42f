"""The verbs over webhooks."""

from __future__ import annotations

from collections.abc import Sequence

from herdbook.entities import Page
from herdbook.entities.governance import Webhook, WebhookStatus
from herdbook.ports.registry.base import RegistryPart, SecurableLike
from herdbook.verdicts import Operation


class Webhooks(RegistryPart):
    """Webhooks: events, delivered elsewhere (R38)."""

    def create_webhook(
        self,
        name: str,
        url: str,
        watches: SecurableLike,
        events: Sequence[str],
        *,
        secret: str | None = None,
        idempotency_key: str | None = None,
    ) -> Webhook:
        """Deliver events to a URL.

        Args:
            name: Its name.
            url: Where to.
            watches: What it watches, with all that lies in it.
            events: Which types of event.
            secret: Signs each delivery; never shown again.
            idempotency_key: A repeated call with the same key returns the first call's answer.

        Raises:
            NotFoundError: there is no such thing that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on what it watches.
        """
        raise self._unsupported(Operation.CREATE_WEBHOOK)

    def get_webhook(self, webhook_id: str) -> Webhook:
        """Return a webhook.

        Args:
            webhook_id: Its id.

        Raises:
            NotFoundError: there is no such thing that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on what it watches.
        """
        raise self._unsupported(Operation.GET_WEBHOOK)

    def list_webhooks(
        self, watches: SecurableLike, *, max_results: int = 100, page_token: str | None = None
    ) -> Page[Webhook]:
        """List the webhooks that watch a securable.

        Args:
            watches: The securable.
            max_results: How many a page holds, 1 to 1000.
            page_token: Where to go on, from the page before.

        Raises:
            NotFoundError: there is no such thing that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on it.
        """
        raise self._unsupported(Operation.LIST_WEBHOOKS)

    def update_webhook(
        self,
        webhook_id: str,
        *,
        url: str | None = None,
        events: Sequence[str] | None = None,
        secret: str | None = None,
        status: WebhookStatus | None = None,
        expected_status: WebhookStatus | None = None,
        reason: str | None = None,
    ) -> Webhook:
        """Change a webhook; what is None stays.

        Args:
            webhook_id: Its id.
            url: Where to.
            events: Which types of event.
            secret: Signs each delivery.
            status: Whether it delivers.
            expected_status: Change it only if its status is this now.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is no such thing that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on what it watches.
        """
        raise self._unsupported(Operation.UPDATE_WEBHOOK)

    def delete_webhook(
        self, webhook_id: str, *, expected_status: WebhookStatus | None = None, reason: str | None = None
    ) -> None:
        """End a webhook.

        Args:
            webhook_id: Its id.
            expected_status: End it only if its status is this now.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is no such thing that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on what it watches.
        """
        raise self._unsupported(Operation.DELETE_WEBHOOK)

    def test_webhook(self, webhook_id: str) -> int:
        """Deliver a test event now.

        Args:
            webhook_id: Its id.

        Returns:
            The HTTP status that the other side answered with.

        Raises:
            NotFoundError: there is no such thing that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on what it watches.
            UnavailableError: nobody answered.
        """
        raise self._unsupported(Operation.TEST_WEBHOOK)
