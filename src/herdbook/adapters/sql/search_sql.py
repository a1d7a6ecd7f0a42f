"""The statements of a search: the ids of one page in order, then the rows of that page alone."""

from __future__ import annotations

import json
from functools import cached_property

from attrs import field, frozen

from herdbook.adapters.sql import resolve_sql
from herdbook.adapters.sql.search_names import between, name_test
from herdbook.adapters.sql.search_spans import only_catalog
from herdbook.adapters.sql.search_where import Parameters, condition
from herdbook.formats.filter_fields import Noun
from herdbook.formats.filters import clauses
from herdbook.formats.orders import Order
from herdbook.policy.ranges import EVERYTHING, Ranges, Spans
from herdbook.ports.metadata import Search

# The limit is written out: PostgreSQL takes a tenth of all rows for one that it is not told, and plans anew each time.
# A materialized page is read in the order in which it was made; only PostgreSQL may choose another.
_PAGE = """WITH {names} page(id, {aliases}) AS MATERIALIZED (
        {begun}SELECT [[row {row}]] AS id, {orders} FROM {source} WHERE {where} {order_by} LIMIT {limit})
    SELECT {columns}, {page_orders} FROM page CROSS JOIN {joined} WHERE [[row {row}]] = page.id
    [[ordered {page_order_by}]]"""
# Of each model at least one version is on the page, so the models of a page are found first, in the order of the spans.
_MODELS_FIRST = """models(id, key) AS MATERIALIZED (
        [[ranging ASC]] SELECT m.id, m.key
        FROM {source} WHERE m.key >= r.low AND m.key < r.high AND m.deleted_at IS NULL
        AND EXISTS (SELECT 1 FROM model_versions v WHERE v.model_id = m.id AND {where})
        [[ordered m.key]] [[upto {limit}; r.low, key]] LIMIT {limit}),
    """
_RANGES = "r(low, high) AS (SELECT [[binary value->>0]], value->>1 FROM [[pairs spans]]),\n    "
_BY_NAME = "registered_models m [[indexed uq_registered_models_key_live]]"
_ITS_MODEL = "[[foreach registered_models; m; id = v.model_id]]"
_ITS_VERSIONS = " [[foreach model_versions; v; model_id = m.id]]"
_RANGED = "[[ranged registered_models m]] [[indexed uq_registered_models_key_live]]"
# A row beyond which the walk along an order's index is not worth it; what ties with it is beyond it too.
_FENCE = """SELECT {row}.{column} FROM {table} {row} [[indexed {index}]]
    WHERE {where} ORDER BY {row}.{column} {direction} LIMIT 1 OFFSET :walked"""
# Looking each version up would take longer than the page; those in the trash are counted too.
_COUNT = """WITH r(low, high) AS (SELECT value->>0, value->>1 FROM [[pairs wide]])
    SELECT {counted} FROM (SELECT m.last_version FROM r [[spanned registered_models; m]]
        WHERE m.deleted_at IS NULL LIMIT :limit) counted"""
_MANAGED = """OR EXISTS (SELECT 1 FROM [[pairs managed]] g
    WHERE m.key >= g.value->>0 AND m.key < g.value->>1)"""
_HIDDEN_SOURCE = """NOT (substr(v.source, 1, 8) = 'models:/' AND EXISTS (SELECT 1 FROM version_sources vs
    LEFT JOIN model_versions pv ON pv.id = vs.source_version_id AND pv.deleted_at IS NULL
    LEFT JOIN registered_models pm ON pm.id = pv.model_id AND pm.deleted_at IS NULL
    WHERE vs.version_id = v.id AND NOT EXISTS (SELECT 1 FROM [[pairs known]] k
        WHERE pm.key >= k.value->>0 AND pm.key < k.value->>1)))"""
_PERSON = "[[binary coalesce((SELECT p.key FROM principals p WHERE p.id = {0}), {0})]]"
_COLUMNS = {Noun.MODEL: resolve_sql.MODEL_COLUMNS, Noun.VERSION: resolve_sql.VERSION_COLUMNS}
_JOINED = {Noun.MODEL: resolve_sql.MODEL_FROM, Noun.VERSION: resolve_sql.VERSION_FROM}
_ROW = {Noun.MODEL: "m", Noun.VERSION: "v"}
# The indexes that hold an order, read where no span of names is narrower.
_ORDER_INDEX = {
    (Noun.MODEL, "created_at"): "ix_registered_models_created_at_key",
    (Noun.MODEL, "last_updated_at"): "ix_registered_models_updated_at_key",
    (Noun.VERSION, "created_at"): "ix_model_versions_created_at",
    (Noun.VERSION, "last_updated_at"): "ix_model_versions_updated_at",
}


# The same for the models of one catalog.
_CATALOG_INDEX = {"last_updated_at": "ix_registered_models_catalog_id_updated_at_key"}
_IN_CATALOG = "m.catalog_id = (SELECT c.id FROM catalogs c WHERE c.key = :{0} AND c.deleted_at IS NULL)"


@frozen(kw_only=True)
class Walk:
    """The reading along the index of an order.

    Args:
        fence: Only rows before this value of the first order are read; None: all.
    """

    fence: int | None = None


@frozen(kw_only=True)
class Page:
    """What the statement of a page is made of.

    Args:
        noun: What is searched.
        search: The filter, order, position and size.
        ranges: The names to read, already behind the position where the order begins with the name.
        ids: The ids of the only rows that can be results; None where any can.
        walk: How to read along the index of the order and test each name; None reads the ranges, then sorts.
        reader_id: The author who sees versions of any status; None for models.
        managed: Where versions of any status are seen.
        known: Where models may be known of; a source that names another is not told by a filter on it (R28).
    """

    noun: Noun
    search: Search
    ranges: Ranges
    ids: tuple[str, ...] | None = None
    walk: Walk | None = None
    reader_id: str | None = None
    managed: Spans = field(default=())
    known: Spans = field(default=())

    def statement(self) -> tuple[str, dict[str, object]]:
        """Return the statement and its parameters."""
        given = Parameters()
        orders = [_expression(order, self.noun) for order in self.search.order]
        wanted = self._wanted(given, orders)
        names, source, found = self._source(given, wanted)
        aliases = [f"o{place}" for place in range(len(orders))]
        begun, order_by = self._ordered(source, orders, aliases)
        sql = _PAGE.format(
            names=names,
            aliases=", ".join(aliases),
            row=_ROW[self.noun],
            begun=begun,
            orders=", ".join(f"{sql} AS {alias}" for sql, alias in zip(orders, aliases, strict=True)),
            source=source,
            where=" AND ".join(found),
            order_by=order_by,
            columns=_COLUMNS[self.noun],
            page_orders=", ".join(f"page.{alias}" for alias in aliases),
            joined=_JOINED[self.noun].removeprefix("FROM "),
            page_order_by=_directed([f"page.{alias}" for alias in aliases], self.search.order),
            limit=self._limit,
        )
        values: dict[str, object] = {**given.values, "reader": self.reader_id}
        lists = {"ids": self.ids, "managed": self.managed, "known": self.known, "spans": self.ranges.spans}
        # A list may be long, and writing it takes its time.
        return sql, {**values, **{name: json.dumps(each) for name, each in lists.items() if f" {name}]]" in sql}}

    @property
    def index(self) -> str | None:
        """The index that holds the order; None where none does."""
        field = self.search.order[0].field
        return _CATALOG_INDEX[field] if self.catalog else _ORDER_INDEX.get((self.noun, field))

    @cached_property
    def catalog(self) -> str | None:
        """The key of the only catalog in which results can lie, where an index holds the order in it."""
        ordered = self.noun is Noun.MODEL and self.search.order[0].field in _CATALOG_INDEX
        return only_catalog(self.ranges.spans) if ordered else None

    def fence(self, walked: int) -> tuple[str, dict[str, object]]:
        """Return the statement for the value of the order that so many rows are before, from the position on."""
        first, row = self.search.order[0], _ROW[self.noun]
        column, where = _expression(first, self.noun).partition(".")[2], f"{row}.deleted_at IS NULL"
        values: dict[str, object] = {"walked": walked}
        if self.catalog:
            # Deleted rows may count: looking at each would leave the index.
            where = _IN_CATALOG.format("catalog")
            values["catalog"] = self.catalog
        if self.search.after is not None:
            where += f" AND {row}.{column} {'<=' if first.descending else '>='} :after"
            values["after"] = self.search.after[0]
        table = "registered_models" if self.noun is Noun.MODEL else "model_versions"
        sql = _FENCE.format(
            row=row, column=column, table=table, index=self.index, where=where, direction=_direction(first)
        )  # fmt: skip
        return sql, values

    def count(self, most: int) -> tuple[str, dict[str, object]]:
        """Return the statement that counts the rows under the wide ones of the ranges, and may end at `most`."""
        # A model without versions is looked at too.
        counted = "count(*)" if self.noun is Noun.MODEL else "CAST(sum([[greatest last_version, 1]]) AS bigint)"
        return _COUNT.format(counted=counted), {"wide": json.dumps(self.ranges.pieces.wide), "limit": most}

    @property
    def _limit(self) -> int:
        """One row more than the page has, which tells whether another follows."""
        return int(self.search.limit) + 1

    def _wanted(self, given: Parameters, orders: list[str]) -> list[str]:
        """Return the conditions on a row, wherever it is read from."""
        wanted = [f"{_ROW[self.noun]}.deleted_at IS NULL"]
        if self.noun is Noun.VERSION and self.managed != EVERYTHING.spans:
            managed = _MANAGED if self.managed else ""
            wanted.append(f"(v.status = 'READY' OR v.author_id = :reader {managed})")
        if self.search.where is not None:
            wanted.append(condition(self.search.where, self.noun, given))
            if self.noun is Noun.VERSION and any(clause.field == "source" for clause in clauses(self.search.where)):
                wanted.append(f"(v.source IS NULL OR {_HIDDEN_SOURCE})")
        if self.search.after is not None:
            wanted += _behind(given, orders, self.search)
        return wanted

    def _source(self, given: Parameters, wanted: list[str]) -> tuple[str, str, list[str]]:
        """Return the CTEs before the page, where its rows are read from, and all conditions on them."""
        versions = self.noun is Noun.VERSION
        live = [*wanted, "m.deleted_at IS NULL"] if versions else wanted
        joined = ["m.id = v.model_id"] if versions else []
        if self.ids is not None:
            source = "[[each ids]] i CROSS JOIN " + ("model_versions v CROSS JOIN " if versions else "")
            bounds = self._bounds(given) if len(self.ranges.spans) == 1 else []
            return "", f"{source}registered_models m", [f"{_ROW[self.noun]}.id = i.value", *joined, *bounds, *live]
        first = self.search.order[0]
        if self.walk is not None or (self.ranges.spans == EVERYTHING.spans and self.index is not None):
            return self._along(given, [*joined, *live])
        if len(self.ranges.spans) == 1:
            source = _BY_NAME
            source += _ITS_VERSIONS if versions else ""
            return "", source, [*self._bounds(given), *joined, *live]
        if versions and first.field == "name" and not first.descending:
            names = _RANGES + _MODELS_FIRST.format(source=_RANGED, where=" AND ".join(wanted), limit=self._limit)
            return names, "models CROSS JOIN model_versions v CROSS JOIN registered_models m", [
                "v.model_id = models.id", "m.id = models.id", *wanted,
            ]  # fmt: skip
        if not self.ranges.pieces.wide and first.field != "name":
            names = given.add(json.dumps(self.ranges.pieces.names))
            source = f"[[each {names}]] n CROSS JOIN {_BY_NAME}"
            source += _ITS_VERSIONS if versions else ""
            return "", source, ["m.key = n.value", *joined, *live]
        source = _RANGED
        source += _ITS_VERSIONS if versions else ""
        return _RANGES, source, ["m.key >= r.low AND m.key < r.high", *joined, *live]

    def _ordered(self, source: str, orders: list[str], aliases: list[str]) -> tuple[str, str]:
        """Return what comes before the SELECT of a page from a source, and how its rows are ordered."""
        first, ordered = self.search.order[0], _directed(aliases, self.search.order)
        by_range, by_name = source.startswith(_RANGED), first.field == "name"
        begun = f"[[ranging {_direction(first)}]] " if by_range else "[[fenced x]] "
        if by_range and by_name:
            # Spans follow one another, and each is read along the index of names.
            as_read = self.noun is Noun.MODEL and not first.descending and len(aliases) == 1
            inside = f"[[ordered {ordered}]]" if as_read else f"ORDER BY {ordered}"
            return begun, f"{inside} [[upto {self._limit}; r.low {_direction(first)}, {ordered}]]"
        if by_range or (source.startswith(_BY_NAME) and not by_name):
            return begun, f"[[apart x]] ORDER BY {ordered}"
        return "", f"ORDER BY {_directed(orders, self.search.order)}"

    def _along(self, given: Parameters, found: list[str]) -> tuple[str, str, list[str]]:
        """Return what `_source` does for reading along the index of the order."""
        indexed = f"[[indexed {self.index}]]"
        source = f"registered_models m {indexed}"
        if self.noun is Noun.VERSION:
            source = f"model_versions v [[indexed {self.index}]] {_ITS_MODEL}"
        if self.walk is not None and self.walk.fence is not None:
            first = self.search.order[0]
            sign = ">" if first.descending else "<"
            found = [f"{_expression(first, self.noun)} {sign} :{given.add(self.walk.fence)}", *found]
        if self.ranges.spans == EVERYTHING.spans:
            return "", source, found
        if self.catalog:
            found = [_IN_CATALOG.format(given.add(self.catalog)), *found]
        names, test = name_test(given, self.ranges.pieces)
        if self.noun is Noun.VERSION:
            return names, source, [test, *found]
        first = self.search.order[0]
        walked = f"[[tested {_expression(first, self.noun)} {_direction(first)}; m]]"
        return names, f"[[walked registered_models m]] {indexed}", [f"{' AND '.join(found)} {walked} {test}"]

    def _bounds(self, given: Parameters) -> list[str]:
        return between(given, self.ranges.spans[0])


def _expression(order: Order, noun: Noun) -> str:
    if order.field == "name":
        return "m.key"
    if order.field in ("owner", "author"):
        return _PERSON.format("m.owner_id" if order.field == "owner" else "v.author_id")
    column = {"last_updated_at": "updated_at"}.get(order.field, order.field)
    return f"{_ROW[noun]}.{column}"


def _directed(expressions: list[str], orders: tuple[Order, ...]) -> str:
    pairs = zip(expressions, orders, strict=True)
    return ", ".join(f"{sql} {_direction(order)}" for sql, order in pairs)


def _direction(order: Order) -> str:
    return "DESC" if order.descending else "ASC"


def _behind(given: Parameters, expressions: list[str], search: Search) -> list[str]:
    """Return the conditions that a row follows the position; spans have it already that the name does not precede."""
    after = search.after or ()
    first, *rest = search.order
    if first.field == "name" and not rest:
        return []
    marks = [given.add(value) for value in after]
    signs = ["<" if order.descending else ">" for order in search.order]
    # Both sides are written out so that neither database takes the strict comparison for the bound to begin at.
    strict = ""
    for sql, sign, mark in reversed(list(zip(expressions, signs, marks, strict=True))):
        strict = f"({sql} {sign} :{mark} OR ({sql} = :{mark} AND {strict}))" if strict else f"{sql} {sign} :{mark}"
    return [strict] if first.field == "name" else [f"{expressions[0]} {signs[0]}= :{marks[0]}", strict]
