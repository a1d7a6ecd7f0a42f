"""`herdbook explain`, `herdbook who-can` and `herdbook what-can`."""

from __future__ import annotations

import sys
from typing import Any

from herdbook.cli.options import DEFAULT, Limit, Options, every, opened
from herdbook.cli.output import printable, show, show_list
from herdbook.entities.governance import Explanation
from herdbook.verdicts import Allowed, Operation

OF_SOMETHING = ("principal", "path")
OF_SOMEBODY = ("securable", "operation", "path")


def explain(operation: str, securable: str, *, principal: str | None = None, options: Options = DEFAULT) -> None:
    """Say why somebody may or may not do something, and who can change that.

    Args:
        operation: The verb, such as set_registered_model_alias.
        securable: On what: metastore:, a catalog, schema or model, or MODEL@ALIAS; of versions, their model.
        principal: Who, such as user:alice; you unless said.
    """
    with opened(options) as registry:
        found = registry.explain(_operation(operation), securable, principal=principal)
        if options.json:
            show(options, found)
            return
        who = "You" if principal is None else principal
        sys.stdout.write("".join(f"{printable(line)}\n" for line in _lines(found, who, operation, securable)))


def who_can(operation: str, securable: str, *, max_results: Limit = None, options: Options = DEFAULT) -> None:
    """List who may do something, and how each comes to it.

    Args:
        operation: The verb.
        securable: On what.
        max_results: Show only so many; all unless said.
    """
    verb = _operation(operation)
    with opened(options) as registry:
        found = every(
            lambda size, token: registry.who_can(verb, securable, max_results=size, page_token=token), max_results
        )
        _show(options, found, OF_SOMETHING)


def what_can(principal: str | None = None, *, max_results: Limit = None, options: Options = DEFAULT) -> None:
    """List what somebody may do on what they own or lines name them for.

    Args:
        principal: Who; you unless said.
        max_results: Show only so many; all unless said.
    """
    with opened(options) as registry:
        found = every(lambda size, token: registry.what_can(principal, max_results=size, page_token=token), max_results)
        _show(options, found, OF_SOMEBODY)


def _operation(text: str) -> Operation:
    """Return a verb; dashes are taken for underscores, and what is no verb is left for the registry to refuse."""
    name: Any = text.replace("-", "_")
    return Operation(name) if name in set(Operation) else name


def _show(options: Options, found: list[Any], columns: tuple[str, ...]) -> None:
    if options.json:
        show_list(options, found, ())
        return
    show_list(options, [_Row(item) for item in found], columns)


class _Row:
    """An access path whose steps stand one below the other."""

    def __init__(self, found: Any) -> None:
        self.principal, self.securable, self.operation = found.principal, found.securable, found.operation
        self.path = "; ".join(found.path)


def _lines(found: Explanation, who: str, operation: str, securable: str) -> list[str]:
    may = "may" if isinstance(found.decision, Allowed) else "may not"
    lines = [f"{who} {may} {operation} ({securable}):", *(f"  - {step}" for step in found.path)]
    if found.would_allow:
        lines.append("These grants would allow it:")
        lines += [f"  - {each.privilege} on {each.securable} to {each.principal}" for each in found.would_allow]
    if found.ask:
        lines.append(f"Ask {' or '.join(str(name) for name in found.ask)}.")
    return lines
