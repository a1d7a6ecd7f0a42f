"""Searches of registered models and of their versions, governed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from attrs import evolve, frozen

from herdbook.entities import ModelVersion, Page, RegisteredModel
from herdbook.formats.filter_fields import FIELDS, Noun
from herdbook.formats.filters import Filter, clauses, format_filter, parse_filter
from herdbook.formats.orders import Order, format_orders, parse_orders
from herdbook.policy.limits import check_max_results
from herdbook.policy.ranges import Ranges
from herdbook.ports.metadata import Hits, ReadTransaction, Search
from herdbook.ports.registry import ModelVersions, RegisteredModels
from herdbook.service.part import GovernedPart
from herdbook.service.sight import with_known_parents
from herdbook.service.veils import veiled
from herdbook.verdicts import Operation, Privilege, SecurableKind

T = TypeVar("T")


@frozen(kw_only=True)
class _Sight:
    """The names of models, by what of them a caller is shown in lists.

    Args:
        seen: Those that may be seen: name, comment and tags.
        readable: Those of which every field may be read, and versions.
        managed: Those of which versions of every status may be seen.
    """

    seen: Ranges
    readable: Ranges
    managed: Ranges


class GovernedSearches(GovernedPart, ModelVersions, RegisteredModels):
    """The verbs that search."""

    def search_registered_models(
        self,
        filter_string: str = "",
        *,
        order_by: Sequence[str] = (),
        max_results: int = 100,
        page_token: str | None = None,
    ) -> Page[RegisteredModel]:
        """Search the registered models that the caller may see."""
        where, order = parse_filter(filter_string, Noun.MODEL), parse_orders(order_by, Noun.MODEL)

        def find(tx: ReadTransaction, search: Search) -> Hits[RegisteredModel]:
            sight = self._sight(tx)
            hits = tx.search_models(search, sight.seen if shown_by_browse(where, order) else sight.readable)
            rows = tuple(row if row.name.key in sight.readable else veiled(row) for row in hits.rows)
            return Hits(rows=rows, position=hits.position)

        query = (Operation.SEARCH_REGISTERED_MODELS.value, where and format_filter(where), *format_orders(order))
        return self._found(query, Search(where=where, order=order, limit=max_results), page_token, find)

    def search_model_versions(
        self,
        filter_string: str = "",
        *,
        order_by: Sequence[str] = (),
        max_results: int = 100,
        page_token: str | None = None,
    ) -> Page[ModelVersion]:
        """Search the versions of the models that the caller may read."""
        where, order = parse_filter(filter_string, Noun.VERSION), parse_orders(order_by, Noun.VERSION)
        core, caller = self._core, self._caller

        def find(tx: ReadTransaction, search: Search) -> Hits[ModelVersion]:
            sight = self._sight(tx)
            hits = tx.search_versions(search, sight.readable, reader_id=caller.principal_id, managed=sight.managed)
            shown = tuple(with_known_parents(core, caller, row, tx, tx) for row in hits.rows)
            return Hits(rows=shown, position=hits.position)

        query = (Operation.SEARCH_MODEL_VERSIONS.value, where and format_filter(where), *format_orders(order))
        return self._found(query, Search(where=where, order=order, limit=max_results), page_token, find)

    def _sight(self, tx: ReadTransaction) -> _Sight:
        """Return what the caller is shown, as of the page's own transaction (R12)."""
        authority, caller, kind = self._core.gate.authority, self._caller, SecurableKind.REGISTERED_MODEL
        visible = authority.visible(caller, kind, log=tx)
        seen = tx.visible_ranges(visible, kind)
        readable = authority.holding(caller, (Privilege.READ_METADATA,), kind, log=tx)
        managed = authority.holding(caller, (Privilege.MANAGE, Privilege.APPROVE), kind, log=tx)
        return _Sight(
            seen=seen,
            # Whoever was granted what is usually granted reads what it sees.
            readable=seen if readable == visible else tx.visible_ranges(readable, kind),
            managed=tx.visible_ranges(managed, kind),
        )

    def _found(
        self,
        query: tuple[Any, ...],
        search: Search,
        page_token: str | None,
        find: Callable[[ReadTransaction, Search], Hits[T]],
    ) -> Page[T]:
        check_max_results(search.limit)
        seal = self._core.seal
        after = seal.position(self._caller, query, page_token)
        with self._core.store.read() as tx:
            hits = find(tx, search if after is None else evolve(search, after=tuple(after)))
        if hits.position is None:
            return Page(items=hits.rows)
        return Page(items=hits.rows, next_page_token=seal.token(self._caller, query, hits.position))


def shown_by_browse(where: Filter | None, order: Sequence[Order]) -> bool:
    """Return whether a filter and an order name only fields that BROWSE shows (R7)."""
    named = {clause.field for clause in clauses(where)} | {one.field for one in order}
    return all(FIELDS[Noun.MODEL][name].browse for name in named)
