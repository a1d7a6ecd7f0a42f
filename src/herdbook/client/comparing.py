"""Comparing two versions: what a caller of the one finds changed at the other."""

from __future__ import annotations

from herdbook.client.download import list_files, resolve
from herdbook.client.notebook import use
from herdbook.entities import ModelVersion, VersionDiff
from herdbook.errors import ConflictError
from herdbook.names import AliasRef, LatestRef, ModelUri, VersionRef
from herdbook.policy.version_changes import diff_versions
from herdbook.ports.registry import Registry


def diff_model_versions(
    old: str | ModelUri | VersionRef | AliasRef | LatestRef,
    new: str | ModelUri | VersionRef | AliasRef | LatestRef,
    *,
    registry: Registry | None = None,
) -> VersionDiff:
    """Compare two versions, of one model or of two.

    Args:
        old: The version to compare with: `models:/CATALOG.SCHEMA.MODEL/VERSION`, `...@ALIAS`, `.../latest`.
        new: The version to compare.
        registry: Where; None uses the default one (see `connect`).

    Returns:
        Only what differs; the signature is judged for callers of the old version that call the new one.

    Raises:
        InvalidArgumentError: a URI is none.
        NotFoundError: there is no such version that the caller may know of.
        PermissionDeniedError: the caller lacks READ_METADATA on a model.
        ConflictError: a version is not finalized, so its files are not known yet.

    Example:
        >>> import herdbook
        >>> changes = herdbook.diff_model_versions(  # doctest: +SKIP
        ...     "prod.fraud.scorer@champion", "prod.fraud.scorer/4"
        ... )
        >>> changes.signature.effect  # doctest: +SKIP
        <Effect.BREAKING: 'BREAKING'>
    """
    with use(registry) as opened:
        before, after = (_finalized(resolve(opened, uri)) for uri in (old, new))
        return diff_versions(
            before, after, old_files=list_files(opened, before.ref), new_files=list_files(opened, after.ref)
        )


def _finalized(version: ModelVersion) -> ModelVersion:
    if version.model is None:
        raise ConflictError(
            f"{version.ref} is {version.status}: what its files are is not known.",
            hint="Compare versions that have been finalized.",
        )
    return version
