"""One caller before one chain: which lines could matter, and what Casbin says of them."""

from __future__ import annotations

from itertools import pairwise

from attrs import frozen

from herdbook.adapters.casbin_authorizer.closures import Closure
from herdbook.adapters.casbin_authorizer.lines import Row, row_of
from herdbook.adapters.casbin_authorizer.model import OWNER, CasbinModel, Question, role_manager
from herdbook.entities import Chain, Link
from herdbook.entities.ledger import Effect, PolicyLine
from herdbook.policy.privileges import OWNER_ABOVE_INCLUDES, OWNER_INCLUDES, given_by, taken_by
from herdbook.ports.authorizer import Deciding
from herdbook.verdicts import Privilege, SecurableKind

_GIVEN = {privilege: given_by(privilege) for privilege in Privilege}
_TAKEN = {privilege: taken_by(privilege) for privilege in Privilege}


@frozen(kw_only=True, eq=False)
class Reason:
    """Why something holds, in words around the name of one level, which may come to have another name.

    Args:
        position: The position of that level on the chain.
        before: The words before the name.
        after: The words after it.
    """

    position: int
    before: str
    after: str = ""

    def on(self, chain: Chain) -> str:
        """Return the words."""
        return f"{self.before}{chain.links[self.position].name}{self.after}"


@frozen(kw_only=True, eq=False)
class Place:
    """A typed id that an object lies in.

    Args:
        key: The id.
        position: The position on the chain.
        alias: The alias, where it stands for slots of a container; such a place holds for slots alone.
    """

    key: str
    position: int
    alias: str | None = None


_Found = tuple[Place, PolicyLine]


def places(chain: Chain) -> list[Place]:
    """Return everything that a chain's object lies in, itself first; the edges of slots are computed (R14)."""
    links = chain.links
    if links[0].kind is not SecurableKind.MODEL_ALIAS:
        return [Place(key=link.id, position=position) for position, link in enumerate(links)]
    alias = links[0].id.rpartition("@")[2]
    found = [Place(key=links[0].id, position=0)]
    for position, link in enumerate(links[1:], 1):
        if link.kind in (SecurableKind.SCHEMA, SecurableKind.CATALOG):
            found.append(Place(key=f"{link.id}@{alias}", position=position, alias=alias))
        found.append(Place(key=link.id, position=position))
    return found


def _edges(chain: Chain) -> list[tuple[str, str]]:
    ids = [link.id for link in chain.links]
    slots = [place.key for place in places(chain) if "@" in place.key]
    return [*pairwise(ids), *pairwise(slots)]


class Asking:
    """Answers what holds for a closure on a chain; called as `policy.judging.Holds`.

    After a call that found something to hold, `reason` says why.
    """

    def __init__(self, model: CasbinModel, who: Closure, chain: Chain) -> None:
        self._model = model
        self._who = who
        self._chain = chain
        self._found: list[_Found] = [
            (place, line)
            for place in places(chain)
            for _, objects in who.speaking
            for line in objects.get(place.key, ())
        ]
        self._owned = [
            (position, link)
            for position, link in enumerate(chain.links)
            if link.owner_id is not None and link.owner_id in who.members
        ]
        self._tree = None if not self._found and not self._owned else role_manager(_edges(chain))
        self._answers: dict[tuple[Privilege, int], Reason | None] = {}
        self.reason: Reason | None = None

    def __call__(self, privilege: Privilege, position: int) -> str | None:
        """Return why a privilege holds at a position of the chain; None where it does not."""
        key = (privilege, position)
        if key not in self._answers:
            self._answers[key] = self._ask(privilege, position)
        reason = self._answers[key]
        if reason is None:
            return None
        self.reason = reason
        return reason.on(self._chain)

    def deciding(self, privilege: Privilege, position: int) -> Deciding | None:
        """Return what decides about a privilege at a position: the deny, or what allows; None where nothing does."""
        denies, allows = self._lines(privilege, position)
        owned = self._owning(privilege, position)
        decider = self._decide(privilege, position, (*denies, *allows), owned)[1]
        if decider is None:
            return None
        lines = (*denies, *allows)
        if decider >= len(lines):
            link = owned[decider - len(lines)][1]
            return Deciding(effect=Effect.ALLOW, owned=link, via=self._who.via[str(link.owner_id)])
        line = lines[decider][1]
        return Deciding(effect=line.effect, line=line, via=self._who.via[line.principal_id])

    def _ask(self, privilege: Privilege, position: int) -> Reason | None:
        denies, allows = self._lines(privilege, position)
        owned = self._owning(privilege, position)
        if not allows and not owned:
            # The model's effect asks for an allow, whatever else there is.
            return None
        lines = (*denies, *allows)
        allowed, decider = self._decide(privilege, position, lines, owned)
        if not allowed or decider is None:
            return None
        if decider >= len(lines):
            return Reason(position=owned[decider - len(lines)][0], before="owner of ")
        return _reason(*lines[decider])

    def _decide(
        self,
        privilege: Privilege,
        position: int,
        lines: tuple[_Found, ...],
        owned: list[tuple[int, Link]],
    ) -> tuple[bool, int | None]:
        if self._tree is None:
            return False, None
        rows: list[Row] = [row_of(line) for _, line in lines]
        rows += [(str(link.owner_id), link.id, OWNER, "allow") for _, link in owned]
        question = Question(self._who.principal_id, *self._object(position), privilege.value)
        return self._model.decide(question, rows, self._who.groups, self._tree)

    def _object(self, position: int) -> tuple[str, str]:
        link = self._chain.links[position]
        own = position + 1 if link.kind is SecurableKind.MODEL_ALIAS else position
        return link.id, self._chain.links[own].id

    def _lines(self, privilege: Privilege, position: int) -> tuple[list[_Found], list[_Found]]:
        """Return the denies and the allows that could match, the nearest first."""
        denies: list[_Found] = []
        allows: list[_Found] = []
        given, taken = _GIVEN[privilege], _TAKEN[privilege]
        for place, line in self._found:
            if place.position < position or (place.alias is not None and position > 0):
                continue
            if line.effect is Effect.DENY:
                if line.privilege in taken:
                    denies.append((place, line))
            elif line.privilege in given:
                allows.append((place, line))
        return denies, allows

    def _owning(self, privilege: Privilege, position: int) -> list[tuple[int, Link]]:
        if privilege not in OWNER_INCLUDES and privilege not in OWNER_ABOVE_INCLUDES:
            return []
        return [(at, link) for at, link in self._owned if at >= position]


def _reason(place: Place, line: PolicyLine) -> Reason:
    after = "" if place.alias is None else f"@{place.alias}"
    origin = f"grant {line.id}" if line.origin == "grant" else line.origin
    return Reason(
        position=place.position, before=f"{line.privilege} on ", after=f"{after} for {line.principal_id} ({origin})"
    )
