"""Grants, explanations, approvals, audit events, tokens, webhooks, the trash: what governance verbs take and return."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from attrs import field, frozen

from herdbook.entities.ledger import Effect
from herdbook.names import PrincipalName, SecurableName
from herdbook.verdicts import Decision, Operation, Privilege, SecurableKind


@frozen(kw_only=True)
class Grant:
    """A line of policy: an allow or a deny.

    Args:
        id: Its id; for a line of a policy file, empty.
        principal: To whom.
        securable: On what.
        privilege: Which privilege.
        effect: Allow or deny.
        origin: `grant`, or the policy file and line.
        granted_by: Who set it.
        valid_from: Since when (UTC).
        valid_to: Until when (UTC); None while it holds.
    """

    id: str
    principal: PrincipalName
    securable: SecurableName
    privilege: Privilege
    effect: Effect = Effect.ALLOW
    origin: str = "grant"
    granted_by: str | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None


@frozen(kw_only=True)
class EffectiveGrant:
    """A grant as it reaches a principal and a securable.

    Args:
        grant: The line.
        through: The groups and roles on the way from the principal to the line's subject.
        inherited_from: The securable above that it comes from; None where it is direct.
    """

    grant: Grant
    through: tuple[PrincipalName, ...] = ()
    inherited_from: SecurableName | None = None


@frozen(kw_only=True)
class Explanation:
    """Why a principal may or may not do something.

    Args:
        decision: What the gate would decide.
        path: What decided it, step by step, in words.
        would_allow: For a denial, the smallest set of grants that would allow it.
        ask: Who can give them.
    """

    decision: Decision
    path: tuple[str, ...] = ()
    would_allow: tuple[Grant, ...] = ()
    ask: tuple[PrincipalName, ...] = ()


@frozen(kw_only=True)
class AccessPath:
    """How a principal comes to be allowed something.

    Args:
        principal: Who.
        operation: What it may do.
        securable: On what.
        path: Groups, grants and securables on the way, in words.
    """

    principal: PrincipalName
    operation: Operation
    securable: SecurableName
    path: tuple[str, ...] = ()


class DeletedKind(StrEnum):
    """What can lie in the trash."""

    CATALOG = "CATALOG"
    SCHEMA = "SCHEMA"
    REGISTERED_MODEL = "REGISTERED_MODEL"
    MODEL_VERSION = "MODEL_VERSION"


@frozen(kw_only=True)
class DeletedSecurable:
    """Something in the trash.

    Args:
        id: Its id, which `restore_` and `purge_` take; those of versions take the name.
        kind: Its kind.
        name: The name that it had.
        deleted_at: When (UTC).
        deleted_by: By whom.
    """

    id: str
    kind: DeletedKind
    name: str
    deleted_at: datetime
    deleted_by: str


@frozen(kw_only=True)
class Token:
    """An API token, without its secret.

    Args:
        id: Its id.
        principal: Whose it is.
        minted_by: Who made it, by name.
        comment: What it is for.
        privileges: What it is cut to; empty leaves its principal's rights whole.
        securable_id: The id of what it is cut to; None is everything.
        securable: That thing's name; also None where it was deleted, or the reader may not know of it.
        created_at: When it was made (UTC).
        expires_at: Until when it holds (UTC).
    """

    id: str
    principal: PrincipalName
    minted_by: str
    comment: str | None = None
    privileges: frozenset[Privilege] = field(factory=frozenset)
    securable_id: str | None = None
    securable: SecurableName | None = None
    created_at: datetime
    expires_at: datetime


@frozen(kw_only=True)
class NewToken:
    """A token just made; its secret is shown this once.

    Args:
        token: The token.
        secret: Its secret.
    """

    token: Token
    secret: str = field(repr=False)


@frozen(kw_only=True)
class PolicyReport:
    """What a check, diff or test of policy files found.

    Args:
        base_revision: The policy revision that it was compared with.
        problems: Mistakes, each with `file:line`; empty where there are none.
        notes: What is no mistake and worth a look: names that nothing bears, or that stand for something else by now.
        gained: Rights that somebody would gain.
        lost: Rights that somebody would lose.
    """

    base_revision: int
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    gained: tuple[AccessPath, ...] = ()
    lost: tuple[AccessPath, ...] = ()


@frozen(kw_only=True)
class Approval:
    """An approval, asked for or given.

    Args:
        id: Its id.
        on: The version or alias that it is about, as written.
        requested_by: Who asked.
        given_by: Who approved; None while it is open.
        reason: Why, in that person's words.
        at: When it was asked for or given (UTC).
    """

    id: str
    on: str
    requested_by: str
    given_by: str | None = None
    reason: str | None = None
    at: datetime


@frozen(kw_only=True)
class AuditEvent:
    """A row of the audit log, as readers see it.

    Args:
        id: Its id.
        at: When (UTC).
        principal: Who.
        operation: What was done.
        securable_kind: To what kind of thing.
        securable: Its name, or `hidden`.
        detail: What was done in detail.
        sha256: SHA-256 of the stored row's payload.
    """

    id: str
    at: datetime
    principal: str
    operation: str
    securable_kind: SecurableKind
    securable: str
    detail: dict[str, Any] = field(factory=dict)
    sha256: str


class WebhookStatus(StrEnum):
    """Whether a webhook delivers."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"


@frozen(kw_only=True)
class Webhook:
    """Where events are delivered.

    Args:
        id: Its id.
        name: Its name.
        url: Where to.
        watches: What it watches, with all that lies in it.
        events: Which types of event.
        status: Whether it delivers.
        owner: Whose rights it delivers by (R38).
    """

    id: str
    name: str
    url: str
    watches: SecurableName
    events: tuple[str, ...]
    status: WebhookStatus = WebhookStatus.ACTIVE
    owner: PrincipalName
