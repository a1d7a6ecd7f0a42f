"""Principals, governed."""

from __future__ import annotations

from herdbook.entities import Principal
from herdbook.errors import UnauthenticatedError
from herdbook.ports.registry import Principals
from herdbook.service.part import GovernedPart


class GovernedPrincipals(GovernedPart, Principals):
    """The verbs over principals."""

    def get_current_principal(self) -> Principal:
        """Return who the caller is."""
        with self._core.store.read() as tx:
            principal = tx.principal_by_id(self._caller.principal_id)
        if principal is None:
            raise UnauthenticatedError("The principal that this registry is bound to does not exist any more.")
        return principal
