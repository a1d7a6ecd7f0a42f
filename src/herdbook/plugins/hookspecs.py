"""The hooks of Herdbook; each docstring is the hook's reference page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import pluggy

from herdbook.plugins.contributions import (
    ArtifactScheme,
    IdentitySource,
    MetadataScheme,
    ModelLoader,
    PreRegisterCheck,
    RegistryScheme,
)

PROJECT = "herdbook"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class HookSpecs(Protocol):
    """Each hook is called once, at start-up, and returns contributions; they are called later, by name.

    A plugin is a module or an object; an entry point in the group `herdbook` names it. It marks the hooks that it
    implements with `@hookimpl`, and reads neither the environment nor herdbook.toml: its `[plugins.NAME]` table
    arrives as the `options` that it declares.
    """

    @hookspec
    def herdbook_artifact_schemes(self) -> Iterable[ArtifactScheme]:
        """Contribute places that keep bytes, by the scheme of their URI.

        `open` is called with the artifact root's URI and the plugin's options when a registry is opened.
        Import what it needs inside it: finding plugins must stay cheap.

        When it fails, the scheme is absent, and the error of whoever asks for it says what to install.

        Example:
            >>> from herdbook.plugins import ArtifactScheme, hookimpl
            >>> @hookimpl
            ... def herdbook_artifact_schemes():
            ...     return [ArtifactScheme(name="tape", open=lambda uri, options: TapeStore(uri))]
            >>> [scheme.name for scheme in herdbook_artifact_schemes()]
            ['tape']
        """

    @hookspec
    def herdbook_registry_schemes(self) -> Iterable[RegistryScheme]:
        """Contribute kinds of registry, by the scheme of their URI.

        `open` is called with the URI, credentials and the plugin's options when somebody connects; what it returns
        is bound to its caller, and says in `supported` which verbs it can do.

        When it fails, the scheme is absent, and the error of whoever asks for it says what to install.

        Example:
            >>> from herdbook.plugins import RegistryScheme, hookimpl
            >>> @hookimpl
            ... def herdbook_registry_schemes():
            ...     return [RegistryScheme(name="lab", open=lambda uri, credentials, options: LabRegistry(uri))]
            >>> [scheme.name for scheme in herdbook_registry_schemes()]
            ['lab']
        """

    @hookspec
    def herdbook_metadata_schemes(self) -> Iterable[MetadataScheme]:
        """Contribute metadata stores, by the scheme of their URI.

        `open` is called with the database's URI and the plugin's options when a registry is opened.

        When it fails, the scheme is absent, and the error of whoever asks for it says what to install.

        Example:
            >>> from herdbook.plugins import MetadataScheme, hookimpl
            >>> @hookimpl
            ... def herdbook_metadata_schemes():
            ...     return [MetadataScheme(name="duckdb", open=lambda uri, options: DuckStore(uri))]
            >>> [scheme.name for scheme in herdbook_metadata_schemes()]
            ['duckdb']
        """

    @hookspec
    def herdbook_pre_register_checks(self) -> Iterable[PreRegisterCheck]:
        """Contribute checks that rules can ask for before a version is admitted.

        `target` is called as `function(candidate, params)` in a process of its own, with an empty folder, a bare
        environment and limits on time and memory; it returns Pass or Reject. `params` is what the rule says, as the
        type that the check declares.

        It fails closed: a check that raises, dies or answers nonsense rejects the version; one that hangs leaves it
        pending, and the caller gets a 503. A ruleset that names a check which no plugin offers refuses to start.

        Example:
            >>> from herdbook.plugins import PreRegisterCheck, hookimpl
            >>> @hookimpl
            ... def herdbook_pre_register_checks():
            ...     return [PreRegisterCheck(name="licence", version="1", target="my_plugin.licence:check")]
            >>> [check.name for check in herdbook_pre_register_checks()]
            ['licence']
        """

    @hookspec
    def herdbook_identity_sources(self) -> Iterable[IdentitySource]:
        """Contribute who proves whose bearer token a request shows: an outside issuer's, such as OpenID Connect's.

        `open` is called with the plugin's options when a server starts, and returns an IdentityProvider. Each request
        with a token that is no API token of the registry's own is shown to the providers, by order and name, until
        one answers who it is, or refuses. An identity is an issuer and a subject; the registry makes a principal
        `user:SOURCE/NAME` of it, without rights, when it is first seen (R19).

        It fails closed: where `open` fails the server does not start, and what raises, or is nobody's, is refused.

        Example:
            >>> from herdbook.plugins import IdentitySource, hookimpl
            >>> from herdbook.ports.identity import Identity, IdentityProvider
            >>> class Badges(IdentityProvider):
            ...     sources = frozenset({"gate"})
            ...     def authenticate(self, credential, *, now_ms):
            ...         kind, _, number = credential.partition("-")
            ...         if kind != "badge":
            ...             return None
            ...         until = now_ms + 60_000
            ...         return Identity(source="gate", issuer="the gate", subject=number, until_ms=until)
            ...     def close(self):
            ...         pass
            >>> @hookimpl
            ... def herdbook_identity_sources():
            ...     return [IdentitySource(name="badges", open=lambda options: Badges())]
            >>> [source.open(None).authenticate("badge-7", now_ms=0).subject for source in herdbook_identity_sources()]
            ['7']
        """

    @hookspec
    def herdbook_model_loaders(self) -> Iterable[ModelLoader]:
        """Contribute loaders that turn a downloaded model into a live object.

        `load` is called with the folder and the flavor that was asked for; the first loader, by order and name,
        that has one of the model's flavors wins.

        When it fails, the loader is absent, and the error of whoever asks for its flavors says what to install.

        Example:
            >>> from herdbook.plugins import ModelLoader, hookimpl
            >>> @hookimpl
            ... def herdbook_model_loaders():
            ...     return [ModelLoader(name="onnx", flavors=("onnx",), load=lambda folder, flavor: open_onnx(folder))]
            >>> [loader.name for loader in herdbook_model_loaders()]
            ['onnx']
        """


CONTRIBUTIONS: dict[str, type] = {
    "herdbook_artifact_schemes": ArtifactScheme,
    "herdbook_registry_schemes": RegistryScheme,
    "herdbook_metadata_schemes": MetadataScheme,
    "herdbook_pre_register_checks": PreRegisterCheck,
    "herdbook_identity_sources": IdentitySource,
    "herdbook_model_loaders": ModelLoader,
}
"""Hook -> what its implementations return."""
