"""Users, groups, roles and services."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from herdbook.names import PrincipalName


@frozen(kw_only=True)
class Principal:
    """A user, group, role or service.

    Args:
        id: Its immutable id.
        name: Its name.
        enabled: Whether it may act; only users and services ever do.
        created_at: When it was made known (UTC).
    """

    id: str
    name: PrincipalName
    enabled: bool = True
    created_at: datetime
