"""Who somebody is: the principal, its groups and roles, which of them any line speaks of; and what is remembered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from itertools import count
from typing import Generic, TypeVar

from attrs import frozen
from casbin.rbac import RoleManager as RoleManagerPort

from herdbook.adapters.casbin_authorizer.lines import Index, Objects
from herdbook.adapters.casbin_authorizer.model import role_manager
from herdbook.entities import Caller

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MAX_NESTING = 8
"""How deep groups and roles may nest (R20)."""

_PEOPLE = 8192
_UNITED = 256


class Bounded(Generic[K, V]):
    """A mapping that forgets its oldest entries; reading it takes no lock.

    Args:
        limit: How many entries at most.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: dict[K, V] = {}
        self._lock = threading.Lock()
        self.get = self._entries.get

    def __len__(self) -> int:
        return len(self._entries)

    def where(self, keep: Callable[[K, V], bool]) -> Bounded[K, V]:
        """Return another with those entries that are to be kept."""
        kept: Bounded[K, V] = Bounded(self._limit)
        with self._lock:
            kept._entries.update((key, value) for key, value in self._entries.items() if keep(key, value))
        return kept

    def put(self, key: K, value: V) -> None:
        """Remember an entry."""
        with self._lock:
            if len(self._entries) >= self._limit:
                for old in list(self._entries)[: self._limit // 4 + 1]:
                    del self._entries[old]
            self._entries[key] = value


@frozen(kw_only=True, eq=False)
class Closure:
    """A principal with all that it is a member of.

    Args:
        principal_id: The principal; those who may not act are members of nothing, not even of themselves.
        members: Ids of the principal, its groups and its roles, nested.
        via: For each member, the groups on the way to it, itself last.
        speaking: Those members that a line speaks of, the nearest first, with their lines.
        lit: The objects of these lines, in one set where they are few.
        groups: The memberships, for Casbin.
        voice: The same for all whose speaking members are the same.
    """

    principal_id: str
    members: frozenset[str]
    via: dict[str, tuple[str, ...]]
    speaking: tuple[tuple[str, Objects], ...]
    lit: tuple[frozenset[str] | Objects, ...]
    groups: RoleManagerPort
    voice: int


class People:
    """The closures of one policy revision, made when they are first asked for.

    Args:
        index: The lines and memberships of that revision.
        known: Closures that are known already.
        voices: The numbers of voices that are known already.
        numbers: Where new numbers come from.
    """

    def __init__(
        self,
        index: Index,
        known: Bounded[Hashable, Closure] | None = None,
        voices: Bounded[frozenset[str], int] | None = None,
        numbers: Iterator[int] | None = None,
    ) -> None:
        self._index = index
        self._known = Bounded(_PEOPLE) if known is None else known
        self._voices = Bounded(_PEOPLE) if voices is None else voices
        self._numbers = count() if numbers is None else numbers

    def after(self, index: Index, touched: frozenset[str]) -> People:
        """Return the closures of the next revision; those without a touched member, and their voices, stay as they are.

        Args:
            index: The lines and memberships of that revision.
            touched: Ids of principals whose lines or memberships are others now.
        """
        known = self._known.where(lambda _, closure: touched.isdisjoint(closure.members))
        return People(index, known, self._voices.where(lambda voice, _: touched.isdisjoint(voice)), self._numbers)

    def of(self, caller: Caller) -> Closure:
        """Return a caller's closure."""
        key = (caller.principal_id, caller.token_groups)
        found = self._known.get(key)
        if found is None:
            found = self._make(caller)
            self._known.put(key, found)
        return found

    def _make(self, caller: Caller) -> Closure:
        via, links = self._reach(caller)
        lines = self._index.lines.of
        speaking = tuple((member, objects) for member in via if (objects := lines(member)))
        lit: tuple[frozenset[str] | Objects, ...] = tuple(objects for _, objects in speaking)
        if len(lit) > 1 and sum(len(objects) for objects in lit) <= _UNITED:
            lit = (frozenset().union(*lit),)
        return Closure(
            principal_id=caller.principal_id,
            members=frozenset(via),
            via=via,
            speaking=speaking,
            lit=lit,
            groups=role_manager(links),
            voice=self._voice(frozenset(member for member, _ in speaking)),
        )

    def _voice(self, speaking: frozenset[str]) -> int:
        found = self._voices.get(speaking)
        if found is None:
            found = next(self._numbers)
            self._voices.put(speaking, found)
        return found

    def _reach(self, caller: Caller) -> tuple[dict[str, tuple[str, ...]], list[tuple[str, str]]]:
        """Walk outwards, level by level; the nearest way to a group is the one that is told."""
        if caller.principal_id in self._index.disabled:
            return {}, []
        own = caller.principal_id
        via: dict[str, tuple[str, ...]] = {own: ()}
        links: list[tuple[str, str]] = []
        for group in sorted(caller.token_groups - {own}):
            via[group] = (group,)
            links.append((own, group))
        edge = list(via)
        for _ in range(MAX_NESTING):
            outer: list[str] = []
            for member in edge:
                for membership in self._index.groups.get(member, ()):
                    group = membership.group_id
                    if group not in via:
                        via[group] = (*via[member], group)
                        links.append((member, group))
                        outer.append(group)
            if not outer:
                break
            edge = outer
        return via, links
