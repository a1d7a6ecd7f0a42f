"""Whose rights differ between two policies over one tree, each difference told once, at the highest place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from attrs import field, frozen

from herdbook.entities import Caller, Chain
from herdbook.entities.governance import AccessPath
from herdbook.entities.ledger import PolicySnapshot
from herdbook.names import PrincipalName, SecurableName
from herdbook.policy.admins import closure, groups_by_member
from herdbook.policy.operations import OPERATIONS
from herdbook.ports.authorizer import Authorizer
from herdbook.service.policy_asking import Answer, ask, kinds_asked, level, named
from herdbook.service.policy_tree import PLURAL, Node, NodeKey, Tree
from herdbook.verdicts import Operation, SecurableKind


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
        securable: On what.
        gained: Whether they gain it.
        inside: What kind of things in the securable it is about; None where it is the securable itself.
        path: What decides, in words that name people by id, and what is excepted.
    """

    principal_ids: tuple[str, ...]
    operation: Operation
    securable: SecurableName
    gained: bool
    inside: SecurableKind | None = None
    path: tuple[str, ...] = field(default=())

    def entries(self, names: Mapping[str, PrincipalName]) -> Iterator[AccessPath]:
        """Return it as people see it, one for each principal."""
        inside = () if self.inside is None else (f"on the {PLURAL[self.inside]} in it",)
        path = (*inside, *(named(step, names) for step in self.path))
        for principal_id in self.principal_ids:
            yield AccessPath(
                principal=names[principal_id], operation=self.operation, securable=self.securable, path=path
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
            for node, (before, after), excepted in _told(tree, operation, pair):
                path = (after[1],) if after[0] else (after[1], f"before: {before[1]}")
                yield Difference(
                    principal_ids=actors,
                    operation=operation,
                    securable=node.securable,
                    gained=after[0],
                    inside=None if node.is_itself else node.kind,
                    path=(*path, *(f"except {each.words}" for each in excepted)),
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


def _told(
    tree: Tree, operation: Operation, pair: Callable[[Operation, Node], Pair]
) -> Iterator[tuple[Node, Pair, list[Node]]]:
    """Return where a verb's answer changes and is not already told higher up, and what is excepted there."""
    asked = kinds_asked(operation)
    covered_by: dict[NodeKey, NodeKey] = {}
    pairs: dict[NodeKey, Pair] = {}
    excepted: dict[NodeKey, list[Node]] = {}
    for node in tree.nodes:
        if node.kind not in asked:
            continue
        pairs[node.key] = pair(operation, node)
        above = tree.above(node, asked)
        if above is not None and _verdicts(pairs[above]) == _verdicts(pairs[node.key]):
            covered_by[node.key] = covered_by[above]
            continue
        covered_by[node.key] = node.key
        if above is not None:
            excepted.setdefault(covered_by[above], []).append(node)
    for node in tree.nodes:
        if covered_by.get(node.key) == node.key:
            was, now = _verdicts(pairs[node.key])
            if was is not now:
                yield node, pairs[node.key], excepted.get(node.key, [])


def _verdicts(pair: Pair) -> tuple[bool, bool]:
    return pair[0][0], pair[1][0]
