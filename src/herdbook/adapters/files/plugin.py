"""The built-in artifact scheme."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from herdbook.errors import InvalidArgumentError
from herdbook.plugins import ArtifactScheme, hookimpl
from herdbook.ports.artifacts import ArtifactStore


def _open(uri: str, _options: Any) -> ArtifactStore:
    from herdbook.adapters.files.store import FileStore  # noqa: PLC0415 imported only where it is used

    parts = urlsplit(uri)
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise InvalidArgumentError(f"{uri!r} is not a folder's URI.", hint="Write file:///absolute/folder.")
    return FileStore(Path(unquote(parts.path)))


@hookimpl
def herdbook_artifact_schemes() -> list[ArtifactScheme]:
    """Contribute `file:`."""
    return [ArtifactScheme(name="file", open=_open)]
