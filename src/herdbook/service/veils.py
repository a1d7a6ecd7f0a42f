"""What a row shows to whom knows the thing and may not read it: name, comment and tags (R7)."""

from __future__ import annotations

from typing import TypeVar

from attrs import evolve

from herdbook.entities import Caller, Catalog, Chain, RegisteredModel, Schema
from herdbook.policy.privileges import SHOWING
from herdbook.ports.authorizer import Reach, Visible
from herdbook.ports.metadata import ReadTransaction
from herdbook.service.core import Core
from herdbook.verdicts import Allowed, Privilege, SecurableKind

R = TypeVar("R", Catalog, Schema, RegisteredModel)

_READING = (Privilege.READ_METADATA,)


def veiled(row: R) -> R:
    """Return a row without what BROWSE does not show."""
    if isinstance(row, RegisteredModel):
        return evolve(row, owner=None, created_by="", updated_by="", aliases={}, latest_version=None)
    return evolve(row, owner=None, created_by="", updated_by="")


def as_known(core: Core, caller: Caller, chain: Chain, row: R) -> R:
    """Return a catalog or schema that the caller may know of, as it may know of it."""
    gate, kind = core.gate, chain.object.kind
    if not isinstance(gate.may(caller, Privilege.BROWSE, chain), Allowed):
        return row
    held = any(isinstance(gate.may(caller, each, chain), Allowed) for each in SHOWING[kind])
    return row if held else veiled(row)


def in_list(
    core: Core, caller: Caller, visible: Visible, rows: tuple[R, ...], kind: SecurableKind, tx: ReadTransaction
) -> tuple[R, ...]:
    """Return the rows of a list, veiled where the caller knows a thing by an explicit BROWSE alone.

    Args:
        core: The core.
        caller: Who asks.
        visible: What it may see of the kind.
        rows: What was found.
        kind: The kind.
        tx: The page's own transaction (R12).
    """
    if visible.reach is Reach.ALL or (kind is not SecurableKind.REGISTERED_MODEL and not visible.browse):
        return rows
    privileges = _READING if kind is SecurableKind.REGISTERED_MODEL else SHOWING[kind]
    whole = core.gate.authority.holding(caller, privileges, kind, log=tx)
    if whole == visible:
        return rows
    ranges = tx.visible_ranges(whole, kind)
    return tuple(row if row.name.key in ranges else veiled(row) for row in rows)
