"""No second-order escalation: whatever a principal does in whatever order, nobody gets beyond the closure of R23.

From a start, every action that there is on rights, owners, names, life and principals is tried through the registry.
After each that is let through, the rights of the principal and of an accomplice are looked at, and the search goes on
from there, breadth first. Grants only add, so all that are let through are looked at together. The bound is computed
once, from the start, by the reference evaluator: MANAGE gives what is grantable where it is held, and ownership, and
nothing else gives anything.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from attrs import evolve, field, frozen

from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.bootstrap import shipped_model
from herdbook.entities import Chain, Link
from herdbook.entities.ledger import Effect, PolicyLine, PolicySnapshot
from herdbook.errors import RegistryError
from herdbook.names import PrincipalName, parse_securable
from herdbook.policy.granting import GRANTABLE, Giver, giver
from herdbook.ports.registry import Registry
from herdbook.service import Metastore, subjects
from herdbook.testing.reference_evaluator import ReferenceEvaluator
from herdbook.verdicts import Allowed, Privilege, Requirement, SecurableKind, Sight

P = Privilege
K = SecurableKind
FOUNDER = PrincipalName.parse("user:os/founder")
ANN, BOB, TEAM, LEAD = "user:ann", "user:bob", "group:team", "role:lead"
TREE = ("main", "main.default", "main.default.a", "other", "other.s", "other.s.x")
SLOTS = ("main.default.a@champion", "main@champion")
WORDS = ("catalog", "schema", "registered_model")
TABLES = ("catalogs", "schemas", "registered_models")
STEPS = 3
STATES = 2
ASKED = [each for each in P if each not in (P.CREATE_SCHEMA, P.CREATE_MODEL)]

# What ann has at the start: (what, to whom, privilege, on); an owner is `own`.
STARTS = {
    "nothing": [],
    "gates and reading": [("grant", ANN, P.USE_CATALOG, "main"), ("grant", ANN, P.USE_SCHEMA, "main"),
                          ("grant", ANN, P.ALL_PRIVILEGES, "main.default")],
    "an owner of a model": [("grant", ANN, P.USE_CATALOG, "main"), ("grant", ANN, P.USE_SCHEMA, "main"),
                            ("own", ANN, None, "main.default.a"),
                            ("deny", ANN, P.EXECUTE, "main.default"), ("deny", ANN, P.SET_ALIAS, "main@champion")],
    "a manager of a schema": [("grant", ANN, P.USE_CATALOG, "main"), ("grant", TEAM, P.MANAGE, "main.default"),
                              ("grant", ANN, P.CREATE_MODEL, "main.default"), ("grant", ANN, P.USE_SCHEMA, "main"),
                              ("deny", TEAM, P.APPROVE, "main.default.a"), ("grant", BOB, P.USE_CATALOG, "other")],
    "a manager of a catalog": [("grant", LEAD, P.MANAGE, "main"), ("deny", ANN, P.EXECUTE, "main.default.a"),
                               ("grant", ANN, P.READ_AUDIT, "metastore:"), ("grant", BOB, P.READ_METADATA, "other.s.x"),
                               ("deny", BOB, P.MODIFY, "main.default")],
    "an owner of a catalog": [("own", TEAM, None, "main"), ("deny", LEAD, P.MANAGE, "main.default"),
                              ("grant", ANN, P.CREATE_CATALOG, "metastore:"),
                              ("deny", ANN, P.BROWSE, "main.default.a")],
    "a policy manager": [("grant", ANN, P.MANAGE_POLICY, "metastore:"), ("grant", ANN, P.CREATE_CATALOG, "metastore:"),
                         ("grant", ANN, P.APPROVE, "main"), ("grant", ANN, P.BROWSE, "other")],
}  # fmt: skip


@frozen(kw_only=True)
class Action:
    """Something that can be tried; `adds` where it takes nothing from anybody but who owned something."""

    name: str
    do: Callable[[Registry], object] = field(eq=False)
    adds: bool = False


class World:
    """One registry in memory that can be put back to where it was."""

    def __init__(self, metastore: Metastore) -> None:
        self.metastore = metastore
        self.admin = metastore.for_caller(metastore.asserted(FOUNDER))
        for name in (ANN, BOB, TEAM, LEAD):
            self.admin.create_principal(name)
        for group in (TEAM, LEAD):
            self.admin.add_member(group, ANN)
        self.admin.create_catalog("other")
        self.admin.create_schema("other.s")
        for name in ("main.default.a", "other.s.x"):
            self.admin.create_registered_model(name)
        self.links = {chain.object.id: chain for chain in map(self.chain, ("metastore:", *TREE))}
        self.ann, self.bob = (metastore.asserted(PrincipalName.parse(name)) for name in (ANN, BOB))

    def chain(self, name: str) -> Chain:
        found = subjects.securable(parse_securable(name)).resolve(self.metastore.core.store.point)
        assert found.chain is not None
        return found.chain

    def start(self, facts: list[tuple[str, str, Privilege | None, str]]) -> None:
        for verb, who, privilege, on in facts:
            if verb == "own":
                self.admin.transfer_ownership(on, who)
            else:
                getattr(self.admin, verb)(who, privilege, on)

    def snapshot(self) -> PolicySnapshot:
        with self.metastore.core.store.read() as tx:
            return tx.snapshot()

    def rows(self, sql: str) -> list[tuple]:
        with self.metastore.core.store.read() as tx:
            return tx._run.all(sql)

    def save(self) -> bytes:
        return self._connection().serialize()

    def back(self, saved: bytes) -> None:
        """Put the database back, and give the authorizer what it says."""
        # Not straight into the open connection: SQLite may crash where it has statements prepared.
        with closing(sqlite3.connect(":memory:")) as copy:
            copy.deserialize(saved)
            copy.backup(self._connection())
        self.metastore.core.gate.authority._authorizer.replace(self.snapshot())

    def _connection(self):
        return self.metastore.core.store.engine.raw_connection().driver_connection

    def chains(self) -> Iterator[Chain]:
        """Yield the chains of what there was at the start, in the trash or not, under its owners of now."""
        owners = self.owners()
        for chain in self.links.values():
            if chain.object.kind is K.METASTORE or chain.object.id in owners:
                yield with_slot(owned(chain, owners), slot=False)
                if chain.object.kind is K.REGISTERED_MODEL:
                    yield with_slot(owned(chain, owners), slot=True)

    def owners(self) -> dict[str, str]:
        """Return who owns what."""
        return dict(
            self.rows(
                "SELECT id, owner_id FROM catalogs UNION ALL SELECT id, owner_id FROM schemas "
                "UNION ALL SELECT id, owner_id FROM registered_models"
            )
        )

    def key(self) -> object:
        """Return what tells one state from another."""
        lines = {(ln.principal_id, ln.privilege, ln.effect, ln.securable_id, ln.alias_key)
                 for ln in self.snapshot().lines}  # fmt: skip
        things = self.rows(
            "SELECT id, owner_id, deleted_at IS NULL, key FROM catalogs UNION ALL "
            "SELECT id, owner_id, deleted_at IS NULL, "
            "key FROM schemas UNION ALL SELECT id, owner_id, deleted_at IS NULL, key FROM registered_models"
        )
        known = {row for row in things if row[0] in self.links}
        return frozenset(lines), frozenset(known), len(things)


def owned(chain: Chain, owners: dict[str, str]) -> Chain:
    return evolve(chain, links=tuple(evolve(link, owner_id=owners.get(link.id)) for link in chain.links))


def with_slot(chain: Chain, *, slot: bool) -> Chain:
    if not slot:
        return chain
    made = Link(id=f"{chain.object.id}@champion", kind=K.MODEL_ALIAS, name=f"{chain.object.name}@champion")
    return evolve(chain, links=(made, *chain.links))


def bound(world: World) -> tuple[ReferenceEvaluator, dict[str, str]]:
    """Return all that R23 lets ann come to, or give to bob: the evaluator over it, and who owns what then."""
    snapshot = world.snapshot()
    lines, owners = list(snapshot.lines), world.owners()
    mine = {world.ann.principal_id, *(world.admin.get_principal(group).id for group in (TEAM, LEAD))}
    there: set[tuple[str, Privilege, str, str | None]] = set()
    while True:
        before = (len(lines), dict(owners))
        reference = ReferenceEvaluator(lines, snapshot.memberships, snapshot.disabled)
        manages = {
            each for each, chain in world.links.items() if reference.can(world.ann, P.MANAGE, owned(chain, owners))
        }
        # What is denied to others is lifted by who manages the container (R5).
        lines = [ln for ln in lines if ln.effect is Effect.ALLOW or ln.principal_id in mine
                 or world.links[ln.securable_id].links[min(1, len(world.links[ln.securable_id].links) - 1)].id
                 not in manages]  # fmt: skip
        for each, chain in world.links.items():
            for privilege, alias in givable(chain, manages):
                for who in (world.ann.principal_id, world.bob.principal_id):
                    if (who, privilege, each, alias) not in there:
                        there.add((who, privilege, each, alias))
                        lines.append(line(who, privilege, chain.object, alias))
            if each in manages and chain.object.kind is not K.METASTORE:
                owners[each] = world.ann.principal_id
        if (len(lines), owners) == before:
            return reference, owners


def givable(chain: Chain, manages: set[str]) -> Iterator[tuple[Privilege, str | None]]:
    """Yield what may be granted on a thing and its slots by who manages some things."""
    thing = chain.object.id
    container = chain.links[min(1, len(chain.links) - 1)].id
    catalog = chain.links[max(len(chain.links) - 2, 0)].id
    for kind, alias in ((chain.object.kind, None), (K.MODEL_ALIAS, "champion")):
        for privilege in GRANTABLE[kind] if not (alias and chain.object.kind is K.METASTORE) else ():
            where = {Giver.THERE: thing, Giver.CONTAINER: container, Giver.CATALOG: catalog}
            if where[giver(privilege, Effect.ALLOW)] in manages:
                yield privilege, alias


def line(who: str, privilege: Privilege, on: Link, alias: str | None) -> PolicyLine:
    return PolicyLine(
        id=f"{who}{privilege}{on.id}{alias}", principal_id=who, privilege=privilege, effect=Effect.ALLOW,
        securable_kind=on.kind, securable_id=on.id, alias_key=alias,
    )  # fmt: skip


def actions(world: World) -> list[Action]:
    """Return all that can be tried in the present state."""
    live = [key for table in TABLES for (key,) in world.rows(f"SELECT key FROM {table} WHERE deleted_at IS NULL")]
    return [*_about_rights(world, live), *_about_life(world, live), *_about_people()]


def _about_rights(world: World, live: list[str]) -> list[Action]:
    found = []
    for on in ("metastore:", *live, *SLOTS):
        kind = parse_securable(on).kind
        found += [
            _say("grant", who, privilege, on, adds=True) for privilege in sorted(GRANTABLE[kind]) for who in (ANN, BOB)
        ]
        if kind is not K.MODEL_ALIAS:
            found += [_say("deny", BOB, privilege, on) for privilege in (P.EXECUTE, P.MANAGE)]
    names = dict(row for table in TABLES for row in world.rows(f"SELECT id, key FROM {table}"))
    names |= dict(world.rows("SELECT id, 'metastore:' FROM metastore"))
    people = dict(world.rows("SELECT id, written FROM principals"))
    for ln in world.snapshot().lines:
        if names.get(ln.securable_id) in ("metastore:", *live):
            on = names[ln.securable_id] + (f"@{ln.alias_key}" if ln.alias_key else "")
            verb = "revoke" if ln.effect is Effect.ALLOW else "lift_deny"
            found.append(_say(verb, people[ln.principal_id], ln.privilege, on))
    return found


def _about_life(world: World, live: list[str]) -> list[Action]:
    found = []
    for on in live:
        word = WORDS[on.count(".")]
        found += [_say("transfer_ownership", on, who, adds=who == ANN) for who in (ANN, BOB, TEAM)]
        found += [_say(f"rename_{word}", on, f"{on}2"), _say(f"delete_{word}", on, force=True)]
    for word, table in zip(WORDS, TABLES, strict=True):
        for gone, key in world.rows(f"SELECT id, key FROM {table} WHERE deleted_at IS NOT NULL"):
            found += [_say(f"restore_{word}", gone), _say(f"purge_{word}", gone), _say(f"create_{word}", key)]
    found += [_say("create_schema", "main.fresh"), _say("create_registered_model", "main.default.fresh")]
    return [*found, _say("create_catalog", "fresh")]


def _about_people() -> list[Action]:
    return [
        _say("add_member", TEAM, BOB),
        _say("remove_member", LEAD, ANN),
        _say("create_principal", "user:eve"),
        _say("update_principal", BOB, enabled=False),
        _say("delete_principal", LEAD),
    ]


def _say(verb: str, *words: object, adds: bool = False, **more: object) -> Action:
    name = f"{verb}({', '.join(map(str, words))})"
    return Action(name=name, do=lambda r: getattr(r, verb)(*words, **more), adds=adds)


@frozen(kw_only=True)
class Beyond:
    """What nobody may come to: privileges by person and thing, and things that are never to be known."""

    rights: dict[tuple[str, str], tuple[Privilege, ...]]
    unknown: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, world: World) -> Beyond:
        reference, owners = bound(world)
        rights, unknown = {}, set()
        for who in (world.ann, world.bob):
            for chain in world.chains():
                far, case = owned(chain, owners), (who.principal_id, chain.object.id)
                rights[case] = tuple(each for each in ASKED if not reference.can(who, each, far))
                if not reference.knows(who, far):
                    unknown.add(case)
        return cls(rights=rights, unknown=frozenset(unknown))


def check(world: World, beyond: Beyond, path: tuple[str, ...]) -> None:
    """Fail where ann or bob has or knows something beyond the bound."""
    authority, revision = world.metastore.core.gate.authority, world.snapshot().revision
    for chain in world.chains():
        now = evolve(chain, policy_revision=revision)
        for who in (world.ann, world.bob):
            case = (who.principal_id, now.object.id)
            for privilege in beyond.rights[case]:
                decision = authority.decide(who, Requirement(privilege=privilege, kind=now.object.kind), now)
                assert not isinstance(decision, Allowed), (path, who, privilege, now.object)
                assert case not in beyond.unknown or decision.sight is Sight.HIDDEN, (path, who, now.object)


def went(action: Action, me: Registry) -> bool:
    """Try something; return whether it was let through."""
    try:
        action.do(me)
    except RegistryError:
        return False
    return True


@pytest.mark.parametrize("start", STARTS)
def test_nobody_gets_beyond_the_closure(make_metastore, start):
    """A search over every action finds no right and no sight outside what R23 gives from the start."""
    world = World(make_metastore("sqlite://", authorizer=CasbinAuthorizer(shipped_model())))
    world.start(STARTS[start])
    limit = Beyond.of(world)
    me = world.metastore.for_caller(world.ann)
    check(world, limit, ())
    frontier: list[tuple[bytes, tuple[str, ...]]] = [(world.save(), ())]
    seen, done = {world.key()}, 0
    for _ in range(STEPS):
        further: list[tuple[bytes, tuple[str, ...]]] = []
        for saved, path in frontier[:STATES]:
            world.back(saved)
            tried = actions(world)
            added = tuple(action.name for action in tried if action.adds and went(action, me))
            for way in ((*path, *added), *((*path, action.name) for action in tried if not action.adds)):
                if way[len(path) :] != added:
                    world.back(saved)
                    if not went(next(action for action in tried if action.name == way[-1]), me):
                        continue
                done += way != path
                check(world, limit, way)
                if world.key() not in seen:
                    seen.add(world.key())
                    further.append((world.save(), way))
        frontier = further
    assert (done == 0) is (start == "nothing")


def test_the_search_finds_what_there_is_to_find(make_metastore):
    """A manager of a catalog does come to what the bound says, so that the bound is no empty promise."""
    world = World(make_metastore("sqlite://"))
    world.start([("grant", ANN, P.MANAGE, "main")])
    me = world.metastore.for_caller(world.ann)
    reference, owners = bound(world)
    for _ in range(3):
        for action in actions(world):
            if action.adds:
                went(action, me)
    for chain in world.chains():
        for privilege in ASKED:
            revision = world.snapshot().revision
            decision = world.metastore.core.gate.may(world.ann, privilege, evolve(chain, policy_revision=revision))
            assert isinstance(decision, Allowed) is reference.can(world.ann, privilege, owned(chain, owners))


def test_the_bound_notices(make_metastore):
    """A right from somewhere else is beyond the bound, and the look after each action says so."""
    world = World(make_metastore("sqlite://"))
    limit = Beyond.of(world)
    world.admin.grant(ANN, P.BROWSE, "other.s.x")
    with pytest.raises(AssertionError):
        check(world, limit, ())
