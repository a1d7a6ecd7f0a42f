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

hookspec = pluggy.HookspecMarker("herdbook")
hookimpl = pluggy.HookimplMarker("herdbook")


@hookspec
def herdbook_artifact_schemes() -> Iterable[ArtifactScheme]:
    """Contribute places that keep bytes.

    When it fails, the scheme is absent, and the error that names it says what to install.

    Example:
        >>> from herdbook.plugins import ArtifactScheme, hookimpl
        >>> @hookimpl
        ... def herdbook_artifact_schemes():
        ...     return [ArtifactScheme(name="tape", open=lambda uri, options: open_tape(uri))]
    """
    raise AssertionError("a hook specification is never called")
