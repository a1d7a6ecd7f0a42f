"""Asks authorizers what a verb's row of the operations table needs, without a gate: for policies not in force."""

from __future__ import annotations

import re
from collections.abc import Mapping

from herdbook.entities import Caller, Chain
from herdbook.entities.ledger import Effect
from herdbook.names import PrincipalName
from herdbook.policy.deciding import decide
from herdbook.policy.operations import OPERATIONS, Need, Target, kind_of
from herdbook.policy.privileges import INCLUDED_IN
from herdbook.ports.authorizer import Authorizer
from herdbook.verdicts import Allowed, Denied, Operation, Requirement, SecurableKind

KINDS = (
    SecurableKind.METASTORE,
    SecurableKind.CATALOG,
    SecurableKind.SCHEMA,
    SecurableKind.REGISTERED_MODEL,
    SecurableKind.MODEL_ALIAS,
)
"""The kinds of securables, from the whole down."""

_ID = re.compile(r"\b[0-9a-f]{32}\b")
_ONLY = {
    "_catalog": SecurableKind.CATALOG,
    "_schema": SecurableKind.SCHEMA,
    "_registered_model": SecurableKind.REGISTERED_MODEL,
    "_model_version": SecurableKind.REGISTERED_MODEL,
}


def kinds_asked(operation: Operation) -> tuple[SecurableKind, ...]:
    """Return what kinds of securables a verb can be asked about, the highest first."""
    target = OPERATIONS[operation].on
    if target is Target.NAMED:
        return KINDS
    if target is Target.CONTAINER:
        only = [kind for ending, kind in _ONLY.items() if operation.value.endswith(ending)]
        return tuple(only) or KINDS[:-1]
    return (kind_of(target),)


def level(operation: Operation, chain: Chain) -> SecurableKind | None:
    """Return the level of a chain at which a verb needs its right; None where it is not about such a thing."""
    target = OPERATIONS[operation].on
    if target is Target.NAMED:
        return chain.object.kind
    if target is Target.CONTAINER:
        if chain.object.kind not in kinds_asked(operation):
            return None
        return chain.links[min(1, len(chain.links) - 1)].kind
    kind = kind_of(target)
    return kind if chain.find(kind) is not None else None


Answer = tuple[bool, str]
"""Whether a verb is allowed, and what decided, in words that name people by id."""


def ask(authorizer: Authorizer, caller: Caller, need: Need, chain: Chain) -> Answer:
    """Return whether the gate would let a caller pass, and why.

    Args:
        authorizer: Who judges.
        caller: Who would ask.
        need: What the verb needs.
        chain: The thing and all that it lies in.
    """
    decision = decide(need, chain, lambda requirement, on: authorizer.decide(caller, requirement, on))
    allowed = isinstance(decision, Allowed)
    if not need.any_of:
        return allowed, "may know of it" if allowed else "may not know of it"
    if isinstance(decision, Allowed):
        return True, decision.because
    return False, _lacking(authorizer, caller, decision, chain)


def named(words: str, names: Mapping[str, PrincipalName]) -> str:
    """Return words in which people stand by name instead of by id."""
    return _ID.sub(lambda found: str(names.get(found[0], found[0])), words)


def _lacking(authorizer: Authorizer, caller: Caller, denied: Denied, chain: Chain) -> str:
    on = "the metastore" if denied.kind is SecurableKind.METASTORE else denied.securable
    for privilege in INCLUDED_IN.get(denied.privilege, (denied.privilege,)):
        deciding = authorizer.deciding(caller, Requirement(privilege=privilege, kind=denied.kind), chain)
        if deciding is not None and deciding.effect is Effect.DENY and deciding.line is not None:
            line = deciding.line
            origin = line.origin if line.from_file else f"grant {line.id}"
            return f"{denied.privilege} on {on} is denied to {line.principal_id} ({origin})"
    return f"it lacks {denied.privilege} on {on}"
