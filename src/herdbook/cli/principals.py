"""`herdbook principals`."""

from __future__ import annotations

from cyclopts import App

from herdbook.cli.options import DEFAULT, Limit, Options, every, opened, opened_or_founded
from herdbook.cli.output import say, show, show_list

app = App(name="principals", help="Users, services, groups and roles.")
COLUMNS = ("name", "enabled", "created_at", "id")


@app.command
def create(name: str, *, options: Options = DEFAULT) -> None:
    """Make a principal known.

    Args:
        name: user:NAME, service:NAME, group:NAME or role:NAME; NAME may follow a SOURCE and a slash.
    """
    with opened_or_founded(options) as registry:
        show(options, registry.create_principal(name))


@app.command
def get(name: str, *, options: Options = DEFAULT) -> None:
    """Show a principal.

    Args:
        name: Its name.
    """
    with opened(options) as registry:
        show(options, registry.get_principal(name))


@app.command(name="list")
def list_(*, max_results: Limit = None, options: Options = DEFAULT) -> None:
    """List principals by name.

    Args:
        max_results: Show only so many; all unless said.
    """
    with opened(options) as registry:
        found = every(lambda size, token: registry.list_principals(max_results=size, page_token=token), max_results)
        show_list(options, found, COLUMNS)


@app.command
def enable(name: str, *, reason: str | None = None, options: Options = DEFAULT) -> None:
    """Let a principal act again.

    Args:
        name: Its name.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        show(options, registry.update_principal(name, enabled=True, reason=reason))


@app.command
def disable(name: str, *, reason: str | None = None, options: Options = DEFAULT) -> None:
    """Let a principal act no more; its rights stay for when it is enabled again.

    Args:
        name: Its name.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        show(options, registry.update_principal(name, enabled=False, reason=reason))


@app.command
def delete(name: str, *, reason: str | None = None, options: Options = DEFAULT) -> None:
    """Delete a principal; its memberships and grants end at once.

    Args:
        name: Its name.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        registry.delete_principal(name, reason=reason)
        say(options, f"{name} is deleted", name=name)


@app.command
def members(group: str, *, max_results: Limit = None, options: Options = DEFAULT) -> None:
    """List the direct members of a group or role.

    Args:
        group: group:NAME or role:NAME.
        max_results: Show only so many; all unless said.
    """
    with opened(options) as registry:
        found = every(lambda size, token: registry.list_members(group, max_results=size, page_token=token), max_results)
        show_list(options, found, COLUMNS)


@app.command
def join(group: str, member: str, *, reason: str | None = None, options: Options = DEFAULT) -> None:
    """Make a principal a member of a group or role.

    Args:
        group: group:NAME or role:NAME.
        member: Who.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        registry.add_member(group, member, reason=reason)
        say(options, f"{member} is a member of {group}", group=group, member=member)


@app.command
def leave(group: str, member: str, *, reason: str | None = None, options: Options = DEFAULT) -> None:
    """End a membership.

    Args:
        group: group:NAME or role:NAME.
        member: Who.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        registry.remove_member(group, member, reason=reason)
        say(options, f"{member} is no member of {group} any more", group=group, member=member)
