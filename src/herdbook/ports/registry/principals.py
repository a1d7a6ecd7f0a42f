"""The verbs over principals, groups and roles."""

from __future__ import annotations

from herdbook.entities import Page, Principal
from herdbook.names import PrincipalName
from herdbook.ports.registry.base import RegistryPart
from herdbook.verdicts import Operation


class Principals(RegistryPart):
    """Users, services, groups and roles."""

    def get_current_principal(self) -> Principal:
        """Return who the caller is.

        Raises:
            UnauthenticatedError: the principal does not exist any more.

        Example:
            >>> registry.get_current_principal().name.principal_kind.value
            'user'
        """
        raise self._unsupported(Operation.GET_CURRENT_PRINCIPAL)

    def create_principal(self, name: PrincipalName | str, *, idempotency_key: str | None = None) -> Principal:
        """Make a principal known (R18).

        Args:
            name: `user:`, `service:`, `group:` or `role:` and its name.
            idempotency_key: A repeated call with the same key returns the first call's answer.

        Raises:
            PermissionDeniedError: the caller lacks MANAGE on the metastore.
            AlreadyExistsError: the name is taken.

        Example:
            >>> str(registry.create_principal("role:scientist").name)
            'role:scientist'
        """
        raise self._unsupported(Operation.CREATE_PRINCIPAL)

    def get_principal(self, name: PrincipalName | str) -> Principal:
        """Return a principal.

        Args:
            name: Its name.

        Raises:
            NotFoundError: there is none.
            PermissionDeniedError: the caller lacks MANAGE on the metastore.

        Example:
            >>> registry.get_principal(registry.get_current_principal().name).enabled
            True
        """
        raise self._unsupported(Operation.GET_PRINCIPAL)

    def list_principals(self, *, max_results: int = 100, page_token: str | None = None) -> Page[Principal]:
        """List principals, by name.

        Args:
            max_results: How many a page holds, 1 to 1000.
            page_token: Where to go on, from the page before.

        Raises:
            PermissionDeniedError: the caller lacks MANAGE on the metastore.

        Example:
            >>> len(registry.list_principals().items)
            1
        """
        raise self._unsupported(Operation.LIST_PRINCIPALS)

    def update_principal(
        self,
        name: PrincipalName | str,
        *,
        enabled: bool,
        expected_enabled: bool | None = None,
        reason: str | None = None,
    ) -> Principal:
        """Enable or disable a principal.

        Args:
            name: Its name.
            enabled: Whether it may act.
            expected_enabled: Change it only if it is so now.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is none.
            PermissionDeniedError: the caller lacks MANAGE on the metastore.
            ConflictError: it is the last enabled metastore admin (R3).

        Example:
            >>> ann = registry.create_principal("user:ann").name
            >>> registry.update_principal(ann, enabled=False, reason="on leave").enabled
            False
        """
        raise self._unsupported(Operation.UPDATE_PRINCIPAL)

    def delete_principal(
        self, name: PrincipalName | str, *, expected_enabled: bool | None = None, reason: str | None = None
    ) -> None:
        """Delete a principal: its tokens, memberships and grants end at once (R25).

        Args:
            name: Its name.
            expected_enabled: Delete it only if it is so now.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is none.
            PermissionDeniedError: the caller lacks MANAGE on the metastore.
            ConflictError: it is the last enabled metastore admin (R3).

        Example:
            >>> ann = registry.create_principal("user:ann").name
            >>> registry.delete_principal(ann)
            >>> len(registry.list_principals().items)
            1
        """
        raise self._unsupported(Operation.DELETE_PRINCIPAL)

    def add_member(self, group: PrincipalName | str, member: PrincipalName | str, *, reason: str | None = None) -> None:
        """Make a principal a member of a local group or role (R20).

        Args:
            group: The group or role.
            member: Who.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is none.
            PermissionDeniedError: the caller lacks MANAGE on the metastore.
            InvalidArgumentError: it would be a cycle, or nested more than 8 deep.

        Example:
            >>> team, ann = registry.create_principal("group:team").name, registry.create_principal("user:ann").name
            >>> registry.add_member(team, ann)
            >>> [str(member.name) for member in registry.list_members(team).items]
            ['user:ann']
        """
        raise self._unsupported(Operation.ADD_MEMBER)

    def remove_member(
        self, group: PrincipalName | str, member: PrincipalName | str, *, reason: str | None = None
    ) -> None:
        """End a membership.

        Args:
            group: The group or role.
            member: Who.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is none.
            PermissionDeniedError: the caller lacks MANAGE on the metastore.

        Example:
            >>> team, ann = registry.create_principal("group:team").name, registry.create_principal("user:ann").name
            >>> registry.add_member(team, ann)
            >>> registry.remove_member(team, ann)
            >>> registry.list_members(team).items
            ()
        """
        raise self._unsupported(Operation.REMOVE_MEMBER)

    def list_members(
        self, group: PrincipalName | str, *, max_results: int = 100, page_token: str | None = None
    ) -> Page[Principal]:
        """List the direct members of a group or role.

        Args:
            group: The group or role.
            max_results: How many a page holds, 1 to 1000.
            page_token: Where to go on, from the page before.

        Raises:
            NotFoundError: there is none.
            PermissionDeniedError: the caller lacks MANAGE on the metastore.

        Example:
            >>> team, ann = registry.create_principal("group:team").name, registry.create_principal("user:ann").name
            >>> registry.add_member(team, ann)
            >>> len(registry.list_members(team).items)
            1
        """
        raise self._unsupported(Operation.LIST_MEMBERS)
