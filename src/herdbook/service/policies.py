"""Policies, governed: which rules are in force."""

from __future__ import annotations

from herdbook.entities import EffectiveRule
from herdbook.ports.registry import Policies, SecurableLike
from herdbook.service import subjects
from herdbook.service.part import GovernedPart
from herdbook.verdicts import Operation


class GovernedPolicies(GovernedPart, Policies):
    """The verbs over policies."""

    def get_effective_rules(
        self, securable: SecurableLike, *, with_overridden: bool = False
    ) -> tuple[EffectiveRule, ...]:
        """Return the rules that hold for a securable."""
        subject = subjects.securable(securable)
        with self._core.store.read() as tx:
            admitted = self._core.gate.admit(self._caller, Operation.GET_EFFECTIVE_RULES, subject, tx, tx)
            if with_overridden:
                return self._core.admission.rules_bound_along(admitted.chain, tx)
            return self._core.admission.rules_for(admitted.chain, tx)
