"""`herdbook tags`."""

from __future__ import annotations

from cyclopts import App

from herdbook.cli.options import DEFAULT, Options, opened
from herdbook.cli.output import say

app = App(name="tags", help="Tags of registered models and versions.")


@app.command(name="set")
def set_(on: str, key: str, value: str, *, reason: str | None = None, options: Options = DEFAULT) -> None:
    """Set a tag.

    Args:
        on: MODEL, or MODEL/VERSION.
        key: The tag's key.
        value: Its value.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        change = registry.set_model_version_tag if "/" in on else registry.set_registered_model_tag
        change(on, key, value, reason=reason)
        say(options, f"{on}: {key}={value}", on=on, key=key, value=value)


@app.command
def delete(on: str, key: str, *, reason: str | None = None, options: Options = DEFAULT) -> None:
    """Delete a tag.

    Args:
        on: MODEL, or MODEL/VERSION.
        key: The tag's key.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        change = registry.delete_model_version_tag if "/" in on else registry.delete_registered_model_tag
        change(on, key, reason=reason)
        say(options, f"{on} has no tag {key} any more", on=on, key=key)
