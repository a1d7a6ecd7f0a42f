"""Whether a verb is allowed: its row of the operations table, put to whoever judges single privileges."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from herdbook.entities import Chain
from herdbook.policy.explaining import KIND_WORDS
from herdbook.policy.operations import KNOWN_TOO, Need, level_of
from herdbook.verdicts import Allowed, Decision, Denied, Privilege, Requirement, SecurableKind, Sight

Ask = Callable[[Requirement, Chain], Decision]
"""Judges one privilege at a level of a chain."""


def decide(need: Need, chain: Chain, ask: Ask) -> Decision:
    """Judge what a verb needs; where nothing allows it, the first denial is returned.

    A right on an alias slot alone does not include knowing its model (R14), and a right on a container not what a deny
    hides in it: who has either and may not know of the thing is answered as one who has neither (R8).

    Args:
        need: The verb's row of the table.
        chain: The object asked about and all that it lies in.
        ask: Judges one privilege.
    """
    if not need.any_of:
        knowing = known(chain, ask)
        if _hidden(knowing):
            return knowing
        because = f"knows the {KIND_WORDS[level_of(need.on, chain)]}"
        return Allowed(because=because, revision=chain.policy_revision)
    denied: Denied | None = None
    level = level_of(need.on, chain)
    for privilege in need.any_of:
        decision = ask(_requirement(privilege, level), chain)
        if isinstance(decision, Allowed):
            knowing = known(chain, ask) if asks_to_know(need, level) else decision
            return knowing if _hidden(knowing) else decision
        denied = denied or decision
    if denied is None:
        raise LookupError(need)
    return denied


def known(chain: Chain, ask: Ask) -> Decision:
    """Judge sight, which the decision on BROWSE tells; an alias slot is known where its model is (R14)."""
    slot = chain.object.kind is SecurableKind.MODEL_ALIAS
    thing = chain.upward_from(SecurableKind.REGISTERED_MODEL) if slot else chain
    return ask(_requirement(Privilege.BROWSE, thing.object.kind), thing)


def asks_to_know(need: Need, level: SecurableKind) -> bool:
    """Return whether the right that is needed, at a level, does not by itself include knowing a chain's object."""
    return need.on in KNOWN_TOO or level is SecurableKind.MODEL_ALIAS


@cache
def _requirement(privilege: Privilege, kind: SecurableKind) -> Requirement:
    return Requirement(privilege=privilege, kind=kind)


def _hidden(decision: Decision) -> bool:
    return isinstance(decision, Denied) and decision.sight is Sight.HIDDEN
