"""`herdbook rules`."""

from __future__ import annotations

from cyclopts import App

from herdbook.cli.options import DEFAULT, Options, opened
from herdbook.cli.output import show_list

app = App(name="rules", help="The rules in force.")


@app.command
def show(name: str = "metastore:", *, options: Options = DEFAULT) -> None:
    """Show the rules that hold for a securable, and where each comes from.

    Args:
        name: metastore:, CATALOG, CATALOG.SCHEMA or CATALOG.SCHEMA.MODEL.
    """
    with opened(options) as registry:
        rules = registry.get_effective_rules(name)
        show_list(options, rules, ("rule", "on", "params", "origin", "revision"))
