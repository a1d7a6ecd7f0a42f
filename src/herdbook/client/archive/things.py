"""Importing catalogs, schemas, models and tags: made where they are missing, left as they are where they are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice

from herdbook.entities import Catalog, RegisteredModel, Schema
from herdbook.entities.archives import ImportItem, ImportOutcome
from herdbook.errors import AlreadyExistsError, NotFoundError, RuleViolationError
from herdbook.names import CatalogName, ModelName, SchemaName
from herdbook.policy.limits import MAX_TAGS
from herdbook.ports.registry import Registry

_O = ImportOutcome


def first_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return as many tags as a thing may be made with."""
    return dict(islice(tags.items(), MAX_TAGS))


class Things:
    """Makes what has no bytes.

    Args:
        registry: Where.
        dry_run: Change nothing.
    """

    def __init__(self, registry: Registry, *, dry_run: bool) -> None:
        self._registry = registry
        self.dry_run = dry_run

    def catalog(self, name: CatalogName, comment: str | None) -> ImportItem:
        """Make a catalog, unless it is there."""
        make = self._registry.create_catalog
        return self._container(str(name), lambda: self._registry.get_catalog(name), lambda: make(name, comment=comment))

    def schema(self, name: SchemaName, comment: str | None) -> ImportItem:
        """Make a schema, unless it is there."""
        make = self._registry.create_schema
        return self._container(str(name), lambda: self._registry.get_schema(name), lambda: make(name, comment=comment))

    def model(self, name: ModelName, archived: RegisteredModel) -> ImportItem:
        """Make a registered model, unless it is there; a tag that it lacks is set."""
        try:
            here = self._registry.get_registered_model(name)
        except NotFoundError:
            if self.dry_run:
                return ImportItem(what=str(name), outcome=_O.MADE)
            given = first_tags(archived.tags)
            try:
                here = self._registry.create_registered_model(name, comment=archived.comment, tags=given or None)
            except RuleViolationError as error:
                return ImportItem(what=str(name), outcome=_O.REFUSED, why=error.message)
            kept = self.tags(archived.tags, here.tags, lambda key, value: self._set_tag(name, key, value))
            return ImportItem(what=str(name), outcome=_O.MADE, why=left_alone(kept))
        kept = self.tags(archived.tags, here.tags, lambda key, value: self._set_tag(name, key, value))
        if here.comment != archived.comment:
            kept = ["the comment", *kept]
        return ImportItem(what=str(name), outcome=_O.PRESENT, why=left_alone(kept))

    def tags(
        self, wanted: Mapping[str, str], here: Mapping[str, str], set_tag: Callable[[str, str], None]
    ) -> list[str]:
        """Set the tags that are missing; returns those that have another value or are refused, in words."""
        kept = [f"the tag {key!r}" for key, value in wanted.items() if here.get(key, value) != value]
        for key, value in () if self.dry_run else wanted.items():
            if key not in here:
                try:
                    set_tag(key, value)
                except RuleViolationError as error:
                    kept.append(f"the tag {key!r} ({error.message})")
        return kept

    def _set_tag(self, name: ModelName, key: str, value: str) -> None:
        self._registry.set_registered_model_tag(name, key, value, reason="imported")

    def _container(
        self, what: str, get: Callable[[], Catalog | Schema], make: Callable[[], Catalog | Schema]
    ) -> ImportItem:
        try:
            get()
        except NotFoundError:
            if not self.dry_run:
                try:
                    make()
                except AlreadyExistsError:
                    get()
            return ImportItem(what=what, outcome=_O.MADE)
        return ImportItem(what=what, outcome=_O.PRESENT)


def left_alone(kept: list[str]) -> str | None:
    """Return the sentence about what is otherwise here than in the archive."""
    return f"left as they are here: {', '.join(kept)}" if kept else None
