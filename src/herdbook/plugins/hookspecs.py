"""The hooks of Herdbook; each docstring is the hook's reference page."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from herdbook.plugins.contributions import (
    ArtifactScheme,
    MetadataScheme,
    ModelLoader,
    PreRegisterCheck,
    RegistryScheme,
)

PROJECT = "herdbook"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class HookSpecs:
    """Each hook is called once, at start-up, and returns contributions."""

    @hookspec
    def herdbook_artifact_schemes(self) -> Iterable[ArtifactScheme]:  # type: ignore[empty-body]
        """Contribute places that keep bytes, by the scheme of their URI.

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
    def herdbook_registry_schemes(self) -> Iterable[RegistryScheme]:  # type: ignore[empty-body]
        """Contribute kinds of registry, by the scheme of their URI.

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
    def herdbook_metadata_schemes(self) -> Iterable[MetadataScheme]:  # type: ignore[empty-body]
        """Contribute metadata stores, by the scheme of their URI.

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
    def herdbook_pre_register_checks(self) -> Iterable[PreRegisterCheck]:  # type: ignore[empty-body]
        """Contribute checks that rules can ask for before a version is admitted.

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
    def herdbook_model_loaders(self) -> Iterable[ModelLoader]:  # type: ignore[empty-body]
        """Contribute loaders that turn a downloaded model into a live object.

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
    "herdbook_model_loaders": ModelLoader,
}
"""Hook -> what its implementations return."""
