"""Who is asking over HTTP: the one thing between a request's headers and the caller that a registry is bound to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from herdbook.entities import Caller
from herdbook.names import PrincipalName
from herdbook.server.messages import RequestHeaders
from herdbook.service import Metastore
from herdbook.service.identity import Authentication

_AUTHORIZATION = "authorization"


class Authenticator(Protocol):
    """Says who is asking. Called for each request, in the thread that the verb runs in."""

    def inline(self, headers: Mapping[str, str]) -> bool:
        """Return whether `authenticate` is fast enough for the event loop, where the store's reads are."""
        ...

    def authenticate(self, headers: Mapping[str, str], request_id: str = "") -> Caller:
        """Return the caller.

        Args:
            headers: The request's headers, their names in lower case.
            request_id: The id under which its work is logged.

        Raises:
            UnauthenticatedError: who asks is not established.
        """
        ...


class LocalPrincipal:
    """Takes every request for one principal's; for loopback alone, since it proves nothing (R35)."""

    def __init__(self, metastore: Metastore, name: PrincipalName) -> None:
        self._metastore = metastore
        self._name = name

    def inline(self, _headers: Mapping[str, str]) -> bool:
        """It is: one statement."""
        return True

    def authenticate(self, _headers: Mapping[str, str], request_id: str = "") -> Caller:
        """Return the caller for the principal; raises UnauthenticatedError where it is disabled."""
        return self._metastore.asserted(self._name, request_id=request_id, client="http")


class Credentials:
    """Asks the metastore's tokens and the identity sources; without a credential a request is the local principal's.

    Args:
        authentication: Proves credentials.
        local: As whom requests without one act, on loopback; None refuses them.
    """

    def __init__(self, authentication: Authentication, local: LocalPrincipal | None) -> None:
        self._authentication = authentication
        self._local = local

    def inline(self, headers: Mapping[str, str]) -> bool:
        """Return whether no issuer of another house may have to be waited for."""
        return self._authentication.inline(headers.get(_AUTHORIZATION))

    def authenticate(self, headers: Mapping[str, str], request_id: str = "") -> Caller:
        """Return the caller; raises UnauthenticatedError for a credential that proves nothing, or for none."""
        shown = headers.get(_AUTHORIZATION)
        if shown is None and self._local is not None:
            return self._local.authenticate(headers, request_id)
        looked_up = headers.looked_up if isinstance(headers, RequestHeaders) else None
        return self._authentication.caller_for(shown, request_id=request_id, client="http", looked_up=looked_up)
