"""Who is asking over HTTP: the one thing between a request's headers and the caller that a registry is bound to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from herdbook.entities import Caller
from herdbook.names import PrincipalName
from herdbook.service import Metastore


class Authenticator(Protocol):
    """Says who is asking. Called for each request, in the thread that the verb runs in."""

    def authenticate(self, headers: Mapping[str, str]) -> Caller:
        """Return the caller.

        Args:
            headers: The request's headers, their names in lower case.

        Raises:
            UnauthenticatedError: who asks is not established.
        """
        ...


class LocalPrincipal:
    """Takes every request for one principal's; for loopback alone, since it proves nothing (R35)."""

    def __init__(self, metastore: Metastore, name: PrincipalName) -> None:
        self._metastore = metastore
        self._name = name

    def authenticate(self, _headers: Mapping[str, str]) -> Caller:
        """Return the caller for the principal; raises UnauthenticatedError where it is disabled."""
        return self._metastore.asserted(self._name, client="http")
