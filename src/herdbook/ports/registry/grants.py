"""The verbs over grants and denials."""

from __future__ import annotations

from herdbook.entities import Page
from herdbook.entities.governance import EffectiveGrant, Grant
from herdbook.names import PrincipalName
from herdbook.ports.registry.base import RegistryPart, SecurableLike
from herdbook.verdicts import Operation, Privilege


class Grants(RegistryPart):
    """Grants and denials made at run time."""

    def grant(
        self,
        principal: PrincipalName | str,
        privilege: Privilege,
        securable: SecurableLike,
        *,
        idempotency_key: str | None = None,
        reason: str | None = None,
    ) -> Grant:
        """Give a privilege on a securable (R4, R5, R7, R23).

        Args:
            principal: To whom.
            privilege: Which privilege.
            securable: On what.
            idempotency_key: A repeated call with the same key returns the first call's answer.
            reason: Why; kept in the audit log.

        Returns:
            The grant.

        Raises:
            NotFoundError: there is no such thing that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE there or above.
            InvalidArgumentError: the privilege cannot be granted on that kind of securable.

        Example:
            >>> from herdbook.verdicts import Privilege
            >>> ann = registry.create_principal("user:ann").name
            >>> registry.grant(ann, Privilege.READ_METADATA, "main.default.iris", reason="reviewer").effect.value
            'allow'
        """
        raise self._unsupported(Operation.GRANT)

    def revoke(
        self,
        principal: PrincipalName | str,
        privilege: Privilege,
        securable: SecurableLike,
        *,
        reason: str | None = None,
    ) -> tuple[EffectiveGrant, ...]:
        """Take a grant back; exactly the named line is removed (R40).

        Args:
            principal: To whom.
            privilege: Which privilege; ALL_PRIVILEGES takes the principal's other lines there too, except MANAGE,
                APPROVE and BROWSE.
            securable: On what; `deleted:ID` for something in the trash, whose lines return with it (R31).
            reason: Why; kept in the audit log.

        Returns:
            The lines that still give the privilege there: of groups and roles, from above, from policy files.

        Raises:
            NotFoundError: there is no such thing that the caller may know of, or no such line.
            PermissionDeniedError: the caller lacks MANAGE there or above.
            ConflictError: the line is in a policy file, which only `apply_policies` changes (R22).

        Example:
            >>> from herdbook.verdicts import Privilege
            >>> ann = registry.create_principal("user:ann").name
            >>> made = registry.grant(ann, Privilege.EXECUTE, "main.default.iris")
            >>> registry.revoke(ann, Privilege.EXECUTE, "main.default.iris")
            ()
        """
        raise self._unsupported(Operation.REVOKE)

    def deny(
        self,
        principal: PrincipalName | str,
        privilege: Privilege,
        securable: SecurableLike,
        *,
        idempotency_key: str | None = None,
        reason: str | None = None,
    ) -> Grant:
        """Deny a privilege on a securable, owners included (R5).

        Args:
            principal: To whom.
            privilege: Which privilege.
            securable: On what.
            idempotency_key: A repeated call with the same key returns the first call's answer.
            reason: Why; kept in the audit log.

        Returns:
            The denial.

        Raises:
            NotFoundError: there is no such thing that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on the securable's container.
            ConflictError: it would bind the last enabled metastore admin (R3).

        Example:
            >>> from herdbook.verdicts import Privilege
            >>> ann = registry.create_principal("user:ann").name
            >>> registry.deny(ann, Privilege.SET_ALIAS, "main.default@champion").effect.value
            'deny'
        """
        raise self._unsupported(Operation.DENY)

    def lift_deny(
        self,
        principal: PrincipalName | str,
        privilege: Privilege,
        securable: SecurableLike,
        *,
        reason: str | None = None,
    ) -> tuple[EffectiveGrant, ...]:
        """Take a denial back (R5).

        Args:
            principal: To whom.
            privilege: Which privilege.
            securable: On what.
            reason: Why; kept in the audit log.

        Returns:
            The lines that still deny it there.

        Raises:
            NotFoundError: there is no such thing that the caller may know of, or no such line.
            PermissionDeniedError: the caller lacks MANAGE on the securable's container, or is bound by it.
            ConflictError: the line is in a policy file, which only `apply_policies` changes (R22).

        Example:
            >>> from herdbook.verdicts import Privilege
            >>> ann = registry.create_principal("user:ann").name
            >>> made = registry.deny(ann, Privilege.EXECUTE, "main.default.iris")
            >>> registry.lift_deny(ann, Privilege.EXECUTE, "main.default.iris")
            ()
        """
        raise self._unsupported(Operation.LIFT_DENY)

    def list_grants(
        self,
        securable: SecurableLike,
        *,
        principal: PrincipalName | str | None = None,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> Page[Grant]:
        """List the lines on a securable: all of them, or one's own (R13).

        Args:
            securable: On what.
            principal: Only those of this principal.
            max_results: How many a page holds, 1 to 1000.
            page_token: Where to go on, from the page before.

        Raises:
            NotFoundError: there is no such thing that the caller may know of.

        Example:
            >>> from herdbook.verdicts import Privilege
            >>> ann = registry.create_principal("user:ann").name
            >>> made = registry.grant(ann, Privilege.EXECUTE, "main.default.iris")
            >>> [(str(g.principal), g.privilege.value) for g in registry.list_grants("main.default.iris").items]
            [('user:ann', 'EXECUTE')]
        """
        raise self._unsupported(Operation.LIST_GRANTS)

    def list_effective_grants(
        self,
        securable: SecurableLike,
        *,
        principal: PrincipalName | str | None = None,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> Page[EffectiveGrant]:
        """List the lines that reach a securable: direct, inherited, and through groups and roles (R13).

        Args:
            securable: On what.
            principal: For whom; None is the caller.
            max_results: How many a page holds, 1 to 1000.
            page_token: Where to go on, from the page before.

        Raises:
            NotFoundError: there is no such thing that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE there or READ_AUDIT, to ask about others.

        Example:
            >>> from herdbook.verdicts import Privilege
            >>> ann = registry.create_principal("user:ann").name
            >>> made = registry.grant(ann, Privilege.EXECUTE, "main")
            >>> [found] = registry.list_effective_grants("main.default.iris", principal=ann).items
            >>> str(found.inherited_from)
            'main'
        """
        raise self._unsupported(Operation.LIST_EFFECTIVE_GRANTS)
