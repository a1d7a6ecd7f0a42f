"""What a closure may see or read of a kind: the same lines that decide, gathered by what they are on (R12)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from herdbook.adapters.casbin_authorizer.asking import Asking
from herdbook.adapters.casbin_authorizer.closures import Closure
from herdbook.adapters.casbin_authorizer.model import CasbinModel
from herdbook.entities import Chain, Link, TokenScope
from herdbook.entities.ledger import Effect, PolicyLine
from herdbook.policy.privileges import (
    ADMIN_NEEDS_NO_GATE,
    DENIES_ALL,
    GATES,
    INCLUDED_IN,
    OWNER_ABOVE_INCLUDES,
    OWNER_INCLUDES,
    SHOWING,
    expanded,
    given_by,
    taken_by,
)
from herdbook.policy.visible import Held, Reach, Visible
from herdbook.verdicts import Privilege, SecurableKind

_LEVELS = (SecurableKind.METASTORE, SecurableKind.CATALOG, SecurableKind.SCHEMA, SecurableKind.REGISTERED_MODEL)


class Showing:
    """Gathers what one caller may see.

    Args:
        model: Judges whether the caller is metastore admin.
        who: Whose lines.
        scope: What the caller's token is cut to.
        revision: The policy revision of the lines.
    """

    def __init__(self, model: CasbinModel, who: Closure, scope: TokenScope | None, revision: int) -> None:
        self._model = model
        self._who = who
        self._within = None if scope is None else scope.securable_id
        self._kept = frozenset(Privilege) if scope is None else expanded(scope.privileges)
        self._revision = revision
        self._by_privilege: dict[tuple[Privilege, bool], list[PolicyLine]] = defaultdict(list)
        for _, objects in who.speaking:
            for lines in objects.values():
                for line in lines:
                    if line.alias_key is None:
                        self._by_privilege[line.privilege, line.effect is Effect.DENY].append(line)

    def visible(self, kind: SecurableKind) -> Visible:
        """Return what may be seen of a kind."""
        if self._is_admin():
            return self._all()
        browse = Privilege.BROWSE in self._kept
        return self._listed(kind, SHOWING[kind], self._ids({Privilege.BROWSE}, kind) if browse else frozenset())

    def holding(self, privileges: tuple[Privilege, ...], kind: SecurableKind) -> Visible:
        """Return where one of some privileges, or what includes it, is held on things of a kind behind the gates."""
        if not ADMIN_NEEDS_NO_GATE.isdisjoint(privileges) and self._is_admin():
            return self._all()
        sufficient = dict.fromkeys(each for asked in privileges for each in INCLUDED_IN.get(asked, (asked,)))
        return self._listed(kind, tuple(sufficient), frozenset())

    def _all(self) -> Visible:
        return Visible(reach=Reach.ALL, revision=self._revision)

    def _listed(self, kind: SecurableKind, privileges: tuple[Privilege, ...], browse: frozenset[str]) -> Visible:
        return Visible(
            reach=Reach.LISTED,
            browse=browse,
            gates=tuple(self._held([privilege], at) for privilege, at in GATES[kind]),
            held=tuple(self._grouped(tuple(each for each in privileges if each in self._kept), kind)),
            deny=self._ids(DENIES_ALL, kind, denies=True),
            owners=self._who.members,
            within=self._within,
            revision=self._revision,
        )

    def _grouped(self, privileges: tuple[Privilege, ...], kind: SecurableKind) -> Iterable[Held]:
        """Put privileges together that the same denies take: few have denies of their own."""
        groups: dict[frozenset[str], list[Privilege]] = defaultdict(list)
        for privilege in privileges:
            groups[self._ids(taken_by(privilege) - DENIES_ALL, kind, denies=True)].append(privilege)
        return (self._held(group, kind) for group in groups.values())

    def _held(self, privileges: list[Privilege], kind: SecurableKind) -> Held:
        """Return where any of some privileges holds on things of a kind; the same denies take each of them."""
        owned: set[SecurableKind] = set()
        if any(privilege in OWNER_INCLUDES for privilege in privileges):
            owned.add(kind)
        if any(privilege in OWNER_ABOVE_INCLUDES for privilege in privileges):
            owned.update(_LEVELS[1 : _LEVELS.index(kind)])
        given = frozenset[Privilege]().union(*(given_by(privilege) for privilege in privileges))
        return Held(
            allow=self._ids(given, kind),
            # What denies everything is left to `Visible.deny`: it takes all that lies behind a gate, too.
            deny=self._ids(taken_by(privileges[0]) - DENIES_ALL, kind, denies=True),
            owned=frozenset(owned),
        )

    def _ids(self, privileges: Iterable[Privilege], kind: SecurableKind, *, denies: bool = False) -> frozenset[str]:
        """Return what lines with these privileges are on; those below a kind say nothing about things of the kind."""
        levels = _LEVELS[: _LEVELS.index(kind) + 1]
        return frozenset(
            line.securable_id
            for privilege in privileges
            for line in self._by_privilege[privilege, denies]
            if line.securable_kind in levels
        )

    def _is_admin(self) -> bool:
        if Privilege.MANAGE not in self._kept:
            return False
        on_metastore = [
            line.securable_id
            for line in self._by_privilege[Privilege.MANAGE, False]
            if line.securable_kind is SecurableKind.METASTORE
        ]
        if not on_metastore or self._within not in (None, on_metastore[0]):
            return False
        top = Link(id=on_metastore[0], kind=SecurableKind.METASTORE, name="metastore:")
        chain = Chain(links=(top,), policy_revision=self._revision)
        return Asking(self._model, self._who, chain)(Privilege.MANAGE, 0) is not None
