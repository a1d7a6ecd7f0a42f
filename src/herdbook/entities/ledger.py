"""What is written beside every change: the audit row, the event, the idempotency answer, lines of policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from itertools import chain
from typing import Any, overload

from attrs import field, frozen

from herdbook.verdicts import Privilege, SecurableKind


@frozen(kw_only=True)
class AuditRow:
    """One row of the audit log.

    Args:
        id: UUIDv7.
        at_ms: When, milliseconds since 1970 (UTC).
        principal_id: Who.
        operation: The verb.
        securable_kind: The kind of what it was done to.
        securable_id: Its id.
        payload: Canonical, versioned JSON; people appear in it by principal id only.
        sha256: SHA-256 of the payload.
    """

    id: str
    at_ms: int
    principal_id: str
    operation: str
    securable_kind: SecurableKind
    securable_id: str
    payload: bytes
    sha256: str


@frozen(kw_only=True)
class Event:
    """One row of the outbox, which a relay delivers.

    Args:
        id: UUIDv7.
        at_ms: When, milliseconds since 1970 (UTC).
        type: What happened, `model_version.created`.
        securable_kind: The kind of what it happened to.
        securable_id: Its id; the row's own `event_seq` is counted on it in the same transaction.
        payload: Canonical JSON.
    """

    id: str
    at_ms: int
    type: str
    securable_kind: SecurableKind
    securable_id: str
    payload: bytes


@frozen(kw_only=True)
class IdempotencyRecord:
    """The answer that a repeated request gets.

    Args:
        principal_id: Whose request it was.
        operation: The verb.
        key: The caller's key.
        request_sha256: Digest of the request; the same key with another request is refused.
        answer: Canonical JSON from which the answer is made again.
        expires_ms: Until when it is kept, milliseconds since 1970 (UTC).
    """

    principal_id: str
    operation: str
    key: str
    request_sha256: str
    answer: bytes
    expires_ms: int


class Effect(StrEnum):
    """What a line of policy does."""

    ALLOW = "allow"
    DENY = "deny"


@frozen(kw_only=True)
class PolicyLine:
    """One line of policy that is in force: a grant or denial, at run time or from a file.

    Args:
        id: Its id.
        principal_id: To whom.
        privilege: Which privilege.
        effect: Allow or deny.
        securable_kind: The kind of what it is on.
        securable_id: The id of what it is on.
        alias_key: The folded alias where it is on alias slots; None otherwise.
        origin: `grant`, `founding`, or the policy file and line as `FILE:LINE`.
    """

    id: str
    principal_id: str
    privilege: Privilege
    effect: Effect = Effect.ALLOW
    securable_kind: SecurableKind
    securable_id: str
    alias_key: str | None = None
    origin: str = "grant"

    @property
    def from_file(self) -> bool:
        """Whether a policy file says so, and not somebody at run time."""
        return ":" in self.origin


@frozen(kw_only=True)
class Membership:
    """That a principal is a member of a group or role.

    Args:
        member_id: Who.
        group_id: Of what.
        origin: `grant`, `founding`, or the policy file and line as `FILE:LINE`.
    """

    member_id: str
    group_id: str
    origin: str = "grant"

    @property
    def from_file(self) -> bool:
        """Whether a policy file says so, and not somebody at run time."""
        return ":" in self.origin


@frozen(kw_only=True)
class PolicyChange:
    """One step of the policy delta log.

    Args:
        revision: The policy revision that it belongs to.
        added: Whether the line or membership was added or ended.
        item: Which.
    """

    revision: int
    added: bool
    item: PolicyLine | Membership


class PolicyLines(Sequence[PolicyLine]):
    """Lines of policy, by principal: of most, nobody asks before the next revision, and a store may read them then.

    Args:
        by_principal: The lines by whom they are given to.
    """

    def __init__(self, by_principal: Mapping[str, Sequence[PolicyLine]]) -> None:
        self.by_principal = by_principal

    @cached_property
    def _all(self) -> tuple[PolicyLine, ...]:
        return tuple(chain.from_iterable(self.by_principal.values()))

    @overload
    def __getitem__(self, index: int) -> PolicyLine: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[PolicyLine]: ...
    def __getitem__(self, index: int | slice) -> PolicyLine | Sequence[PolicyLine]:
        return self._all[index]

    def __len__(self) -> int:
        return len(self._all)

    def __eq__(self, other: object) -> bool:
        return tuple(other) == self._all if isinstance(other, (PolicyLines, tuple)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._all)


def lines_by_principal(lines: Iterable[PolicyLine]) -> PolicyLines:
    """Return some lines by principal."""
    if isinstance(lines, PolicyLines):
        return lines
    found: dict[str, list[PolicyLine]] = {}
    for line in lines:
        found.setdefault(line.principal_id, []).append(line)
    return PolicyLines(found)


@frozen(kw_only=True)
class PolicySnapshot:
    """Everything that decides rights, as of one policy revision.

    Args:
        revision: The revision.
        lines: The lines in force.
        memberships: The memberships in force.
        disabled: Ids of principals that may not act.
    """

    revision: int
    lines: PolicyLines = field(factory=lambda: PolicyLines({}), converter=lines_by_principal)
    memberships: tuple[Membership, ...] = ()
    disabled: frozenset[str] = frozenset()


@frozen(kw_only=True)
class PolicyFile:
    """One file of the applied policy.

    Args:
        path: Relative path in the policy folder, `rules/default.toml`.
        text: What it says.
    """

    path: str
    text: str


@frozen(kw_only=True)
class AppliedPolicy:
    """The policy files in force.

    Args:
        revision: The policy revision that applied them.
        files: The files, ordered by path.
        applied_at: When they were applied (UTC); None where they are not in force yet.
        applied_by: By whom.
        reason: Why, in that person's words.
    """

    revision: int
    files: tuple[PolicyFile, ...] = field(default=())
    applied_at: datetime | None = None
    applied_by: str | None = None
    reason: str | None = None


class NameKind(StrEnum):
    """What a name in policy files stands for."""

    PRINCIPAL = "principal"
    SECURABLE = "securable"


@frozen(kw_only=True)
class BoundName:
    """A name in policy files, and the id that it stands for until it is bound anew (R16).

    Args:
        kind: Whether it names a principal or a securable.
        key: The folded name; of alias slots, that of the model or container.
        id: The id.
        revision: The policy revision that bound it; None where it is only about to be.
    """

    kind: NameKind
    key: str
    id: str
    revision: int | None = None


@frozen(kw_only=True)
class NameDeny:
    """A deny of a policy file by name: it also holds for whatever comes to bear the name (R16).

    Args:
        key: The folded name.
        alias_key: The folded alias where it is on alias slots; None otherwise.
        securable_kind: The kind of what bears such a name.
        principal_id: To whom.
        privilege: Which privilege.
        origin: `FILE:LINE`.
    """

    key: str
    alias_key: str | None = None
    securable_kind: SecurableKind
    principal_id: str
    privilege: Privilege
    origin: str


JsonObject = dict[str, Any]
