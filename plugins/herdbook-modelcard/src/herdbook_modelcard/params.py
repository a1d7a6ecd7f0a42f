"""What a rule can say about model cards."""

from __future__ import annotations

from attrs import frozen


@frozen(kw_only=True)
class ModelCardParams:
    """What a card must have.

    Args:
        file: The card's path in the version.
        sections: Headings that must be there, in any case and at any level.
        min_words: Words that each of these sections needs.
    """

    file: str = "README.md"
    sections: tuple[str, ...] = ("Intended use", "Training data", "Evaluation", "Limitations")
    min_words: int = 5
