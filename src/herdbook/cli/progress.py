"""A progress bar on bytes, on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from herdbook.cli.output import console
from herdbook.ports.artifacts import Progress as OnBytes


@contextmanager
def bytes_bar(doing: str, total: int | None, *, quiet: bool) -> Iterator[OnBytes | None]:
    """Show how many bytes have been moved.

    Args:
        doing: What is being done, in a word.
        total: Bytes in all; None where that is not known.
        quiet: Show nothing.
    """
    err = console(stderr=True)
    if quiet or not err.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=err, transient=True) as bar:
        task = bar.add_task(doing, total=total)

        def advance(count: int) -> None:
            bar.advance(task, count)

        yield advance
