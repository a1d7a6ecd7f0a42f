"""`herdbook tokens`."""

from __future__ import annotations

import re
import sys
from typing import Annotated, Any

from cyclopts import App, Parameter

from herdbook.cli.options import DEFAULT, Limit, Options, every, opened
from herdbook.cli.output import printable, say, show, show_list
from herdbook.entities.governance import Token
from herdbook.errors import InvalidArgumentError

app = App(name="tokens", help="API tokens: made, listed, revoked.")
COLUMNS = ("id", "principal", "privileges", "on", "expires_at", "comment")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600}
_LIFE = re.compile(r"(\d{1,9})([smhd])", re.ASCII)


@app.command
def create(
    *,
    expires_in: str,
    privilege: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    on: str | None = None,
    principal: str | None = None,
    comment: str | None = None,
    options: Options = DEFAULT,
) -> None:
    """Make a token; its secret is shown this once.

    Args:
        expires_in: When it ends: a number and s, m, h or d, such as 90d; at most 366d.
        privilege: What it is cut to, such as EXECUTE; may be given more than once. All rights unless said.
        on: What it is cut to: metastore:, a catalog, schema or model. Everything unless said.
        principal: Whose, such as service:ci; for metastore admins. Yours unless said.
        comment: What it is for.
    """
    life: Any = _seconds(expires_in)
    names: Any = privilege
    with opened(options) as registry:
        made = registry.create_token(
            expires_in_s=life, privileges=names, securable=on, principal=principal, comment=comment
        )
    if options.json:
        show(options, made)
        return
    token = made.token
    sys.stdout.write(f"{made.secret}\n")
    sys.stdout.flush()
    facts = f"Token {token.id} of {token.principal} ends {token.expires_at:%Y-%m-%d %H:%M} UTC."
    sys.stderr.write(f"{printable(facts)} Keep the line above: it is not shown again.\n")


@app.command(name="list")
def list_(*, principal: str | None = None, max_results: Limit = None, options: Options = DEFAULT) -> None:
    """List the tokens that hold, without their secrets.

    Args:
        principal: Whose; for metastore admins. Yours unless said.
        max_results: Show only so many; all unless said.
    """
    with opened(options) as registry:
        found = every(
            lambda size, token: registry.list_tokens(principal=principal, max_results=size, page_token=token),
            max_results,
        )
    if options.json:
        show_list(options, found, ())
        return
    show_list(options, [_Row(token) for token in found], COLUMNS)


@app.command
def revoke(token_id: str, *, reason: str | None = None, options: Options = DEFAULT) -> None:
    """End a token at once, with all that were made by it.

    Args:
        token_id: Its id.
        reason: Why; kept in the audit log.
    """
    with opened(options) as registry:
        registry.revoke_token(token_id, reason=reason)
        say(options, f"token {token_id} is revoked", token_id=token_id)


class _Row:
    """A token in words."""

    def __init__(self, token: Token) -> None:
        self.id, self.principal, self.expires_at, self.comment = (
            token.id, token.principal, token.expires_at, token.comment,
        )  # fmt: skip
        self.privileges = " ".join(sorted(token.privileges)) or "all"
        # What has an id and no name was deleted, or is not for who reads this to know.
        self.on = "everything" if token.securable_id is None else str(token.securable or "hidden")


def _seconds(text: str) -> int:
    found = _LIFE.fullmatch(text)
    if found is None:
        raise InvalidArgumentError(
            f"{text!r} is no length of time.", hint="Write a number and s, m, h or d, such as 90d."
        )
    return int(found[1]) * _UNITS[found[2]]
