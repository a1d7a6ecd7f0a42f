"""`herdbook policies`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from attrs import frozen
from cyclopts import App

from herdbook.cli.options import DEFAULT, Options, opened, opened_or_founded
from herdbook.cli.output import printable, say, show_list
from herdbook.entities.governance import AccessPath, PolicyReport
from herdbook.entities.ledger import PolicyFile
from herdbook.errors import ConflictError, InvalidArgumentError, NotFoundError

app = App(name="policies", help="Policy files: checked, compared, tried, applied.")
COLUMNS = ("change", "principal", "securable", "operations", "path")


@frozen(kw_only=True)
class Change:
    """Verbs that somebody may from now on, or may not any more, for one reason."""

    change: str
    principal: str
    securable: str
    operations: tuple[str, ...]
    path: tuple[str, ...]


@frozen(kw_only=True)
class InForce:
    """A policy file in force, and who applied it."""

    path: str
    lines: int
    revision: int
    applied_by: str | None
    applied_at: datetime | None
    reason: str | None


@app.command
def check(folder: Path | None = None, *, options: Options = DEFAULT) -> None:
    """Check policy files whole: every mistake with file and line. Changes nothing.

    Args:
        folder: The policy folder; the setting policies_dir unless said.
    """
    files = _files(folder, options)
    with opened(options) as registry:
        report = registry.check_policies(files)
    if report.problems:
        told = "\n".join(("The policy files have mistakes:", *report.problems))
        raise InvalidArgumentError(told, problems=list(report.problems))
    _notes(options, report)
    say(options, "The policy files have no mistakes.", problems=[], notes=list(report.notes))


@app.command
def diff(folder: Path | None = None, *, options: Options = DEFAULT) -> None:
    """Show exactly whose rights applying would change: who gains, who loses, on what. Changes nothing.

    Args:
        folder: The policy folder; the setting policies_dir unless said.
    """
    files = _files(folder, options)
    with opened(options) as registry:
        report = registry.diff_policies(files)
    _notes(options, report)
    changes = (*_changes("loses", report.lost), *_changes("gains", report.gained))
    if changes or options.json:
        show_list(options, changes, COLUMNS)
    else:
        say(options, "Nobody's rights would change.")


@app.command
def apply(folder: Path | None = None, *, reason: str, base: int | None = None, options: Options = DEFAULT) -> None:
    """Put policy files in force, all of them or none.

    Args:
        folder: The policy folder; the setting policies_dir unless said.
        reason: Why; kept in the audit log.
        base: The revision of the files that they are meant to replace; the one in force unless said.
    """
    files = _files(folder, options)
    with opened_or_founded(options) as registry:
        expected = registry.get_policies().revision if base is None else base
        applied = registry.apply_policies(files, expected_revision=expected, reason=reason)
    say(options, f"Applied as revision {applied.revision}.", revision=applied.revision, base=expected)


@app.command(name="test")
def run_cases(first: Path, second: Path | None = None, *, options: Options = DEFAULT) -> None:
    """Run cases against policy files: FOLDER CASES.toml, or CASES.toml alone. Changes nothing.

    Args:
        first: The policy folder; or the cases, for the policy folder of the setting policies_dir.
        second: The cases, where the folder is given.
    """
    folder, cases = (None, first) if second is None else (first, second)
    files = _files(folder, options)
    try:
        text = cases.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgumentError(f"The cases in {cases} cannot be read: {error}.") from error
    with opened(options) as registry:
        report = registry.test_policies(files, text, path=str(cases))
    if report.problems:
        told = "\n".join((f"{len(report.problems)} cases are not as expected:", *report.problems))
        raise ConflictError(told, problems=list(report.problems))
    say(options, "All cases are as expected.", problems=[])


@app.command
def show(*, file: str | None = None, options: Options = DEFAULT) -> None:
    """Show the policy files in force: their revision, who applied them, when and why.

    Args:
        file: Show what this one says.
    """
    with opened(options) as registry:
        applied = registry.get_policies()
    if file is not None:
        for each in applied.files:
            if each.path == file:
                say(options, each.text.rstrip("\n"), path=each.path, text=each.text)
                return
        raise NotFoundError(f"No policy file in force is called {file}.", hint="Leave out --file to see them all.")
    found = [
        InForce(
            path=each.path,
            lines=len(each.text.splitlines()),
            revision=applied.revision,
            applied_by=applied.applied_by,
            applied_at=applied.applied_at,
            reason=applied.reason,
        )
        for each in applied.files
    ]
    show_list(options, found, ("path", "lines", "revision", "applied_by", "applied_at", "reason"))


@app.command
def rebind(name: str, *, reason: str | None = None, options: Options = DEFAULT) -> None:
    """Let a name in policy files stand for what bears it now.

    Args:
        name: A securable, or a principal with its kind, as the files write it.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        applied = registry.rebind_policy_name(name, reason=reason)
    say(options, f"{name} is bound anew by revision {applied.revision}.", name=name, revision=applied.revision)


def _files(folder: Path | None, options: Options) -> tuple[PolicyFile, ...]:
    from herdbook.bootstrap import read_policy  # noqa: PLC0415 `--help` needs no database

    chosen = options.settings().policies_dir if folder is None else str(folder)
    if chosen is None:
        raise InvalidArgumentError(
            "Which policy folder?", hint="Name it, or set policies_dir in herdbook.toml as `herdbook init` does."
        )
    return read_policy(chosen)


def _changes(change: str, entries: Sequence[AccessPath]) -> list[Change]:
    """Return the entries with the verbs that have one reason put together."""
    alike: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for entry in entries:
        alike.setdefault((str(entry.principal), str(entry.securable), entry.path), []).append(entry.operation.value)
    return [
        Change(change=change, principal=who, securable=on, operations=tuple(operations), path=path)
        for (who, on, path), operations in alike.items()
    ]


def _notes(options: Options, report: PolicyReport) -> None:
    if not options.json:
        for note in report.notes:
            sys.stderr.write(f"note: {printable(note)}\n")
