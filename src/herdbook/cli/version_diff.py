"""What changed between two versions, told to people: one line a change, the signature first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import frozen

from herdbook.cli.options import Options
from herdbook.cli.output import say, show, show_list, text
from herdbook.entities import (
    ChangeKind,
    Effect,
    FileChange,
    FileEntry,
    SignatureChange,
    SignaturePart,
    ValueChange,
    VersionDiff,
)

_VERDICTS = {
    Effect.BREAKING: "breaks callers of {old}.",
    Effect.NOTABLE: "refuses nothing that {old} takes, but answers may differ.",
    Effect.COMPATIBLE: "is compatible for callers of {old}.",
}
_NAMED = ("flavors", "requirements", "external", "metadata", "tags", "lineage")


@frozen(kw_only=True)
class Line:
    """A change, as it is shown.

    Args:
        part: Where.
        name: Of what.
        change: How it changed.
        old: What it was.
        new: What it is.
        effect: What that means for callers, with the reason.
    """

    part: str
    name: str
    change: str
    old: str
    new: str
    effect: str = ""


def show_diff(options: Options, diff: VersionDiff) -> None:
    """Print what changed: a sentence about the signature and a table, or a JSON object."""
    if options.json:
        show(options, diff)
        return
    lines = list(_lines(diff))
    if not lines:
        say(options, f"Nothing but their numbers tells {diff.old} and {diff.new} apart.")
        return
    if not diff.signature.changes:
        say(options, f"The signature of {diff.new} is that of {diff.old}.")
    else:
        verdict = _VERDICTS[diff.signature.effect].format(old=diff.old)
        say(options, f"The signature of {diff.new} {verdict}")
    show_list(options, lines, ("part", "name", "change", "old", "new", "effect"))


def _lines(diff: VersionDiff) -> Iterator[Line]:
    yield from map(_signature_line, diff.signature.changes)
    yield from map(_file_line, diff.files)
    for part in _NAMED:
        yield from _value_lines(part, getattr(diff, part))
    yield from _value_lines("", () if diff.comment is None else (diff.comment,))


def _signature_line(change: SignatureChange) -> Line:
    return Line(
        part="signature" if change.part is SignaturePart.SIGNATURE else change.part.lower(),
        name=change.path,
        change=_words(change.kind),
        old=text(change.old),
        new=text(change.new),
        effect=f"{change.effect}: {change.reason}",
    )


def _file_line(change: FileChange) -> Line:
    return Line(part="files", name=change.path, change=_how(change), old=_size(change.old), new=_size(change.new))


def _value_lines(part: str, changes: Iterable[ValueChange]) -> Iterator[Line]:
    for change in changes:
        yield Line(
            part=part or change.name,
            name=change.name if part else "",
            change=_how(change),
            old=text(change.old),
            new=text(change.new),
        )


def _how(change: FileChange | ValueChange) -> str:
    if change.old is None:
        return _words(ChangeKind.ADDED)
    return _words(ChangeKind.REMOVED) if change.new is None else "changed"


def _words(kind: ChangeKind) -> str:
    return kind.value.lower().replace("_", " ")


def _size(entry: FileEntry | None) -> str:
    return "-" if entry is None else f"{entry.size:,} bytes"
