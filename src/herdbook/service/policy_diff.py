"""Whose rights differ between two policies over one tree, each difference told once, at the highest place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from attrs import frozen

from herdbook.entities import Caller, Chain
from herdbook.entities.governance import AccessPath
from herdbook.entities.ledger import PolicySnapshot
from herdbook.names import PrincipalName
from herdbook.policy.admins import closure, groups_by_member
from herdbook.policy.operations import OPERATIONS
from herdbook.ports.authorizer import Authorizer
from herdbook.service.policy_asking import Answer, ask, kinds_asked, level, named
from herdbook.service.policy_tree import PLURAL, Node, NodeKey, Tree
from herdbook.verdicts import Operation


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
        metastore: The chain of the metastore.
        chains: Those of everything live that a line of a concerned principal is on, or that one owns.
    """

    def __init__(
        self,
        before: PolicySnapshot,
        after: PolicySnapshot,
        trial: Callable[[PolicySnapshot], Authorizer],
        metastore: Chain,
        chains: Sequence[Chain],
    ) -> None:
        self._policies = (before, after)
        self._judges = (trial(before), trial(after))
        self._groups = tuple(groups_by_member(policy.memberships) for policy in self._policies)
        self._metastore = metastore
        self._chains = chains
        self._lines: dict[str, set[tuple[str, str | None]]] = {}
        for line in (*before.lines, *after.lines):
            self._lines.setdefault(line.principal_id, set()).add((line.securable_id, line.alias_key))
        self._owners = {chain.object.owner_id for chain in chains} | {
            link.owner_id for chain in chains for link in chain.links
        }

    def differences(self, actors: Iterable[str]) -> Iterator[Difference]:
        """Return what differs for some of those who may act; people with the same rights are told together."""
        alike: dict[object, list[str]] = {}
        for actor in actors:
            reach = tuple(
                frozenset(each for each in closure(actor, groups) if each in self._lines or each in self._owners)
                for groups in self._groups
            )
            alike.setdefault(reach, []).append(actor)
        for same in alike.values():
            yield from self._of(tuple(same))

    def _of(self, actors: tuple[str, ...]) -> Iterator[Difference]:
        reach = closure(actors[0], self._groups[0]) | closure(actors[0], self._groups[1])
        tree = Tree(self._metastore, self._relevant(reach), self._aliases(reach))
        caller = Caller(principal_id=actors[0])
        known: dict[object, Pair] = {}

        def pair(operation: Operation, node: Node) -> Pair:
            need, kind = OPERATIONS[operation], level(operation, node.chain)
            if kind is None:
                raise AssertionError(operation, node)
            key = (node.key, need.any_of, kind)
            if key not in known:
                before, after = (ask(judge, caller, need.any_of, kind, node.chain) for judge in self._judges)
                known[key] = (before, after)
            return known[key]

        for operation in Operation:
            alike: dict[tuple[str, str | None, bool, tuple[str, ...]], list[_Told]] = {}
            for told in _told(tree, operation, pair):
                words = (told.pair[1][1], *(() if told.pair[1][0] else (f"before: {told.pair[0][1]}",)))
                alike.setdefault((told.node.place.id, told.node.alias, told.pair[1][0], words), []).append(told)
            for (_, _, gained, words), same in alike.items():
                yield Difference(
                    principal_ids=actors,
                    operation=operation,
                    nodes=tuple(each.node for each in same),
                    excepted=tuple(node for each in same for node in each.excepted),
                    gained=gained,
                    path=words,
                )

    def _relevant(self, reach: frozenset[str]) -> list[Chain]:
        """Return the chains of what a closure's lines are on, of what it owns, and of all that these lie in."""
        spoken = {place for member in reach for place, _ in self._lines.get(member, ())}
        wanted: dict[str, Chain] = {}
        for chain in self._chains:
            if chain.object.id in spoken or chain.object.owner_id in reach:
                for position, link in enumerate(chain.links):
                    wanted.setdefault(link.id, Chain(links=chain.links[position:], policy_revision=0))
        return list(wanted.values())

    def _aliases(self, reach: frozenset[str]) -> dict[str, set[str]]:
        """Return for each securable the aliases whose slots on it a closure's lines are on."""
        found: dict[str, set[str]] = {}
        for member in reach:
            for place, alias in self._lines.get(member, ()):
                if alias is not None:
                    found.setdefault(place, set()).add(alias)
        return found


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
