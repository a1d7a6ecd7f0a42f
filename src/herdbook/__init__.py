"""Herdbook: a governed registry for machine-learning models."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from herdbook.client import (
        connect as connect,
    )
    from herdbook.client import (
        diff_model_versions as diff_model_versions,
    )
    from herdbook.client import (
        download_artifacts as download_artifacts,
    )
    from herdbook.client import (
        export_archive as export_archive,
    )
    from herdbook.client import (
        get_registry_uri as get_registry_uri,
    )
    from herdbook.client import (
        import_archive as import_archive,
    )
    from herdbook.client import (
        load_model as load_model,
    )
    from herdbook.client import (
        register_external_model as register_external_model,
    )
    from herdbook.client import (
        register_model as register_model,
    )
    from herdbook.client import (
        set_registry_uri as set_registry_uri,
    )
    from herdbook.entities import (
        DatasetRef as DatasetRef,
    )
    from herdbook.entities import (
        ExternalModel as ExternalModel,
    )
    from herdbook.entities import (
        Lineage as Lineage,
    )
    from herdbook.entities import (
        ModelVersion as ModelVersion,
    )
    from herdbook.entities import (
        RegisteredModel as RegisteredModel,
    )
    from herdbook.entities import (
        VersionDiff as VersionDiff,
    )
    from herdbook.ports.registry import Registry as Registry

__version__ = "0.1.0"

_HOMES = {
    "connect": "herdbook.client",
    "diff_model_versions": "herdbook.client",
    "download_artifacts": "herdbook.client",
    "export_archive": "herdbook.client",
    "get_registry_uri": "herdbook.client",
    "import_archive": "herdbook.client",
    "load_model": "herdbook.client",
    "register_external_model": "herdbook.client",
    "register_model": "herdbook.client",
    "set_registry_uri": "herdbook.client",
    "DatasetRef": "herdbook.entities",
    "ExternalModel": "herdbook.entities",
    "Lineage": "herdbook.entities",
    "ModelVersion": "herdbook.entities",
    "RegisteredModel": "herdbook.entities",
    "VersionDiff": "herdbook.entities",
    "Registry": "herdbook.ports.registry",
}

__all__ = ["__version__", *sorted(_HOMES)]  # noqa: PLE0604 the names are the table's keys


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
