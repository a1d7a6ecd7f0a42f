"""What a rule can say about model cards."""

from __future__ import annotations

from attrs import Attribute, field, frozen

from herdbook.errors import InvalidArgumentError


def fold(heading: str) -> str:
    """Return a heading as it is compared: in lower case, with single spaces, without a colon at its end."""
    return " ".join(heading.split()).strip(" :#*_").casefold()


def _are_headings(_: object, attribute: Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    if not value or not all(fold(section) for section in value):
        raise InvalidArgumentError(f"{attribute.name} must be a list of one heading or more, none of them empty")
    if len({fold(section) for section in value}) < len(value):
        raise InvalidArgumentError(f"{attribute.name} names a heading twice")


def _is_positive(_: object, attribute: Attribute[int], value: int) -> None:
    if value < 1:
        raise InvalidArgumentError(f"{attribute.name} must be 1 or more, not {value}")


def _is_filled(_: object, attribute: Attribute[str], value: str) -> None:
    if not value:
        raise InvalidArgumentError(f"{attribute.name} must not be empty")


@frozen(kw_only=True)
class ModelCardParams:
    """What a card must have.

    Args:
        file: The card's path in the version.
        sections: Headings that must be there, in any case and at any level; at least one.
        min_words: Words that each of these sections needs; 1 or more.
    """

    file: str = field(default="README.md", validator=_is_filled)
    sections: tuple[str, ...] = field(
        default=("Intended use", "Training data", "Evaluation", "Limitations"), validator=_are_headings
    )
    min_words: int = field(default=5, validator=_is_positive)
