"""The whole machine, composed noun by noun."""

from __future__ import annotations

from herdbook.testing.machine.label_rules import LabelRules
from herdbook.testing.machine.search_rules import SearchRules
from herdbook.testing.machine.tree_rules import TreeRules
from herdbook.testing.machine.version_rules import VersionRules


class RegistryMachine(TreeRules, VersionRules, LabelRules, SearchRules):
    """Every verb of the port on a registry and on a dict model, in any order; override `make`.

    Run it with `hypothesis.stateful.run_state_machine_as_test`, or assign its `TestCase`.
    """
