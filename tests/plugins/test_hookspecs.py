"""Every hook is documented by an example that runs, works as its example says, and is used by the product."""

from __future__ import annotations

import doctest
import inspect

import pytest
from attrs import fields_dict

from herdbook.bootstrap import load_plugins
from herdbook.plugins import PluginManager, PluginStatus
from herdbook.plugins.contributions import PreRegisterCheck
from herdbook.plugins.hookspecs import CONTRIBUTIONS, HookSpecs
from herdbook.settings import Settings

HOOKS = sorted(name for name in vars(HookSpecs) if name.startswith("herdbook_"))
ASK = {
    "herdbook_artifact_schemes": PluginManager.artifact_scheme,
    "herdbook_registry_schemes": PluginManager.registry_scheme,
    "herdbook_metadata_schemes": PluginManager.metadata_scheme,
    "herdbook_pre_register_checks": PluginManager.check,
    "herdbook_identity_sources": PluginManager.identity_source,
    "herdbook_model_loaders": lambda manager, name: manager.loader_for([], name=name),
}


def run_example(hook: str) -> dict[str, object]:
    """Run a hook's example; returns the names that it made."""
    page = inspect.getdoc(getattr(HookSpecs, hook)) or ""
    names: dict[str, object] = {}
    test = doctest.DocTestParser().get_doctest(page, names, hook, None, 0)
    assert test.examples, f"{hook} has no example"
    assert any(example.want for example in test.examples), f"the example of {hook} shows no result"
    said: list[str] = []
    failed, _ = doctest.DocTestRunner().run(test, out=said.append, clear_globs=False)
    assert not failed, "".join(said)
    return test.globs


def test_each_hook_has_one_kind_of_contribution():
    """The table of contributions lists every hook, and nothing else."""
    assert sorted(CONTRIBUTIONS) == HOOKS
    assert sorted(ASK) == HOOKS


@pytest.mark.parametrize("hook", HOOKS)
def test_the_page_says_what_it_is_for_and_what_happens_when_it_fails(hook):
    """A hook's docstring is its reference page."""
    page = inspect.getdoc(getattr(HookSpecs, hook)) or ""
    assert page.startswith("Contribute ")
    assert "fails" in page
    assert "Example:" in page
    called = "`target`" if hook == "herdbook_pre_register_checks" else "`open`"
    assert (called if hook != "herdbook_model_loaders" else "`load`") in page


@pytest.mark.parametrize("hook", HOOKS)
def test_the_example_is_a_plugin_that_works(hook):
    """What the page shows, registered as it stands, is collected and found by its name."""
    made = run_example(hook)

    class Plugin:
        pass

    setattr(Plugin, hook, staticmethod(made[hook]))
    manager = PluginManager.load(builtins=[("example", Plugin)], installed=[])
    (info,) = manager.plugins()
    assert info.status is PluginStatus.OK, info.error
    assert info.hooks == (hook,)
    (value,) = made[hook]()
    assert type(value) is CONTRIBUTIONS[hook]
    assert type(ASK[hook](manager, value.name)) is CONTRIBUTIONS[hook]


@pytest.mark.parametrize("hook", HOOKS)
def test_the_product_uses_it(hook):
    """A hook ships only with something real behind it: a built-in plugin, or one of the project's own."""
    working = [info for info in load_plugins(Settings()).plugins() if info.status is PluginStatus.OK]
    own = {info.name for info in working if hook in info.hooks and info.distribution.startswith("herdbook")}
    assert own


@pytest.mark.parametrize("kind", CONTRIBUTIONS.values(), ids=lambda kind: kind.__name__)
def test_every_field_of_a_contribution_is_documented(kind):
    """Its docstring, or the one that it refers to, describes each field."""
    page = inspect.getdoc(kind) or ""
    if "those of ArtifactScheme" in page:
        page += inspect.getdoc(CONTRIBUTIONS["herdbook_artifact_schemes"]) or ""
    for name in fields_dict(kind):
        assert f"{name}:" in page or f"`{name}`" in page, f"{kind.__name__}.{name}"


def test_a_check_has_limits_unless_it_says_otherwise():
    """Time and memory are limited from the first day."""
    check = PreRegisterCheck(name="x", version="1", target="a:b")
    assert 0 < check.timeout_s <= 60
    assert 0 < check.memory_mb <= 4096
