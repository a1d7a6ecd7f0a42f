"""The composition root, where a scheme cannot be opened."""

from __future__ import annotations

import pytest

from herdbook import bootstrap
from herdbook.errors import PluginLoadError, UnsupportedError
from herdbook.plugins import PluginManager, RegistryScheme, hookimpl
from herdbook.settings import Settings


class Lab:
    """A plugin whose scheme needs a package that is not there."""

    @hookimpl
    def herdbook_registry_schemes(self):
        def opens(_uri, _credentials, _options):
            import no_such_package_at_all  # noqa: F401

        return [RegistryScheme(name="lab", open=opens, install_hint="Install lab-registry[client].")]


def test_a_missing_package_is_named_with_what_to_install(monkeypatch):
    """A scheme that lacks a package says which, and what its plugin advises to install."""
    manager = PluginManager.load(builtins=[("lab", Lab())], enabled=False)
    monkeypatch.setattr(bootstrap, "load_plugins", lambda _settings: manager)
    with pytest.raises(PluginLoadError, match=r"'lab'.*no_such_package_at_all.*Install lab-registry\[client\]"):
        bootstrap.open_registry("lab://here", settings=Settings())


def test_nobody_is_asserted_where_who_asks_has_to_be_proved(monkeypatch):
    """A scheme that takes no asserted principal is not opened for one, as whoever connects least of all."""
    manager = PluginManager.load(builtins=[("lab", Lab())], enabled=False)
    monkeypatch.setattr(bootstrap, "load_plugins", lambda _settings: manager)
    with pytest.raises(UnsupportedError, match=r"'lab' wants proof of who asks: nobody acts there as user:ann"):
        bootstrap.open_registry("lab://here", settings=Settings(), principal="user:ann")
