"""The check: reads the card's headings and counts the words below each."""

from __future__ import annotations

from markdown_it import MarkdownIt

from herdbook.plugins import Candidate
from herdbook.verdicts import Pass, Reject, Verdict
from herdbook_modelcard.params import ModelCardParams


def check(candidate: Candidate, params: ModelCardParams) -> Verdict:
    """Reject a candidate whose model card lacks what the params demand; every lack is a reason."""
    text = candidate.read_text(params.file)
    hint = f"Write {params.file} with a heading and {params.min_words} words or more for each section; register again."
    if text is None:
        return Reject(message=f"It has no model card {params.file}.", hint=hint)
    words = section_words(text)
    lacks = []
    for section in params.sections:
        count = words.get(_fold(section))
        if count is None:
            lacks.append(f"The model card has no section {section!r}.")
        elif count < params.min_words:
            lacks.append(f"The section {section!r} of the model card has {count} words, fewer than {params.min_words}.")
    if not lacks:
        return Pass()
    return Reject(message=lacks[0], hint=hint, reasons=tuple(lacks[1:]))


def section_words(text: str) -> dict[str, int]:
    """Return the number of words of each section, those of its subsections included.

    Args:
        text: Markdown (CommonMark).

    Returns:
        Folded heading -> words; sections under one heading are counted together.
    """
    found: dict[str, int] = {}
    open_sections: list[tuple[int, str]] = []
    tokens = MarkdownIt("commonmark").parse(text)
    for position, token in enumerate(tokens):
        if token.type == "heading_open":
            level = int(token.tag[1:])
            open_sections = [section for section in open_sections if section[0] < level]
            heading = _fold(tokens[position + 1].content)
            open_sections.append((level, heading))
            found.setdefault(heading, 0)
        elif token.type == "inline" and tokens[position - 1].type != "heading_open":
            for _, heading in open_sections:
                found[heading] += len(token.content.split())
    return found


def _fold(heading: str) -> str:
    return " ".join(heading.split()).strip(" :#*_").casefold()
