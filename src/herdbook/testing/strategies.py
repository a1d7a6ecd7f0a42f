"""Hypothesis strategies for Herdbook's names and values; imported by tests only."""

from __future__ import annotations

import functools
import string
import types
import typing
from collections.abc import Callable
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeVar

from attrs import fields, has
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from herdbook.entities import ExternalModel, FileEntry, Lineage, Manifest, ModelSignature
from herdbook.entities.files import FileStat
from herdbook.entities.signature import (
    Anything,
    Array,
    Column,
    Fields,
    Map,
    Object,
    Param,
    Property,
    Scalar,
    ScalarType,
    SparkVector,
    Tensor,
    ValueType,
)
from herdbook.errors import InvalidArgumentError
from herdbook.names import (
    METASTORE,
    AliasRef,
    AliasSlots,
    CatalogName,
    LatestRef,
    LoggedModelRef,
    MetastoreName,
    ModelName,
    ModelUri,
    PrincipalKind,
    PrincipalName,
    SchemaName,
    SecurableName,
    VersionRef,
)

T = TypeVar("T")

LEVEL_FIRST = string.ascii_letters + string.digits + "_"
LEVEL_REST = LEVEL_FIRST + "-"
PRINCIPAL_CHARACTERS = string.ascii_letters + string.digits + "._+@-"
MAX_LEVEL = 255
_SHORT = 12
_PATHS = ("", ":8443", "/v1/score", "/v1/score?version=2&at=a%20b")
_EARLIEST = datetime(1, 1, 2)  # noqa: DTZ001 Hypothesis adds the zone itself
_LATEST = datetime(9999, 12, 30)  # noqa: DTZ001 Hypothesis adds the zone itself


def levels() -> SearchStrategy[str]:
    """Levels of names: mostly short, sometimes as long as they may be."""

    def of(longest: int) -> SearchStrategy[str]:
        rest = st.text(LEVEL_REST, max_size=longest - 1)
        return st.builds(str.__add__, st.sampled_from(LEVEL_FIRST), rest)

    longest = st.builds("{}{}".format, st.sampled_from(LEVEL_FIRST), st.just("-" * (MAX_LEVEL - 1)))
    return st.one_of(of(_SHORT), of(_SHORT), of(MAX_LEVEL), longest)


def catalog_names() -> SearchStrategy[CatalogName]:
    """Names of catalogs."""
    return st.builds(CatalogName, catalog=levels())


def schema_names() -> SearchStrategy[SchemaName]:
    """Names of schemas."""
    return st.builds(SchemaName, catalog=levels(), schema=levels())


def model_names() -> SearchStrategy[ModelName]:
    """Names of registered models."""
    return st.builds(ModelName, catalog=levels(), schema=levels(), model=levels())


def version_numbers() -> SearchStrategy[int]:
    """Numbers of versions, up to the highest."""
    return st.integers(1, 10**18 - 1)


def version_refs() -> SearchStrategy[VersionRef]:
    """References to versions."""
    return st.builds(VersionRef, model=model_names(), version=version_numbers())


def is_reserved_alias(text: str) -> bool:
    """Tell whether a word may not be an alias: `latest`, and `v` followed by digits."""
    word = text.lower()
    return word == "latest" or (word[:1] == "v" and len(word) > 1 and all(c in string.digits for c in word[1:]))


def aliases() -> SearchStrategy[str]:
    """Words that may be aliases."""
    return levels().filter(lambda word: not is_reserved_alias(word))


def alias_refs() -> SearchStrategy[AliasRef]:
    """Alias slots of one model."""
    return st.builds(AliasRef, model=model_names(), alias=aliases())


def alias_slots() -> SearchStrategy[AliasSlots]:
    """One alias on every model of a container."""
    return st.builds(AliasSlots, container=catalog_names() | schema_names(), alias=aliases())


def securables() -> SearchStrategy[SecurableName]:
    """Names of securables of every kind."""
    return st.one_of(st.just(METASTORE), catalog_names(), schema_names(), model_names(), alias_refs(), alias_slots())


def principals() -> SearchStrategy[PrincipalName]:
    """Names of principals, with and without a source."""
    word = st.text(PRINCIPAL_CHARACTERS, min_size=1, max_size=_SHORT)
    return st.builds(PrincipalName, principal_kind=st.sampled_from(PrincipalKind), name=word, source=st.just("") | word)


def moments() -> SearchStrategy[datetime]:
    """UTC times in whole milliseconds."""
    zoned = st.datetimes(_EARLIEST, _LATEST, timezones=st.just(UTC))
    return zoned.map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000, fold=0))


def model_uris() -> SearchStrategy[ModelUri]:
    """`models:/` URIs of every form."""
    ids = st.text(LEVEL_REST, min_size=1, max_size=40).map("m-{}".format)
    plain = st.one_of(
        version_refs(), alias_refs(), st.builds(LatestRef, model=model_names()), st.builds(LoggedModelRef, model_id=ids)
    )
    return st.builds(ModelUri, ref=plain) | st.builds(ModelUri, ref=alias_refs(), as_of=moments())


def texts(max_size: int = 20) -> SearchStrategy[str]:
    """Text of any characters that UTF-8 can carry."""
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=max_size)


def json_values() -> SearchStrategy[Any]:
    """Plain JSON data."""
    numbers = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
    leaves = st.one_of(st.none(), st.booleans(), numbers, texts())
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3), max_leaves=8
    )


def digests() -> SearchStrategy[str]:
    """SHA-256 digests in lower-case hexadecimal."""
    return st.binary(min_size=32, max_size=32).map(bytes.hex)


def file_paths() -> SearchStrategy[str]:
    """Paths of model files."""

    def accepted(path: str) -> bool:
        try:
            FileStat(path=path, size=0)
        except InvalidArgumentError:
            return False
        return True

    part = st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters="/\\:"), min_size=1, max_size=8)
    return st.lists(part, min_size=1, max_size=3).map("/".join).filter(accepted)


def file_entries() -> SearchStrategy[FileEntry]:
    """Files of versions."""
    return st.builds(FileEntry, path=file_paths(), size=st.integers(0, 2**62 - 1), sha256=digests())


def manifests() -> SearchStrategy[Manifest]:
    """Manifests of one to five files."""

    def without_folders(files: list[FileEntry]) -> Manifest:
        paths = [entry.path for entry in files]
        return Manifest.of([e for e in files if not any(path.startswith(f"{e.path}/") for path in paths)])

    return st.lists(file_entries(), min_size=1, max_size=5, unique_by=lambda entry: entry.path).map(without_folders)


def value_types() -> SearchStrategy[ValueType]:
    """Types of columns and params, nested ones included."""
    leaves = st.one_of(st.builds(Scalar, type=st.sampled_from(ScalarType)), st.just(Anything()), st.just(SparkVector()))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(st.builds(Array, items=inner), st.builds(Map, values=inner), _objects(inner)),
        max_leaves=6,
    )


def _objects(inner: SearchStrategy[ValueType]) -> SearchStrategy[Object]:
    part = st.builds(Property, name=texts(8), type=inner, required=st.booleans())
    parts = st.lists(part, min_size=1, max_size=3, unique_by=lambda made: made.name).map(tuple)
    return st.builds(Object, properties=parts)


def signature_fields() -> SearchStrategy[Fields]:
    """Columns, all or none of them named; named tensors, or one without a name."""
    columns = st.builds(Column, name=texts(8), type=value_types(), required=st.booleans())
    shapes = st.lists(st.integers(-1, 2**31), max_size=4).map(tuple)
    dtypes = st.sampled_from(["float32", "float64", "int64", "bool", "str", "object"])
    tensors = st.builds(Tensor, name=texts(8), dtype=dtypes, shape=shapes)
    alone = st.builds(Tensor, dtype=dtypes, shape=shapes)
    several: list[SearchStrategy[Any]] = [columns, st.builds(Column, type=value_types()), tensors]
    return st.one_of(st.tuples(alone), *(st.lists(kind, min_size=1, max_size=3).map(tuple) for kind in several))


def signatures() -> SearchStrategy[ModelSignature]:
    """Signatures of every form that MLflow knows; the defaults of params may be of another type."""
    scalars = st.sampled_from([kind for kind in ScalarType if kind is not ScalarType.BINARY])
    types = st.builds(Scalar, type=scalars) | _objects(value_types())
    param = st.builds(Param, name=texts(8), type=types, default=json_values(), shape=st.none() | st.just((-1,)))
    params = st.lists(param, max_size=3, unique_by=lambda param: param.name).map(tuple)
    ends = st.none() | signature_fields()
    made = st.builds(ModelSignature, inputs=ends, outputs=ends, params=params)
    return made.filter(lambda signature: signature != ModelSignature())


def external_models(params: SearchStrategy[dict[str, Any]] | None = None) -> SearchStrategy[ExternalModel]:
    """Models that are served elsewhere, with plain params unless others are given; what is refused is left out."""
    word = st.text(string.ascii_lowercase, min_size=1, max_size=4)
    endpoints = st.builds("{}.example{}".format, st.sampled_from(["https://a", "http://b-1"]), st.sampled_from(_PATHS))
    plain = st.dictionaries(word, texts(4) | st.integers(-9, 9) | st.none(), max_size=2)

    def accepted(given: tuple[str, str | None, dict[str, Any]]) -> ExternalModel | None:
        try:
            return ExternalModel(endpoint=given[0], provider=given[1], params=given[2])
        except InvalidArgumentError:
            return None

    made = st.tuples(endpoints, st.none() | word, plain if params is None else params).map(accepted)
    return made.filter(lambda external: external is not None)  # type: ignore[return-value]  # as filtered


def lineages() -> SearchStrategy[Lineage]:
    """Lineage, any of its fields filled in."""
    return values(Lineage)


_KNOWN: dict[Any, Callable[[], SearchStrategy[Any]]] = {
    str: texts,
    int: lambda: st.integers(-(2**63), 2**63),
    bool: st.booleans,
    float: lambda: st.floats(allow_nan=False, allow_infinity=False),
    bytes: lambda: st.binary(max_size=40),
    datetime: moments,
    Any: json_values,
    types.NoneType: st.none,
    MetastoreName: lambda: st.just(METASTORE),
    CatalogName: catalog_names,
    SchemaName: schema_names,
    ModelName: model_names,
    VersionRef: version_refs,
    AliasRef: alias_refs,
    AliasSlots: alias_slots,
    PrincipalName: principals,
    ModelUri: model_uris,
    Manifest: manifests,
    FileEntry: file_entries,
    FileStat: lambda: st.builds(
        FileStat, path=file_paths(), size=st.integers(0, 2**62 - 1), sha256=st.none() | digests()
    ),
    ModelSignature: signatures,
    ExternalModel: external_models,
}


@functools.cache
def values(kind: Any) -> SearchStrategy[Any]:
    """Return a strategy for a type: an entity, a union, a container or a plain type.

    Args:
        kind: The type; a generic entity is given with its argument, `Page[Catalog]`.

    Raises:
        LookupError: there is no strategy for it.
    """
    if kind in _KNOWN:
        return _KNOWN[kind]()
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    if has(origin or kind):
        return _entities(origin or kind, arguments)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([values(member) for member in arguments])
    if origin is dict:
        return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=3)
    if origin in (tuple, frozenset):
        return st.lists(values(arguments[0]), max_size=3).map(origin)
    raise LookupError(f"no strategy for {kind!r}")


def _entities(kind: type[T], arguments: tuple[Any, ...]) -> SearchStrategy[T]:
    hints = typing.get_type_hints(kind)
    given: dict[Any, Any] = dict(zip(getattr(kind, "__parameters__", ()), arguments, strict=True))

    def filled(hint: Any) -> Any:
        parameters = getattr(hint, "__parameters__", ())
        return hint[tuple(given[parameter] for parameter in parameters)] if parameters else hint

    parts = {field.name: values(filled(hints[field.name])) for field in fields(kind)}  # type: ignore[arg-type]  # T is an attrs class here
    return st.fixed_dictionaries(parts).map(lambda made: kind(**made))
