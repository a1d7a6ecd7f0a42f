"""The verbs that keep a registry tidy."""

from __future__ import annotations

from herdbook.entities import SweepReport
from herdbook.ports.registry.base import RegistryPart
from herdbook.verdicts import Operation


class Maintenance(RegistryPart):
    """Work that a metastore admin asks for."""

    def sweep_artifacts(self, *, dry_run: bool = False, grace_s: float = 86_400.0) -> SweepReport:
        """Fail versions that were left pending, and remove bytes that nothing refers to.

        Args:
            dry_run: Change nothing; report what would be done.
            grace_s: Seconds that something must have lain untouched.

        Raises:
            PermissionDeniedError: the caller is no metastore admin.
            InvalidArgumentError: grace_s is below 0.

        Example:
            >>> registry.sweep_artifacts(dry_run=True).removed_blobs
            0
        """
        raise self._unsupported(Operation.SWEEP_ARTIFACTS)
