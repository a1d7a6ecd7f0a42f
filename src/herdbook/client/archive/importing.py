"""Importing an archive: what is missing is made, in order; what is there is recognised; nothing is overwritten."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from herdbook.client.archive.alias_history import Move, by_alias, left, moves
from herdbook.client.archive.contents import Contents
from herdbook.client.archive.placing import Place, place
from herdbook.client.archive.reading import Archive
from herdbook.client.archive.things import Things
from herdbook.client.archive.versions import Versions
from herdbook.client.notebook import use
from herdbook.entities import AliasAssignment
from herdbook.entities.archives import ImportItem, ImportOutcome, ImportReport
from herdbook.errors import ConcurrentUpdateError, ConflictError, NotFoundError, RuleViolationError
from herdbook.names import ModelName, fold
from herdbook.ports.artifacts import Progress
from herdbook.ports.registry import Registry, SecurableLike

_O = ImportOutcome
PAGE = 1000


def import_archive(
    source: str | os.PathLike[str],
    *,
    registry: Registry | None = None,
    into: SecurableLike | None = None,
    as_name: SecurableLike | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Import an archive: everything in it is admitted by this registry's own rules, under the caller's own rights.

    The whole archive is verified before anything is made. Version numbers are kept. A repeated import makes only what
    is missing, so an interrupted one is run again.

    Args:
        source: The archive's file.
        registry: Into which; None uses the default one (see `connect`).
        into: Put a model into this schema, or a schema into this catalog, under its own name.
        as_name: Give what was exported this name.
        dry_run: Change nothing, and say what would be made; what rules refuse is known only when they are asked.
        progress: Called with the number of bytes that have just been verified or taken in.

    Returns:
        What became of each thing in the archive.

    Raises:
        InvalidArgumentError: it is no archive, contradicts itself, or cannot go there; nothing was made.
        IntegrityError: the archive was changed or damaged; nothing was made.
        NotFoundError: what it goes into does not exist for the caller.
        PermissionDeniedError: the caller lacks a right; the message names it, and what was made before stays.

    Example:
        >>> import herdbook
        >>> herdbook.import_archive("fraud.tar", as_name="staging.fraud").dry_run  # doctest: +SKIP
        False
    """
    archive = Archive(Path(source).expanduser().absolute())
    try:
        digest = archive.verify(progress)
        contents = Contents(archive)
        where = place(contents.name, into=into, as_name=as_name)
        with use(registry) as opened:
            job = _Import(opened, contents, where, Things(opened, dry_run=dry_run))
            job.versions = Versions(opened, archive, digest, contents, where, job.things, progress)
            items = job.run()
    finally:
        archive.close()
    return ImportReport(
        archive=digest, header=contents.header, facts=contents.facts, dry_run=dry_run, items=tuple(items)
    )


class _Import:
    versions: Versions

    def __init__(self, registry: Registry, contents: Contents, where: Place, things: Things) -> None:
        self._registry = registry
        self._contents = contents
        self._place = where
        self.things = things
        self._items: list[ImportItem] = []

    def run(self) -> list[ImportItem]:
        self._containers()
        names = self._models()
        ready: dict[int, set[int]] = {}
        for step in self._contents.steps:
            if step.ordinal not in names:
                continue
            item = self.versions.bring(step, names[step.ordinal])
            if item.outcome in (_O.MADE, _O.PRESENT):
                ready.setdefault(step.ordinal, set()).add(step.number)
            self._items.append(item)
        for ordinal, model in names.items():
            for history in by_alias(self._contents.assignments(ordinal)).values():
                self._items.append(self._alias(model, history, ready.get(ordinal, set())))
        return self._items

    def _models(self) -> dict[int, ModelName]:
        """Make the models; returns their names here by ordinal, without those that were refused."""
        names = {}
        for name, ordinal in self._contents.models.items():
            here = self._place.model(name)
            item = self.things.model(here, self._contents.model(ordinal))
            self._items.append(item)
            if item.outcome is not _O.REFUSED:
                names[ordinal] = here
        return names

    def _containers(self) -> None:
        catalog = self._contents.catalog
        if catalog is not None:
            self._items.append(self.things.catalog(self._place.catalog(catalog.name), catalog.comment))
        for schema in self._contents.schemas():
            name = self._place.schema(schema.name)
            if catalog is None:
                self._registry.get_catalog(name.parent)
            self._items.append(self.things.schema(name, schema.comment))
        if isinstance(self._place.now, ModelName):
            self._registry.get_schema(self._place.now.parent)

    def _alias(self, model: ModelName, history: list[AliasAssignment], ready: set[int]) -> ImportItem:
        outcome, why = self._replay(model, history, ready)
        return ImportItem(what=str(model.alias(history[-1].alias)), outcome=outcome, why=why)

    def _replay(
        self, model: ModelName, history: list[AliasAssignment], ready: set[int]
    ) -> tuple[ImportOutcome, str | None]:
        missing = sorted({one.version for one in history} - ready)
        note = f"without version {', '.join(map(str, missing))}: not READY here, or another one" if missing else None
        here = self._history(model, history[-1].alias)
        steps = moves(history, ready)
        rest = left(steps, here)
        if {(one.version, one.valid_from) for one in history} <= {(one.version, one.valid_from) for one in here}:
            return _O.PRESENT, None
        if not steps:
            return _O.SKIPPED, note
        if rest is None:
            return _O.CONFLICT, "it has a history of its own here"
        return self._carry_out(model, rest, note) if rest else (_O.PRESENT, note)

    def _carry_out(self, model: ModelName, steps: Sequence[Move], note: str | None) -> tuple[ImportOutcome, str | None]:
        try:
            for step in () if self.things.dry_run else steps:
                self._move(model, step)
        except ConcurrentUpdateError as error:
            return _O.CONFLICT, error.message
        except (RuleViolationError, ConflictError) as error:
            return _O.REFUSED, error.message
        return _O.MADE, note

    def _move(self, model: ModelName, move: Move) -> None:
        slot = model.alias(move.alias)
        if move.version is None:
            self._registry.delete_registered_model_alias(slot, expected_current=move.was, reason=move.reason)
        else:
            self._registry.set_registered_model_alias(slot, move.version, expected_current=move.was, reason=move.reason)

    def _history(self, model: ModelName, alias: str) -> list[AliasAssignment]:
        """Return what the registry has of an alias, the newest first."""
        found: list[AliasAssignment] = []
        token = None
        while True:
            try:
                page = self._registry.list_alias_history(model.alias(alias), max_results=PAGE, page_token=token)
            except NotFoundError:
                if self.things.dry_run:
                    return []
                raise
            found += page.items
            token = page.next_page_token
            if token is None:
                return [one for one in found if fold(one.alias) == fold(alias)]
