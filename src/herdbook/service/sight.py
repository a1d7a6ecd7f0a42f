"""Who may see a version that is not READY: its author, and those who manage or approve the model."""

from __future__ import annotations

from herdbook.entities import Caller, Chain, VersionStatus
from herdbook.ports.metadata import ReadTransaction, VersionRow
from herdbook.service.core import Core
from herdbook.service.gate import missing
from herdbook.verdicts import Allowed, Privilege, SecurableKind


def is_shown(core: Core, caller: Caller, row: VersionRow, chain: Chain, log: ReadTransaction | None = None) -> bool:
    """Return whether the caller, who may read the model, may see this version of it."""
    if row.version.status is VersionStatus.READY or row.author_id == caller.principal_id:
        return True
    model = chain.upward_from(SecurableKind.REGISTERED_MODEL)
    return any(
        isinstance(core.gate.may(caller, privilege, model, log), Allowed)
        for privilege in (Privilege.MANAGE, Privilege.APPROVE)
    )


def ensure_shown(
    core: Core, caller: Caller, row: VersionRow, chain: Chain, what: str, log: ReadTransaction | None = None
) -> None:
    """Raise NotFoundError unless `is_shown`."""
    if not is_shown(core, caller, row, chain, log):
        raise missing(what)
