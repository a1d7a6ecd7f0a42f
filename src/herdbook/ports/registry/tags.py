"""The verbs over tags."""

from __future__ import annotations

from herdbook.ports.registry.base import ModelLike, RegistryPart, VersionLike
from herdbook.verdicts import Operation


class Tags(RegistryPart):
    """Tags of registered models and of versions."""

    def set_registered_model_tag(self, name: ModelLike, key: str, value: str, *, reason: str | None = None) -> None:
        """Set a tag of a registered model, replacing its value.

        Args:
            name: The registered model.
            key: 1 to 250 of letters, digits, `_ - . : /` and space.
            value: At most 100,000 characters.
            reason: Why; kept in the audit log.

        Raises:
            InvalidArgumentError: key or value is not acceptable.
            NotFoundError: there is none that the caller may know of.
            PermissionDeniedError: the caller lacks APPLY_TAG on the model.

        Example:
            >>> registry.set_registered_model_tag("main.default.iris", "reviewed", "yes")
        """
        raise self._unsupported(Operation.SET_REGISTERED_MODEL_TAG)

    def delete_registered_model_tag(
        self, name: ModelLike, key: str, *, expected_value: str | None = None, reason: str | None = None
    ) -> None:
        """Delete a tag of a registered model.

        Args:
            name: The registered model.
            key: The tag's key.
            expected_value: Delete it only if this is its value.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is none that the caller may know of, or it has no such tag.
            PermissionDeniedError: the caller lacks APPLY_TAG on the model.
            ConcurrentUpdateError: it has another value.
        """
        raise self._unsupported(Operation.DELETE_REGISTERED_MODEL_TAG)

    def set_model_version_tag(self, ref: VersionLike, key: str, value: str, *, reason: str | None = None) -> None:
        """Set a tag of a version, replacing its value.

        Args:
            ref: The version.
            key: 1 to 250 of letters, digits, `_ - . : /` and space.
            value: At most 100,000 characters.
            reason: Why; kept in the audit log.

        Raises:
            InvalidArgumentError: key or value is not acceptable.
            NotFoundError: there is none that the caller may know of.
            PermissionDeniedError: the caller lacks APPLY_TAG on the model.

        Example:
            >>> registry.set_model_version_tag("main.default.iris/1", "reviewed", "yes")
        """
        raise self._unsupported(Operation.SET_MODEL_VERSION_TAG)

    def delete_model_version_tag(
        self, ref: VersionLike, key: str, *, expected_value: str | None = None, reason: str | None = None
    ) -> None:
        """Delete a tag of a version.

        Args:
            ref: The version.
            key: The tag's key.
            expected_value: Delete it only if this is its value.
            reason: Why; kept in the audit log.

        Raises:
            NotFoundError: there is none that the caller may know of, or it has no such tag.
            PermissionDeniedError: the caller lacks APPLY_TAG on the model.
            ConcurrentUpdateError: it has another value.
        """
        raise self._unsupported(Operation.DELETE_MODEL_VERSION_TAG)
