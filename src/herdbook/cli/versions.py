"""`herdbook versions`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from herdbook.cli.options import DEFAULT, Limit, Options, every, opened
from herdbook.cli.output import say, show, show_list
from herdbook.cli.progress import bytes_bar
from herdbook.cli.version_diff import show_diff

app = App(name="versions", help="Model versions: read, compare, download, comment.")


@app.command
def get(uri: str, *, options: Options = DEFAULT) -> None:
    """Show a version.

    Args:
        uri: MODEL/VERSION, MODEL@ALIAS or MODEL/latest, with or without models:/ before it.
    """
    from herdbook.client.download import resolve  # noqa: PLC0415 `--help` needs no database

    with opened(options) as registry:
        show(options, resolve(registry, uri))


@app.command(name="list")
def list_(model: str, *, max_results: Limit = None, options: Options = DEFAULT) -> None:
    """List a model's versions, the highest first.

    Args:
        model: CATALOG.SCHEMA.MODEL.
        max_results: Show only so many; all unless said.
    """
    with opened(options) as registry:
        versions = every(
            lambda size, token: registry.list_model_versions(model, max_results=size, page_token=token), max_results
        )
        show_list(options, versions, ("version", "status", "aliases", "author", "total_size", "created_at", "comment"))


@app.command
def search(
    filter_: Annotated[str, Parameter(name="FILTER")] = "",
    /,
    *,
    order_by: Annotated[list[str] | None, Parameter(negative="")] = None,
    max_results: Limit = None,
    options: Options = DEFAULT,
) -> None:
    """Search the versions of all models that you may read.

    Args:
        filter_: Such as "tags.stage = 'candidate' AND run_id = '1f2e'"; all versions unless said.
        order_by: A field with ASC or DESC, such as "created_at DESC"; may be given again.
        max_results: Show only so many; all unless said.
    """
    order = order_by or []
    with opened(options) as registry:
        found = every(
            lambda size, token: registry.search_model_versions(
                filter_, order_by=order, max_results=size, page_token=token
            ),
            max_results,
        )
        show_list(options, found, ("name", "version", "status", "aliases", "author", "created_at", "tags"))


@app.command
def update(version: str, *, comment: str, reason: str | None = None, options: Options = DEFAULT) -> None:
    """Replace a version's comment.

    Args:
        version: MODEL/VERSION.
        comment: Markdown; an empty one removes it.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        show(options, registry.update_model_version(version, comment=comment or None, reason=reason))


@app.command
def files(uri: str, *, max_results: Limit = None, options: Options = DEFAULT) -> None:
    """List a version's files.

    Args:
        uri: MODEL/VERSION, MODEL@ALIAS or MODEL/latest.
        max_results: Show only so many; all unless said.
    """
    from herdbook.client.download import resolve  # noqa: PLC0415 `--help` needs no database

    with opened(options) as registry:
        ref = resolve(registry, uri).ref
        found = every(
            lambda size, token: registry.list_model_version_files(ref, max_results=size, page_token=token), max_results
        )
        show_list(options, found, ("path", "size", "sha256"))


@app.command
def diff(old: str, new: str, *, options: Options = DEFAULT) -> None:
    """Show what changed from one version to another, and whether that breaks callers of the old one.

    Args:
        old: MODEL/VERSION, MODEL@ALIAS or MODEL/latest.
        new: The same, of this model or of another one.
    """
    from herdbook.client.comparing import diff_model_versions  # noqa: PLC0415 `--help` needs no database

    with opened(options) as registry:
        show_diff(options, diff_model_versions(old, new, registry=registry))


@app.command
def download(uri: str, folder: Path, *, options: Options = DEFAULT) -> None:
    """Download a version's files, verified.

    Args:
        uri: MODEL/VERSION, MODEL@ALIAS or MODEL/latest.
        folder: A folder that does not exist yet, or is empty.
    """
    from herdbook.client.download import download_artifacts, resolve  # noqa: PLC0415 as above

    with opened(options) as registry:
        version = resolve(registry, uri)
        with bytes_bar("downloading", version.total_size, quiet=options.json) as progress:
            target = download_artifacts(version.ref, folder, registry=registry, progress=progress)
        say(options, f"{version.ref} is in {target}", version=str(version.ref), folder=str(target))


@app.command
def copy(source: str, target: str, *, reason: str | None = None, options: Options = DEFAULT) -> None:
    """Make a new version of a model from another version, without moving bytes.

    Args:
        source: MODEL/VERSION, MODEL@ALIAS or MODEL/latest.
        target: CATALOG.SCHEMA.MODEL; made if it is missing.
        reason: Why; kept in the audit log.
    """
    from herdbook.client.download import resolve  # noqa: PLC0415 `--help` needs no database

    with opened(options) as registry:
        show(options, registry.copy_model_version(resolve(registry, source).ref, target, reason=reason))


@app.command
def delete(version: str, *, reason: str | None = None, options: Options = DEFAULT) -> None:
    """Move a version to the trash; its number is never used again.

    Args:
        version: MODEL/VERSION.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        registry.delete_model_version(version, reason=reason)
        say(options, f"{version} is in the trash", version=version)


@app.command
def restore(version: str, *, reason: str | None = None, options: Options = DEFAULT) -> None:
    """Bring a version back from the trash.

    Args:
        version: MODEL/VERSION.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        show(options, registry.restore_model_version(version, reason=reason))


@app.command
def purge(version: str, *, reason: str | None = None, options: Options = DEFAULT) -> None:
    """Remove what a version in the trash holds, for good.

    Args:
        version: MODEL/VERSION.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        registry.purge_model_version(version, reason=reason)
        say(options, f"{version} is gone; `herdbook sweep` frees its bytes", version=version)
