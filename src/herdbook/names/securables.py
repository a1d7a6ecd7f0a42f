"""The names of securables and of what hangs on a model: parsed, compared case-insensitively, kept as written."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Self

from attrs import Attribute, field, frozen

from herdbook.errors import InvalidArgumentError
from herdbook.verdicts import SecurableKind

_LEVEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,254}", re.ASCII)
_VERSION = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_RESERVED_ALIAS = re.compile(r"latest|v[0-9]+", re.ASCII | re.IGNORECASE)
_LEVEL_RULE = "1 to 255 ASCII letters, digits, '_' and '-', beginning with a letter, digit or '_'"
RESERVED_LEVEL_PREFIX = "__mlf_"
MODELS_SCHEME = "models:/"
"""What a URI of a registered model or version begins with."""


def fold(text: str) -> str:
    """Return the key under which a name is compared and ordered (ASCII names only: lower case)."""
    return text.lower()


def _check_level(_: object, attribute: Attribute[str], value: object) -> None:
    if not isinstance(value, str) or _LEVEL.fullmatch(value) is None:
        raise InvalidArgumentError(
            f"{value!r} is not a {attribute.name} name: a name is {_LEVEL_RULE}.", field=attribute.name
        )


def _check_alias(_: object, attribute: Attribute[str], value: object) -> None:
    if not isinstance(value, str) or _LEVEL.fullmatch(value) is None:
        raise InvalidArgumentError(f"{value!r} is not an alias: an alias is {_LEVEL_RULE}.", field=attribute.name)
    if _RESERVED_ALIAS.fullmatch(value):
        raise InvalidArgumentError(
            f"{value!r} cannot be an alias: 'latest' and 'v' followed by digits are reserved.",
            hint="Choose another word, such as 'champion'.",
            field=attribute.name,
        )


def _check_version(_: object, attribute: Attribute[int], value: object) -> None:
    if type(value) is not int or not 1 <= value < 10**18:
        raise InvalidArgumentError(
            f"{value!r} is not a version number: it is a whole number from 1 up.", field=attribute.name
        )


def check_model(_: object, attribute: Attribute[Any], value: object) -> None:
    """Refuse what is not the name of a registered model."""
    if not isinstance(value, ModelName):
        raise InvalidArgumentError(f"{value!r} is not the name of a registered model.", field=attribute.name)


def _check_container(_: object, attribute: Attribute[Any], value: object) -> None:
    if not isinstance(value, SchemaName | CatalogName):
        raise InvalidArgumentError(f"{value!r} is not the name of a schema or catalog.", field=attribute.name)


def _levels(text: str, count: int, what: str, form: str) -> list[str]:
    levels = text.split(".") if isinstance(text, str) else []
    if len(levels) != count:
        raise InvalidArgumentError(f"{text!r} is not the name of a {what}.", hint=f"Write it as {form}.")
    return levels


def _level() -> str:
    return field(validator=_check_level, eq=fold)


@frozen(kw_only=True)
class MetastoreName:
    """The whole registry; written `metastore:`."""

    kind: ClassVar = SecurableKind.METASTORE

    def __str__(self) -> str:
        return "metastore:"

    @property
    def key(self) -> str:
        """The folded text of the name."""
        return "metastore:"


METASTORE = MetastoreName()


@frozen(kw_only=True)
class CatalogName:
    """A catalog, `prod`.

    Example:
        >>> str(CatalogName.parse("Prod")), CatalogName.parse("PROD") == CatalogName.parse("prod")
        ('Prod', True)
    """

    kind: ClassVar = SecurableKind.CATALOG
    catalog: str = _level()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse one level; raises InvalidArgumentError for anything else."""
        return cls(catalog=_levels(text, 1, "catalog", "CATALOG")[0])

    def __str__(self) -> str:
        return self.catalog

    @property
    def key(self) -> str:
        """The folded full name."""
        return fold(str(self))


@frozen(kw_only=True)
class SchemaName:
    """A schema in a catalog, `prod.fraud`."""

    kind: ClassVar = SecurableKind.SCHEMA
    catalog: str = _level()
    schema: str = _level()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse two levels; raises InvalidArgumentError for anything else."""
        catalog, schema = _levels(text, 2, "schema", "CATALOG.SCHEMA")
        return cls(catalog=catalog, schema=schema)

    def __str__(self) -> str:
        return f"{self.catalog}.{self.schema}"

    @property
    def key(self) -> str:
        """The folded full name."""
        return fold(str(self))

    @property
    def parent(self) -> CatalogName:
        """The catalog that it is in."""
        return CatalogName(catalog=self.catalog)


@frozen(kw_only=True)
class ModelName:
    """A registered model, `prod.fraud.scorer`.

    Example:
        >>> ModelName.parse("prod.fraud.scorer").parent
        SchemaName(catalog='prod', schema='fraud')
    """

    kind: ClassVar = SecurableKind.REGISTERED_MODEL
    catalog: str = _level()
    schema: str = _level()
    model: str = _level()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse three levels; raises InvalidArgumentError for anything else."""
        catalog, schema, model = _levels(text, 3, "registered model", "CATALOG.SCHEMA.MODEL")
        return cls(catalog=catalog, schema=schema, model=model)

    def __str__(self) -> str:
        return f"{self.catalog}.{self.schema}.{self.model}"

    @property
    def key(self) -> str:
        """The folded full name."""
        return fold(str(self))

    @property
    def parent(self) -> SchemaName:
        """The schema that it is in."""
        return SchemaName(catalog=self.catalog, schema=self.schema)

    def version(self, number: int) -> VersionRef:
        """Return the reference to one of its versions."""
        return VersionRef(model=self, version=number)

    def alias(self, alias: str) -> AliasRef:
        """Return the reference to one of its alias slots."""
        return AliasRef(model=self, alias=alias)


@frozen(kw_only=True)
class VersionRef:
    """A version of a registered model, `prod.fraud.scorer/3`."""

    model: ModelName = field(validator=check_model)
    version: int = field(validator=_check_version)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `CATALOG.SCHEMA.MODEL/NUMBER`, with or without `models:/` before it."""
        name, slash, number = strip_scheme(text).rpartition("/")
        if not slash or _VERSION.fullmatch(number) is None:
            raise InvalidArgumentError(
                f"{text!r} is not a model version.", hint="Write it as CATALOG.SCHEMA.MODEL/NUMBER."
            )
        return cls(model=ModelName.parse(name), version=int(number))

    def __str__(self) -> str:
        return f"{self.model}/{self.version}"

    @property
    def uri(self) -> str:
        """The `models:/` form."""
        return f"models:/{self}"


@frozen(kw_only=True)
class AliasRef:
    """An alias slot of a registered model, `prod.fraud.scorer@champion`."""

    kind: ClassVar = SecurableKind.MODEL_ALIAS
    model: ModelName = field(validator=check_model)
    alias: str = field(validator=_check_alias, eq=fold)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `CATALOG.SCHEMA.MODEL@ALIAS`, with or without `models:/` before it."""
        name, at, alias = strip_scheme(text).partition("@")
        if not at:
            raise InvalidArgumentError(f"{text!r} is not an alias.", hint="Write it as CATALOG.SCHEMA.MODEL@ALIAS.")
        return cls(model=ModelName.parse(name), alias=alias)

    def __str__(self) -> str:
        return f"{self.model}@{self.alias}"

    @property
    def uri(self) -> str:
        """The `models:/` form."""
        return f"models:/{self}"

    @property
    def key(self) -> str:
        """The folded text of the slot."""
        return fold(str(self))


@frozen(kw_only=True)
class AliasSlots:
    """One alias on every model of a schema or catalog, now and later: `prod.fraud@champion`."""

    kind: ClassVar = SecurableKind.MODEL_ALIAS
    container: SchemaName | CatalogName = field(validator=_check_container)
    alias: str = field(validator=_check_alias, eq=fold)

    def __str__(self) -> str:
        return f"{self.container}@{self.alias}"

    @property
    def key(self) -> str:
        """The folded text."""
        return fold(str(self))


ContainerName = MetastoreName | CatalogName | SchemaName
SecurableName = MetastoreName | CatalogName | SchemaName | ModelName | AliasRef | AliasSlots


def parse_securable(text: str) -> SecurableName:
    """Parse the name of any securable, as policy files and grants write it.

    Args:
        text: `metastore:`, one to three levels, or one to three levels followed by `@ALIAS`.

    Raises:
        InvalidArgumentError: it is none of these.

    Example:
        >>> parse_securable("prod.fraud@champion").kind.value
        'MODEL_ALIAS'
    """
    if not isinstance(text, str):
        raise InvalidArgumentError(f"{text!r} is not text.", hint="Write CATALOG.SCHEMA.MODEL.")
    if text == "metastore:":
        return METASTORE
    body, at, alias = text.partition("@")
    parsers = (CatalogName.parse, SchemaName.parse, ModelName.parse)
    depth = body.count(".")
    if depth >= len(parsers):
        raise InvalidArgumentError(
            f"{text!r} is not the name of a securable.",
            hint="Write metastore:, CATALOG, CATALOG.SCHEMA or CATALOG.SCHEMA.MODEL; the last three also with @ALIAS.",
        )
    name = parsers[depth](body)
    if not at:
        return name
    if isinstance(name, ModelName):
        return AliasRef(model=name, alias=alias)
    return AliasSlots(container=name, alias=alias)


def strip_scheme(text: str) -> str:
    """Return the text without a leading `models:/`."""
    if not isinstance(text, str):
        raise InvalidArgumentError(f"{text!r} is not text.", hint="Write models:/CATALOG.SCHEMA.MODEL/VERSION.")
    return text.removeprefix(MODELS_SCHEME)
