"""The verbs over approvals."""

from __future__ import annotations

from herdbook.entities import ModelVersion, Page
from herdbook.entities.governance import Approval
from herdbook.ports.registry.base import AliasLike, ModelLike, RegistryPart, VersionLike
from herdbook.verdicts import Operation


class Approvals(RegistryPart):
    """Approvals: another pair of eyes on a version or an alias move."""

    def request_approval(
        self,
        ref: VersionLike | AliasLike,
        *,
        version: int | None = None,
        idempotency_key: str | None = None,
        reason: str | None = None,
    ) -> Approval:
        """Ask for an approval.

        Args:
            ref: The version; or the alias that is to be moved.
            version: Where the alias is to be moved to.
            idempotency_key: A repeated call with the same key returns the first call's answer.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is no such thing that the caller may know of.
        """
        raise self._unsupported(Operation.REQUEST_APPROVAL)

    def approve(
        self, ref: VersionLike | AliasLike, *, version: int | None = None, reason: str | None = None
    ) -> Approval:
        """Approve a version or an alias move; never one's own (R33).

        Args:
            ref: The version; or the alias that is to be moved.
            version: Where the alias is to be moved to.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is no such thing that the caller may know of.
            PermissionDeniedError: the caller lacks APPROVE.
            RuleViolationError: it is the caller's own.
        """
        raise self._unsupported(Operation.APPROVE)

    def list_approvals(
        self, name: ModelLike, *, max_results: int = 100, page_token: str | None = None
    ) -> Page[Approval]:
        """List the approvals on a model, the newest first.

        Args:
            name: The registered model.
            max_results: How many a page holds, 1 to 1000.
            page_token: Where to go on, from the page before.

        Raises:
            NotFoundError: there is no such thing that the caller may know of.
            PermissionDeniedError: the caller lacks READ_METADATA on it.
        """
        raise self._unsupported(Operation.LIST_APPROVALS)

    def release_model_version(
        self, ref: VersionLike, *, expected_row_version: int | None = None, reason: str | None = None
    ) -> ModelVersion:
        """Let a version out of quarantine (R33).

        Args:
            ref: The version.
            expected_row_version: Release it only if its `row_version` is this.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is no such thing that the caller may know of.
            PermissionDeniedError: the caller lacks APPROVE on the model.
            ConflictError: it is not QUARANTINED.
        """
        raise self._unsupported(Operation.RELEASE_MODEL_VERSION)
