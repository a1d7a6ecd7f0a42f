"""Loads plugins each on its own, collects what they contribute, and answers by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

import pluggy
from attrs import evolve, field, frozen

from herdbook import __version__
from herdbook.errors import InvalidArgumentError, PluginConflictError, PluginContractError, PluginLoadError
from herdbook.plugins.contributions import (
    ArtifactScheme,
    MetadataScheme,
    ModelLoader,
    PreRegisterCheck,
    RegistryScheme,
)
from herdbook.plugins.hookspecs import CONTRIBUTIONS, PROJECT, HookSpecs
from herdbook.wire import structure

GROUP = "herdbook"
C = TypeVar("C", ArtifactScheme, RegistryScheme, MetadataScheme, PreRegisterCheck, ModelLoader)

_HOOK_OF = {kind: hook for hook, kind in CONTRIBUTIONS.items()}
_WORDS = {
    ArtifactScheme: "artifact scheme",
    RegistryScheme: "registry scheme",
    MetadataScheme: "metadata scheme",
    PreRegisterCheck: "check",
    ModelLoader: "model loader",
}
_OFFERED_BY = {
    "s3": "herdbook-objectstore",
    "gs": "herdbook-objectstore",
    "az": "herdbook-objectstore",
    "uc": "herdbook-unity",
    "mlflow+http": "herdbook-mlflow",
    "mlflow+https": "herdbook-mlflow",
    "modelcard": "herdbook-modelcard",
}
"""Names of the project's own plugins -> the distribution that offers them."""


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
        contributions: What it contributed, `check modelcard`.
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
class _Contributed:
    plugin: str
    value: Any


@frozen(kw_only=True)
class PluginManager:
    """What all plugins contribute, by name.

    Args:
        found: Every plugin that was found.
        contributed: What they contributed, ordered by (order, name).
        options: Raw `[plugins.NAME]` tables.
    """

    found: tuple[PluginInfo, ...]
    contributed: tuple[_Contributed, ...] = field(repr=False)
    options: Mapping[str, Mapping[str, Any]] = field(factory=dict, repr=False)

    @classmethod
    def load(
        cls,
        *,
        builtins: Sequence[tuple[str, object]] = (),
        required: Sequence[str] = (),
        allow: Sequence[str] | None = None,
        block: Sequence[str] = (),
        enabled: bool = True,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        installed: Iterable[EntryPoint] | None = None,
    ) -> PluginManager:
        """Load plugins and collect what they contribute.

        Args:
            builtins: (name, plugin) of those that come with Herdbook.
            required: Names without which nothing starts.
            allow: Use only these; None uses all that are installed.
            block: Never use these.
            enabled: False uses the built-in ones alone.
            options: `[plugins.NAME]` tables.
            installed: Entry points; None takes those of the environment.

        Raises:
            PluginLoadError: a required plugin is missing or failed.
            PluginConflictError: two plugins contribute under one name.
            InvalidArgumentError: options are for a plugin that is not there.
        """
        loader = _Loader()
        for name, plugin in builtins:
            loader.add(
                PluginInfo(name=name, distribution="herdbook", version=__version__, status=PluginStatus.OK), plugin
            )
        points = entry_points(group=GROUP) if installed is None else installed
        for point in sorted(points, key=lambda point: point.name) if enabled else ():
            allowed = (allow is None or point.name in allow) and point.name not in block
            loader.load(point, allowed=allowed)
        _check_required(required, loader.infos)
        _check_conflicts(loader)
        _check_options(options or {}, loader.infos)
        ordered = sorted(loader.contributed, key=lambda item: (item.value.order, item.value.name))
        return cls(found=tuple(loader.infos), contributed=tuple(ordered), options=options or {})

    def plugins(self) -> tuple[PluginInfo, ...]:
        """Return every plugin that was found, the built-in ones first."""
        return self.found

    def artifact_scheme(self, name: str) -> ArtifactScheme:
        """Return an artifact scheme; raises PluginLoadError where no plugin offers it."""
        return self._named(ArtifactScheme, name)

    def registry_scheme(self, name: str) -> RegistryScheme:
        """Return a registry scheme; raises PluginLoadError where no plugin offers it."""
        return self._named(RegistryScheme, name)

    def metadata_scheme(self, name: str) -> MetadataScheme:
        """Return a metadata scheme; raises PluginLoadError where no plugin offers it."""
        return self._named(MetadataScheme, name)

    def check(self, name: str) -> PreRegisterCheck:
        """Return a check; raises PluginLoadError where no plugin offers it."""
        return self._named(PreRegisterCheck, name)

    def loader_for(self, flavors: Sequence[str], *, name: str | None = None) -> ModelLoader:
        """Return the first loader that can load one of the flavors.

        Args:
            flavors: The model's flavors.
            name: Only this loader.

        Raises:
            PluginLoadError: no plugin offers one.
        """
        if name is not None:
            return self._named(ModelLoader, name)
        for loader in self._all(ModelLoader):
            if set(flavors) & set(loader.flavors):
                return loader
        wanted = ", ".join(sorted(flavors)) or "none"
        raise PluginLoadError(
            f"No installed plugin can load this model (its flavors: {wanted}).{self._failures()}",
            hint="For models that MLflow logged, install herdbook-mlflow.",
        )

    def options_for(self, contribution: Any) -> Any:
        """Return a contribution's options, structured from its plugin's `[plugins.NAME]` table.

        Raises:
            InvalidArgumentError: the table does not fit the plugin's options.
        """
        plugin = next(item.plugin for item in self.contributed if item.value is contribution)
        raw = dict(self.options.get(plugin, {}))
        if contribution.options is None:
            if raw:
                raise InvalidArgumentError(f"[plugins.{plugin}] has options, and the plugin takes none.")
            return None
        return structure(raw, contribution.options, what=f"[plugins.{plugin}]")

    def _all(self, kind: type[C]) -> list[C]:
        return [item.value for item in self.contributed if isinstance(item.value, kind)]

    def _named(self, kind: type[C], name: str) -> C:
        offered = self._all(kind)
        for value in offered:
            if value.name == name:
                return value
        known = ", ".join(value.name for value in offered) or "none"
        hint = f"Install {_OFFERED_BY[name]}." if name in _OFFERED_BY else "Install the plugin that offers it."
        raise PluginLoadError(
            f"No plugin offers the {_WORDS[kind]} {name!r} (offered: {known}).{self._failures()}", hint=hint
        )

    def _failures(self) -> str:
        failed = [f"{info.name} ({info.origin}): {info.error}" for info in self.found if info.error is not None]
        return f" Plugins that failed: {'; '.join(failed)}." if failed else ""


class _Loader:
    """Loads and collects plugin by plugin; what one does wrong stays its own."""

    def __init__(self) -> None:
        self.infos: list[PluginInfo] = []
        self.contributed: list[_Contributed] = []

    def load(self, point: EntryPoint, *, allowed: bool) -> None:
        distribution = point.dist
        info = PluginInfo(
            name=point.name,
            distribution="?" if distribution is None else distribution.name,
            version="" if distribution is None else distribution.version,
            status=PluginStatus.OK,
        )
        if not allowed:
            self.infos.append(evolve(info, status=PluginStatus.BLOCKED))
            return
        try:
            plugin = point.load()
        except Exception as error:  # noqa: BLE001 a plugin that cannot be imported must not stop the others
            self._failed(info, error)
            return
        self.add(info, plugin)

    def add(self, info: PluginInfo, plugin: object) -> None:
        """Register a plugin with a pluggy of its own, so that nothing of it can reach another's collection."""
        manager = pluggy.PluginManager(PROJECT)
        manager.add_hookspecs(HookSpecs)
        try:
            manager.register(plugin, name=info.name)
            manager.check_pending()
            hooks = tuple(caller.name for caller in manager.get_hookcallers(plugin) or ())
            values = [value for hook in hooks for value in _collect(manager, hook)]
        except Exception as error:  # noqa: BLE001 a plugin that fails must not stop the others
            self._failed(info, error)
            return
        names = tuple(f"{_WORDS[type(value)]} {value.name}" for value in values)
        self.infos.append(evolve(info, hooks=hooks, contributions=names))
        self.contributed += [_Contributed(plugin=info.name, value=value) for value in values]

    def _failed(self, info: PluginInfo, error: Exception) -> None:
        text = _explain(error)
        self.infos.append(evolve(info, status=PluginStatus.FAILED, error=text))


def _collect(manager: pluggy.PluginManager, hook: str) -> list[Any]:
    kind = CONTRIBUTIONS[hook]
    values: list[Any] = []
    for result in getattr(manager.hook, hook)():
        if isinstance(result, str | bytes) or not isinstance(result, Iterable):
            raise PluginContractError(f"{hook} returned {result!r}, not a list of {kind.__name__}")
        for value in result:
            if type(value) is not kind:
                raise PluginContractError(f"{hook} returned a {type(value).__name__}, not a {kind.__name__}")
            values.append(value)
    return values


def _explain(error: Exception) -> str:
    if isinstance(error, pluggy.PluginValidationError):
        text = str(error)
        named = next((word.strip("'\":,") for word in text.split() if "herdbook_" in word), "")
        near = difflib.get_close_matches(named, CONTRIBUTIONS, n=1)
        return f"{text}; did you mean {near[0]!r}?" if near else text
    if isinstance(error, PluginContractError):
        return error.message
    return f"{type(error).__name__}: {error}"


def _check_required(required: Sequence[str], infos: Sequence[PluginInfo]) -> None:
    known = {info.name: info for info in infos}
    for name in required:
        info = known.get(name)
        if info is None:
            raise PluginLoadError(
                f"The required plugin {name!r} is not installed.", hint=f"Install {_OFFERED_BY.get(name, name)}."
            )
        if info.status is not PluginStatus.OK:
            raise PluginLoadError(f"The required plugin {name!r} ({info.origin}) is {info.status}: {info.error}.")


def _check_conflicts(loader: _Loader) -> None:
    origins = {info.name: info for info in loader.infos}
    seen: dict[tuple[type, str], str] = {}
    for item in loader.contributed:
        key = (type(item.value), item.value.name)
        if key in seen:
            first = seen[key]
            one, two = origins[first], origins[item.plugin]
            raise PluginConflictError(
                f"The {_WORDS[key[0]]} {key[1]!r} is contributed twice: by {one.name} ({one.origin}) and by "
                f"{two.name} ({two.origin}).",
                hint="Block one of them in [plugins] of herdbook.toml.",
            )
        seen[key] = item.plugin


def _check_options(options: Mapping[str, Any], infos: Sequence[PluginInfo]) -> None:
    names = [info.name for info in infos]
    for name in options:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            raise InvalidArgumentError(
                f"[plugins.{name}] is for a plugin that is not installed.",
                hint=f"Did you mean {near[0]!r}?" if near else f"Installed are {', '.join(names)}.",
            )
