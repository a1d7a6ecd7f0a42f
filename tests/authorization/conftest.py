"""Several people before one registry, for the tests of who may do what."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from attrs import evolve

from herdbook.entities import Caller, Chain, TokenScope
from herdbook.names import PrincipalName, parse_securable
from herdbook.ports.registry import Registry
from herdbook.service import Metastore, subjects
from herdbook.testing.policy_file_samples import GOVERNED_MODEL, Governed
from herdbook.testing.samples import register
from herdbook.verdicts import Allowed, Privilege, Requirement, Sight

FOUNDER = PrincipalName.parse("user:os/founder")
NAMES = ("user:ann", "user:bob", "service:bot", "group:team", "role:scientist", "role:lead", "group:okta/risk")
MODEL = "main.default.iris"


class People:
    """The registry of a principal, by name; `admin` is the founder.

    There are `main.default.iris` with a READY version 1, a comment, a tag and the alias `champion`, all the admin's.
    """

    def __init__(self, metastore: Metastore) -> None:
        self.metastore = metastore
        self.admin: Registry = metastore.for_caller(metastore.asserted(FOUNDER))

    def __call__(
        self,
        name: str,
        *,
        scope: tuple[Iterable[Privilege], str] | None = None,
        claims: Iterable[str] = (),
    ) -> Registry:
        """Return a principal's registry, with a token cut to some privileges on a securable, and with claim groups."""
        return self.admin if name == "admin" else self.metastore.for_caller(self.caller(name, scope, claims))

    def caller(
        self, name: str, scope: tuple[Iterable[Privilege], str] | None = None, claims: Iterable[str] = ()
    ) -> Caller:
        """Return a principal as a caller."""
        caller = self.metastore.asserted(FOUNDER if name == "admin" else PrincipalName.parse(name))
        groups = frozenset(self.admin.get_principal(claim).id for claim in claims)
        cut = scope and TokenScope(privileges=frozenset(scope[0]), securable_id=self.chain(scope[1]).object.id)
        return evolve(caller, scope=cut or None, token_groups=groups)

    def chain(self, name: str) -> Chain:
        """Return the chain of a securable, read now."""
        found = subjects.securable(parse_securable(name)).resolve(self.metastore.core.store.point)
        assert found.chain is not None
        return found.chain

    def may(self, who: str | Caller, privilege: Privilege, on: str) -> bool:
        """Return whether the gate finds a privilege on a securable."""
        caller = who if isinstance(who, Caller) else self.caller(who)
        return isinstance(self.metastore.core.gate.may(caller, privilege, self.chain(on)), Allowed)

    def sight(self, who: str | Caller, on: str) -> Sight:
        """Return whether a caller may know of a securable."""
        caller, chain = who if isinstance(who, Caller) else self.caller(who), self.chain(on)
        asked = Requirement(privilege=Privilege.BROWSE, kind=chain.object.kind)
        decision = self.metastore.core.gate.authority.decide(caller, asked, chain)
        return Sight.KNOWN if isinstance(decision, Allowed) else decision.sight

    def gates(self, *names: str, catalog: str = "main") -> None:
        """Open the gates of everything in a catalog to some principals."""
        for name in names:
            self.admin.grant(name, Privilege.USE_CATALOG, catalog)
            self.admin.grant(name, Privilege.USE_SCHEMA, catalog)

    def give(self, who: str, on: str, *privileges: Privilege) -> None:
        """Grant some privileges, as the admin."""
        for privilege in privileges:
            self.admin.grant(who, privilege, on)

    def lines(self, on: str, who: str | None = None) -> set[tuple[str, str, str]]:
        """Return the lines on a securable as (principal, privilege, effect)."""
        found = self.admin.list_grants(on, principal=who, max_results=1000).items
        return {(str(line.principal), line.privilege.value, line.effect.value) for line in found}

    def rows(self, sql: str, **values: object) -> list[tuple]:
        """Return rows of the database: what no verb shows yet."""
        with self.metastore.core.store.read() as tx:
            return tx._run.all(sql, **values)


@pytest.fixture
def make_people() -> Callable[[Metastore], People]:
    """Return what makes the people of a new metastore, each without any right, and what the admin made."""

    def make(metastore: Metastore) -> People:
        people = People(metastore)
        for name in NAMES:
            people.admin.create_principal(name)
        people.admin.create_registered_model(MODEL, comment="c", tags={"a": "b"})
        register(people.admin, MODEL)
        people.admin.set_registered_model_alias(f"{MODEL}@champion", 1)
        return people

    return make


@pytest.fixture
def people(make_people: Callable[[Metastore], People], make_metastore: Callable[..., Metastore]) -> People:
    """Return the people over a store in memory."""
    return make_people(make_metastore("sqlite://"))


@pytest.fixture
def told() -> Callable[[Callable[[], object]], str]:
    """Return all that an answer tells, an error's type, text and details included."""
    from herdbook.errors import RegistryError

    def tell(call: Callable[[], object]) -> str:
        try:
            return repr(call())
        except RegistryError as error:
            return f"{type(error).__name__}: {error.message} | {error.hint} | {error.details}"

    return tell


@pytest.fixture
def governed(make_metastore):
    """A metastore with a model of one version; its admin may apply policies."""
    metastore = make_metastore()
    admin = metastore.for_caller(metastore.asserted(PrincipalName.parse("user:os/founder")))
    admin.grant("user:os/founder", "MANAGE_POLICY", "metastore:")
    admin.create_registered_model(GOVERNED_MODEL)
    register(admin, GOVERNED_MODEL)
    return Governed(metastore, admin)
