"""Audit rows and events: canonical, versioned bytes, people by id only."""

from __future__ import annotations

import hashlib
from typing import Any

from attrs import field, frozen

from herdbook.entities import Caller, Link
from herdbook.entities.ledger import AuditRow, Event
from herdbook.ports.metadata import Stamp, WriteTransaction
from herdbook.ports.system import Ids
from herdbook.verdicts import Operation
from herdbook.wire import canonical

AUDIT_FORMAT = 1


@frozen(kw_only=True)
class Happened:
    """What a change did, for the ledger.

    Args:
        on: The securable that it was done to.
        event: The event's type, `model_version.created`; None where nobody is told.
        detail: Plain values that say what was done; no principal names.
    """

    on: Link
    event: str | None = None
    detail: dict[str, Any] = field(factory=dict)


def record(
    tx: WriteTransaction,
    ids: Ids,
    caller: Caller,
    operation: Operation,
    happened: Happened,
    stamp: Stamp,
    *,
    reason: str | None,
    because: str,
) -> None:
    """Write the audit row and the event of one change, in its own transaction."""
    securable = {"kind": happened.on.kind.value, "id": happened.on.id, "name": happened.on.name}
    payload = canonical(
        {
            "v": AUDIT_FORMAT,
            "at_ms": stamp.at_ms,
            "by": caller.principal_id,
            "authn": caller.authn.value,
            "asserted_by": caller.asserted_by,
            **({} if caller.token_id is None else {"token_id": caller.token_id}),
            "request_id": caller.request_id,
            "client": caller.client,
            "operation": operation.value,
            "securable": securable,
            "detail": happened.detail,
            "reason": reason,
            "because": because,
        }
    )
    row = AuditRow(
        id=ids.new(),
        at_ms=stamp.at_ms,
        principal_id=caller.principal_id,
        operation=operation.value,
        securable_kind=happened.on.kind,
        securable_id=happened.on.id,
        payload=payload,
        sha256=hashlib.sha256(payload).hexdigest(),
    )
    tx.audit(row)
    if happened.event is not None:
        tx.emit(
            Event(
                id=ids.new(),
                at_ms=stamp.at_ms,
                type=happened.event,
                securable_kind=happened.on.kind,
                securable_id=happened.on.id,
                payload=canonical({"securable": securable, "by": caller.principal_id, "detail": happened.detail}),
            )
        )
