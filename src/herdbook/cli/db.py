"""`herdbook db`: the database behind a registry."""

from __future__ import annotations

from cyclopts import App

from herdbook.cli.options import DEFAULT, Options
from herdbook.cli.output import say
from herdbook.errors import InvalidArgumentError

app = App(name="db", help="The database behind an embedded registry.")


@app.command
def upgrade(uri: str | None = None, *, options: Options = DEFAULT) -> None:
    """Bring the database of an embedded registry to the newest schema, making its tables where it is new.

    Args:
        uri: A folder, a database URI, or a name from herdbook.toml; what --registry names unless said.
    """
    from herdbook.bootstrap import upgrade_database  # noqa: PLC0415 for --help

    if uri is not None and options.registry is not None:
        raise InvalidArgumentError("The registry is named twice.", hint="Leave out --registry.")
    before, now = upgrade_database(uri if uri is not None else options.registry, settings=options.settings())
    done = f"The schema is {now} already." if before == now else f"The schema was {before} and is {now} now."
    say(options, done, before=before, now=now)
