"""Searching: which rows can be results at all, and then one page of them."""

from __future__ import annotations

import json

from attrs import evolve, frozen

from herdbook.adapters.sql import rows
from herdbook.adapters.sql.search_names import toil
from herdbook.adapters.sql.search_spans import behind, holds, narrowed
from herdbook.adapters.sql.search_sql import Page, Walk
from herdbook.adapters.sql.search_where import HEAD, OWNER_KIND
from herdbook.adapters.sql.statements import Row, Runner
from herdbook.entities import RegisteredModel
from herdbook.formats.filter_fields import TAGS, Noun, Operator
from herdbook.formats.filters import Clause, Filter, clauses, required, without
from herdbook.names import fold
from herdbook.policy.ranges import EVERYTHING, Ranges, Spans
from herdbook.ports.metadata import Hits, Search, VersionRow

Position = tuple[str | int, ...]
FEW = 2_000
"""Up to how many rows one clause may leave for the search to begin with them; above, it reads in order and looks."""

WALKED = 5_000
"""How many rows are read along the index of an order in the hope that they fill a page."""
SORTED = 50_000
"""Up to how many rows under the ranges are sorted where that hope failed; with more it is read along the index."""
SORTED_AT_ONCE = {Noun.MODEL: 2_000, Noun.VERSION: 4_000}
"""Up to how many are sorted without that hope; where rows are of two tables, walking in vain costs more."""
PART = 200
"""How many ranges a search by name begins with; a page is mostly full with them."""

# Long texts may be compared with long patterns.
_PATTERNS = (Operator.LIKE, Operator.ILIKE)
_TAG = """SELECT t.owner_id FROM tags t [[indexed ix_tags_owner_kind_key_value]]
    WHERE t.owner_kind = :kind AND t.key = :key {value} LIMIT :limit"""
# What only begins alike is found as well: where values may be longer, the page looks at whole ones. Both comparisons in
# one statement would make SQLite put the value into the expression that the index has.
_TAG_VALUE = "AND substr(t.value, 1, 200) = :head"
_ALIAS = """SELECT a.{id} FROM aliases a [[indexed ix_aliases_key_current]]
    WHERE a.key = :key AND a.valid_to IS NULL LIMIT :limit"""
_OWNER = """SELECT m.id FROM registered_models m [[indexed ix_registered_models_owner_id]]
    WHERE m.owner_id IN (SELECT p.id FROM principals p WHERE p.key = :key) AND m.deleted_at IS NULL LIMIT :limit"""
_LINEAGE = (
    """SELECT v.id FROM model_versions v [[indexed ix_model_versions_{field}]] WHERE v.{field} = :value LIMIT :limit"""
)
_SOURCE = """SELECT v.id FROM model_versions v [[indexed ix_model_versions_source]]
    WHERE substr(v.source, 1, 200) = :head LIMIT :limit"""
_PENDING = """SELECT v.id FROM model_versions v [[indexed ix_model_versions_pending]]
    WHERE v.status = 'PENDING_REGISTRATION' LIMIT :limit"""
_NAMES = {
    Noun.MODEL: "SELECT m.id, m.key FROM [[each ids]] i CROSS JOIN registered_models m WHERE m.id = i.value",
    Noun.VERSION: """SELECT v.id, m.key FROM [[each ids]] i CROSS JOIN model_versions v
        CROSS JOIN registered_models m WHERE v.id = i.value AND m.id = v.model_id""",
}


@frozen(kw_only=True)
class _Asked:
    """One search, and in which names it may find what."""

    noun: Noun
    search: Search
    ranges: Ranges
    reader_id: str | None = None
    managed: Spans = ()
    known: Spans = ()


@frozen(kw_only=True)
class _Few:
    """The only rows that can be results.

    Args:
        ids: Their ids.
        where: What has still to be asked of them; None where that is nothing.
    """

    ids: tuple[str, ...]
    where: Filter | None = None


class SearchReads:
    """The searches of a read transaction."""

    _run: Runner

    def search_models(self, search: Search, ranges: Ranges) -> Hits[RegisteredModel]:
        """Return one page of the registered models in ranges that a filter finds."""
        found, position = self._search(_Asked(noun=Noun.MODEL, search=search, ranges=ranges))
        return Hits(rows=rows.models(found), position=position)

    def search_versions(
        self, search: Search, ranges: Ranges, *, reader_id: str, managed: Ranges, known: Ranges
    ) -> Hits[VersionRow]:
        """Return one page of the versions of models in ranges that a filter finds."""
        asked = _Asked(
            noun=Noun.VERSION,
            search=search,
            ranges=ranges,
            reader_id=reader_id,
            managed=managed.spans,
            known=known.spans,
        )
        found, position = self._search(asked)
        own = -len(search.order)
        return Hits(rows=tuple(rows.version(row[:own]) for row in found), position=position)

    def _search(self, asked: _Asked) -> tuple[list[Row], Position | None]:
        """Return the rows of a page, and the position behind it where more follow."""
        if any(clause.operator in _PATTERNS for clause in clauses(asked.search.where)):
            self._run.expect_long()
        search, ranges = asked.search, narrowed(asked.ranges, asked.search.where)
        first = search.order[0]
        if search.after is not None and first.field == "name":
            again = len(search.order) > 1
            ranges = Ranges(spans=behind(ranges.spans, str(search.after[0]), descending=first.descending, again=again))
        few = self._few(asked, ranges.spans) if ranges.spans else _Few(ids=())
        ids = None if few is None else few.ids
        if ids is not None and not ids:
            return [], None
        page = Page(
            noun=asked.noun,
            search=search if few is None else evolve(search, where=few.where),
            ranges=ranges,
            ids=ids,
            reader_id=asked.reader_id,
            managed=asked.managed,
            known=asked.known,
        )
        found = self._rows(page)
        if len(found) <= search.limit:
            return found, None
        last = found[search.limit - 1]
        return found[: search.limit], tuple(last[-len(search.order) :])

    def _rows(self, page: Page) -> list[Row]:
        """Return the rows of a page, and one more where more follow."""
        if page.ids is None and page.search.order[0].field == "name" and len(page.ranges.spans) > PART:
            return self._part_by_part(page)
        if page.ids is None and page.index is not None and page.ranges.spans != EVERYTHING.spans:
            return self._by_time(page)
        return self._all_of(page)

    def _all_of(self, page: Page) -> list[Row]:
        sql, values = page.statement()
        return self._run.all(sql, **values)

    def _part_by_part(self, page: Page) -> list[Row]:
        """Read some ranges, and more of them while the page is not full: names follow one another as ranges do."""
        spans, size = page.ranges.spans, PART
        backwards = page.search.order[0].descending
        found: list[Row] = []
        while spans and len(found) <= page.search.limit:
            part = spans[-size:] if backwards else spans[:size]
            spans = spans[:-size] if backwards else spans[size:]
            found += self._all_of(evolve(page, ranges=Ranges(spans=part)))
            size *= 8
        return found[: page.search.limit + 1]

    def _by_time(self, page: Page) -> list[Row]:
        """Read what the ranges hold and sort it, where that is little; or read along the index and test each name.

        Along the index a page is full soon where much is seen; but what is seen may all lie at its end.
        """
        if not self._more_than(SORTED_AT_ONCE[page.noun], page):
            return self._all_of(page)
        sql, values = page.fence(WALKED // toil(page.ranges.pieces))
        fence = self._run.one(sql, **values)
        if fence is None:
            return self._all_of(evolve(page, walk=Walk()))
        found = self._all_of(evolve(page, walk=Walk(fence=fence[0])))
        if len(found) > page.search.limit:
            return found
        return self._all_of(evolve(page, walk=Walk()) if self._more_than(SORTED, page) else page)

    def _more_than(self, most: int, page: Page) -> bool:
        """Return whether there are more rows than so many under the ranges; a single name is taken for one."""
        pieces = page.ranges.pieces
        left = most - len(pieces.names)
        if left < 0 or not pieces.wide:
            return left < 0
        sql, values = page.count(left + 1)
        counted = self._run.one(sql, **values)
        return counted is not None and (counted[0] or 0) > left

    def _few(self, asked: _Asked, spans: Spans) -> _Few | None:
        """Return the rows that some clause leaves, where it is few; None where no clause leaves few."""
        where = asked.search.where
        for clause in required(where):
            probe = _probe(clause, asked.noun)
            if probe is None:
                continue
            sql, values = probe
            found = self._run.all(sql, **values, limit=FEW + 1)
            if len(found) <= FEW:
                ids = tuple(dict.fromkeys(row[0] for row in found))
                ids = ids if len(spans) == 1 else self._in_spans(ids, asked.noun, spans)
                return _Few(ids=ids, where=without(where, clause) if _is_exact(clause) else where)
        return None

    def _in_spans(self, ids: tuple[str, ...], noun: Noun, spans: Spans) -> tuple[str, ...]:
        named = self._run.all(_NAMES[noun], ids=json.dumps(ids))
        return tuple(row_id for row_id, key in named if holds(spans, key))


def _probe(clause: Clause, noun: Noun) -> tuple[str, dict[str, object]] | None:
    """Return a statement, read from an index alone, for rows that include all that meet a clause."""
    if clause.field == TAGS and clause.operator is not Operator.IS_NULL:
        return _tag_probe(clause, noun)
    return _field_probe(clause.field, str(clause.value), noun) if clause.operator is Operator.EQ else None


def _is_exact(clause: Clause) -> bool:
    """Return whether all rows that a clause's probe finds meet it: it has looked at whole values."""
    if clause.field != TAGS:
        return False
    return clause.operator is Operator.IS_NOT_NULL or (clause.operator is Operator.EQ and len(str(clause.value)) < HEAD)


def _tag_probe(clause: Clause, noun: Noun) -> tuple[str, dict[str, object]]:
    given: dict[str, object] = {"kind": OWNER_KIND[noun], "key": clause.key}
    if clause.operator is not Operator.EQ:
        return _TAG.format(value=""), given
    return _TAG.format(value=_TAG_VALUE), {**given, "head": str(clause.value)[:HEAD]}


def _field_probe(field: str, value: str, noun: Noun) -> tuple[str, dict[str, object]] | None:
    if field == "alias":
        return _ALIAS.format(id="model_id" if noun is Noun.MODEL else "version_id"), {"key": fold(value)}
    if noun is Noun.MODEL:
        return (_OWNER, {"key": fold(value)}) if field == "owner" else None
    if field in ("run_id", "logged_model_id"):
        return _LINEAGE.format(field=field), {"value": value}
    if field == "source":
        return _SOURCE, {"head": value[:HEAD]}
    return (_PENDING, {}) if field == "status" and value == "PENDING_REGISTRATION" else None
