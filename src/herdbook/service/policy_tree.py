"""The things a policy can decide about differently: what lines or owners single out, and the rest.

Whatever lies in a securable and has no line or owner of its own is decided like anything else of its kind there: one
made-up thing, `NAME.*`, stands for all of them, and for those that do not exist yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import frozen

from herdbook.entities import Chain, Link
from herdbook.names import METASTORE, AliasRef, AliasSlots, ModelName, SecurableName, parse_securable
from herdbook.service.policy_asking import KINDS
from herdbook.verdicts import SecurableKind

_SLOT = SecurableKind.MODEL_ALIAS
PLURAL = {
    SecurableKind.CATALOG: "catalogs",
    SecurableKind.SCHEMA: "schemas",
    SecurableKind.REGISTERED_MODEL: "registered models",
    SecurableKind.MODEL_ALIAS: "aliases",
}
ANY = "*"
"""The last level of a made-up name; no real one can be equal to it."""

NodeKey = tuple[str, SecurableKind, str | None]
"""The securable's id, the kind of thing in it, and the alias whose slots are meant."""


@frozen(kw_only=True)
class Node:
    """A securable, or what stands for all things of a kind inside it.

    Args:
        place: The securable.
        kind: The kind of thing: its own, or a lower one.
        alias: The alias whose slots are meant; None: those of any alias that no line speaks of.
        chain: What is asked about.
    """

    place: Link
    kind: SecurableKind
    alias: str | None = None
    chain: Chain

    @property
    def key(self) -> NodeKey:
        """What it is told apart by."""
        return self.place.id, self.kind, self.alias

    @property
    def is_itself(self) -> bool:
        """Whether it is the securable that it is told by, and not something inside."""
        return self.kind is self.place.kind or self.alias is not None

    @property
    def securable(self) -> SecurableName:
        """The name that it is told by."""
        if self.place.kind is SecurableKind.METASTORE:
            return METASTORE
        name = parse_securable(self.place.name)
        if self.alias is None or isinstance(name, AliasRef | AliasSlots) or name == METASTORE:
            return name
        if isinstance(name, ModelName):
            return AliasRef(model=name, alias=self.alias)
        return parse_securable(f"{self.place.name}@{self.alias}")

    @property
    def words(self) -> str:
        """What it is, in words."""
        return str(self.securable) if self.is_itself else f"the {PLURAL[self.kind]} in {self.securable}"


class Tree:
    """All that a policy can decide about differently for somebody.

    Args:
        chains: The chains of all securables that are singled out.
        aliases: The aliases whose slots are singled out, by the id of the securable that they are on.
    """

    def __init__(self, chains: Iterable[Chain], aliases: Mapping[str, set[str]]) -> None:
        self.nodes: list[Node] = []
        self._keys: set[NodeKey] = set()
        self._container: dict[str, str | None] = {}
        for chain in sorted(chains, key=lambda each: len(each.links)):
            self._container[chain.object.id] = chain.links[1].id if len(chain.links) > 1 else None
            self._add(chain, sorted({alias for link in chain.links for alias in aliases.get(link.id, ())}))

    def above(self, node: Node) -> tuple[NodeKey, ...]:
        """Return what would cover a node, were it not singled out: the same kind of thing in what it lies in."""
        place, kind, alias = node.key
        container = self._container[place]
        further = [] if container is None else [(container, kind, alias)]
        if alias is not None:
            further.append((place, kind, None))
        return tuple(key for key in further if key in self._keys)

    def _add(self, chain: Chain, aliases: Iterable[str]) -> None:
        place, links = chain.object, chain.links
        for kind in KINDS[KINDS.index(place.kind) :]:
            if kind is not place.kind:
                links = (_made_up(links[0], kind, ANY), *links)
            if kind is _SLOT:
                self._append(place, kind, links[1:], ANY, None)
                for alias in aliases:
                    self._append(place, kind, links[1:], alias, alias)
            else:
                whole = Chain(links=links, policy_revision=chain.policy_revision)
                self._keep(Node(place=place, kind=kind, chain=whole))

    def _append(self, place: Link, kind: SecurableKind, model: tuple[Link, ...], alias: str, told: str | None) -> None:
        links = (_made_up(model[0], kind, alias), *model)
        self._keep(Node(place=place, kind=kind, alias=told, chain=Chain(links=links, policy_revision=0)))

    def _keep(self, node: Node) -> None:
        self.nodes.append(node)
        self._keys.add(node.key)


def _made_up(container: Link, kind: SecurableKind, name: str) -> Link:
    if kind is _SLOT:
        return Link(id=f"{container.id}@{name}", kind=kind, name=f"{container.name}@{name}")
    level = name if container.kind is SecurableKind.METASTORE else f"{container.name}.{name}"
    return Link(id=f"{container.id}.{name}", kind=kind, name=level)
