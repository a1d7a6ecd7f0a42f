"""The verbs over schemas."""

from __future__ import annotations

from herdbook.entities import Page, Schema
from herdbook.ports.registry.base import CatalogLike, RegistryPart, SchemaLike
from herdbook.verdicts import Operation


class Schemas(RegistryPart):
    """Schemas: the second level of names."""

    def create_schema(
        self, name: SchemaLike, *, comment: str | None = None, idempotency_key: str | None = None
    ) -> Schema:
        """Create a schema, owned by the caller.

        Args:
            name: Its name.
            comment: Markdown.
            idempotency_key: A repeated call with the same key and arguments returns the first call's answer.

        Returns:
            The schema.

        Raises:
            InvalidArgumentError: the name or comment is not acceptable.
            NotFoundError: there is no such catalog that the caller may know of.
            PermissionDeniedError: the caller lacks CREATE_SCHEMA on the catalog.
            AlreadyExistsError: the name is taken.
            ConflictError: the key was used for another request.

        Example:
            >>> registry.create_schema("main.fraud", comment="Card fraud").name.schema
            'fraud'
        """
        raise self._unsupported(Operation.CREATE_SCHEMA)

    def get_schema(self, name: SchemaLike) -> Schema:
        """Return a schema.

        Args:
            name: Its name.

        Raises:
            NotFoundError: there is none that the caller may know of.

        Example:
            >>> registry.get_schema("main.default").comment
        """
        raise self._unsupported(Operation.GET_SCHEMA)

    def list_schemas(
        self, catalog: CatalogLike, *, max_results: int = 100, page_token: str | None = None
    ) -> Page[Schema]:
        """List the schemas of a catalog that the caller may see, by name.

        Args:
            catalog: The catalog.
            max_results: How many a page holds, 1 to 1000.
            page_token: Where to go on, from the page before.

        Raises:
            NotFoundError: there is no such catalog that the caller may know of.
            InvalidArgumentError: the token is not of this list and caller, or max_results is out of range.

        Example:
            >>> [str(schema.name) for schema in registry.list_schemas("main").items]
            ['main.default']
        """
        raise self._unsupported(Operation.LIST_SCHEMAS)

    def update_schema(
        self,
        name: SchemaLike,
        *,
        comment: str | None,
        expected_row_version: int | None = None,
        reason: str | None = None,
    ) -> Schema:
        """Replace a schema's comment.

        Args:
            name: Its name.
            comment: Markdown; None removes it.
            expected_row_version: Change it only if its `row_version` is this.
            reason: Why; kept in the audit log.

        Returns:
            The schema as it is now.

        Raises:
            NotFoundError: there is none that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on it.
            ConcurrentUpdateError: somebody changed it first.

        Example:
            >>> registry.update_schema("main.default", comment="Where everyone starts").row_version
            2
        """
        raise self._unsupported(Operation.UPDATE_SCHEMA)

    def rename_schema(
        self,
        name: SchemaLike,
        new_name: SchemaLike,
        *,
        expected_row_version: int | None = None,
        reason: str | None = None,
    ) -> Schema:
        """Rename a schema (R10); rights, tags and versions stay with it.

        Args:
            name: Its name.
            new_name: Its new name; a change of case is a rename too.
            expected_row_version: Rename it only if its `row_version` is this.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is none that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on it, or CREATE_SCHEMA on the catalog.
            AlreadyExistsError: the new name is taken.
            ConcurrentUpdateError: somebody changed it first.

        Example:
            >>> str(registry.rename_schema("main.default", "main.fraud").name)
            'main.fraud'
            >>> registry.get_model_version_by_alias("main.fraud.iris@champion").version
            1
        """
        raise self._unsupported(Operation.RENAME_SCHEMA)

    def delete_schema(
        self,
        name: SchemaLike,
        *,
        force: bool = False,
        expected_row_version: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Move a schema to the trash.

        Args:
            name: Its name.
            force: Also when it holds registered models; needs every child's right, else refused whole (R29).
            expected_row_version: Delete it only if its `row_version` is this.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is none that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on it.
            NotEmptyError: it holds registered models and `force` was not given.
            RuleViolationError: a rule or hold on something in it forbids it.

        Example:
            >>> registry.create_schema("main.scratch").comment
            >>> registry.delete_schema("main.scratch")
            >>> [str(schema.name) for schema in registry.list_schemas("main").items]
            ['main.default']
        """
        raise self._unsupported(Operation.DELETE_SCHEMA)

    def restore_schema(
        self, schema_id: str, *, new_name: SchemaLike | None = None, reason: str | None = None
    ) -> Schema:
        """Bring a schema back from the trash, with the rights on it (R31).

        Args:
            schema_id: Its id, as `list_deleted` shows it.
            new_name: Under which name; None: the one that it had.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: the trash holds none that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on it, or CREATE_SCHEMA on the catalog.
            AlreadyExistsError: the name is taken; give `new_name`.

        Example:
            >>> registry.create_schema("main.scratch").comment
            >>> registry.delete_schema("main.scratch")
            >>> [deleted] = registry.list_deleted("main").items
            >>> str(registry.restore_schema(deleted.id, new_name="main.again").name)
            'main.again'
        """
        raise self._unsupported(Operation.RESTORE_SCHEMA)

    def purge_schema(self, schema_id: str, *, reason: str | None = None) -> None:
        """Remove a schema from the trash for good, with the rights on it.

        Args:
            schema_id: Its id, as `list_deleted` shows it.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: the trash holds none that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on the catalog.

        Example:
            >>> registry.create_schema("main.scratch").comment
            >>> registry.delete_schema("main.scratch")
            >>> registry.purge_schema(registry.list_deleted("main").items[0].id)
            >>> registry.list_deleted("main").items
            ()
        """
        raise self._unsupported(Operation.PURGE_SCHEMA)
