"""How fast the authorizer is over 100,000 lines and 5,000 users, in time of the processor: neighbours do not count."""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator

from attrs import evolve

from herdbook.adapters.casbin_authorizer import CasbinAuthorizer
from herdbook.adapters.casbin_authorizer.asking import Asking
from herdbook.adapters.sql.store import SqlStore
from herdbook.bootstrap import open_registry, shipped_model
from herdbook.entities import Caller, Chain, Link
from herdbook.entities.ledger import AppliedPolicy, Effect, Membership, PolicyChange, PolicyLine, PolicySnapshot
from herdbook.names import AliasRef
from herdbook.policy.operations import OPERATIONS, Target, kind_of
from herdbook.ports.metadata import Stamp
from herdbook.settings import Settings
from herdbook.testing.samples import register
from herdbook.verdicts import Allowed, Privilege, Requirement, SecurableKind

K, P = SecurableKind, Privilege
LINES, USERS, ROLES, GROUPS = 100_000, 5_000, 100, 500
CATALOGS, SCHEMAS, MODELS = 10, 50, 200
TOP = Link(id="f" * 32, kind=K.METASTORE, name="metastore:")
COMMON = (P.EXECUTE, P.READ_METADATA, P.USE_SCHEMA, P.CREATE_MODEL, P.MODIFY, P.APPLY_TAG, P.SET_ALIAS, P.APPROVE)


def id_of(letter: str, number: int) -> str:
    """Return an id."""
    return f"{letter}{number:031}"


def chain_of(number: int) -> Chain:
    """Return the chain of one of the 100,000 models."""
    schema = number // MODELS
    catalog = schema // SCHEMAS
    links = (
        Link(id=id_of("a", number), kind=K.REGISTERED_MODEL, name=f"c{catalog}.s{schema}.m{number}", owner_id="x"),
        Link(id=id_of("b", schema), kind=K.SCHEMA, name=f"c{catalog}.s{schema}", owner_id=id_of("e", schema % ROLES)),
        Link(id=id_of("c", catalog), kind=K.CATALOG, name=f"c{catalog}", owner_id="x"),
        TOP,
    )
    return Chain(links=links, policy_revision=1)


def policy(chance: random.Random) -> PolicySnapshot:
    """Make lines as an organization would: roles on catalogs and schemas, people on single models, some denies."""
    roles, groups = [id_of("e", n) for n in range(ROLES)], [id_of("d", n) for n in range(GROUPS)]
    users = [id_of("1", n) for n in range(USERS)]
    memberships = [Membership(member_id=user, group_id=group) for user in users for group in chance.sample(groups, 3)]
    memberships += [Membership(member_id=group, group_id=role) for group in groups for role in chance.sample(roles, 2)]
    lines: list[PolicyLine] = []

    def add(who: str, privilege: Privilege, kind: SecurableKind, on: str, effect: Effect = Effect.ALLOW) -> None:
        lines.append(
            PolicyLine(
                id=id_of("0", len(lines)),
                principal_id=who,
                privilege=privilege,
                effect=effect,
                securable_kind=kind,
                securable_id=on,
            )
        )

    for role in roles:
        for catalog in chance.sample(range(CATALOGS), 3):
            add(role, P.USE_CATALOG, K.CATALOG, id_of("c", catalog))
            for schema in chance.sample(range(catalog * SCHEMAS, (catalog + 1) * SCHEMAS), 5):
                add(role, P.USE_SCHEMA, K.SCHEMA, id_of("b", schema))
                add(role, chance.choice(COMMON), K.SCHEMA, id_of("b", schema))
    while len(lines) < LINES:
        effect = Effect.DENY if chance.random() < 0.02 else Effect.ALLOW
        number = chance.randrange(CATALOGS * SCHEMAS * MODELS)
        add(chance.choice(users), chance.choice(COMMON), K.REGISTERED_MODEL, id_of("a", number), effect)
    return PolicySnapshot(revision=1, lines=tuple(lines), memberships=tuple(memberships))


def each(work: Iterable[Callable[[], object]], times: int = 1) -> list[float]:
    """Time calls one by one, each so many times in a row; in microseconds of the processor for one time."""
    took = []
    for call in work:
        began = time.thread_time_ns()
        for _ in range(times):
            call()
        took.append((time.thread_time_ns() - began) / 1000 / times)
    return took


def show(what: str, took: list[float], limit_us: float) -> bool:
    """Print a row of the table; returns whether the median is within the limit."""
    middle, high = statistics.median(took), sorted(took)[int(len(took) * 0.99)]
    print(f"{what:<44} {middle:>10.1f} {high:>10.1f} {limit_us:>10.0f} {middle / limit_us:>7.2f}")
    return middle <= limit_us


def main() -> int:
    """Measure, print, and fail where a target is missed."""
    chance = random.Random(1)
    snapshot = policy(chance)
    print(f"{'what (us of the processor)':<44} {'median':>10} {'p99':>10} {'target':>10} {'ratio':>7}")
    authorizer = CasbinAuthorizer(shipped_model())
    good = [show("loading 100,000 lines out of SQLite", each(loads(authorizer, snapshot)), 1_000_000)]
    users = [Caller(principal_id=id_of("1", n)) for n in range(USERS)]
    chains = [chain_of(n) for n in range(CATALOGS * SCHEMAS * MODELS)]
    first = asks(authorizer, chance, users, chains)
    good.append(show("first for a principal", each(first), 1_000))
    unseen = asks(authorizer, chance, [*users, *users], chains)
    good.append(show("the next operation", each(unseen), 150))
    good.append(show("the same again, remembered", each(unseen[:2_000], times=20), 3))
    allowed = sum(isinstance(call(), Allowed) for call in unseen)
    good.append(show("one privilege, decided by Casbin", each(single(authorizer, chance, users, chains)), 30))
    grants = [evolve(snapshot.lines[0], id=id_of("9", n), principal_id=id_of("1", n)) for n in range(50)]
    steps = [(PolicyChange(revision=2 + n, added=True, item=grant),) for n, grant in enumerate(grants)]
    feeds = [lambda s=step, n=n: authorizer.feed(s, 2 + n) for n, step in enumerate(steps)]
    good.append(show("one grant more", each(feeds), 10_000))
    good.append(show("first for a principal after it", each(asks(authorizer, chance, users, chains)), 1_000))
    lists = [lambda c=caller: authorizer.visible(c, K.REGISTERED_MODEL) for caller in users[:2_000]]
    good.append(show("what a principal may see, first", each(lists), 1_000))
    good.append(show("the gate, on resolving an alias", gate_alone(), 15))
    print(f"{allowed} of {len(unseen)} operations were allowed.")
    return 0 if all(good) else 1


def loads(authorizer: CasbinAuthorizer, snapshot: PolicySnapshot) -> Iterator[Callable[[], object]]:
    """Put the policy into a database, and read it back some times."""
    with tempfile.TemporaryDirectory() as folder:
        store = SqlStore.open(f"sqlite:///{folder}/herdbook.db")
        store.create_metastore(TOP.id, seal_key=b"k" * 32, at_ms=1)
        with store.write() as tx:
            items = [*snapshot.lines, *snapshot.memberships]
            tx.apply_policy(AppliedPolicy(revision=0), add=items, reason=None, stamp=Stamp(at_ms=1, by="0" * 32))

        def load() -> None:
            with store.read() as tx:
                authorizer.replace(tx.snapshot())

        for _ in range(5):
            yield load
        store.close()


def gate_alone() -> list[float]:
    """Return what resolving an alias takes in process, less its name and its statement, which stand without a gate."""
    with tempfile.TemporaryDirectory() as folder, open_registry(f"{folder}/registry", settings=Settings()) as registry:
        names = [f"main.default.m{number}" for number in range(200)]
        for name in names:
            registry.create_registered_model(name)
            register(registry, name)
            registry.set_registered_model_alias(f"{name}@champion", 1)
        point = registry._core.store.point  # type: ignore[attr-defined]  # noqa: SLF001 past the gate
        slots = [f"{name}@champion" for name in names]
        whole = [lambda s=slot: registry.get_model_version_by_alias(s) for slot in slots]
        bare = [lambda s=slot: point.alias(AliasRef.parse(s)) for slot in slots]
        each(whole, times=20)
        # One after the other: the machine may have another speed a moment later.
        took = each([call for pair in zip(whole, bare, strict=True) for call in pair], times=50)
        return [mine - without for mine, without in zip(took[::2], took[1::2], strict=True)]


def asks(
    authorizer: CasbinAuthorizer, chance: random.Random, callers: list[Caller], chains: list[Chain]
) -> list[Callable[[], object]]:
    """Ask for every operation on models, half of them where the caller's number leads."""
    needs = [need for need in OPERATIONS.values() if need.any_of and need.on is Target.MODEL]
    requirements = [Requirement(privilege=need.any_of[0], kind=kind_of(need.on)) for need in needs]
    made = []
    for caller in callers:
        number = int(caller.principal_id[1:])
        own = number % (CATALOGS * SCHEMAS) * MODELS + chance.randrange(MODELS)
        chain = chains[own] if chance.random() < 0.5 else chance.choice(chains)
        asked = chance.choice(requirements)
        made.append(lambda c=caller, r=asked, ch=chain: authorizer.decide(c, r, ch))
    return made


def single(
    authorizer: CasbinAuthorizer, chance: random.Random, users: list[Caller], chains: list[Chain]
) -> list[Callable[[], object]]:
    """Prepare questions that some line speaks of, so that Casbin is asked each time."""
    calls: list[Callable[[], object]] = []
    people = authorizer._state.people  # noqa: SLF001 to ask Casbin itself, past what is remembered
    for caller in users[:2000]:
        who = people.of(caller)
        lit = [on for _, objects in who.speaking for on, lines in objects.items() if on[0] == "a" for _ in lines]
        if not lit:
            continue
        chain = chains[int(chance.choice(lit)[1:])]
        line = next(objects[chain.object.id][0] for _, objects in who.speaking if chain.object.id in objects)
        asking = Asking(authorizer._model, who, chain)  # noqa: SLF001 as above
        calls.append(lambda a=asking, p=line.privilege: a(p, 0))
    return calls


if __name__ == "__main__":
    sys.exit(main())
