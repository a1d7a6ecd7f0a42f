"""What a line of policy can be on: a securable, or the slots of an alias on a model, schema or catalog (R14)."""

from __future__ import annotations

from attrs import frozen

from herdbook.entities import Chain, Link
from herdbook.errors import InvalidArgumentError
from herdbook.names import (
    AliasRef,
    AliasSlots,
    CatalogName,
    MetastoreName,
    ModelName,
    SchemaName,
    SecurableName,
    fold,
    parse_securable,
)
from herdbook.policy.limits import check_id
from herdbook.ports.metadata import Found, Resolver
from herdbook.ports.registry import SecurableLike
from herdbook.service.gate import Subject
from herdbook.verdicts import SecurableKind

DELETED = "deleted:"
"""What the id of something in the trash follows, where a line on it is meant."""

_TRASHED = (SecurableKind.REGISTERED_MODEL, SecurableKind.SCHEMA, SecurableKind.CATALOG)


@frozen(kw_only=True)
class Target:
    """Where a line hangs.

    Args:
        kind: What kind of thing it is on; slots are MODEL_ALIAS.
        on: The securable, or the one whose slots are meant.
        alias_key: The folded alias of slots.
        name: Its name.
    """

    kind: SecurableKind
    on: Link
    alias_key: str | None
    name: SecurableName

    @property
    def place(self) -> tuple[str, str | None]:
        """The id of the securable, and the alias of its slots."""
        return self.on.id, self.alias_key


def target(value: SecurableLike) -> Subject[Target]:
    """Return what a line is on, given in any form; its chain is that of the securable whose slots are meant."""
    name = parse_securable(value) if isinstance(value, str) else value
    if not isinstance(name, SecurableName):
        raise InvalidArgumentError(f"{value!r} is neither text nor the name of a securable.")

    def resolve(resolver: Resolver) -> Found[Target]:
        chain = _chain(resolver, name)
        if chain is None:
            return Found(chain=None, row=None)
        alias = fold(name.alias) if isinstance(name, AliasRef | AliasSlots) else None
        kind = chain.object.kind if alias is None else SecurableKind.MODEL_ALIAS
        row = Target(kind=kind, on=chain.object, alias_key=alias, name=named(chain.object, alias))
        return Found(chain=chain, row=row)

    return Subject(kind="securable", name=name, resolve=resolve)


def target_anywhere(value: SecurableLike) -> Subject[Target]:
    """Return what a line is on, also in the trash: `deleted:ID`, or `deleted:ID@ALIAS` for slots (R31)."""
    if not isinstance(value, str) or not value.startswith(DELETED):
        return target(value)
    identity, at, written = value.removeprefix(DELETED).partition("@")
    check_id(identity)
    if at:
        # Refused before anything is looked up: the answer to nonsense must not tell what there is (R8).
        parse_securable(f"main@{written}")
    alias = fold(written) if at else None

    def resolve(resolver: Resolver) -> Found[Target]:
        for kind in _TRASHED:
            chain = resolver.trashed(kind, identity).chain
            if chain is not None:
                on = chain.object
                kind_of_line = kind if alias is None else SecurableKind.MODEL_ALIAS
                return Found(chain=chain, row=Target(kind=kind_of_line, on=on, alias_key=alias, name=named(on, alias)))
        return Found(chain=None, row=None)

    return Subject(kind="securable", name=value, resolve=resolve)


def named(link: Link, alias: str | None) -> SecurableName:
    """Return the name of a link, or of the slots of an alias on it."""
    if link.kind is SecurableKind.METASTORE:
        return MetastoreName()
    return parse_securable(link.name if alias is None else f"{link.name}@{alias}")


def places(chain: Chain, alias_key: str | None) -> list[tuple[Link, str | None]]:
    """Return where lines hang that reach a securable, or a slot of it: itself and all above, the nearest first."""
    slots = [] if alias_key is None else [(link, alias_key) for link in chain.links[:-1]]
    return [*slots, *((link, None) for link in chain.links)]


def _chain(resolver: Resolver, name: SecurableName) -> Chain | None:
    on = name.model if isinstance(name, AliasRef) else name.container if isinstance(name, AliasSlots) else name
    if isinstance(on, MetastoreName):
        return resolver.metastore()
    if isinstance(on, CatalogName):
        return resolver.catalog(on).chain
    if isinstance(on, SchemaName):
        return resolver.schema(on).chain
    if isinstance(on, ModelName):
        return resolver.model(on).chain
    raise InvalidArgumentError(f"{name} cannot have lines of policy.")
