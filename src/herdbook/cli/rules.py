"""`herdbook rules`."""

from __future__ import annotations

from cyclopts import App

from herdbook.cli.options import DEFAULT, Options, opened
from herdbook.cli.output import show_list

app = App(name="rules", help="The rules in force.")


@app.command
def show(name: str = "metastore:", *, options: Options = DEFAULT) -> None:
    """Show the rules bound to a securable and all that it lies in: where each comes from, and if it is in force.

    Args:
        name: metastore:, CATALOG, CATALOG.SCHEMA or CATALOG.SCHEMA.MODEL.
    """
    with opened(options) as registry:
        rules = registry.get_effective_rules(name, with_overridden=True)
        show_list(options, rules, ("rule", "on", "params", "origin", "revision", "overridable", "state"))
