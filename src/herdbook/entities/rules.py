"""Rules in force, as people see them."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen


@frozen(kw_only=True)
class EffectiveRule:
    """A rule that is bound to a securable or to something that it lies in, and where it comes from.

    Args:
        rule: The rule's name, or the check's.
        on: The name of the securable that it is bound to.
        origin: The policy file and line that it was read from, `rules/default.toml:3`.
        revision: The policy revision that applied it.
        params: Its settings.
        is_check: Whether a plugin's check decides it.
        overridable: Whether an entry of the same rule further down replaces this one.
        enabled: False: it demands nothing, and only switches off what it overrides.
        overridden_by: The file and line of the entry further down that replaces it; None where none does.
    """

    rule: str
    on: str
    origin: str
    revision: int
    params: dict[str, Any] = field(factory=dict)
    is_check: bool = False
    overridable: bool = False
    enabled: bool = True
    overridden_by: str | None = None

    @property
    def in_force(self) -> bool:
        """Whether it demands something."""
        return self.enabled and self.overridden_by is None

    @property
    def state(self) -> str:
        """What has become of it, in words."""
        if self.overridden_by is not None:
            return f"replaced by {self.overridden_by}"
        return "in force" if self.enabled else "switched off"


@frozen(kw_only=True)
class SweepReport:
    """What a sweep did, or with `dry_run` would do.

    Args:
        dry_run: Whether nothing was changed.
        abandoned_versions: How many versions left pending were marked FAILED_REGISTRATION.
        removed_blobs: How many files that no version holds were removed.
        freed_bytes: How many bytes they had.
        removed_staging: How many half-written files were removed.
        kept_blobs: How many files remain.
    """

    dry_run: bool
    abandoned_versions: int
    removed_blobs: int
    freed_bytes: int
    removed_staging: int
    kept_blobs: int
