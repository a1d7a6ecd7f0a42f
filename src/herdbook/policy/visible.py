"""What a caller may see or read of a kind, by ids, and how that becomes name ranges (R12)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from attrs import field, frozen

from herdbook.policy.ranges import EVERYTHING, NOTHING, Ranges, subtrees
from herdbook.verdicts import SecurableKind


class Reach(Enum):
    """How much of a kind may be seen before anything is looked at."""

    ALL = "all"
    LISTED = "listed"


@frozen(kw_only=True)
class Held:
    """Where one of some privileges is held that the same denies take.

    Args:
        allow: Ids of securables on which one is granted; it holds for all that lies inside.
        deny: Ids of securables on which they are denied, with all that lies inside; a deny wins.
        owned: The kinds of things whose owner has one, there and on all that lies inside.
    """

    allow: frozenset[str] = field(factory=frozenset)
    deny: frozenset[str] = field(factory=frozenset)
    owned: frozenset[SecurableKind] = field(factory=frozenset)


@frozen(kw_only=True)
class Visible:
    """What a caller may see of one kind, as ids that the store turns into name ranges.

    Seen is: `browse`, or what lies behind every gate and is held; without what is denied, within the scope.

    Args:
        reach: ALL: everything of the kind (a metastore admin, R3). LISTED: what the other fields say.
        browse: Ids of securables with an explicit BROWSE, which needs no gate (R7).
        gates: The gates on the way to the kind, each with where it is passed.
        held: Where a privilege is held, by what is denied there.
        deny: Ids of securables on which everything is denied, with all that lies inside (R1).
        owners: Ids of principals (the caller's closure) whose things are owned.
        within: The id of the securable that the caller's token is cut to (R24); None: the whole metastore.
        revision: The policy revision that this was computed for.
    """

    reach: Reach
    browse: frozenset[str] = field(factory=frozenset)
    gates: tuple[Held, ...] = ()
    held: tuple[Held, ...] = ()
    deny: frozenset[str] = field(factory=frozenset)
    owners: frozenset[str] = field(factory=frozenset)
    within: str | None = None
    revision: int = 0

    def ids(self) -> frozenset[str]:
        """Return the ids of all securables whose names are needed."""
        parts = [
            self.browse,
            self.deny,
            *(part for held in (*self.gates, *self.held) for part in (held.allow, held.deny)),
        ]
        return frozenset().union(*parts, () if self.within is None else (self.within,))

    def owned_kinds(self) -> frozenset[SecurableKind]:
        """Return the kinds of which it matters what the owners own."""
        if not self.owners:
            return frozenset()
        return frozenset().union(*(held.owned for held in (*self.gates, *self.held)))


def ranges_of(
    visible: Visible, keys: Mapping[str, str], owned: Mapping[SecurableKind, Iterable[str]], metastore_id: str
) -> Ranges:
    """Compile what may be seen of a kind.

    Args:
        visible: What may be seen, by ids.
        keys: The folded full name of each id that stands for something live.
        owned: The folded full names of what the owners own, by kind.
        metastore_id: The id that stands for everything.
    """
    if visible.reach is Reach.ALL:
        return EVERYTHING
    compiler = _Compiler(keys, owned, metastore_id)
    behind = EVERYTHING
    for gate in visible.gates:
        behind = behind.within(compiler.held(gate))
    held = NOTHING
    for part in visible.held:
        held = held.plus(compiler.held(part))
    seen = compiler.under(visible.browse).plus(held.within(behind)).minus(compiler.under(visible.deny))
    return seen if visible.within is None else seen.within(compiler.under((visible.within,)))


class _Compiler:
    def __init__(
        self, keys: Mapping[str, str], owned: Mapping[SecurableKind, Iterable[str]], metastore_id: str
    ) -> None:
        self._keys = keys
        self._owned = {kind: subtrees(names) for kind, names in owned.items()}
        self._metastore_id = metastore_id

    def under(self, ids: Iterable[str]) -> Ranges:
        """Return the names of some securables and of all that lies in them; ids of what is gone stand for nothing."""
        listed = frozenset(ids)
        if self._metastore_id in listed:
            return EVERYTHING
        return subtrees(self._keys[each] for each in listed if each in self._keys)

    def held(self, held: Held) -> Ranges:
        """Return where something is held."""
        found = self.under(held.allow)
        for kind in held.owned:
            found = found.plus(self._owned.get(kind, NOTHING))
        return found.minus(self.under(held.deny))
