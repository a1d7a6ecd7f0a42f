"""The verbs over registered models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from herdbook.entities import Page, RegisteredModel
from herdbook.ports.registry.base import ModelLike, RegistryPart, SchemaLike
from herdbook.verdicts import Operation


class RegisteredModels(RegistryPart):
    """Registered models: the third level of names."""

    def create_registered_model(
        self,
        name: ModelLike,
        *,
        comment: str | None = None,
        tags: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> RegisteredModel:
        """Create a registered model without versions, owned by the caller.

        Args:
            name: Its name; catalog and schema must exist.
            comment: Markdown.
            tags: Tags to set on it.
            idempotency_key: A repeated call with the same key and arguments returns the first call's answer.

        Returns:
            The registered model.

        Raises:
            InvalidArgumentError: the name, the comment or a tag is not acceptable.
            NotFoundError: there is no such schema that the caller may know of.
            PermissionDeniedError: the caller lacks CREATE_MODEL on the schema.
            AlreadyExistsError: the name is taken.
            ConflictError: the key was used for another request.

        Example:
            >>> registry.create_registered_model("main.default.churn", tags={"team": "growth"}).tags
            {'team': 'growth'}
        """
        raise self._unsupported(Operation.CREATE_REGISTERED_MODEL)

    def get_registered_model(self, name: ModelLike) -> RegisteredModel:
        """Return a registered model.

        Args:
            name: Its name.

        Raises:
            NotFoundError: there is none that the caller may know of.
            PermissionDeniedError: the caller lacks READ_METADATA on it.

        Example:
            >>> registry.get_registered_model("main.default.iris").aliases
            {'champion': 1}
        """
        raise self._unsupported(Operation.GET_REGISTERED_MODEL)

    def list_registered_models(
        self, schema: SchemaLike, *, max_results: int = 100, page_token: str | None = None
    ) -> Page[RegisteredModel]:
        """List the registered models of a schema that the caller may see, by name.

        Args:
            schema: The schema.
            max_results: How many a page holds, 1 to 1000.
            page_token: Where to go on, from the page before.

        Raises:
            NotFoundError: there is no such schema that the caller may know of.
            InvalidArgumentError: the token is not of this list and caller, or max_results is out of range.

        Example:
            >>> [str(model.name) for model in registry.list_registered_models("main.default").items]
            ['main.default.iris']
        """
        raise self._unsupported(Operation.LIST_REGISTERED_MODELS)

    def search_registered_models(
        self,
        filter_string: str = "",
        *,
        order_by: Sequence[str] = (),
        max_results: int = 100,
        page_token: str | None = None,
    ) -> Page[RegisteredModel]:
        """Search the registered models that the caller may see.

        Args:
            filter_string: A filter, such as `tags.team = 'risk' AND name LIKE 'prod.%'`; empty finds all. The
                grammar is in docs/reference/search.md.
            order_by: Fields to order by, each with an optional `ASC` or `DESC`; by name unless said.
            max_results: How many a page holds, 1 to 1000.
            page_token: Where to go on, from the page before.

        Raises:
            InvalidArgumentError: the filter, order or token is not acceptable; the message points at the place.

        Example:
            >>> [str(model.name) for model in registry.search_registered_models("name LIKE '%iris'").items]
            ['main.default.iris']
        """
        raise self._unsupported(Operation.SEARCH_REGISTERED_MODELS)

    def update_registered_model(
        self,
        name: ModelLike,
        *,
        comment: str | None,
        expected_row_version: int | None = None,
        reason: str | None = None,
    ) -> RegisteredModel:
        """Replace a registered model's comment.

        Args:
            name: Its name.
            comment: Markdown; None removes it.
            expected_row_version: Change it only if its `row_version` is this.
            reason: Why; kept in the audit log.

        Returns:
            The registered model as it is now.

        Raises:
            NotFoundError: there is none that the caller may know of.
            PermissionDeniedError: the caller lacks MODIFY on it.
            ConcurrentUpdateError: somebody changed it first.

        Example:
            >>> registry.update_registered_model("main.default.iris", comment="Iris species").comment
            'Iris species'
        """
        raise self._unsupported(Operation.UPDATE_REGISTERED_MODEL)

    def rename_registered_model(
        self,
        name: ModelLike,
        new_name: ModelLike,
        *,
        expected_row_version: int | None = None,
        reason: str | None = None,
    ) -> RegisteredModel:
        """Rename a registered model (R10); rights, tags and versions stay with it.

        Args:
            name: Its name.
            new_name: Its new name; a change of case is a rename too.
            expected_row_version: Rename it only if its `row_version` is this.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is none that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on it, or CREATE_MODEL on the schema.
            AlreadyExistsError: the new name is taken.
            ConcurrentUpdateError: somebody changed it first.

        Example:
            >>> registry.rename_registered_model("main.default.iris", "main.default.Iris").aliases
            {'champion': 1}
        """
        raise self._unsupported(Operation.RENAME_REGISTERED_MODEL)

    def delete_registered_model(
        self,
        name: ModelLike,
        *,
        force: bool = False,
        expected_row_version: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Move a registered model to the trash.

        Args:
            name: Its name.
            force: Also when it has versions; needs every child's right, and is refused whole otherwise (R29).
            expected_row_version: Delete it only if its `row_version` is this.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is none that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on it.
            NotEmptyError: it has versions and `force` was not given.
            RuleViolationError: a rule or hold on something in it forbids it.

        Example:
            >>> registry.delete_registered_model_alias("main.default.iris@champion")
            >>> registry.delete_registered_model("main.default.iris", force=True, reason="superseded")
            >>> registry.list_registered_models("main.default").items
            ()
        """
        raise self._unsupported(Operation.DELETE_REGISTERED_MODEL)

    def restore_registered_model(
        self, model_id: str, *, new_name: ModelLike | None = None, reason: str | None = None
    ) -> RegisteredModel:
        """Bring a registered model back from the trash, with the rights on it (R31).

        Args:
            model_id: Its id, as `list_deleted` shows it.
            new_name: Under which name; None: the one that it had.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: the trash holds none that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on it, or CREATE_MODEL on the schema.
            AlreadyExistsError: the name is taken; give `new_name`.

        Example:
            >>> registry.delete_registered_model_alias("main.default.iris@champion")
            >>> registry.delete_registered_model("main.default.iris", force=True)
            >>> [deleted] = registry.list_deleted("main.default").items
            >>> registry.restore_registered_model(deleted.id).latest_version
            1
        """
        raise self._unsupported(Operation.RESTORE_REGISTERED_MODEL)

    def purge_registered_model(self, model_id: str, *, reason: str | None = None) -> None:
        """Remove a registered model from the trash for good, with the rights on it.

        Args:
            model_id: Its id, as `list_deleted` shows it.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: the trash holds none that the caller may know of.
            PermissionDeniedError: the caller lacks MANAGE on the schema.

        Example:
            >>> registry.delete_registered_model_alias("main.default.iris@champion")
            >>> registry.delete_registered_model("main.default.iris", force=True)
            >>> registry.purge_registered_model(registry.list_deleted("main.default").items[0].id)
            >>> registry.list_deleted("main.default").items
            ()
        """
        raise self._unsupported(Operation.PURGE_REGISTERED_MODEL)
