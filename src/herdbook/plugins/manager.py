"""What all plugins contribute, answered by name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from attrs import field, frozen

from herdbook import __version__
from herdbook.errors import InvalidArgumentError, PluginConflictError, PluginLoadError
from herdbook.plugins.collecting import WORDS, Collector, Contributed, PluginInfo, PluginStatus
from herdbook.plugins.contributions import (
    ArtifactScheme,
    IdentitySource,
    MetadataScheme,
    ModelLoader,
    PreRegisterCheck,
    RegistryScheme,
)
from herdbook.wire import structure

GROUP = "herdbook"
C = TypeVar("C", ArtifactScheme, RegistryScheme, MetadataScheme, PreRegisterCheck, IdentitySource, ModelLoader)

_OFFERED_BY = {
    "s3": "herdbook-objectstore",
    "gs": "herdbook-objectstore",
    "az": "herdbook-objectstore",
    "uc": "herdbook-unity",
    "mlflow+http": "herdbook-mlflow",
    "mlflow+https": "herdbook-mlflow",
    "modelcard": "herdbook-modelcard",
    "oidc": "herdbook-oidc",
}
"""Names of the project's own plugins -> the distribution that offers them."""


@frozen(kw_only=True)
class PluginManager:
    """What all plugins contribute, by name.

    Args:
        found: Every plugin that was found.
        contributed: What they contributed, ordered by (order, name).
        options: Raw `[plugins.NAME]` tables.
    """

    found: tuple[PluginInfo, ...]
    contributed: tuple[Contributed, ...] = field(repr=False)
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
            PluginConflictError: two plugins have one name, or contribute under one name.
            InvalidArgumentError: options are for a plugin that is not there, or do not fit it.
        """
        collector = Collector()
        for name, plugin in builtins:
            collector.add(
                PluginInfo(name=name, distribution="herdbook", version=__version__, status=PluginStatus.OK), plugin
            )
        points = entry_points(group=GROUP) if installed is None else installed
        for point in sorted(points, key=lambda point: point.name) if enabled else ():
            allowed = (allow is None or point.name in allow) and point.name not in block
            collector.load(point, allowed=allowed)
        infos, contributed = collector.infos, collector.contributed
        _check_names(infos)
        _check_required(required, infos, enabled=enabled)
        _check_conflicts(infos, contributed)
        for name, raw in (options or {}).items():
            _check_options(name, raw, infos, contributed, enabled=enabled)
        ordered = sorted(contributed, key=lambda item: (item.value.order, item.value.name))
        return cls(found=tuple(infos), contributed=tuple(ordered), options=options or {})

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

    def identity_source(self, name: str) -> IdentitySource:
        """Return an identity source; raises PluginLoadError where no plugin offers it."""
        return self._named(IdentitySource, name)

    def identity_sources(self) -> tuple[IdentitySource, ...]:
        """Return every identity source, by order and name."""
        return tuple(self._all(IdentitySource))

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
            f"No installed plugin can load this model (its flavors: {wanted}).{self._unusable()}",
            hint="For models that MLflow logged, install herdbook-mlflow.",
        )

    def options_for(self, contribution: Any) -> Any:
        """Return a contribution's options, structured from its plugin's `[plugins.NAME]` table; None: it takes none."""
        if contribution.options is None:
            return None
        plugin = next(item.plugin for item in self.contributed if item.value is contribution)
        return _structured(plugin, self.options.get(plugin, {}), contribution.options)

    def _all(self, kind: type[C]) -> list[C]:
        return [item.value for item in self.contributed if isinstance(item.value, kind)]

    def _named(self, kind: type[C], name: str) -> C:
        offered = self._all(kind)
        for value in offered:
            if value.name == name:
                return value
        known = ", ".join(value.name for value in offered) or "none"
        near = difflib.get_close_matches(name, [value.name for value in offered], n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "Install the plugin that offers it."
        hint = f"Install {_OFFERED_BY[name]}." if name in _OFFERED_BY else hint
        raise PluginLoadError(
            f"No plugin offers the {WORDS[kind]} {name!r} (offered: {known}).{self._unusable()}", hint=hint
        )

    def _unusable(self) -> str:
        failed = [f"{info.name} ({info.origin}): {info.error}" for info in self.found if info.error is not None]
        blocked = [f"{info.name} ({info.origin})" for info in self.found if info.status is PluginStatus.BLOCKED]
        parts = ((" Plugins that failed: ", "; ".join(failed)), (" Plugins that are blocked: ", ", ".join(blocked)))
        return "".join(f"{head}{text}." for head, text in parts if text)


def _structured(plugin: str, raw: Mapping[str, Any], kind: type) -> Any:
    return structure(dict(raw), kind, what=f"[plugins.{plugin}]")


def _check_names(infos: Sequence[PluginInfo]) -> None:
    seen: dict[str, PluginInfo] = {}
    for info in infos:
        if info.status is PluginStatus.BLOCKED:
            continue
        other = seen.setdefault(info.name, info)
        if other is not info:
            raise PluginConflictError(
                f"The plugin {info.name!r} is installed twice: from {other.origin} and from {info.origin}.",
                hint="Uninstall one of them.",
            )


def _check_required(required: Sequence[str], infos: Sequence[PluginInfo], *, enabled: bool) -> None:
    known = {info.name: info for info in infos}
    for name in required:
        info = known.get(name)
        if info is None and not enabled:
            raise PluginLoadError(f"The plugin {name!r} is required, and plugins are switched off.")
        if info is None:
            raise PluginLoadError(
                f"The required plugin {name!r} is not installed.", hint=f"Install {_OFFERED_BY.get(name, name)}."
            )
        if info.status is PluginStatus.BLOCKED:
            raise PluginLoadError(
                f"The plugin {name!r} ({info.origin}) is required and blocked at once.",
                hint="Change [plugins] in herdbook.toml.",
            )
        if info.status is PluginStatus.FAILED:
            raise PluginLoadError(f"The required plugin {name!r} ({info.origin}) failed: {info.error}.")


def _check_conflicts(infos: Sequence[PluginInfo], contributed: Sequence[Contributed]) -> None:
    by_name = {info.name: info for info in infos if info.status is not PluginStatus.BLOCKED}
    seen: dict[tuple[type, str], str] = {}
    for item in contributed:
        kind = type(item.value)
        first = seen.setdefault((kind, item.value.name), item.plugin)
        if first != item.plugin:
            one, two = by_name[first], by_name[item.plugin]
            raise PluginConflictError(
                f"The {WORDS[kind]} {item.value.name!r} is contributed twice: by {one.name} ({one.origin}) and by "
                f"{two.name} ({two.origin}).",
                hint="Block one of them in [plugins] of herdbook.toml.",
            )


def _check_options(
    name: str,
    raw: Mapping[str, Any],
    infos: Sequence[PluginInfo],
    contributed: Sequence[Contributed],
    *,
    enabled: bool,
) -> None:
    known = {info.name: info.status for info in infos}
    if name not in known:
        if not enabled:
            return
        near = difflib.get_close_matches(name, known, n=1)
        installed = f"Installed are {', '.join(known)}." if known else "None are installed."
        raise InvalidArgumentError(
            f"[plugins.{name}] is for a plugin that is not installed.",
            hint=f"Did you mean {near[0]!r}?" if near else installed,
        )
    if known[name] is not PluginStatus.OK:
        return
    values = [item.value for item in contributed if item.plugin == name]
    kinds = [value.options for value in values if getattr(value, "options", None) is not None]
    if raw and not kinds:
        raise InvalidArgumentError(f"[plugins.{name}] has options, and the plugin takes none.", hint="Remove them.")
    for kind in kinds:
        _structured(name, raw, kind)
