"""`herdbook plugins`."""

from __future__ import annotations

from cyclopts import App

from herdbook.cli.options import DEFAULT, Options
from herdbook.cli.output import show_list

app = App(name="plugins", help="The plugins that are installed.")


@app.command(name="list")
def list_(*, options: Options = DEFAULT) -> None:
    """List plugins: where each comes from, whether it works, what it contributes."""
    from herdbook.bootstrap import load_plugins  # noqa: PLC0415 `--help` needs no database

    found = load_plugins(options.settings()).plugins()
    columns = ("name", "distribution", "version", "status", "hooks", "contributions", "error")
    show_list(options, found, columns)
