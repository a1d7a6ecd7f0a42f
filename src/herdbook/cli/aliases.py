"""`herdbook aliases`."""

from __future__ import annotations

from cyclopts import App

from herdbook.cli.options import DEFAULT, Limit, Options, every, opened
from herdbook.cli.output import say, show, show_list
from herdbook.names import parse_time

app = App(name="aliases", help="Aliases: names for versions that move.")
COLUMNS = ("alias", "version", "valid_from", "valid_to", "set_by", "reason")


@app.command(name="set")
def set_(
    alias: str,
    version: int,
    *,
    expected_current: int | None = None,
    reason: str | None = None,
    options: Options = DEFAULT,
) -> None:
    """Point an alias to a version.

    Args:
        alias: MODEL@ALIAS.
        version: The version's number.
        expected_current: Move it only if it points to this version now; 0: only if it is not set.
        reason: Why; kept in its history.
    """
    with opened(options) as registry:
        done = registry.set_registered_model_alias(alias, version, expected_current=expected_current, reason=reason)
        show(options, done)


@app.command
def delete(
    alias: str, *, expected_current: int | None = None, reason: str | None = None, options: Options = DEFAULT
) -> None:
    """Unset an alias; its history stays.

    Args:
        alias: MODEL@ALIAS.
        expected_current: Unset it only if it points to this version now.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        registry.delete_registered_model_alias(alias, expected_current=expected_current, reason=reason)
        say(options, f"{alias} is not set any more", alias=alias)


@app.command
def get(alias: str, *, as_of: str | None = None, options: Options = DEFAULT) -> None:
    """Show the version that an alias points to.

    Args:
        alias: MODEL@ALIAS.
        as_of: The time as of which to look, such as 2026-11-01T00:00:00Z.
    """
    moment = None if as_of is None else parse_time(as_of)
    with opened(options) as registry:
        show(options, registry.get_model_version_by_alias(alias, as_of=moment))


@app.command(name="list")
def list_(model: str, *, options: Options = DEFAULT) -> None:
    """List the aliases of a model that are set.

    Args:
        model: CATALOG.SCHEMA.MODEL.
    """
    with opened(options) as registry:
        show_list(options, registry.list_registered_model_aliases(model), COLUMNS)


@app.command
def history(alias: str, *, max_results: Limit = None, options: Options = DEFAULT) -> None:
    """List what an alias pointed to, the newest first.

    Args:
        alias: MODEL@ALIAS.
        max_results: Show only so many; all unless said.
    """
    with opened(options) as registry:
        found = every(
            lambda size, token: registry.list_alias_history(alias, max_results=size, page_token=token), max_results
        )
        show_list(options, found, COLUMNS)
