"""Orders of search results: text to fields and directions, completed so that no two results tie."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from herdbook.errors import InvalidArgumentError
from herdbook.formats.filter_fields import MAX_ORDERS, Noun, names_of
from herdbook.formats.filter_tokens import Token, TokenKind, nearest, tokens


@frozen(kw_only=True)
class Order:
    """One field to order by.

    Args:
        field: The field, under its first name.
        descending: From the greatest to the least.
    """

    field: str
    descending: bool = False


_TIES = {
    Noun.MODEL: (Order(field="name"),),
    Noun.VERSION: (Order(field="name"), Order(field="version", descending=True)),
}


def parse_orders(items: Sequence[str], noun: Noun) -> tuple[Order, ...]:
    """Parse what results are ordered by, and complete it so that the order is total.

    Args:
        items: Fields, each with an optional ASC or DESC; none is by name, and versions from the highest down.
        noun: What is searched.

    Raises:
        InvalidArgumentError: an item is none, or a field is there twice.

    Example:
        >>> [order.field for order in parse_orders(["last_updated_at DESC"], Noun.MODEL)]
        ['last_updated_at', 'name']
    """
    if isinstance(items, str) or not isinstance(items, Sequence):
        raise InvalidArgumentError(f"order_by is a list of texts, not {items!r}.", hint="Write ['name DESC'].")
    if len(items) > MAX_ORDERS:
        raise InvalidArgumentError(f"order_by has {len(items)} fields; at most {MAX_ORDERS}.")
    orders = [_order(item, noun) for item in items]
    named = [order.field for order in orders]
    twice = next((name for name in named if named.count(name) > 1), None)
    if twice is not None:
        raise InvalidArgumentError(f"order_by names {twice} twice.", hint="Name each field once.")
    return (*orders, *(tie for tie in _TIES[noun] if tie.field not in named))


def format_orders(orders: Sequence[Order]) -> tuple[str, ...]:
    """Write an order so that parsing it gives an equal one."""
    return tuple(f"{order.field} {'DESC' if order.descending else 'ASC'}" for order in orders)


def _order(item: str, noun: Noun) -> Order:
    if not isinstance(item, str):
        raise InvalidArgumentError(f"order_by has {item!r}, which is no text.", hint="Write 'name DESC'.")
    try:
        name, *rest, _ = tokens(item)
    except (InvalidArgumentError, ValueError):
        raise _refused(item, "it is no field with ASC or DESC") from None
    direction = rest[0].keyword if rest else "ASC"
    if len(rest) > 1 or direction not in ("ASC", "DESC"):
        raise _refused(item, f"{rest[-1].written!r} is neither ASC nor DESC")
    return Order(field=_field(name, item, noun), descending=direction == "DESC")


def _field(token: Token, item: str, noun: Noun) -> str:
    if token.kind in (TokenKind.WORD, TokenKind.TICKED, TokenKind.TEXT) and not token.written.startswith("'"):
        name = token.value.removeprefix("attribute.")
        known = names_of(noun, orders=True)
        if name in known:
            return known[name].name
        guess = nearest(name, known)
        if guess is not None:
            raise _refused(item, f"{noun}s cannot be ordered by {token.written}; did you mean {guess}?")
    own = [field.name for name, field in names_of(noun, orders=True).items() if name == field.name]
    raise _refused(item, f"{noun}s are ordered by {', '.join(own)}")


def _refused(item: str, why: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"order_by {item[:100]!r} is wrong: {why}.", hint="Write it like 'name DESC'.")
