"""`herdbook trash` and `herdbook transfer`: what concerns things of every kind."""

from __future__ import annotations

from herdbook.cli.options import DEFAULT, Limit, Options, every, opened
from herdbook.cli.output import say, show_list


def trash(name: str = "metastore:", *, max_results: Limit = None, options: Options = DEFAULT) -> None:
    """List what was deleted and can be restored, the newest first.

    Args:
        name: A catalog, schema or registered model; everything unless said.
        max_results: Show only so many; all unless said.
    """
    with opened(options) as registry:
        found = every(lambda size, token: registry.list_deleted(name, max_results=size, page_token=token), max_results)
        show_list(options, found, ("kind", "name", "deleted_at", "deleted_by", "id"))


def transfer(
    name: str, to: str, *, expected_owner: str | None = None, reason: str | None = None, options: Options = DEFAULT
) -> None:
    """Give a catalog, schema or registered model to another owner.

    Args:
        name: Its name.
        to: A user, group or service, such as user:alice.
        expected_owner: Transfer it only if this principal owns it now.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        registry.transfer_ownership(name, to, expected_owner=expected_owner, reason=reason)
        say(options, f"{name} belongs to {to}", name=name, owner=to)
