"""Under which names the things of an archive are imported."""

from __future__ import annotations

from attrs import evolve, frozen

from herdbook.errors import InvalidArgumentError
from herdbook.names import CatalogName, ModelName, SchemaName, parse_securable
from herdbook.ports.registry import SecurableLike

Whole = CatalogName | SchemaName | ModelName


@frozen(kw_only=True)
class Place:
    """Maps the names of an archive to those of the registry that it is imported into.

    Args:
        was: What the archive calls what was exported.
        now: What it is called here.
    """

    was: Whole
    now: Whole

    def catalog(self, name: CatalogName) -> CatalogName:
        """Return a catalog's name here."""
        return evolve(name, catalog=self.now.catalog)

    def schema(self, name: SchemaName) -> SchemaName:
        """Return a schema's name here."""
        last = name.schema if isinstance(self.now, CatalogName) else self.now.schema
        return SchemaName(catalog=self.now.catalog, schema=last)

    def model(self, name: ModelName) -> ModelName:
        """Return a model's name here."""
        schema = self.schema(name.parent)
        last = self.now.model if isinstance(self.now, ModelName) else name.model
        return ModelName(catalog=schema.catalog, schema=schema.schema, model=last)


def place(was: Whole, *, into: SecurableLike | None, as_name: SecurableLike | None) -> Place:
    """Return where an archive goes.

    Args:
        was: What the archive calls what was exported.
        into: The container that it is put into, under its own last name; None: see as_name.
        as_name: Its whole new name; None and no `into`: the one that it has.

    Raises:
        InvalidArgumentError: both are given, or one is not of the right kind.
    """
    if into is not None and as_name is not None:
        raise InvalidArgumentError("Both `into` and `as_name` say where to import to.", hint="Give one of them.")
    if as_name is not None:
        now = _parsed(as_name)
        if not isinstance(now, type(was)):
            raise InvalidArgumentError(
                f"The archive holds {was}, whose new name cannot be {now}.", hint="See the archive."
            )
        return Place(was=was, now=now)
    if into is None:
        return Place(was=was, now=was)
    container = _parsed(into)
    if isinstance(was, ModelName) and isinstance(container, SchemaName):
        return Place(was=was, now=ModelName(catalog=container.catalog, schema=container.schema, model=was.model))
    if isinstance(was, SchemaName) and isinstance(container, CatalogName):
        return Place(was=was, now=SchemaName(catalog=container.catalog, schema=was.schema))
    raise InvalidArgumentError(
        f"{was} cannot be put into {container}.",
        hint="A model goes into CATALOG.SCHEMA, a schema into CATALOG; a catalog takes `as_name`.",
    )


def _parsed(name: SecurableLike) -> Whole:
    parsed = parse_securable(name) if isinstance(name, str) else name
    if not isinstance(parsed, CatalogName | SchemaName | ModelName):
        raise InvalidArgumentError(f"{name} is not the name of a catalog, schema or registered model.")
    return parsed
