"""`herdbook schemas`."""

from __future__ import annotations

from cyclopts import App

from herdbook.cli.options import DEFAULT, Limit, Options, every, opened
from herdbook.cli.output import show, show_list

app = App(name="schemas", help="Schemas: the second level of names.")
COLUMNS = ("name", "owner", "comment", "updated_at")


@app.command
def create(name: str, *, comment: str | None = None, options: Options = DEFAULT) -> None:
    """Create a schema.

    Args:
        name: Its name.
        comment: Markdown.
    """
    with opened(options) as registry:
        show(options, registry.create_schema(name, comment=comment))


@app.command
def get(name: str, *, options: Options = DEFAULT) -> None:
    """Show a schema.

    Args:
        name: Its name.
    """
    with opened(options) as registry:
        show(options, registry.get_schema(name))


@app.command(name="list")
def list_(catalog: str, *, max_results: Limit = None, options: Options = DEFAULT) -> None:
    """List what you may see of a catalog.

    Args:
        catalog: Its name.
        max_results: Show only so many; all unless said.
    """
    with opened(options) as registry:
        found = every(
            lambda size, token: registry.list_schemas(catalog, max_results=size, page_token=token), max_results
        )
        show_list(options, found, COLUMNS)


@app.command
def update(name: str, *, comment: str, reason: str | None = None, options: Options = DEFAULT) -> None:
    """Replace a schema's comment.

    Args:
        name: Its name.
        comment: Markdown; an empty one removes it.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        show(options, registry.update_schema(name, comment=comment or None, reason=reason))
