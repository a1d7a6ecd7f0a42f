"""Tags that are set, changed or deleted, judged by the rules in force."""

from __future__ import annotations

from collections.abc import Mapping

from herdbook.entities import Caller, Chain
from herdbook.names import PrincipalName
from herdbook.policy.facts import TagFacts, TagHolder
from herdbook.ports.metadata import WriteTransaction
from herdbook.service.admission import violation
from herdbook.service.core import Core
from herdbook.verdicts import Rejection


def refuse_tags(
    core: Core,
    caller: Caller,
    tx: WriteTransaction,
    chain: Chain,
    holder: TagHolder,
    tags: Mapping[str, str | None],
    *,
    what: str,
    admitted: bool = False,
) -> None:
    """Refuse changes of tags that a rule is against; all rejections are told.

    Args:
        core: The wired core.
        caller: Who changes them.
        tx: The transaction that writes them.
        chain: The registered model and all that it lies in.
        holder: What bears them, the model or a version of it.
        tags: Key -> value; None deletes the tag.
        what: What bears them, in words.
        admitted: Whether the version was admitted already, or the model has such versions.

    Raises:
        RuleViolationError: a rule is against it.
    """
    rules = core.admission.rules_for(chain, tx) if tags else ()
    if not core.admission.judges_tags(rules):
        return
    principals = _principals(core, caller, chain, tx)
    rejections: list[Rejection] = []
    for key, value in tags.items():
        facts = TagFacts(holder=holder, key=key, value=value, admitted=admitted, principals=principals)
        rejections += core.admission.judge_tag(rules, facts)
    if rejections:
        raise violation(f"A change of tags of {what}", tuple(rejections))


def _principals(core: Core, caller: Caller, chain: Chain, tx: WriteTransaction) -> frozenset[PrincipalName]:
    ids = core.gate.authority.closure(caller, chain.policy_revision, log=tx)
    found = [tx.principal_by_id(principal_id) for principal_id in ids]
    return frozenset(principal.name for principal in found if principal is not None)
