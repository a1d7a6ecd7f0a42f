"""Random policies over random trees: securables, principals, memberships, lines, owners, callers."""

from __future__ import annotations

import random
from itertools import pairwise

from attrs import field, frozen

from herdbook.entities import Caller, Chain, Link, TokenScope
from herdbook.entities.ledger import Effect, Membership, PolicyLine, PolicySnapshot
from herdbook.verdicts import Privilege, SecurableKind

METASTORE_ID = "f" * 32
ALIASES = ("champion", "shadow")

_K = SecurableKind
_P = Privilege
_TOP = Link(id=METASTORE_ID, kind=_K.METASTORE, name="metastore:")


@frozen(kw_only=True)
class SamplePolicy:
    """A tree and a policy over it.

    Args:
        chains: The chain of every securable, alias slots included.
        snapshot: The policy.
        people: Ids of users.
        groups: Ids of groups and roles.
    """

    chains: tuple[Chain, ...]
    snapshot: PolicySnapshot
    people: tuple[str, ...]
    groups: tuple[str, ...]
    claims: tuple[str, ...] = field(default=())


def seeded(seed: int) -> random.Random:
    """Return a chance that is the same for the same seed."""
    return random.Random(seed)  # noqa: S311 samples for tests


def sample_policy(chance: random.Random, *, lines: int, fewest: int = 0, width: int = 3) -> SamplePolicy:
    """Make a policy.

    Args:
        chance: Where the randomness comes from.
        lines: How many lines at most.
        fewest: How many lines at least.
        width: How many things a container holds at most.
    """
    people = tuple(_id("u", number) for number in range(chance.randint(2, 6)))
    groups = tuple(_id("e", number) for number in range(chance.randint(1, 10)))
    claims = tuple(_id("d", number) for number in range(2))
    chains = _tree(chance, width, (*people, *groups))
    memberships = _memberships(chance, people, groups, claims)
    made = [
        _line(chance, number, chains, (*people, *groups, *claims)) for number in range(chance.randint(fewest, lines))
    ]
    disabled = frozenset(chance.sample(people, 1)) if chance.random() < 0.1 else frozenset[str]()
    snapshot = PolicySnapshot(revision=1, lines=tuple(made), memberships=memberships, disabled=disabled)
    return SamplePolicy(chains=chains, snapshot=snapshot, people=people, groups=groups, claims=claims)


def sample_caller(chance: random.Random, policy: SamplePolicy) -> Caller:
    """Make a caller: often a plain one, sometimes with claim groups or a token's scope."""
    scope = None
    if chance.random() < 0.25:
        kept = chance.sample(tuple(Privilege), chance.randint(1, len(Privilege)))
        scope = TokenScope(privileges=frozenset(kept), securable_id=chance.choice(policy.chains).object.id)
    token_groups = frozenset(chance.sample(policy.claims, 1)) if chance.random() < 0.2 else frozenset[str]()
    return Caller(principal_id=chance.choice(policy.people), token_groups=token_groups, scope=scope)


def _id(letter: str, number: int) -> str:
    return f"{letter}{number:031}"


def _tree(chance: random.Random, width: int, owners: tuple[str, ...]) -> tuple[Chain, ...]:
    found: list[tuple[Link, ...]] = [(_TOP,)]
    kinds = (_K.CATALOG, _K.SCHEMA, _K.REGISTERED_MODEL)
    above: list[tuple[Link, ...]] = [(_TOP,)]
    for depth, kind in enumerate(kinds):
        inside: list[tuple[Link, ...]] = []
        for links in above:
            for number in range(chance.randint(1, width)):
                # Names that begin alike: 'a', 'a-', 'a-b' sort around 'a.' and 'a/'.
                level = ("a", "a-", "a0")[number % 3] + "x" * (number // 3)
                name = level if depth == 0 else f"{links[0].name}.{level}"
                link = Link(id=_id("csm"[depth], len(inside)), kind=kind, name=name, owner_id=chance.choice(owners))
                inside.append((link, *links))
        found += inside
        above = inside
    for links in above:
        for alias in ALIASES:
            slot = Link(id=f"{links[0].id}@{alias}", kind=_K.MODEL_ALIAS, name=f"{links[0].name}@{alias}")
            found.append((slot, *links))
    return tuple(Chain(links=links, policy_revision=1) for links in found)


def _memberships(
    chance: random.Random, people: tuple[str, ...], groups: tuple[str, ...], claims: tuple[str, ...]
) -> tuple[Membership, ...]:
    """Nest groups without circles and not too deep, as writing them makes sure."""
    found = {(inner, outer) for inner, outer in pairwise(groups[:8]) if chance.random() < 0.5}
    for person in (*people, *claims):
        found |= {(person, group) for group in groups if chance.random() < 0.25}
    found |= {(groups[i], groups[j]) for i in range(len(groups[:8])) for j in range(i) if chance.random() < 0.05}
    found = {(inner, outer) for inner, outer in found if inner not in groups or inner < outer}
    return tuple(Membership(member_id=inner, group_id=outer) for inner, outer in sorted(found))


def _line(chance: random.Random, number: int, chains: tuple[Chain, ...], subjects: tuple[str, ...]) -> PolicyLine:
    link = chance.choice(chains).object
    securable, alias = link, None
    if link.kind is _K.MODEL_ALIAS:
        alias = link.id.rpartition("@")[2]
        chain = next(chain for chain in chains if chain.object is link)
        securable = chance.choice(chain.links[1:4])
    effect = Effect.DENY if chance.random() < 0.2 else Effect.ALLOW
    heavy = (_P.USE_CATALOG, _P.USE_SCHEMA, _P.EXECUTE, _P.READ_METADATA, _P.ALL_PRIVILEGES, _P.BROWSE, _P.MODIFY)
    privilege = chance.choice(heavy if chance.random() < 0.6 else tuple(Privilege))
    return PolicyLine(
        id=_id("0", number),
        principal_id=chance.choice(subjects),
        privilege=privilege,
        effect=effect,
        securable_kind=_K.MODEL_ALIAS if alias is not None and chance.random() < 0.5 else securable.kind,
        securable_id=securable.id,
        alias_key=alias,
    )
