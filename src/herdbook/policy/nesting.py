"""Who is in which groups and roles, and how they may be nested (AUTHORIZATION R19, R20)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from herdbook.entities.ledger import Membership
from herdbook.errors import InvalidArgumentError
from herdbook.names import PrincipalKind, PrincipalName

MAX_NESTING = 8
"""How deep groups and roles may be nested (R20)."""


def closure(principal_id: str, groups_of: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Return a principal and all groups and roles that it is in, directly or not."""
    found, edge = {principal_id}, {principal_id}
    for _ in range(MAX_NESTING):
        edge = {group for member in edge for group in groups_of.get(member, ())} - found
        if not edge:
            break
        found |= edge
    return frozenset(found)


def groups_by_member(memberships: Iterable[Membership]) -> dict[str, set[str]]:
    """Return for each member the groups and roles that it is directly in."""
    found: dict[str, set[str]] = {}
    for membership in memberships:
        found.setdefault(membership.member_id, set()).add(membership.group_id)
    return found


def check_pair(member: PrincipalName, group: PrincipalName) -> None:
    """Refuse a membership that no kind of principals can have.

    Raises:
        InvalidArgumentError: the right side is no local group or role, or the left one is a group of claims.
    """
    local_group = group.principal_kind is PrincipalKind.GROUP and not group.source
    if not local_group and group.principal_kind is not PrincipalKind.ROLE:
        raise InvalidArgumentError(
            f"{group} cannot have members.", hint="Members join a role, or a group without a source: group:NAME."
        )
    if member.principal_kind is PrincipalKind.GROUP and member.source:
        raise InvalidArgumentError(
            f"{member} is a group of claims, which joins nothing.", hint=f"Give {member} rights of its own."
        )


def check_nesting(member_id: str, group_id: str, memberships: Iterable[Membership]) -> None:
    """Refuse a membership that would close a circle, or nest deeper than is followed.

    Args:
        member_id: Who is to join.
        group_id: What.
        memberships: All that there are.

    Raises:
        InvalidArgumentError: it would.
    """
    groups = groups_by_member(memberships)
    members: dict[str, set[str]] = {}
    for member, joined in groups.items():
        for group in joined:
            members.setdefault(group, set()).add(member)
    above, below = _levels(group_id, groups), _levels(member_id, members)
    if member_id in above:
        raise InvalidArgumentError("A group cannot be a member of itself, directly or not.")
    depth = max(above.values()) + 1 + max(below.values())
    if depth > MAX_NESTING:
        raise InvalidArgumentError(
            f"Groups would be nested {depth} deep; at most {MAX_NESTING} are followed.", hint="Flatten the groups."
        )


def nesting_faults(memberships: Iterable[Membership]) -> Iterator[str]:
    """Tell which memberships of policy files close a circle or nest too deep, each with file and line.

    Args:
        memberships: All that there would be, those of run time too.
    """
    pairs = tuple(memberships)
    groups = groups_by_member(pairs)
    members: dict[str, set[str]] = {}
    for pair in pairs:
        members.setdefault(pair.group_id, set()).add(pair.member_id)
    above, below = _heights(groups), _heights(members)
    for pair in pairs:
        depth = above.get(pair.group_id, 0) + 1 + below.get(pair.member_id, 0)
        if not pair.from_file or depth <= MAX_NESTING:
            continue
        if _reaches(pair.group_id, pair.member_id, groups):
            yield f"{pair.origin}: a group would be a member of itself, directly or not."
        else:
            yield f"{pair.origin}: groups would be nested more than {MAX_NESTING} deep. Flatten them."


def _heights(edges: dict[str, set[str]]) -> dict[str, int]:
    """Return the length of the longest way from each principal, as far as it matters."""
    heights: dict[str, int] = {}
    for height in range(1, MAX_NESTING + 2):
        further = {
            source for source, targets in edges.items() if any(heights.get(each, 0) == height - 1 for each in targets)
        }
        if not further:
            break
        heights.update(dict.fromkeys(further, height))
    return heights


def _reaches(start: str, target: str, edges: dict[str, set[str]]) -> bool:
    found, edge = {start}, {start}
    while edge:
        edge = {each for source in edge for each in edges.get(source, ())} - found
        found |= edge
    return target in found


def _levels(start: str, edges: dict[str, set[str]]) -> dict[str, int]:
    """Return what can be reached from a principal, each with the length of the longest way to it."""
    found = {start: 0}
    edge = {start}
    for level in range(1, MAX_NESTING + 2):
        edge = {target for source in edge for target in edges.get(source, ())}
        if not edge:
            break
        found.update(dict.fromkeys(edge, level))
    return found
