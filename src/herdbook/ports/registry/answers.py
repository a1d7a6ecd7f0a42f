"""The verbs that explain."""

from __future__ import annotations

from herdbook.entities import Page
from herdbook.entities.governance import AccessPath, Explanation
from herdbook.names import PrincipalName
from herdbook.ports.registry.base import RegistryPart, SecurableLike
from herdbook.verdicts import Operation


class Answers(RegistryPart):
    """Answers about rights."""

    def explain(
        self, operation: Operation, securable: SecurableLike, *, principal: PrincipalName | str | None = None
    ) -> Explanation:
        """Say why a principal may or may not do something (R13).

        Args:
            operation: The verb.
            securable: On what: the kind of thing that the verb is about; of versions, their model.
            principal: Who; None is the caller, with its token's scope.

        Returns:
            What would be decided and why; of a denial what is missing first. A denying line is told only to who
            manages what it is on, and then no grants would allow it.

        Raises:
            InvalidArgumentError: the verb is not asked of such a thing.
            NotFoundError: there is no such thing that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE there or READ_AUDIT, to ask about others.

        Example:
            >>> from herdbook.verdicts import Operation
            >>> ann = registry.create_principal("user:ann").name
            >>> found = registry.explain(Operation.GET_MODEL_VERSION, "main.default.iris", principal=ann)
            >>> [f"{each.privilege} on {each.securable}" for each in found.would_allow]
            ['USE_CATALOG on main', 'USE_SCHEMA on main.default', 'READ_METADATA on main.default.iris']
        """
        raise self._unsupported(Operation.EXPLAIN)

    def who_can(
        self, operation: Operation, securable: SecurableLike, *, max_results: int = 100, page_token: str | None = None
    ) -> Page[AccessPath]:
        """List the enabled users and services that may do something, and how each comes to it, by name.

        Args:
            operation: The verb.
            securable: On what, as for `explain`.
            max_results: How many a page holds, 1 to 1000.
            page_token: Where to go on, from the page before.

        Raises:
            InvalidArgumentError: the verb is not asked of such a thing.
            NotFoundError: there is no such thing that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE there or READ_AUDIT.

        Example:
            >>> from herdbook.verdicts import Operation
            >>> found = registry.who_can(Operation.READ_MODEL_VERSION_FILE, "main.default.iris").items
            >>> [each.principal for each in found] == [registry.get_current_principal().name]
            True
        """
        raise self._unsupported(Operation.WHO_CAN)

    def what_can(
        self, principal: PrincipalName | str | None = None, *, max_results: int = 100, page_token: str | None = None
    ) -> Page[AccessPath]:
        """List what a principal may do on what it owns or lines name it for, where the caller may know of that.

        What a line on a container gives on the things in it is listed on the container, and its path says so.

        Args:
            principal: Who; None is the caller.
            max_results: How many a page holds, 1 to 1000.
            page_token: Where to go on, from the page before.

        Raises:
            PermissionDeniedError: the caller lacks MANAGE or READ_AUDIT on the metastore, to ask about others.

        Example:
            >>> from herdbook.verdicts import Operation
            >>> mine = {(str(each.securable), each.operation) for each in registry.what_can(max_results=1000).items}
            >>> ("main.default.iris", Operation.READ_MODEL_VERSION_FILE) in mine
            True
        """
        raise self._unsupported(Operation.WHAT_CAN)
