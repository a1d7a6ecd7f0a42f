"""Principals, memberships and lines of policy as rows: who there is, and who was given what by whom."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from datetime import datetime

from attrs import frozen

from herdbook.entities import Link, Principal
from herdbook.entities.ledger import Membership, PolicyLine
from herdbook.names import PrincipalName
from herdbook.ports.metadata.records import Stamp
from herdbook.verdicts import Privilege


@frozen(kw_only=True)
class LineRow:
    """A line of policy in force, with what only people want to know of it.

    Args:
        line: The line.
        principal: To whom, by name.
        granted_by: Who set it, by name.
        since: Since when (UTC).
    """

    line: PolicyLine
    principal: PrincipalName
    granted_by: str
    since: datetime


class RightsReads(ABC):
    """What is asked about principals and lines."""

    @abstractmethod
    def lines_on(
        self,
        securables: Sequence[tuple[str, str | None]],
        *,
        principal_ids: Collection[str] | None,
        after: str,
        limit: int,
        privileges: Collection[Privilege] | None = None,
        untold: Collection[str] = (),
    ) -> tuple[LineRow, ...]:
        """Return lines in force on securables, ordered by id.

        Args:
            securables: Each an id, with the folded alias where its alias slot is meant (then of the securable).
            principal_ids: Only lines of these principals; None: of all.
            after: Only ids greater than this.
            limit: How many at most.
            privileges: Only lines of these privileges; None: of all.
            untold: Ids of securables whose denials are left out.
        """

    @abstractmethod
    def concerned(self, principal_ids: Collection[str], *, since: str, limit: int) -> tuple[tuple[str, str], ...]:
        """Return the folded and the written names of what principals own or lines in force give or deny them.

        Args:
            principal_ids: Whose lines, and what they own.
            since: Only folded names that are this or greater; `metastore:` for the metastore, `MODEL@ALIAS` for a slot.
                Slots of a whole schema or catalog are left out.
            limit: How many at most, ordered by folded name, each once.
        """

    @abstractmethod
    def lines_within(self, on: Link) -> tuple[PolicyLine, ...]:
        """Return lines in force on a securable and on all that lies inside, in the trash or not, slots included."""

    @abstractmethod
    def memberships(self) -> tuple[Membership, ...]:
        """Return all memberships in force."""

    @abstractmethod
    def actors(self) -> frozenset[str]:
        """Return the ids of enabled users and services."""

    @abstractmethod
    def list_principals(self, *, after: str, limit: int) -> tuple[Principal, ...]:
        """Return principals that were not deleted, ordered by folded name, whose folded name is greater."""

    @abstractmethod
    def list_members(self, group_id: str, *, after: str, limit: int) -> tuple[Principal, ...]:
        """Return the direct members of a group or role, as `list_principals` does."""


class RightsWrites(ABC):
    """Changes of rights, each a policy revision of its own. Only in an exclusive transaction."""

    @abstractmethod
    def change_rights(
        self,
        *,
        add: Sequence[PolicyLine | Membership] = (),
        end: Sequence[PolicyLine | Membership] = (),
        reason: str | None,
        stamp: Stamp,
    ) -> int:
        """Begin a new policy revision with some lines and memberships more and fewer; returns it."""

    @abstractmethod
    def set_enabled(self, principal_id: str, *, enabled: bool, reason: str | None, stamp: Stamp) -> int:
        """Enable or disable a principal; returns the policy revision of that."""

    @abstractmethod
    def delete_principal(self, principal_id: str, *, reason: str | None, stamp: Stamp) -> int:
        """Delete a principal, ending its tokens, memberships and the lines to it; returns the policy revision of it."""
