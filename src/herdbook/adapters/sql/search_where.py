"""Clauses of a search filter as SQL conditions that are true or false, never unknown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from herdbook.formats.filter_fields import TAGS, Noun, Operator
from herdbook.formats.filters import And, Clause, Filter, Not, Or
from herdbook.names import fold

HEAD = 200
"""How much of a value an index holds."""

OWNER_KIND = {Noun.MODEL: "registered_model", Noun.VERSION: "model_version"}
_ROW = {Noun.MODEL: "m", Noun.VERSION: "v"}
_GLOB_SPECIAL = re.compile(r"[*?\[]")
_SIGNS = {Operator.NE: "<>"}
_SCHEMA_NAME = """(SELECT c.name || '.' || s.name FROM catalogs c WHERE c.id = s.catalog_id)"""


class Parameters:
    """The values of a statement, named in the order in which they are asked for."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    def add(self, value: object) -> str:
        """Return the name of a new parameter."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return name

    def pattern(self, value: str) -> str:
        """Return the name of a new pattern: as LIKE reads it, and under the name with `g` before it as GLOB does."""
        name = self.add(re.sub("%+", "%", value))
        self.values[f"g{name}"] = glob(value)
        return name


def glob(pattern: str) -> str:
    """Return a LIKE pattern without escapes as SQLite's GLOB writes it, which tells upper from lower case."""
    escaped = _GLOB_SPECIAL.sub(lambda found: f"[{found[0]}]", re.sub("%+", "%", pattern))
    return escaped.replace("%", "*").replace("_", "?")


def condition(tree: Filter, noun: Noun, given: Parameters) -> str:
    """Return a filter over rows `m` of registered_models, and `v` of model_versions, as a condition."""
    if isinstance(tree, And):
        return "(" + " AND ".join(condition(part, noun, given) for part in tree.parts) + ")"
    if isinstance(tree, Or):
        return "(" + " OR ".join(condition(part, noun, given) for part in tree.parts) + ")"
    if isinstance(tree, Not):
        return f"NOT {condition(tree.part, noun, given)}"
    return _Clause(tree, noun, given).sql()


class _Clause:
    """One clause on its way into SQL."""

    def __init__(self, clause: Clause, noun: Noun, given: Parameters) -> None:
        self._clause = clause
        self._given = given
        self._noun = noun
        self._row = _ROW[noun]

    def sql(self) -> str:
        field = self._clause.field
        special: dict[str, Callable[[], str]] = {
            TAGS: self._tag,
            "alias": self._alias,
            "name": self._name,
            "catalog": self._catalog,
            "schema": self._schema,
            "owner": lambda: self._principal("m.owner_id"),
            "author": lambda: self._principal("v.author_id"),
        }
        if field in special:
            return special[field]()
        if field in ("comment", "run_id", "experiment_id", "logged_model_id", "source"):
            return self._optional(f"{self._row}.{field}")
        column = {"last_updated_at": "updated_at"}.get(field, field)
        return self._compare(f"{self._row}.{column}")

    def _compare(self, column: str, *, folded: bool = False) -> str:
        """Return a comparison of a column that is never NULL."""
        operator, value = self._clause.operator, self._clause.value
        if isinstance(value, tuple):
            number = isinstance(value[0], int)
            item = "CAST(i.value AS bigint)" if number else "i.value"
            items = [fold(one) if folded and isinstance(one, str) else one for one in value]
            return f"{column} {operator} (SELECT {item} FROM [[each {self._given.add(json.dumps(items))}]] i)"
        if operator in (Operator.LIKE, Operator.ILIKE):
            return f"{column} [[{operator.lower()} {self._given.pattern(str(value))}]]"
        bound = fold(value) if folded and isinstance(value, str) else value
        return f"{column} {_SIGNS.get(operator, operator)} :{self._given.add(bound)}"

    def _named(self, key: str, written: str) -> str:
        """Return a comparison of a name: LIKE sees it as it was written, everything else folded."""
        return self._compare(written) if self._clause.operator is Operator.LIKE else self._compare(key, folded=True)

    def _optional(self, column: str) -> str:
        if self._clause.operator in (Operator.IS_NULL, Operator.IS_NOT_NULL):
            return f"({column} {self._clause.operator})"
        return f"({column} IS NOT NULL AND {self._compare(column)})"

    def _exists(self, source: str, compared: str) -> str:
        if self._clause.operator is Operator.IS_NULL:
            return f"NOT EXISTS (SELECT 1 FROM {source})"
        if self._clause.operator is Operator.IS_NOT_NULL:
            return f"EXISTS (SELECT 1 FROM {source})"
        return f"EXISTS (SELECT 1 FROM {source} AND {compared})"

    def _tag(self) -> str:
        source = f"tags t WHERE t.owner_id = {self._row}.id AND t.key = :{self._given.add(self._clause.key)}"
        nulls = (Operator.IS_NULL, Operator.IS_NOT_NULL)
        return self._exists(source, "" if self._clause.operator in nulls else self._compare("t.value"))

    def _alias(self) -> str:
        on = "a.model_id = m.id" if self._noun is Noun.MODEL else "a.version_id = v.id"
        nulls = (Operator.IS_NULL, Operator.IS_NOT_NULL)
        compared = "" if self._clause.operator in nulls else self._named("a.key", "a.alias")
        return self._exists(f"aliases a WHERE {on} AND a.valid_to IS NULL", compared)

    def _name(self) -> str:
        if self._clause.operator is not Operator.LIKE:
            return self._compare("m.key", folded=True)
        pattern = self._given.pattern(str(self._clause.value))
        if fold(str(self._clause.value)) == str(self._clause.value).upper():
            return f"m.key [[like {pattern}]]"
        # Only the folded name has an index.
        return f"(m.key [[ilike {pattern}]] AND m.full_name [[like {pattern}]])"

    def _catalog(self) -> str:
        compared = self._named("c.key", "c.name")
        return f"m.catalog_id IN (SELECT c.id FROM catalogs c WHERE {compared} AND c.deleted_at IS NULL)"

    def _schema(self) -> str:
        compared = self._named("s.key", _SCHEMA_NAME)
        return f"m.schema_id IN (SELECT s.id FROM schemas s WHERE {compared} AND s.deleted_at IS NULL)"

    def _principal(self, column: str) -> str:
        compared = self._named("p.key", "p.written")
        return f"{column} IN (SELECT p.id FROM principals p WHERE {compared})"
