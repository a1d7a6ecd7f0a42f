"""What this plugin contributes."""

from __future__ import annotations

from typing import Any

from herdbook.plugins import ArtifactScheme, hookimpl
from herdbook.ports.artifacts import ArtifactStore
from herdbook_objectstore.options import ObjectStoreOptions

_HINT = "Install herdbook-objectstore."


def _open(uri: str, options: Any) -> ArtifactStore:
    from herdbook_objectstore.opening import open_store  # noqa: PLC0415 obstore is imported only where it is used

    return open_store(uri, options)


@hookimpl
def herdbook_artifact_schemes() -> list[ArtifactScheme]:
    """Contribute `s3:`, `gs:` and `az:`."""
    return [
        ArtifactScheme(name=name, open=_open, options=ObjectStoreOptions, install_hint=_HINT)
        for name in ("s3", "gs", "az")
    ]
