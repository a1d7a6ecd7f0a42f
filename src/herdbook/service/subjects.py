"""What verbs are about: names in any accepted form, and how each is found."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from herdbook.entities import Catalog, RegisteredModel, Schema
from herdbook.errors import InvalidArgumentError
from herdbook.names import (
    AliasRef,
    AliasSlots,
    CatalogName,
    LatestRef,
    LoggedModelRef,
    MetastoreName,
    ModelName,
    ModelUri,
    PrincipalName,
    SchemaName,
    SecurableName,
    VersionRef,
    parse_securable,
)
from herdbook.ports.metadata import Found, Resolver, VersionRow
from herdbook.ports.registry import (
    AliasLike,
    AnyVersionLike,
    CatalogLike,
    ModelLike,
    SchemaLike,
    SecurableLike,
    VersionLike,
)
from herdbook.service.core import to_ms
from herdbook.service.gate import Subject

N = TypeVar("N", CatalogName, SchemaName, ModelName, VersionRef, AliasRef)


def principal_name(value: PrincipalName | str) -> PrincipalName:
    """Return a principal's name given in any form."""
    if isinstance(value, PrincipalName):
        return value
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{value!r} is neither text nor the name of a principal.")
    return PrincipalName.parse(value)


def _as(value: N | str, kind: type[N]) -> N:
    if isinstance(value, kind):
        return value
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{value!r} is neither text nor a {kind.__name__}.")
    return kind.parse(value)


def catalog_name(value: CatalogLike) -> CatalogName:
    """Return a catalog's name given in any form."""
    return _as(value, CatalogName)


def schema_name(value: SchemaLike) -> SchemaName:
    """Return a schema's name given in any form."""
    return _as(value, SchemaName)


def model_name(value: ModelLike) -> ModelName:
    """Return a registered model's name given in any form."""
    return _as(value, ModelName)


def version_ref(value: VersionLike) -> VersionRef:
    """Return the reference to a version given in any form."""
    return _as(value, VersionRef)


def alias_ref(value: AliasLike) -> AliasRef:
    """Return the reference to an alias slot given in any form."""
    return _as(value, AliasRef)


def any_version(value: AnyVersionLike) -> VersionRef | LatestRef:
    """Return the reference to a version, or to the latest one, given in any form."""
    if isinstance(value, VersionRef | LatestRef):
        return value
    ref = ModelUri.parse(value).ref
    if isinstance(ref, AliasRef | LoggedModelRef):
        raise InvalidArgumentError(
            f"{value!r} does not name a version.",
            hint="Write CATALOG.SCHEMA.MODEL/NUMBER; an alias is resolved by get_model_version_by_alias.",
        )
    return ref


def metastore() -> Subject[None]:
    """The whole registry."""
    return Subject(kind="metastore", name=None, resolve=lambda resolver: Found(chain=resolver.metastore(), row=None))


def catalog(name: CatalogName) -> Subject[Catalog]:
    """A catalog."""
    return Subject(kind="catalog", name=name, resolve=lambda resolver: resolver.catalog(name))


def schema(name: SchemaName) -> Subject[Schema]:
    """A schema."""
    return Subject(kind="schema", name=name, resolve=lambda resolver: resolver.schema(name))


def model(name: ModelName) -> Subject[RegisteredModel]:
    """A registered model."""
    return Subject(kind="registered model", name=name, resolve=lambda resolver: resolver.model(name))


def version(ref: VersionRef | LatestRef) -> Subject[VersionRow]:
    """A version."""
    kind = "model version"
    if isinstance(ref, LatestRef):
        return Subject(kind=kind, name=ref, resolve=lambda resolver: resolver.latest(ref.model))
    return Subject(kind=kind, name=ref, resolve=lambda resolver: resolver.version(ref))


def alias(ref: AliasRef, as_of: datetime | None = None) -> Subject[VersionRow]:
    """An alias slot, and the version that it points to."""
    as_of_ms = None if as_of is None else to_ms(as_of)
    return Subject(kind="alias", name=ref, resolve=lambda resolver: resolver.alias(ref, as_of_ms=as_of_ms))


Anything = Catalog | Schema | RegisteredModel | VersionRow | None


def securable(value: SecurableLike) -> Subject[Anything]:
    """Any securable, given in any form."""
    name = parse_securable(value) if isinstance(value, str) else value
    if not isinstance(name, SecurableName):
        raise InvalidArgumentError(f"{value!r} is neither text nor the name of a securable.")
    if isinstance(name, AliasSlots):
        raise InvalidArgumentError(f"{name} stands for alias slots, not for one securable.")

    def resolve(resolver: Resolver) -> Found[Anything]:
        if isinstance(name, MetastoreName):
            return Found(chain=resolver.metastore(), row=None)
        found = _resolve(resolver, name)
        return Found(chain=found.chain, row=found.row)

    return Subject(kind="securable", name=name, resolve=resolve)


def _resolve(
    resolver: Resolver, name: CatalogName | SchemaName | ModelName | AliasRef
) -> Found[Catalog] | Found[Schema] | Found[RegisteredModel] | Found[VersionRow]:
    if isinstance(name, CatalogName):
        return resolver.catalog(name)
    if isinstance(name, SchemaName):
        return resolver.schema(name)
    if isinstance(name, ModelName):
        return resolver.model(name)
    return resolver.alias(name)
