"""The rules that the core knows: facts about a candidate in, verdict out."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from herdbook.entities import Manifest, ModelDescription
from herdbook.verdicts import Pass, Reject, Verdict

_ADD_SIGNATURE = (
    "Log the model with a signature (in MLflow: signature=infer_signature(X, model.predict(X)), or an input_example), "
    "or hand signature= to register_model."
)


@frozen(kw_only=True)
class Facts:
    """What the registry itself read of a candidate.

    Args:
        model: What its files say.
        manifest: Its files.
    """

    model: ModelDescription
    manifest: Manifest


def signature_required(facts: Facts) -> Verdict:
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


RULES: dict[str, Callable[[Facts], Verdict]] = {"signature-required": signature_required}
"""Every rule that a ruleset may name, by name."""
