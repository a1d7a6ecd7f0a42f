"""Casbin's own pieces, put to work on a few lines at a time: its matcher, role managers and effector."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

from attrs import frozen
from casbin.core_enforcer import CoreEnforcer
from casbin.effect import Effector, effect_to_bool, get_effector
from casbin.model import Model
from casbin.rbac import RoleManager as RoleManagerPort
from casbin.rbac.default_role_manager import RoleManager

from herdbook.adapters.casbin_authorizer.lines import Row
from herdbook.errors import InvalidArgumentError, PluginConflictError
from herdbook.policy.privileges import ALL_INCLUDES, INCLUDES, OWNER_ABOVE_INCLUDES, OWNER_INCLUDES
from herdbook.verdicts import Privilege

OWNER = "OWNER"
"""The act of a line that stands for ownership, which is a column of the securable and never a line (R2)."""

_DEPTH = 10
_OWNER_ABOVE = "OWNER_ABOVE"
_INCLUSIONS = {
    Privilege.ALL_PRIVILEGES.value: ALL_INCLUDES,
    OWNER: OWNER_INCLUDES,
    _OWNER_ABOVE: OWNER_ABOVE_INCLUDES,
}


@frozen
class Question:
    """One request to the model.

    Args:
        sub: Who asks.
        obj: The typed id of the object.
        own: The object itself, or the model for an alias slot.
        act: The privilege.
    """

    sub: str
    obj: str
    own: str
    act: str


class CasbinModel:
    """The shipped Casbin model, compiled.

    Stock `enforce` walks every line there is; this walks the lines that it is handed, in the same way.

    Args:
        text: What `policies/model.conf` says.

    Raises:
        PluginConflictError: the distribution `casbin` is installed, which overwrites files of `pycasbin`.
        InvalidArgumentError: the text is no such model.
    """

    def __init__(self, text: str) -> None:
        refuse_abandoned_casbin()
        model = Model()
        try:
            model.load_model_from_text(text)
            self._request = tuple(model["r"]["r"].tokens)
            self._policy = tuple(model["p"]["p"].tokens)
            self._matcher: str = model["m"]["m"].value
            self._effector: Effector = get_effector(model["e"]["e"].value)
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise InvalidArgumentError(
                f"policies/model.conf is not a Casbin model: {error}.", hint="Restore the one that Herdbook ships."
            ) from error
        self._effect = self._policy.index("p_eft")
        self._includes = role_manager((whole, part.value) for whole, parts in _INCLUSIONS.items() for part in parts)
        self._denied_with = role_manager(
            (whole.value, part.value) for whole, parts in INCLUDES.items() for part in parts
        )
        for privilege in Privilege:
            # Looking for a link makes a role of any name that is new; these are all that are ever looked for.
            self._includes.get_roles(privilege.value)
            self._denied_with.get_roles(privilege.value)
        self._local = threading.local()

    def decide(
        self, question: Question, rows: Sequence[Row], groups: RoleManagerPort, tree: RoleManagerPort
    ) -> tuple[bool, int | None]:
        """Answer a question by candidate lines.

        Args:
            question: What is asked.
            rows: Every line that could match.
            groups: Who is in which group (g).
            tree: What lies in what (g2).

        Returns:
            Whether it is allowed, and the position of the line that decided; None where none matched.
        """
        bench = self._bench()
        bench.groups, bench.tree = groups, tree
        asked = (question.sub, question.obj, question.own, question.act)
        names = dict(zip(self._request, asked, strict=True))
        effects: set[int] = set()
        decider: int | None = None
        for position, row in enumerate(rows):
            names.update(zip(self._policy, row, strict=True))
            if not bench.expression.eval(names):
                continue
            effect = Effector.ALLOW if row[self._effect] == "allow" else Effector.DENY
            if effect not in effects:
                effects.add(effect)
                decider = position
            if self._effector.intermediate_effect(effects) != Effector.INDETERMINATE:
                break
        return effect_to_bool(self._effector.final_effect(effects)), decider

    def _bench(self) -> _Bench:
        # Casbin's evaluator keeps the names of the request in itself: no two threads may share one.
        bench: _Bench | None = getattr(self._local, "bench", None)
        if bench is None:
            bench = self._local.bench = _Bench(self._matcher, self._includes, self._denied_with)
        return bench


class _Bench:
    """What one thread evaluates with: Casbin's reading of the matcher, and who answers for groups and tree now."""

    groups: RoleManagerPort
    tree: RoleManagerPort

    def __init__(self, matcher: str, includes: RoleManagerPort, denied_with: RoleManagerPort) -> None:
        functions = {
            "g": lambda member, group: self.groups.has_link(member, group),  # noqa: PLW0108 the one at hand then
            "g2": lambda inner, outer: self.tree.has_link(inner, outer),  # noqa: PLW0108 as above
            "g3": includes.has_link,
            "g4": denied_with.has_link,
        }
        self.expression: Any = CoreEnforcer._get_expression(matcher, functions)  # noqa: SLF001 Casbin's own reading


def role_manager(links: Iterable[tuple[str, str]]) -> RoleManagerPort:
    """Return Casbin's default role manager with these links."""
    made = RoleManager(_DEPTH)
    for inner, outer in links:
        made.add_link(inner, outer)
    return made


def refuse_abandoned_casbin() -> None:
    """Raise PluginConflictError where the abandoned distribution `casbin` is installed."""
    try:
        found = distribution("casbin")
    except PackageNotFoundError:
        return
    raise PluginConflictError(
        f"The distributions casbin {found.version} and pycasbin both install the package 'casbin'.",
        hint="Uninstall casbin, which is abandoned, and install pycasbin again.",
    )
