"""What lists show: where a caller sees something, and what of it where only BROWSE lets it be seen (R7, R12)."""

from __future__ import annotations

from typing import TypeVar

from attrs import evolve, frozen

from herdbook.entities import Caller, Catalog, Chain, RegisteredModel, Schema
from herdbook.policy.privileges import SHOWING
from herdbook.policy.ranges import EVERYTHING, Ranges
from herdbook.ports.authorizer import Reach
from herdbook.ports.metadata import ReadTransaction
from herdbook.service.authority import Authority
from herdbook.service.gate import Gate
from herdbook.verdicts import Allowed, Privilege, SecurableKind

T = TypeVar("T", Catalog, Schema, RegisteredModel)

_MODEL = SecurableKind.REGISTERED_MODEL
_READ = (Privilege.READ_METADATA,)
_MANAGE = (Privilege.MANAGE, Privilege.APPROVE)


@frozen(kw_only=True)
class Shown:
    """The names that a caller is shown of one kind, as of one transaction.

    Args:
        seen: Those that may be seen.
        full: Those of which more is shown than name, comment and tags.
    """

    seen: Ranges
    full: Ranges

    def of(self, found: tuple[T, ...]) -> tuple[T, ...]:
        """Return things that were found under `seen`, or under `full`, as they are shown."""
        if self.seen is self.full:
            return found
        return tuple(item if item.name.key in self.full else browsed(item) for item in found)


def shown(authority: Authority, caller: Caller, kind: SecurableKind, tx: ReadTransaction) -> Shown:
    """Return what a caller is shown of a kind, compiled in this transaction."""
    visible = authority.visible(caller, kind, log=tx)
    if visible.reach is Reach.ALL:
        return Shown(seen=EVERYTHING, full=EVERYTHING)
    seen = tx.visible_ranges(visible, kind)
    if kind is not _MODEL and not visible.browse:
        return Shown(seen=seen, full=seen)
    holding = authority.holding(caller, _READ if kind is _MODEL else SHOWING[kind], kind, log=tx)
    # Whoever was granted what is usually granted reads what it sees.
    return Shown(seen=seen, full=seen if holding == visible else tx.visible_ranges(holding, kind))


def managed(authority: Authority, caller: Caller, tx: ReadTransaction) -> Ranges:
    """Return the models of which a caller may see versions of every status."""
    return tx.visible_ranges(authority.holding(caller, _MANAGE, _MODEL, log=tx), _MODEL)


def shown_alone(gate: Gate, caller: Caller, item: T, chain: Chain, log: ReadTransaction | None = None) -> T:
    """Return a catalog or schema, which the caller may know of, as it is shown."""
    passes = (gate.may(caller, privilege, chain, log) for privilege in SHOWING[chain.object.kind])
    return item if any(isinstance(decision, Allowed) for decision in passes) else browsed(item)


def browsed(item: T) -> T:
    """Return what BROWSE shows of a thing: name, comment and tags."""
    hidden = evolve(item, owner=None, created_at=None, created_by=None, updated_at=None, updated_by=None, row_version=0)
    return evolve(hidden, aliases={}, latest_version=None) if isinstance(hidden, RegisteredModel) else hidden
