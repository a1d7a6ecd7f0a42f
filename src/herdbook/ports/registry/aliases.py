"""The verbs over aliases."""

from __future__ import annotations

from datetime import datetime

from herdbook.entities import AliasAssignment, ModelVersion, Page
from herdbook.ports.registry.base import AliasLike, ModelLike, RegistryPart
from herdbook.verdicts import Operation


class Aliases(RegistryPart):
    """Aliases: names for versions that move, with their history."""

    def set_registered_model_alias(
        self,
        ref: AliasLike,
        version: int,
        *,
        expected_current: int | None = None,
        reason: str | None = None,
    ) -> AliasAssignment:
        """Point an alias to a READY version; setting what is set already changes nothing.

        Args:
            ref: The slot, `CATALOG.SCHEMA.MODEL@ALIAS`.
            version: The version's number.
            expected_current: Move it only if it points to this version now; 0 means that it must not be set.
            reason: Why; kept in its history.

        Returns:
            The assignment that holds now.

        Raises:
            NotFoundError: there is no such model or version that the caller may know of.
            PermissionDeniedError: the caller lacks SET_ALIAS on the slot.
            ConflictError: the version is not READY (R15).
            ConcurrentUpdateError: the alias does not point where it was expected to.

        Example:
            >>> registry.set_registered_model_alias("main.default.iris@challenger", 1, reason="beats it").version
            1
        """
        raise self._unsupported(Operation.SET_REGISTERED_MODEL_ALIAS)

    def delete_registered_model_alias(
        self, ref: AliasLike, *, expected_current: int | None = None, reason: str | None = None
    ) -> None:
        """Unset an alias; its history stays.

        Args:
            ref: The slot.
            expected_current: Unset it only if it points to this version now.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is no such model that the caller may know of, or the alias is not set.
            PermissionDeniedError: the caller lacks SET_ALIAS on the slot.
            ConcurrentUpdateError: the alias does not point where it was expected to.
        """
        raise self._unsupported(Operation.DELETE_REGISTERED_MODEL_ALIAS)

    def get_model_version_by_alias(self, ref: AliasLike, *, as_of: datetime | None = None) -> ModelVersion:
        """Return the version that an alias points to.

        Args:
            ref: The slot.
            as_of: The time (UTC) as of which to look; None is now. Rights are those of now (R34).

        Raises:
            NotFoundError: there is no such model that the caller may know of, or the alias was not set then.
            PermissionDeniedError: the caller lacks READ_METADATA on the model.

        Example:
            >>> registry.get_model_version_by_alias("main.default.iris@champion").version
            1
        """
        raise self._unsupported(Operation.GET_MODEL_VERSION_BY_ALIAS)

    def list_registered_model_aliases(self, name: ModelLike, *, ended: bool = False) -> tuple[AliasAssignment, ...]:
        """Return the aliases of a model that are set, by alias.

        Args:
            name: The registered model.
            ended: Also the last assignment of every alias that was set once and is no longer.

        Raises:
            NotFoundError: there is no such model that the caller may know of.
            PermissionDeniedError: the caller lacks READ_METADATA on it.

        Example:
            >>> [(a.alias, a.version) for a in registry.list_registered_model_aliases("main.default.iris")]
            [('champion', 1)]
        """
        raise self._unsupported(Operation.LIST_REGISTERED_MODEL_ALIASES)

    def list_alias_history(
        self, ref: AliasLike, *, max_results: int = 100, page_token: str | None = None
    ) -> Page[AliasAssignment]:
        """List what an alias pointed to, the newest first.

        Args:
            ref: The slot.
            max_results: How many a page holds, 1 to 1000.
            page_token: Where to go on, from the page before.

        Raises:
            NotFoundError: there is no such model that the caller may know of.
            PermissionDeniedError: the caller lacks READ_METADATA on the model.

        Example:
            >>> [entry.version for entry in registry.list_alias_history("main.default.iris@champion").items]
            [1]
        """
        raise self._unsupported(Operation.LIST_ALIAS_HISTORY)
