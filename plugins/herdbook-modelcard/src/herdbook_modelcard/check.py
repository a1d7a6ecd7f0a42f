"""The check: reads the card's headings and counts the words below each."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.token import Token

from herdbook.plugins import Candidate
from herdbook.verdicts import Pass, Reject, Verdict
from herdbook_modelcard.params import ModelCardParams, fold


def check(candidate: Candidate, params: ModelCardParams) -> Verdict:
    """Reject a candidate whose model card lacks what the params demand; every lack is a reason."""
    text = candidate.read_text(params.file)
    hint = (
        f"Write {params.file} with the sections {', '.join(params.sections)}: a heading each, and {params.min_words} "
        "words or more below it. Then register again."
    )
    if text is None:
        return Reject(message=f"It has no model card {params.file}.", hint=hint)
    words = section_words(text)
    lacks = []
    for section in params.sections:
        count = words.get(fold(section))
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
        text: Markdown (CommonMark); headings in quotes and lists, comments and blocks of code do not count.

    Returns:
        Folded heading -> words; sections under one heading are counted together.
    """
    found: dict[str, int] = {}
    around: list[tuple[int, str]] = []
    # Windows editors begin files with a byte-order mark, which would hide a heading on the first line.
    tokens = MarkdownIt("commonmark").parse(text.removeprefix("\ufeff"))
    for position, token in enumerate(tokens):
        if token.type == "heading_open" and token.level == 0:
            level = int(token.tag[1:])
            heading = fold(_shown(tokens[position + 1]))
            around = [*(section for section in around if section[0] < level), (level, heading)]
            found.setdefault(heading, 0)
        elif token.type == "inline" and tokens[position - 1].type != "heading_open":
            count = sum(any(map(str.isalnum, word)) for word in _shown(token).split())
            # A set: a section inside another one of its name is not counted twice.
            for heading in {heading for _, heading in around}:
                found[heading] += count
    return found


def _shown(inline: Token) -> str:
    """Return what a reader sees of it: no markup, no comments, no addresses of links."""
    parts = {"text": None, "code_inline": None, "softbreak": " ", "hardbreak": " "}
    return "".join(parts[child.type] or child.content for child in inline.children or () if child.type in parts)
