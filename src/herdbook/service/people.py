"""Care about principals that several verbs share: who is known, who may be asked about, that an admin is left."""

from __future__ import annotations

from herdbook.entities import Caller, Chain, Link, Principal
from herdbook.entities.ledger import PolicySnapshot
from herdbook.errors import ConflictError, NotFoundError
from herdbook.names import PrincipalName
from herdbook.ports.metadata import ReadTransaction, Stamp, WriteTransaction
from herdbook.ports.system import Ids
from herdbook.service.authority import Authority
from herdbook.service.core import to_time
from herdbook.service.gate import Gate
from herdbook.service.ledger import Happened, record
from herdbook.verdicts import Allowed, Operation, Privilege, Requirement, SecurableKind

_EVERY = 100_000


def known_principal(tx: ReadTransaction, name: PrincipalName) -> Principal:
    """Return a principal; raises NotFoundError where there is none."""
    principal = tx.principal(name)
    if principal is None:
        raise NotFoundError(
            f"There is no principal {name}.", hint="A metastore admin can create it: `herdbook principals create`."
        )
    return principal


def introduce(tx: WriteTransaction, ids: Ids, name: PrincipalName, at_ms: int, *, because: str) -> Principal:
    """Make a principal known, without rights, as Herdbook's own work.

    Args:
        tx: An exclusive transaction, in which nobody has the name.
        ids: Fresh ids.
        name: The name.
        at_ms: The time, milliseconds since 1970 (UTC).
        because: What work that is; recorded.
    """
    principal = Principal(id=ids.new(), name=name, created_at=to_time(at_ms))
    tx.insert_principal(principal)
    detail = {"principal_id": principal.id}
    happened = Happened(on=tx.metastore().object, event="principal.created", detail=detail)
    worker = Caller.system(because)
    stamp = Stamp(at_ms=at_ms, by=worker.principal_id)
    record(tx, ids, worker, Operation.CREATE_PRINCIPAL, happened, stamp, reason=None, because=because)
    return principal


def may_ask_about_others(gate: Gate, caller: Caller, chain: Chain, tx: ReadTransaction) -> bool:
    """Return whether the caller may ask about rights of others on a securable: MANAGE or READ_AUDIT (R13)."""
    return any(
        isinstance(gate.may(caller, privilege, chain, tx), Allowed)
        for privilege in (Privilege.MANAGE, Privilege.READ_AUDIT)
    )


def keep_an_admin(authority: Authority, caller: Caller, tx: WriteTransaction, changed: Link | None = None) -> None:
    """Refuse a change, made in this transaction already, after which nobody is metastore admin (R3).

    Args:
        authority: Judges rights; it is asked of the lines on the metastore alone, for none below counts.
        caller: Who makes the change, and is asked about first, being admin most often.
        tx: The transaction, which an exception undoes.
        changed: The securable whose lines changed; None where principals or memberships did.

    Raises:
        ConflictError: nobody would be.
    """
    if changed is not None and changed.kind is not SecurableKind.METASTORE:
        return
    chain = tx.metastore()
    rows = tx.lines_on([(chain.object.id, None)], principal_ids=None, after="", limit=_EVERY)
    lines = tuple(row.line for row in rows)
    revision = chain.policy_revision
    judge = authority.trial(PolicySnapshot(revision=revision, lines=lines, memberships=tx.memberships()))
    manage = Requirement(privilege=Privilege.MANAGE, kind=SecurableKind.METASTORE)
    actors = tx.actors()
    if not any(
        isinstance(judge.decide(Caller(principal_id=each), manage, chain), Allowed)
        for each in (*({caller.principal_id} & actors), *actors)
    ):
        raise ConflictError(
            "Nobody would be metastore admin any more.", hint="Give somebody else MANAGE on metastore: first."
        )
