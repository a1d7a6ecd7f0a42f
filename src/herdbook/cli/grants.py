"""`herdbook grants`."""

from __future__ import annotations

from typing import Any

from cyclopts import App

from herdbook.cli.options import DEFAULT, Limit, Options, every, opened, opened_or_founded
from herdbook.cli.output import show, show_list
from herdbook.policy.granting import privilege_named

app = App(name="grants", help="Grants and denials made at run time.")
COLUMNS = ("principal", "effect", "privilege", "securable", "origin", "granted_by", "valid_from")
EFFECTIVE = ("principal", "effect", "privilege", "securable", "through", "inherited_from", "origin")


@app.command
def add(
    principal: str, privilege: str, securable: str, *, reason: str | None = None, options: Options = DEFAULT
) -> None:
    """Give a privilege on a securable.

    Args:
        principal: To whom, such as user:alice, group:risk or role:scientist.
        privilege: Which privilege, such as EXECUTE.
        securable: On what: metastore:, a catalog, schema or model; NAME@ALIAS for the slots of an alias.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        show(options, registry.grant(principal, privilege_named(privilege), securable, reason=reason))


@app.command
def revoke(
    principal: str, privilege: str, securable: str, *, reason: str | None = None, options: Options = DEFAULT
) -> None:
    """Take a grant back; shows what still gives the privilege.

    Args:
        principal: To whom.
        privilege: Which privilege; ALL_PRIVILEGES takes nearly all of the principal's grants there.
        securable: On what.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        _show_reaching(options, registry.revoke(principal, privilege_named(privilege), securable, reason=reason))


@app.command
def deny(
    principal: str, privilege: str, securable: str, *, reason: str | None = None, options: Options = DEFAULT
) -> None:
    """Deny a privilege on a securable, to owners too.

    Args:
        principal: To whom.
        privilege: Which privilege.
        securable: On what.
        reason: Why; kept in the audit log.
    """
    with opened_or_founded(options) as registry:
        show(options, registry.deny(principal, privilege_named(privilege), securable, reason=reason))


@app.command
def lift(
    principal: str, privilege: str, securable: str, *, reason: str | None = None, options: Options = DEFAULT
) -> None:
    """Take a denial back; shows what still denies the privilege.

    Args:
        principal: To whom.
        privilege: Which privilege.
        securable: On what.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        _show_reaching(options, registry.lift_deny(principal, privilege_named(privilege), securable, reason=reason))


@app.command(name="list")
def list_(
    securable: str, *, principal: str | None = None, max_results: Limit = None, options: Options = DEFAULT
) -> None:
    """List the lines on a securable: all, or one's own.

    Args:
        securable: On what.
        principal: Only those of this principal.
        max_results: Show only so many; all unless said.
    """
    with opened(options) as registry:
        found = every(
            lambda size, token: registry.list_grants(
                securable, principal=principal, max_results=size, page_token=token
            ),
            max_results,
        )
        show_list(options, found, COLUMNS)


@app.command
def effective(
    securable: str, *, principal: str | None = None, max_results: Limit = None, options: Options = DEFAULT
) -> None:
    """List the lines that reach a securable: direct, inherited, and through groups and roles.

    Args:
        securable: On what.
        principal: For whom; you unless said.
        max_results: Show only so many; all unless said.
    """
    with opened(options) as registry:
        found = every(
            lambda size, token: registry.list_effective_grants(
                securable, principal=principal, max_results=size, page_token=token
            ),
            max_results,
        )
        _show_reaching(options, tuple(found))


def _show_reaching(options: Options, found: tuple[Any, ...]) -> None:
    if options.json:
        show_list(options, found, ())
        return
    show_list(options, tuple(_Reaching(item) for item in found), EFFECTIVE)


class _Reaching:
    """A line that reaches something, with all its columns side by side."""

    def __init__(self, found: Any) -> None:
        self.through = found.through
        self.inherited_from = found.inherited_from
        for name in ("principal", "effect", "privilege", "securable", "origin"):
            setattr(self, name, getattr(found.grant, name))
