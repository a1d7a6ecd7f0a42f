"""`herdbook models`."""

from __future__ import annotations

from cyclopts import App

from herdbook.cli.options import DEFAULT, Limit, Options, every, opened
from herdbook.cli.output import show, show_list

app = App(name="models", help="Registered models: the third level of names.")
COLUMNS = ("name", "latest_version", "aliases", "owner", "updated_at")


@app.command
def create(name: str, *, comment: str | None = None, options: Options = DEFAULT) -> None:
    """Create a registered model.

    Args:
        name: Its name.
        comment: Markdown.
    """
    with opened(options) as registry:
        show(options, registry.create_registered_model(name, comment=comment))


@app.command
def get(name: str, *, options: Options = DEFAULT) -> None:
    """Show a registered model.

    Args:
        name: Its name.
    """
    with opened(options) as registry:
        show(options, registry.get_registered_model(name))


@app.command(name="list")
def list_(schema: str, *, max_results: Limit = None, options: Options = DEFAULT) -> None:
    """List what you may see of a schema.

    Args:
        schema: Its name.
        max_results: Show only so many; all unless said.
    """
    with opened(options) as registry:
        found = every(
            lambda size, token: registry.list_registered_models(schema, max_results=size, page_token=token), max_results
        )
        show_list(options, found, COLUMNS)


@app.command
def update(name: str, *, comment: str, reason: str | None = None, options: Options = DEFAULT) -> None:
    """Replace a registered model's comment.

    Args:
        name: Its name.
        comment: Markdown; an empty one removes it.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        show(options, registry.update_registered_model(name, comment=comment or None, reason=reason))
