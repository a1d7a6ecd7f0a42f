"""How groups and roles may be nested (AUTHORIZATION R19, R20)."""

from __future__ import annotations

from collections.abc import Iterable

from herdbook.entities.ledger import Membership
from herdbook.errors import InvalidArgumentError
from herdbook.names import PrincipalKind, PrincipalName
from herdbook.policy.admins import MAX_NESTING, groups_by_member


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
