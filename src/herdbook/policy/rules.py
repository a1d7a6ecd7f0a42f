"""The rules that the core knows: each says what it takes as params and at which stages it judges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from attrs import frozen

from herdbook.policy.facts import CandidateFacts, DeletionFacts
from herdbook.verdicts import Pass, Reject, Verdict

P = TypeVar("P")

_ADD_SIGNATURE = (
    "Log the model with a signature (in MLflow: signature=infer_signature(X, model.predict(X)), or an input_example), "
    "or hand signature= to register_model."
)


@frozen(kw_only=True)
class NoParams:
    """A rule that has nothing to set."""


@frozen(kw_only=True)
class Rule(Generic[P]):
    """A rule that a ruleset may name; a stage that it does not judge is None.

    Args:
        name: Its name in rulesets.
        says: What it demands, in one sentence.
        params: The type of its params.
        admits: Judges a version that asks to come in.
        deletes: Judges the deletion of a version.
    """

    name: str
    says: str
    params: type[P]
    admits: Callable[[P, CandidateFacts], Verdict] | None = None
    deletes: Callable[[P, DeletionFacts], Verdict] | None = None


def signature_required(_: NoParams, facts: CandidateFacts) -> Verdict:
    """Demand a signature that can be read, with inputs and outputs."""
    model = facts.model
    if model.signature_error is not None:
        return Reject(message=f"Its signature cannot be read: {model.signature_error}.", hint=_ADD_SIGNATURE)
    if model.signature is None:
        where = "its MLmodel has no signature" if facts.manifest.get("MLmodel") else "it has no MLmodel file"
        return Reject(message=f"It has no signature: {where}.", hint=_ADD_SIGNATURE)
    lacking = [name for name in ("inputs", "outputs") if not getattr(model.signature, name)]
    if lacking:
        return Reject(message=f"Its signature has no {' and no '.join(lacking)}.", hint=_ADD_SIGNATURE)
    return Pass()


def aliased_versions_are_kept(_: NoParams, facts: DeletionFacts) -> Verdict:
    """Refuse to delete a version that an alias points to."""
    if not facts.aliases:
        return Pass()
    many = len(facts.aliases) > 1
    return Reject(
        message=f"Version {facts.version} is what {', '.join('@' + alias for alias in facts.aliases)} "
        f"{'point' if many else 'points'} to.",
        hint=f"Move or delete the {'aliases' if many else 'alias'} first.",
    )


_ALL: tuple[Rule[Any], ...] = (
    Rule(
        name="signature-required",
        says="A version comes in only with a signature that has inputs and outputs.",
        params=NoParams,
        admits=signature_required,
    ),
    Rule(
        name="aliased-versions-are-kept",
        says="A version that an alias points to cannot be deleted.",
        params=NoParams,
        deletes=aliased_versions_are_kept,
    ),
)

RULES: dict[str, Rule[Any]] = {rule.name: rule for rule in _ALL}
"""Every rule that a ruleset may name, by name."""
