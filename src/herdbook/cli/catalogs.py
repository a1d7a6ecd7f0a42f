"""`herdbook catalogs`."""

from __future__ import annotations

from cyclopts import App

from herdbook.cli.options import DEFAULT, Limit, Options, every, opened
from herdbook.cli.output import show, show_list

app = App(name="catalogs", help="Catalogs: the first level of names.")
COLUMNS = ("name", "owner", "comment", "updated_at")


@app.command
def create(name: str, *, comment: str | None = None, options: Options = DEFAULT) -> None:
    """Create a catalog.

    Args:
        name: Its name.
        comment: Markdown.
    """
    with opened(options) as registry:
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
