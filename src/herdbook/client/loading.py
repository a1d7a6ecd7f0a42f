"""Loading a registered model as a live object, through the loaders that plugins contribute."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path
from typing import Any

from herdbook.bootstrap import load_plugins
from herdbook.client.download import download_artifacts, resolve
from herdbook.client.notebook import use
from herdbook.entities import ModelVersion
from herdbook.errors import UnsupportedError
from herdbook.formats.external import EXTERNAL_FLAVOR
from herdbook.names import AliasRef, LatestRef, ModelUri, VersionRef
from herdbook.ports.registry import Registry
from herdbook.settings import load_settings


def load_model(
    uri: str | ModelUri | VersionRef | AliasRef | LatestRef,
    *,
    registry: Registry | None = None,
    flavor: str | None = None,
    loader: str | None = None,
) -> Any:
    """Download a version, verified, and load it.

    Args:
        uri: `models:/CATALOG.SCHEMA.MODEL/VERSION`, `...@ALIAS`, `.../latest`.
        registry: From where; None uses the default one (see `connect`).
        flavor: The flavor to load it as (`sklearn`); None takes what suits it best (MLflow's `python_function`).
        loader: The loader to use, by name; None takes the first that can.

    Returns:
        The model, as its loader makes it.

    Raises:
        NotFoundError: there is no such version that the caller may know of.
        PermissionDeniedError: the caller lacks EXECUTE on the model.
        PluginLoadError: no installed plugin can load it; the message says what to install.
        InvalidArgumentError: the model has no such flavor.
        UnsupportedError: it is an external model, which is called and not loaded; the message has its endpoint.
    """
    with use(registry) as opened:
        version = resolve(opened, uri)
        flavors = tuple(version.model.flavors) if version.model is not None else ()
        _refuse_external(version, flavors if flavor is None else (flavor,))
        chosen = load_plugins(load_settings()).loader_for(flavors if flavor is None else (flavor,), name=loader)
        # Models may read their files long after they were loaded, so the folder lives as long as the process.
        folder = Path(tempfile.mkdtemp(prefix="herdbook-model-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return chosen.load(download_artifacts(version.ref, folder / "model", registry=opened), flavor)


def _refuse_external(version: ModelVersion, flavors: tuple[str, ...]) -> None:
    if flavors != (EXTERNAL_FLAVOR,):
        return
    external = version.model.external if version.model is not None else None
    if external is None:
        raise UnsupportedError(f"{version.ref} is an external model, and its document does not say where it is served.")
    provider = "" if external.provider is None else f" by {external.provider}"
    raise UnsupportedError(
        f"{version.ref} is an external model: it is served{provider} at {external.endpoint}, and the registry holds "
        "no files to load.",
        hint="Call the endpoint; get_model_version(...).model.external has its params.",
        endpoint=external.endpoint,
    )
