"""Who may see a version that is not READY: its author, and those who manage or approve the model."""

from __future__ import annotations

from attrs import evolve

from herdbook.entities import HIDDEN, Caller, Chain, Lineage, ModelVersion, VersionStatus
from herdbook.errors import ConflictError
from herdbook.names import MODELS_SCHEME, ModelName
from herdbook.ports.metadata import ReadTransaction, Resolver, VersionRow
from herdbook.service.core import Core
from herdbook.service.gate import missing
from herdbook.verdicts import Allowed, Operation, Privilege, SecurableKind


def is_shown(core: Core, caller: Caller, row: VersionRow, chain: Chain, log: ReadTransaction | None = None) -> bool:
    """Return whether the caller, who may read the model, may see this version of it."""
    if row.version.status is VersionStatus.READY or row.author_id == caller.principal_id:
        return True
    return sees_all(core, caller, chain, log)


def sees_all(core: Core, caller: Caller, chain: Chain, log: ReadTransaction | None = None) -> bool:
    """Return whether the caller may see a model's versions of every status, whoever registered them."""
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


def as_shown(core: Core, caller: Caller, row: VersionRow, chain: Chain, tx: ReadTransaction) -> ModelVersion:
    """Return what an author may read of a version: all of it with READ_METADATA, else status and verdicts (R30)."""
    model = chain.upward_from(SecurableKind.REGISTERED_MODEL)
    if isinstance(core.gate.may(caller, Privilege.READ_METADATA, model, tx), Allowed):
        return with_known_parents(core, caller, row, tx, tx)
    return status_only(row.version)


def as_made_before(
    core: Core, caller: Caller, tx: ReadTransaction, version_id: str, model: ModelName, operation: Operation
) -> ModelVersion:
    """Return the version that a repeated request made, to who may still make one of that name (R27).

    Raises:
        NotFoundError, PermissionDeniedError: the version is gone, or the caller may make none there any more.
        ConflictError: its model has another name by now, which the caller need not know.
    """
    found = tx.version_by_id(version_id)
    if found.row is None or found.chain is None:
        raise missing(f"model version of {model}")
    if found.row.version.name.key != model.key:
        raise ConflictError(
            f"This request made a version before, of another model than {model} is now.", hint="Use a fresh key."
        )
    core.gate.require(caller, Privilege.CREATE_MODEL_VERSION, found.chain, f"registered model {model}", operation, tx)
    return as_shown(core, caller, found.row, found.chain, tx)


def with_known_parents(
    core: Core,
    caller: Caller,
    row: VersionRow,
    resolver: Resolver | None = None,
    log: ReadTransaction | None = None,
) -> ModelVersion:
    """Return a version with its parents under their names of now; of others it is said how many there are (R28)."""
    version = row.version
    if not row.source_ids:
        return version
    found = [(core.store.point if resolver is None else resolver).version_by_id(source) for source in row.source_ids]
    known = tuple(
        parent.row.version.ref
        for parent in found
        if parent.row is not None and parent.chain is not None and core.gate.knows(caller, parent.chain, log)
    )
    hidden = len(row.source_ids) - len(known)
    lineage = evolve(version.lineage, parents=known, hidden_parents=hidden)
    if hidden and (lineage.source or "").startswith(MODELS_SCHEME):
        # Its words name a registered version, and it may be the hidden one; searches treat it alike.
        lineage = evolve(lineage, source=HIDDEN)
    return evolve(version, lineage=lineage)


def status_only(version: ModelVersion) -> ModelVersion:
    """Return what an author without READ_METADATA may read of a version: status and verdicts (R30)."""
    return evolve(
        version,
        comment=None,
        tags={},
        aliases=(),
        lineage=Lineage(),
        model=None,
        manifest_sha256=None,
        total_size=None,
        file_count=None,
    )
