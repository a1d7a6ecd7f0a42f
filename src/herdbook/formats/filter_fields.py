"""What may be searched by: the fields of models and of versions, what can be compared with them, and orders."""

from __future__ import annotations

from enum import Enum, StrEnum

from attrs import frozen

MAX_ORDERS = 4
"""How many fields one order may name."""


class Noun(StrEnum):
    """What is searched."""

    MODEL = "model"
    VERSION = "version"


class Operator(StrEnum):
    """How a field is compared with a value."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    LIKE = "LIKE"
    ILIKE = "ILIKE"
    IN = "IN"
    NOT_IN = "NOT IN"
    IS_NULL = "IS NULL"
    IS_NOT_NULL = "IS NOT NULL"


class FieldType(Enum):
    """What a field's values are."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    STATUS = "status"
    PRINCIPAL = "principal"


_EQUAL = (Operator.EQ, Operator.NE, Operator.IN, Operator.NOT_IN)
_LIKE = (Operator.LIKE, Operator.ILIKE)
_ORDERED = (Operator.LT, Operator.LE, Operator.GT, Operator.GE)
_NULL = (Operator.IS_NULL, Operator.IS_NOT_NULL)


@frozen(kw_only=True)
class Field:
    """A field that a filter may name.

    Args:
        name: Its name.
        type: What its values are.
        operators: What it can be compared with.
        also: Its other names.
        order: Whether results may be ordered by it.
        browse: Whether BROWSE alone shows it (R7).
    """

    name: str
    type: FieldType
    operators: tuple[Operator, ...]
    also: tuple[str, ...] = ()
    order: bool = False
    browse: bool = False


_T = FieldType
_TIMES = (*_EQUAL, *_ORDERED)
_NAMED = (
    Field(name="name", type=_T.TEXT, operators=(*_EQUAL, *_LIKE, *_ORDERED), order=True, browse=True),
    Field(name="catalog", type=_T.TEXT, operators=(*_EQUAL, *_LIKE), browse=True),
    Field(name="schema", type=_T.TEXT, operators=(*_EQUAL, *_LIKE), browse=True),
    Field(name="owner", type=_T.PRINCIPAL, operators=(*_EQUAL, *_LIKE), order=True),
)
_COMMON = (
    Field(name="tags", type=_T.TEXT, operators=(*_EQUAL, *_LIKE, *_NULL), browse=True),
    Field(name="comment", type=_T.TEXT, operators=(*_EQUAL, *_LIKE, *_NULL), also=("description",), browse=True),
    Field(name="alias", type=_T.TEXT, operators=(*_EQUAL, *_LIKE, *_NULL)),
    Field(name="created_at", type=_T.TIME, operators=_TIMES, also=("creation_timestamp",), order=True),
    Field(
        name="last_updated_at",
        type=_T.TIME,
        operators=_TIMES,
        also=("last_updated_timestamp", "updated_at", "timestamp"),
        order=True,
    ),
)
_ONLY_VERSIONS = (
    Field(name="version", type=_T.NUMBER, operators=_TIMES, also=("version_number",), order=True),
    Field(name="status", type=_T.STATUS, operators=_EQUAL, order=True),
    Field(name="author", type=_T.PRINCIPAL, operators=(*_EQUAL, *_LIKE), order=True),
    Field(name="run_id", type=_T.TEXT, operators=(*_EQUAL, *_LIKE, *_NULL)),
    Field(name="experiment_id", type=_T.TEXT, operators=(*_EQUAL, *_LIKE, *_NULL)),
    Field(name="logged_model_id", type=_T.TEXT, operators=(*_EQUAL, *_LIKE, *_NULL)),
    Field(name="source", type=_T.TEXT, operators=(*_EQUAL, *_LIKE, *_NULL), also=("source_path",)),
)
FIELDS: dict[Noun, dict[str, Field]] = {
    Noun.MODEL: {field.name: field for field in (*_NAMED, *_COMMON)},
    Noun.VERSION: {field.name: field for field in (*_NAMED, *_COMMON, *_ONLY_VERSIONS)},
}
TAGS = "tags"


def names_of(noun: Noun, *, orders: bool = False) -> dict[str, Field]:
    """Return the fields of a noun, or those to order by, under all of their names; without tags."""
    return {
        name: field
        for field in FIELDS[noun].values()
        if field.name != TAGS and (field.order or not orders)
        for name in (field.name, *field.also)
    }
