"""`herdbook export` and `herdbook import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from herdbook.cli.options import DEFAULT, Options, opened, opened_or_founded
from herdbook.cli.output import say, show, show_list
from herdbook.cli.progress import bytes_bar
from herdbook.entities.archives import ImportOutcome, ImportReport
from herdbook.errors import ConflictError


def export(
    name: str,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"])],
    label: str | None = None,
    metadata_only: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULT,
) -> None:
    """Write a catalog, schema or model to one archive; repeated after an interruption, it goes on.

    Args:
        name: CATALOG, CATALOG.SCHEMA or CATALOG.SCHEMA.MODEL.
        output: The archive's file; nothing may be there.
        label: What the archive calls this registry, for people.
        metadata_only: Leave out the bytes.
    """
    from herdbook.client.archive import export_archive  # noqa: PLC0415 `--help` needs no database

    with opened(options) as registry, bytes_bar("exporting", None, quiet=options.json) as progress:
        report = export_archive(
            name,
            output,
            registry=registry,
            registry_label=label,
            metadata_only=metadata_only,
            progress=progress,
        )
    show(options, report)


def import_(
    archive: Path,
    *,
    into: str | None = None,
    as_name: Annotated[str | None, Parameter(name="--as")] = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    options: Options = DEFAULT,
) -> None:
    """Import an archive; repeated, it makes only what is missing.

    Args:
        archive: The archive's file.
        into: CATALOG.SCHEMA for a model, CATALOG for a schema: where to put it, under its own name.
        as_name: The whole new name of what was exported.
        dry_run: Only say what would be made.
    """
    from herdbook.client.archive import import_archive  # noqa: PLC0415 as above

    opening = opened if dry_run else opened_or_founded
    with opening(options) as registry, bytes_bar("importing", None, quiet=options.json) as progress:
        report = import_archive(
            archive, registry=registry, into=into, as_name=as_name, dry_run=dry_run, progress=progress
        )
    _print(options, report)
    failed = report.count(ImportOutcome.REFUSED) + report.count(ImportOutcome.CONFLICT)
    if failed:
        raise ConflictError(
            f"{failed} of {len(report.items)} things in {archive} were not imported.",
            hint="The answer says which, and why; everything else is in.",
        )


def _print(options: Options, report: ImportReport) -> None:
    if options.json:
        show(options, report)
        return
    told = report.facts
    say(
        options,
        f"{report.header.kind} {report.header.name}, exported {told.exported_at:%Y-%m-%d %H:%M} UTC"
        f" by {told.exported_by}{f' from {told.registry}' if told.registry else ''}, as the archive says",
    )
    show_list(options, report.items, ("outcome", "what", "why"))
    say(options, "nothing was changed" if report.dry_run else "done")
