"""The examples in the port's docstrings run, each on a registry like the one that they speak of."""

from __future__ import annotations

import doctest
import inspect

import pytest

from herdbook.ports.registry import Registry
from herdbook.service import GovernedRegistry
from herdbook.testing.samples import register
from herdbook.verdicts import Operation

BUILT = [
    op.value for op in Operation if not getattr(GovernedRegistry, op.value).__module__.startswith("herdbook.ports")
]
WITHOUT = {"delete_registered_model_alias", "delete_registered_model_tag", "delete_model_version_tag"}
WITHOUT |= {"upload_model_version_files", "finalize_model_version"}


@pytest.mark.parametrize("name", sorted(set(BUILT) - WITHOUT))
def test_an_example_runs(name, herdbook_registry):
    """Each built verb's docstring has an example, and it answers what it says."""
    registry = herdbook_registry
    if name != "create_registered_model":
        registry.create_registered_model("main.default.iris")
        register(registry, "main.default.iris")
        registry.set_registered_model_alias("main.default.iris@champion", 1)
    text = inspect.getdoc(getattr(Registry, name)) or ""
    examples = doctest.DocTestParser().get_doctest(text, {"registry": registry}, name, None, None)
    assert examples.examples
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(examples)
    assert runner.summarize(verbose=False).failed == 0
