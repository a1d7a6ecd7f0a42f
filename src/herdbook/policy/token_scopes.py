"""What a token is cut to, and whether one scope lies within another (AUTHORIZATION R24)."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from herdbook.entities import Chain, TokenScope
from herdbook.policy.judging import position_of
from herdbook.policy.privileges import expanded
from herdbook.verdicts import Privilege


def scope_of(privileges: AbstractSet[Privilege], securable_id: str | None, metastore_id: str) -> TokenScope | None:
    """Return the scope that a token's own words stand for.

    Args:
        privileges: What it is cut to; empty is everything.
        securable_id: What it is cut to; None is everything.
        metastore_id: What everything lies in.

    Returns:
        The scope; None where it is cut to nothing.
    """
    if not privileges and securable_id is None:
        return None
    return TokenScope(
        privileges=frozenset(privileges or Privilege),
        securable_id=metastore_id if securable_id is None else securable_id,
    )


def is_within(inner: TokenScope | None, outer: TokenScope | None, chain: Chain) -> bool:
    """Tell whether a scope gives nothing that another does not.

    A privilege that another one includes does not lie within it: who holds the lesser one by itself would gain it.

    Args:
        inner: The narrower one; None is everything.
        outer: The wider one; None is everything.
        chain: What the inner one is cut to, and all that it lies in.
    """
    if outer is None:
        return True
    if inner is None:
        return False
    return expanded(inner.privileges) <= expanded(outer.privileges) and position_of(outer.securable_id, chain) >= 0
