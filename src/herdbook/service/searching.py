"""Searches of registered models and of their versions, governed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from attrs import evolve

from herdbook.entities import ModelVersion, Page, RegisteredModel
from herdbook.formats.filter_fields import FIELDS, Noun
from herdbook.formats.filters import Filter, clauses, format_filter, parse_filter
from herdbook.formats.orders import Order, format_orders, parse_orders
from herdbook.policy.limits import check_max_results
from herdbook.ports.metadata import Hits, ReadTransaction, Search
from herdbook.ports.registry import ModelVersions, RegisteredModels
from herdbook.service.part import GovernedPart
from herdbook.service.shown import managed, shown
from herdbook.service.sight import with_known_parents
from herdbook.verdicts import Operation, SecurableKind

T = TypeVar("T")


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
            show = shown(self._core.gate.authority, self._caller, SecurableKind.REGISTERED_MODEL, tx)
            hits = tx.search_models(search, show.seen if shown_by_browse(where, order) else show.full)
            return evolve(hits, rows=show.of(hits.rows))

        return self._found(
            Operation.SEARCH_REGISTERED_MODELS, Search(where=where, order=order, limit=max_results), page_token, find
        )

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
            authority = core.gate.authority
            show = shown(authority, caller, SecurableKind.REGISTERED_MODEL, tx)
            all_of = managed(authority, caller, tx)
            reader = caller.principal_id
            hits = tx.search_versions(search, show.full, reader_id=reader, managed=all_of, known=show.seen)
            rows = tuple(with_known_parents(core, caller, row, tx, tx) for row in hits.rows)
            return Hits(rows=rows, position=hits.position)

        return self._found(
            Operation.SEARCH_MODEL_VERSIONS, Search(where=where, order=order, limit=max_results), page_token, find
        )

    def _found(
        self,
        operation: Operation,
        search: Search,
        page_token: str | None,
        find: Callable[[ReadTransaction, Search], Hits[T]],
    ) -> Page[T]:
        check_max_results(search.limit)
        seal = self._core.seal
        after = None if page_token is None else seal.position(self._caller, _query(operation, search), page_token)
        with self._core.store.read() as tx:
            hits = find(tx, search if after is None else evolve(search, after=tuple(after)))
        if hits.position is None:
            return Page(items=hits.rows)
        token = seal.token(self._caller, _query(operation, search), hits.position)
        return Page(items=hits.rows, next_page_token=token)


def _query(operation: Operation, search: Search) -> tuple[Any, ...]:
    """Return what a page token belongs to."""
    where = search.where
    return (operation.value, where and format_filter(where), *format_orders(search.order))


def shown_by_browse(where: Filter | None, order: Sequence[Order]) -> bool:
    """Return whether a filter and an order name only fields that BROWSE shows (R7)."""
    named = {clause.field for clause in clauses(where)} | {one.field for one in order}
    return all(FIELDS[Noun.MODEL][name].browse for name in named)
