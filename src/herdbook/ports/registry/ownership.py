"""The verb over ownership."""

from __future__ import annotations

from herdbook.names import PrincipalName
from herdbook.ports.registry.base import RegistryPart, SecurableLike
from herdbook.verdicts import Operation


class Ownership(RegistryPart):
    """Ownership: who owns a catalog, schema or model."""

    def transfer_ownership(
        self,
        securable: SecurableLike,
        to: PrincipalName | str,
        *,
        expected_owner: PrincipalName | str | None = None,
        reason: str | None = None,
    ) -> None:
        """Give a securable to another owner; the former one keeps nothing (R23).

        Args:
            securable: A catalog, schema or registered model.
            to: An enabled user, group or service.
            expected_owner: Transfer it only if this principal owns it now.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is no such thing that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on it.
            InvalidArgumentError: `to` cannot own anything.
            ConcurrentUpdateError: somebody else owns it now.

        Example:
            >>> me = registry.get_current_principal().name
            >>> registry.transfer_ownership("main.default.iris", me, expected_owner=me)
            >>> registry.get_registered_model("main.default.iris").owner == str(me)
            True
        """
        raise self._unsupported(Operation.TRANSFER_OWNERSHIP)
