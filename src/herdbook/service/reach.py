"""Which lines of policy reach a principal and a securable, and on which way."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from herdbook.entities import Chain
from herdbook.entities.governance import EffectiveGrant, Grant
from herdbook.names import PrincipalName, SecurableName
from herdbook.policy.nesting import MAX_NESTING, groups_by_member
from herdbook.ports.metadata import ReadTransaction
from herdbook.ports.metadata.rights import LineRow
from herdbook.service.targets import Target, named, places


def to_grant(row: LineRow, on: SecurableName) -> Grant:
    """Return a line as people see it."""
    return Grant(
        id=row.line.id,
        principal=row.principal,
        securable=on,
        privilege=row.line.privilege,
        effect=row.line.effect,
        origin=row.line.origin,
        granted_by=row.granted_by,
        valid_from=row.since,
    )


def lines_reaching(
    tx: ReadTransaction,
    chain: Chain,
    on: Target,
    who: Iterable[str],
    *,
    after: str,
    limit: int,
    untold: Collection[str] = (),
) -> tuple[EffectiveGrant, ...]:
    """Return the lines to a principal or a group or role that it is in, on a securable or above it.

    Args:
        tx: What is read from.
        chain: The securable and all that it lies in.
        on: The securable, or the slots on it.
        who: Ids of the principal and of the groups that its token claims.
        after: Only lines whose id is greater.
        limit: How many at most, ordered by id.
        untold: Ids of securables whose denials are left out.
    """
    ways = _ways(tx, who)
    where = {(link.id, alias): named(link, alias) for link, alias in places(chain, on.alias_key)}
    rows = tx.lines_on(list(where), principal_ids=ways.keys(), after=after, limit=limit, untold=untold)
    names: dict[str, PrincipalName] = {}

    def name(principal_id: str) -> PrincipalName:
        if principal_id not in names:
            found = tx.principal_by_id(principal_id)
            if found is None:
                raise LookupError(principal_id)
            names[principal_id] = found.name
        return names[principal_id]

    found = []
    for row in rows:
        place = (row.line.securable_id, row.line.alias_key)
        found.append(
            EffectiveGrant(
                grant=to_grant(row, where[place]),
                through=tuple(name(group) for group in ways[row.line.principal_id]),
                inherited_from=None if place == on.place else where[place],
            )
        )
    return tuple(found)


def _ways(tx: ReadTransaction, who: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return everyone whose rights a principal has, each with the groups on a shortest way to it, itself last."""
    groups = groups_by_member(tx.memberships())
    ways: dict[str, tuple[str, ...]] = dict.fromkeys(who, ())
    edge = dict(ways)
    for _ in range(MAX_NESTING):
        further = {
            group: (*way, group)
            for member, way in edge.items()
            for group in sorted(groups.get(member, ()))
            if group not in ways
        }
        if not further:
            break
        ways.update(further)
        edge = further
    return ways
