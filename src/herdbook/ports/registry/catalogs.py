"""The verbs over catalogs."""

from __future__ import annotations

from herdbook.entities import Catalog, Page
from herdbook.ports.registry.base import CatalogLike, RegistryPart
from herdbook.verdicts import Operation


class Catalogs(RegistryPart):
    """Catalogs: the first level of names."""

    def create_catalog(
        self, name: CatalogLike, *, comment: str | None = None, idempotency_key: str | None = None
    ) -> Catalog:
        """Create a catalog, owned by the caller.

        Args:
            name: Its name.
            comment: Markdown.
            idempotency_key: A repeated call with the same key and arguments returns the first call's answer.

        Returns:
            The catalog.

        Raises:
            InvalidArgumentError: the name or comment is not acceptable.
            PermissionDeniedError: the caller lacks CREATE_CATALOG on the metastore.
            AlreadyExistsError: the name is taken.
            ConflictError: the key was used for another request.

        Example:
            >>> registry.create_catalog("prod", comment="What customers see").name.catalog
            'prod'
        """
        raise self._unsupported(Operation.CREATE_CATALOG)

    def get_catalog(self, name: CatalogLike) -> Catalog:
        """Return a catalog.

        Args:
            name: Its name.

        Raises:
            NotFoundError: there is none that the caller may know of.

        Example:
            >>> registry.get_catalog("main").comment
        """
        raise self._unsupported(Operation.GET_CATALOG)

    def list_catalogs(self, *, max_results: int = 100, page_token: str | None = None) -> Page[Catalog]:
        """List the catalogs that the caller may see, by name.

        Args:
            max_results: How many a page holds, 1 to 1000.
            page_token: Where to go on, from the page before.

        Raises:
            InvalidArgumentError: the token is not of this list and caller, or max_results is out of range.

        Example:
            >>> [str(catalog.name) for catalog in registry.list_catalogs().items]
            ['main']
        """
        raise self._unsupported(Operation.LIST_CATALOGS)

    def update_catalog(
        self,
        name: CatalogLike,
        *,
        comment: str | None,
        expected_row_version: int | None = None,
        reason: str | None = None,
    ) -> Catalog:
        """Replace a catalog's comment.

        Args:
            name: Its name.
            comment: Markdown; None removes it.
            expected_row_version: Change it only if its `row_version` is this.
            reason: Why; kept in the audit log.

        Returns:
            The catalog as it is now.

        Raises:
            NotFoundError: there is none that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on it.
            ConcurrentUpdateError: somebody changed it first.

        Example:
            >>> registry.update_catalog("main", comment="Where everyone starts").row_version
            2
        """
        raise self._unsupported(Operation.UPDATE_CATALOG)

    def rename_catalog(
        self,
        name: CatalogLike,
        new_name: CatalogLike,
        *,
        expected_row_version: int | None = None,
        reason: str | None = None,
    ) -> Catalog:
        """Rename a catalog (R10); rights, tags and versions stay with it.

        Args:
            name: Its name.
            new_name: Its new name; a change of case is a rename too.
            expected_row_version: Rename it only if its `row_version` is this.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is none that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on it, or CREATE_CATALOG on the metastore.
            AlreadyExistsError: the new name is taken.
            ConcurrentUpdateError: somebody changed it first.

        Example:
            >>> str(registry.rename_catalog("main", "prod").name)
            'prod'
            >>> registry.get_registered_model("prod.default.iris").latest_version
            1
        """
        raise self._unsupported(Operation.RENAME_CATALOG)

    def delete_catalog(
        self,
        name: CatalogLike,
        *,
        force: bool = False,
        expected_row_version: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Move a catalog to the trash.

        Args:
            name: Its name.
            force: Also when it holds schemas; needs every child's right, and is refused whole otherwise (R29).
            expected_row_version: Delete it only if its `row_version` is this.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is none that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on it.
            NotEmptyError: it holds schemas and `force` was not given.
            RuleViolationError: a rule or hold on something in it forbids it.

        Example:
            >>> registry.create_catalog("scratch").comment
            >>> registry.delete_catalog("scratch")
            >>> [str(catalog.name) for catalog in registry.list_catalogs().items]
            ['main']
        """
        raise self._unsupported(Operation.DELETE_CATALOG)

    def restore_catalog(
        self, catalog_id: str, *, new_name: CatalogLike | None = None, reason: str | None = None
    ) -> Catalog:
        """Bring a catalog back from the trash, with the rights on it (R31).

        Args:
            catalog_id: Its id, as `list_deleted` shows it.
            new_name: Under which name; None: the one that it had.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: the trash holds none that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on it, or CREATE_CATALOG on the metastore.
            AlreadyExistsError: the name is taken; give `new_name`.

        Example:
            >>> registry.create_catalog("scratch").comment
            >>> registry.delete_catalog("scratch")
            >>> [deleted] = registry.list_deleted("metastore:").items
            >>> str(registry.restore_catalog(deleted.id).name)
            'scratch'
        """
        raise self._unsupported(Operation.RESTORE_CATALOG)

    def purge_catalog(self, catalog_id: str, *, reason: str | None = None) -> None:
        """Remove a catalog from the trash for good, with the rights on it.

        Args:
            catalog_id: Its id, as `list_deleted` shows it.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: the trash holds none that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on the metastore.

        Example:
            >>> registry.create_catalog("scratch").comment
            >>> registry.delete_catalog("scratch")
            >>> registry.purge_catalog(registry.list_deleted("metastore:").items[0].id)
            >>> registry.list_deleted("metastore:").items
            ()
        """
        raise self._unsupported(Operation.PURGE_CATALOG)
