"""Whose rights differ between two policies over one tree, each difference told once, at the highest place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from attrs import frozen

from herdbook.entities import Caller, Chain
from herdbook.entities.governance import AccessPath
from herdbook.entities.ledger import Effect, PolicySnapshot
from herdbook.names import PrincipalName
from herdbook.policy.nesting import closure, groups_by_member
from herdbook.policy.operations import OPERATIONS
from herdbook.ports.authorizer import Authorizer
from herdbook.service.policy_asking import Answer, ask, kinds_asked, level, named
from herdbook.service.policy_tree import PLURAL, Node, NodeKey, Tree
from herdbook.verdicts import Operation, Privilege


@frozen(kw_only=True)
class Concerned:
    """Whom a change of policy concerns.

    Args:
        actors: Ids of users, services and claim groups whose groups, roles or lines change.
        members: Ids of everyone whose rights they have, before or after.
    """

    actors: tuple[str, ...]
    members: frozenset[str]


@frozen(kw_only=True)
class Difference:
    """Rights that change, by principal id.

    Args:
        principal_ids: Whose.
        operation: What they may, or may not any more.
        nodes: On what: one securable, or things of some kinds inside it.
        excepted: What in these is not meant, with all that lies in it.
        gained: Whether they gain it.
        path: What decides, in words that name people by id.
    """

    principal_ids: tuple[str, ...]
    operation: Operation
    nodes: tuple[Node, ...]
    excepted: tuple[Node, ...] = ()
    gained: bool
    path: tuple[str, ...]

    def entries(self, names: Mapping[str, PrincipalName]) -> Iterator[AccessPath]:
        """Return it as people see it, one for each principal."""
        inside = [PLURAL[node.kind] for node in self.nodes if not node.is_itself]
        on = ("it", *inside) if len(inside) < len(self.nodes) else tuple(inside)
        told = (f"on {' and '.join(on)} in it",) if inside else ()
        left = [f"except {words}" for words in dict.fromkeys(node.words for node in self.excepted)]
        path = (*told, *(named(step, names) for step in self.path), *left)
        for principal_id in self.principal_ids:
            yield AccessPath(
                principal=names[principal_id],
                operation=self.operation,
                securable=self.nodes[0].securable,
                path=path,
            )


_Right = tuple[str, str | None, Privilege, Effect]


def concerned(before: PolicySnapshot, after: PolicySnapshot, actors: Iterable[str]) -> Concerned:
    """Return whom a change concerns, among those who may act."""
    changed = {line.principal_id for line in set(before.lines) ^ set(after.lines)}
    for membership in set(before.memberships) ^ set(after.memberships):
        changed |= {membership.member_id, membership.group_id}
    now, then = groups_by_member(before.memberships), groups_by_member(after.memberships)
    found: list[str] = []
    members: set[str] = set()
    for actor in sorted(actors):
        reach = closure(actor, now) | closure(actor, then)
        if reach & changed:
            found.append(actor)
            members |= reach
    return Concerned(actors=tuple(found), members=frozenset(members))


class Comparison:
    """Compares two policies over one tree.

    Args:
        before: The one policy.
        after: The other.
        trial: Returns who judges by a policy.
        chains: The metastore's, and those of everything live that a line of a concerned principal is on, or that one
            owns.
    """

    def __init__(
        self,
        before: PolicySnapshot,
        after: PolicySnapshot,
        trial: Callable[[PolicySnapshot], Authorizer],
        chains: Sequence[Chain],
    ) -> None:
        self._judges = (trial(before), trial(after))
        self._groups = tuple(groups_by_member(policy.memberships) for policy in (before, after))
        self._rights = tuple(_rights(policy) for policy in (before, after))
        self._chains = chains
        self._owners = {chain.object.owner_id for chain in chains}

    def differences(self, actors: Iterable[str]) -> Iterator[Difference]:
        """Return what differs for some of those who may act; people with the same rights are told together."""
        alike: dict[tuple[frozenset[str], ...], list[str]] = {}
        for actor in actors:
            alike.setdefault(tuple(self._speaking(actor)), []).append(actor)
        for (before, after), same in alike.items():
            yield from self._of(tuple(same), before, after)

    def _speaking(self, actor: str) -> Iterator[frozenset[str]]:
        """Return whose lines and property count for an actor, before and after."""
        for groups, rights in zip(self._groups, self._rights, strict=True):
            yield frozenset(each for each in closure(actor, groups) if each in rights or each in self._owners)

    def _of(self, actors: tuple[str, ...], *closures: frozenset[str]) -> Iterator[Difference]:
        had, has = (
            frozenset().union(*(rights.get(member, frozenset()) for member in members))
            for rights, members in zip(self._rights, closures, strict=True)
        )
        tree = self._tree(had, has, *closures)
        if tree is None:
            return
        caller = Caller(principal_id=actors[0])
        known: dict[object, Pair] = {}

        def pair(operation: Operation, node: Node) -> Pair:
            need, kind = OPERATIONS[operation], level(operation, node.chain)
            if kind is None:
                raise AssertionError(operation, node)
            key = (node.key, need.any_of, need.on)
            if key not in known:
                before, after = (ask(judge, caller, need, node.chain) for judge in self._judges)
                known[key] = (before, after)
            return known[key]

        for operations in _ALIKE:
            for gained, words, same in _together(_told(tree, operations[0], pair)):
                for operation in operations:
                    yield Difference(
                        principal_ids=actors,
                        operation=operation,
                        nodes=tuple(each.node for each in same),
                        excepted=tuple(node for each in same for node in each.excepted),
                        gained=gained,
                        path=words,
                    )

    def _tree(self, had: frozenset[_Right], has: frozenset[_Right], *closures: frozenset[str]) -> Tree | None:
        """Return all that may be decided differently; None where nothing can: where nothing changes on the way up."""
        was, now = closures
        moved = {right[0] for right in had ^ has}
        moved |= {
            chain.object.id
            for chain in self._chains
            if (chain.object.owner_id in was) is not (chain.object.owner_id in now)
        }
        if not moved:
            return None
        spoken = {right[0] for right in had | has}
        wanted: dict[str, Chain] = {}
        for chain in self._chains:
            if chain.object.id in spoken or chain.object.owner_id in was | now:
                for position, link in enumerate(chain.links):
                    part = chain.links[position:]
                    if link.id not in wanted and any(each.id in moved for each in part):
                        wanted[link.id] = Chain(links=part, policy_revision=0)
        aliases: dict[str, set[str]] = {}
        for place, alias, _, _ in had | has:
            if alias is not None:
                aliases.setdefault(place, set()).add(alias)
        return Tree(wanted.values(), aliases)


def _rights(policy: PolicySnapshot) -> dict[str, frozenset[_Right]]:
    """Return what the lines of each principal say."""
    found: dict[str, set[_Right]] = {}
    for line in policy.lines:
        right = (line.securable_id, line.alias_key, line.privilege, line.effect)
        found.setdefault(line.principal_id, set()).add(right)
    return {who: frozenset(rights) for who, rights in found.items()}


def _together(told: Iterable[_Told]) -> Iterator[tuple[bool, tuple[str, ...], list[_Told]]]:
    """Return what is told of one place for one reason together, with whether it is gained and the reason."""
    alike: dict[tuple[str, str | None, bool, tuple[str, ...]], list[_Told]] = {}
    for each in told:
        (_, before), (gained, after) = each.pair
        words = (after, *(() if gained else (f"before: {before}",)))
        alike.setdefault((each.node.place.id, each.node.alias, gained, words), []).append(each)
    for (_, _, gained, words), same in alike.items():
        yield gained, words, same


def _alike() -> list[tuple[Operation, ...]]:
    """Return the verbs that need the same on the same kinds of things together."""
    found: dict[object, list[Operation]] = {}
    for operation in Operation:
        need = OPERATIONS[operation]
        found.setdefault((need.any_of, need.on, kinds_asked(operation)), []).append(operation)
    return [tuple(operations) for operations in found.values()]


_ALIKE = _alike()
Pair = tuple[Answer, Answer]
"""What is answered before and after."""


@frozen(kw_only=True)
class _Told:
    node: Node
    pair: Pair
    excepted: tuple[Node, ...]


def _told(tree: Tree, operation: Operation, pair: Callable[[Operation, Node], Pair]) -> Iterator[_Told]:
    """Return where a verb's answer changes and is not already told higher up, and what is excepted there."""
    asked = kinds_asked(operation)
    nodes = [node for node in tree.nodes if node.kind in asked]
    pairs: dict[NodeKey, Pair] = {}
    covered_by: dict[NodeKey, frozenset[NodeKey]] = {}
    excepted: dict[NodeKey, list[Node]] = {}
    for node in nodes:
        mine = pairs[node.key] = pair(operation, node)
        above = tree.above(node)
        differing = [key for key in above if _verdicts(pairs[key]) != _verdicts(mine)]
        if above and not differing:
            covered_by[node.key] = frozenset().union(*(covered_by[key] for key in above))
            continue
        covered_by[node.key] = frozenset({node.key})
        for teller in frozenset().union(*(covered_by[key] for key in differing)):
            excepted.setdefault(teller, []).append(node)
    for node in nodes:
        was, now = _verdicts(pairs[node.key])
        if node.key in covered_by[node.key] and was is not now:
            yield _Told(node=node, pair=pairs[node.key], excepted=tuple(excepted.get(node.key, ())))


def _verdicts(pair: Pair) -> tuple[bool, bool]:
    return pair[0][0], pair[1][0]
