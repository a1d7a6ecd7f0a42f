"""The metastore: opened once, it makes governed registries for callers."""

from __future__ import annotations

import secrets

from attrs import evolve, field, frozen

from herdbook.entities import Authn, Caller, Link, Principal
from herdbook.entities.ledger import PolicyFile, PolicyLine
from herdbook.errors import UnauthenticatedError
from herdbook.names import CatalogName, PrincipalKind, PrincipalName, SchemaName
from herdbook.policy.limits import FileLimits
from herdbook.policy.operations import Need, Shape, Target
from herdbook.ports.artifacts import ArtifactStore
from herdbook.ports.authorizer import Authorizer
from herdbook.ports.metadata import MetadataStore, Stamp, WriteTransaction
from herdbook.ports.presigning import UrlSettings
from herdbook.ports.system import Clock, Ids
from herdbook.service.admission import Admission, CheckSource
from herdbook.service.authority import Authority
from herdbook.service.core import Core
from herdbook.service.direct import DirectWays
from herdbook.service.gate import Gate
from herdbook.service.governed import GovernedRegistry
from herdbook.service.ledger import Happened, record
from herdbook.service.paging import PageSeal
from herdbook.service.people import introduce, known_principal
from herdbook.service.policies import put_in_force
from herdbook.service.policy_plans import plan, read_policy_files, refuse
from herdbook.verdicts import Operation, Privilege, SecurableKind

ACTORS = (PrincipalKind.USER, PrincipalKind.SERVICE)
"""The kinds of principals that act."""


@frozen(kw_only=True)
class Founding:
    """What a new metastore begins with.

    Args:
        creator: Who makes it: metastore admin, owner of the default catalog and schema.
        policy: The policy files that become revision 1.
        default_schema: The schema that is made first, with its catalog.
    """

    creator: PrincipalName
    policy: tuple[PolicyFile, ...]
    default_schema: SchemaName = field(factory=lambda: SchemaName.parse("main.default"))


class Metastore:
    """One opened metastore."""

    def __init__(
        self,
        *,
        store: MetadataStore,
        artifacts: ArtifactStore,
        authorizer: Authorizer,
        checks: CheckSource,
        clock: Clock,
        ids: Ids,
        limits: FileLimits | None = None,
        signed_urls: UrlSettings | None = None,
    ) -> None:
        self._store = store
        self._artifacts = artifacts
        self._checks = checks
        self._clock = clock
        self._ids = ids
        self._limits = limits or FileLimits()
        self._signed_urls = signed_urls or UrlSettings()
        self._gate = Gate(store, Authority(authorizer, store), clock, ids)
        self._core: Core | None = None

    def open(self, founding: Founding) -> None:
        """Found the metastore unless it exists, and refuse a policy that cannot be enforced.

        Raises:
            PluginLoadError: the applied policy asks for a check that no plugin offers.
            InvalidArgumentError: the applied policy has a mistake.
        """
        admission = Admission(self._store, self._artifacts, self._checks)
        if self._store.metastore_id() is None:
            seal = secrets.token_bytes(32)
            self._store.create_metastore(self._ids.new(), seal_key=seal, at_ms=self._clock.now_ms())
        with self._store.read() as tx:
            founded = tx.revision() > 0
        if not founded:
            self._found(founding, admission)
        with self._store.read() as tx:
            admission.verify(tx)
            seal = tx.seal_key()
        self._core = Core(
            store=self._store,
            artifacts=self._artifacts,
            direct=DirectWays(store=self._artifacts, settings=self._signed_urls, key=seal),
            gate=self._gate,
            admission=admission,
            seal=PageSeal(key=seal),
            clock=self._clock,
            ids=self._ids,
            limits=self._limits,
        )

    def for_caller(self, caller: Caller) -> GovernedRegistry:
        """Return the registry as one caller may use it."""
        return GovernedRegistry(self.core, caller)

    def asserted(self, name: PrincipalName, *, request_id: str = "", client: str = "") -> Caller:
        """Return the caller for a principal that asserts itself (R35); an unknown one is made known, without rights.

        Raises:
            UnauthenticatedError: the principal is disabled.
        """
        _refuse_actless(name)
        with self._store.read() as tx:
            principal = tx.principal(name)
        if principal is None:
            with self._store.write(exclusive=True) as writing:
                principal = writing.principal(name) or self._introduce(writing, name)
        _refuse_disabled(principal)
        return Caller(principal_id=principal.id, authn=Authn.ASSERTED, request_id=request_id, client=client)

    def acting_as(self, caller: Caller, name: PrincipalName) -> Caller:
        """Return the caller for another principal, which a metastore admin asserts in its own place (R35).

        Args:
            caller: Who acts; recorded beside the principal with each change.
            name: As whom.

        Raises:
            PermissionDeniedError: the caller is no metastore admin.
            NotFoundError: there is no such principal.
            UnauthenticatedError: it is disabled, or a group or role.
        """
        with self._store.read() as tx:
            need = Need((Privilege.MANAGE,), Target.METASTORE, Shape.READ)
            # First of all: who is no admin learns nothing of other principals.
            self._gate.authorize(caller, need, tx.metastore(), f"{name}, to act as it", Operation.GET_PRINCIPAL, tx)
            principal = known_principal(tx, name)
        _refuse_actless(principal.name)
        _refuse_disabled(principal)
        return evolve(caller, principal_id=principal.id, asserted_by=caller.principal_id)

    def admit_to_figures(self, caller: Caller) -> None:
        """Admit who may read what the server counts: whoever may read the audit log of the whole metastore.

        Raises:
            PermissionDeniedError: the caller may not.
        """
        with self._store.read() as tx:
            need = Need((Privilege.READ_AUDIT,), Target.METASTORE, Shape.READ)
            what = "the figures of this server"
            self._gate.authorize(caller, need, tx.metastore(), what, Operation.LIST_AUDIT_EVENTS, tx)

    @property
    def core(self) -> Core:
        """The wired core; raises RuntimeError before `open`."""
        if self._core is None:
            raise RuntimeError("the metastore is used before it was opened")
        return self._core

    def close(self) -> None:
        """Release database and artifact store."""
        self._artifacts.close()
        self._store.close()

    def _found(self, founding: Founding, admission: Admission) -> None:
        with self._store.write(exclusive=True) as tx:
            if tx.revision() > 0:
                return
            creator = self._introduce(tx, founding.creator)
            stamp = Stamp(at_ms=self._clock.now_ms(), by=creator.id)
            metastore = tx.metastore().object
            lines = [
                PolicyLine(
                    id=self._ids.new(),
                    principal_id=creator.id,
                    privilege=privilege,
                    securable_kind=SecurableKind.METASTORE,
                    securable_id=metastore.id,
                    origin="founding",
                )
                for privilege in (Privilege.MANAGE, Privilege.CREATE_CATALOG)
            ]
            self._first_schema(tx, founding.default_schema, stamp)
            read = read_policy_files(founding.policy, self._gate.authority, admission)
            made = plan(tx, read, self._ids.new)
            refuse((*read.problems, *made.problems))
            put_in_force(tx, read.files, made, and_lines=lines, reason="a new metastore", stamp=stamp)
            admission.verify(tx)
            detail = {"files": [file.path for file in founding.policy], "creator": creator.id}
            self._record(tx, Operation.APPLY_POLICIES, Happened(on=metastore, event="policy.applied", detail=detail))

    def _first_schema(self, tx: WriteTransaction, name: SchemaName, stamp: Stamp) -> None:
        catalog_id, schema_id = self._ids.new(), self._ids.new()
        parent: CatalogName = name.parent
        tx.insert_catalog(catalog_id, parent, comment=None, owner_id=stamp.by, stamp=stamp)
        tx.insert_schema(schema_id, catalog_id, name, comment=None, owner_id=stamp.by, stamp=stamp)
        made = Link(id=catalog_id, kind=SecurableKind.CATALOG, name=str(parent))
        self._record(tx, Operation.CREATE_CATALOG, Happened(on=made, event="catalog.created"))
        made = Link(id=schema_id, kind=SecurableKind.SCHEMA, name=str(name))
        self._record(tx, Operation.CREATE_SCHEMA, Happened(on=made, event="schema.created"))

    def _introduce(self, tx: WriteTransaction, name: PrincipalName) -> Principal:
        return introduce(tx, self._ids, name, self._clock.now_ms(), because="bootstrap")

    def _record(self, tx: WriteTransaction, operation: Operation, happened: Happened) -> None:
        stamp = Stamp(at_ms=self._clock.now_ms(), by="system:bootstrap")
        caller = Caller.system("bootstrap")
        record(tx, self._ids, caller, operation, happened, stamp, reason=None, because="bootstrap")


def _refuse_actless(name: PrincipalName) -> None:
    if name.principal_kind not in ACTORS:
        raise UnauthenticatedError(f"{name} cannot act.", hint="Only users and services act (R18).")


def _refuse_disabled(principal: Principal) -> None:
    if not principal.enabled:
        raise UnauthenticatedError(f"{principal.name} is disabled.", hint="Ask a metastore admin.")
