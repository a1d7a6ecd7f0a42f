"""`herdbook catalogs`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from herdbook.cli.options import DEFAULT, Limit, Options, every, opened, opened_or_founded
from herdbook.cli.output import say, show, show_list

app = App(name="catalogs", help="Catalogs: the first level of names.")
COLUMNS = ("name", "owner", "comment", "updated_at")


@app.command
def create(name: str, *, comment: str | None = None, options: Options = DEFAULT) -> None:
    """Create a catalog.

    Args:
        name: Its name.
        comment: Markdown.
    """
    with opened_or_founded(options) as registry:
        show(options, registry.create_catalog(name, comment=comment))


@app.command
def get(name: str, *, options: Options = DEFAULT) -> None:
    """Show a catalog.

    Args:
        name: Its name.
    """
    with opened(options) as registry:
        show(options, registry.get_catalog(name))


@app.command(name="list")
def list_(*, max_results: Limit = None, options: Options = DEFAULT) -> None:
    """List the catalogs that you may see.

    Args:
        max_results: Show only so many; all unless said.
    """
    with opened(options) as registry:
        found = every(lambda size, token: registry.list_catalogs(max_results=size, page_token=token), max_results)
        show_list(options, found, COLUMNS)


@app.command
def update(name: str, *, comment: str, reason: str | None = None, options: Options = DEFAULT) -> None:
    """Replace a catalog's comment.

    Args:
        name: Its name.
        comment: Markdown; an empty one removes it.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        show(options, registry.update_catalog(name, comment=comment or None, reason=reason))


@app.command
def rename(name: str, new_name: str, *, reason: str | None = None, options: Options = DEFAULT) -> None:
    """Rename a catalog; rights and all that is in it stay with it.

    Args:
        name: Its name.
        new_name: Its new name, CATALOG, in the same place.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        show(options, registry.rename_catalog(name, new_name, reason=reason))


@app.command
def delete(
    name: str,
    *,
    force: Annotated[bool, Parameter(negative="")] = False,
    reason: str | None = None,
    options: Options = DEFAULT,
) -> None:
    """Move a catalog to the trash.

    Args:
        name: Its name.
        force: Also when it is not empty.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        registry.delete_catalog(name, force=force, reason=reason)
        say(options, f"{name} is in the trash", name=name)


@app.command
def restore(
    identity: str,
    *,
    as_: Annotated[str | None, Parameter(name="--as")] = None,
    reason: str | None = None,
    options: Options = DEFAULT,
) -> None:
    """Bring a catalog back from the trash, with what went there with it.

    Args:
        identity: Its id, as `herdbook trash` shows it.
        as_: Under which name; the one that it had unless said.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        show(options, registry.restore_catalog(identity, new_name=as_, reason=reason))


@app.command
def purge(identity: str, *, reason: str | None = None, options: Options = DEFAULT) -> None:
    """Remove a catalog from the trash for good, with all that is in it.

    Args:
        identity: Its id, as `herdbook trash` shows it.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        registry.purge_catalog(identity, reason=reason)
        say(options, f"{identity} is gone; `herdbook sweep` frees its bytes", id=identity)
