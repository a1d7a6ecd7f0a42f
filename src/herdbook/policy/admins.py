"""Who is a metastore admin, so that the last one is never lost (AUTHORIZATION R3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from herdbook.entities.ledger import Effect, Membership, PolicyLine
from herdbook.verdicts import Privilege

MAX_NESTING = 8
"""How deep groups and roles may be nested (R20)."""

_TAKES_MANAGE = frozenset({Privilege.MANAGE, Privilege.READ_METADATA, Privilege.BROWSE, Privilege.ALL_PRIVILEGES})


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


def admins(actors: Iterable[str], lines: Iterable[PolicyLine], memberships: Iterable[Membership]) -> frozenset[str]:
    """Return those who pass MANAGE on the metastore.

    Args:
        actors: Ids of enabled users and services.
        lines: The lines on the metastore.
        memberships: All memberships.
    """
    groups = groups_by_member(memberships)
    allowed, denied = set(), set()
    for line in lines:
        if line.effect is Effect.ALLOW and line.privilege is Privilege.MANAGE:
            allowed.add(line.principal_id)
        if line.effect is Effect.DENY and line.privilege in _TAKES_MANAGE:
            denied.add(line.principal_id)
    found = set()
    for actor in actors:
        members = closure(actor, groups)
        if members & allowed and not members & denied:
            found.add(actor)
    return frozenset(found)
