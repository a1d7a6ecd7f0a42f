"""Loads each plugin on its own and collects what it contributes; what one does wrong stays its own."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from enum import StrEnum
from importlib.metadata import Distribution, EntryPoint
from typing import Any

import pluggy
from attrs import evolve, frozen

from herdbook.errors import PluginContractError
from herdbook.plugins.contributions import (
    ArtifactScheme,
    IdentitySource,
    MetadataScheme,
    ModelLoader,
    PreRegisterCheck,
    RegistryScheme,
)
from herdbook.plugins.hookspecs import CONTRIBUTIONS, PROJECT, HookSpecs

WORDS: dict[type, str] = {
    ArtifactScheme: "artifact scheme",
    RegistryScheme: "registry scheme",
    MetadataScheme: "metadata scheme",
    PreRegisterCheck: "check",
    IdentitySource: "identity source",
    ModelLoader: "model loader",
}
"""Kind of contribution -> what people call it."""


class PluginStatus(StrEnum):
    """What became of a plugin."""

    OK = "ok"
    FAILED = "failed"
    BLOCKED = "blocked"


@frozen(kw_only=True)
class PluginInfo:
    """A plugin, as people see it.

    Args:
        name: Its name (its entry point's).
        distribution: The distribution that it came with.
        version: That distribution's version.
        status: What became of it.
        hooks: The hooks that it implements.
        contributions: What it contributed, `check modelcard`; where one of its hooks failed, what the others did.
        error: Why it failed; None where it did not.
    """

    name: str
    distribution: str
    version: str
    status: PluginStatus
    hooks: tuple[str, ...] = ()
    contributions: tuple[str, ...] = ()
    error: str | None = None

    @property
    def origin(self) -> str:
        """Distribution and version, in words."""
        return f"{self.distribution} {self.version}".strip()


@frozen(kw_only=True)
class Contributed:
    """One contribution.

    Args:
        plugin: The name of the plugin that made it.
        value: The contribution.
    """

    plugin: str
    value: Any


class Collector:
    """Loads and collects plugin by plugin."""

    def __init__(self) -> None:
        self.infos: list[PluginInfo] = []
        self.contributed: list[Contributed] = []

    def load(self, point: EntryPoint, *, allowed: bool) -> None:
        """Import an entry point's plugin and collect from it; one that is not allowed is only listed."""
        distribution = point.dist
        info = PluginInfo(
            name=point.name,
            distribution="?" if distribution is None else _told(distribution, "name") or "?",
            version="" if distribution is None else _told(distribution, "version") or "",
            status=PluginStatus.OK,
        )
        if not allowed:
            self.infos.append(evolve(info, status=PluginStatus.BLOCKED))
            return
        try:
            plugin = point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 a plugin that cannot be imported must not stop others
            self._failed(info, _raised(error))
            return
        self.add(info, plugin)

    def add(self, info: PluginInfo, plugin: object) -> None:
        """Register a plugin with a pluggy of its own, so that nothing of it can reach another's collection."""
        manager = pluggy.PluginManager(PROJECT)
        manager.add_hookspecs(HookSpecs)
        try:
            manager.register(plugin, name=info.name)
            manager.check_pending()
        except (Exception, SystemExit) as error:  # noqa: BLE001 a plugin that fails must not stop the others
            self._failed(info, _with_nearest_hook(error))
            return
        hooks = tuple(caller.name for caller in manager.get_hookcallers(plugin) or ())
        if not hooks:
            self._failed(info, "it implements no hook of Herdbook; mark its functions with @hookimpl")
            return
        self._collect(evolve(info, hooks=hooks), manager)

    def _collect(self, info: PluginInfo, manager: pluggy.PluginManager) -> None:
        values: list[Any] = []
        faults: list[str] = []
        for hook in info.hooks:
            try:
                values += _call(manager, hook, values)
            except PluginContractError as error:
                faults.append(f"{hook}: {error.message}")
            except (Exception, SystemExit) as error:  # noqa: BLE001 one hook must not stop the others
                faults.append(f"{hook} raised {_raised(error)}")
        names = tuple(f"{WORDS[type(value)]} {value.name}" for value in values)
        self.contributed += [Contributed(plugin=info.name, value=value) for value in values]
        if faults:
            self._failed(evolve(info, contributions=names), "; ".join(faults))
        else:
            self.infos.append(evolve(info, contributions=names))

    def _failed(self, info: PluginInfo, why: str) -> None:
        self.infos.append(evolve(info, status=PluginStatus.FAILED, error=why))


def _call(manager: pluggy.PluginManager, hook: str, before: Iterable[Any]) -> list[Any]:
    kind: Any = CONTRIBUTIONS[hook]
    # pluggy leaves out what returned None.
    results = getattr(manager.hook, hook)() or [None]
    names = {value.name for value in before if type(value) is kind}
    values: list[Any] = []
    for value in _each(results, kind):
        if value.name in names:
            raise PluginContractError(f"it returned the {WORDS[kind]} {value.name!r} twice")
        names.add(value.name)
        values.append(value)
    return values


def _each(results: Iterable[Any], kind: type) -> Iterator[Any]:
    for result in results:
        if isinstance(result, str | bytes) or not isinstance(result, Iterable):
            raise PluginContractError(f"it returned {result!r}, not a list of {kind.__name__}")
        for value in result:
            if type(value) is not kind:
                raise PluginContractError(f"it returned a {type(value).__name__}, not a {kind.__name__}")
            yield value


def _raised(error: BaseException) -> str:
    if isinstance(error, PluginContractError):
        return error.message
    return f"{type(error).__name__}: {error}"


def _with_nearest_hook(error: BaseException) -> str:
    if not isinstance(error, pluggy.PluginValidationError):
        return _raised(error)
    text = str(error)
    named = next((word.strip("'\":,") for word in text.split() if "herdbook_" in word), "")
    near = difflib.get_close_matches(named, CONTRIBUTIONS, n=1)
    return f"{text}; did you mean {near[0]!r}?" if near and near[0] != named else text


def _told(distribution: Distribution, what: str) -> str | None:
    """Return a distribution's name or version; None where its metadata is gone, as after an interrupted uninstall.

    The standard library answers None then, and its backport, which other packages bring along, raises.
    """
    try:
        told: str | None = getattr(distribution, what)
    except (FileNotFoundError, KeyError):
        return None
    return told
