"""What this plugin contributes."""

from __future__ import annotations

from herdbook.plugins import ModelLoader, hookimpl
from herdbook_mlflow.loading import FLAVORS, load


@hookimpl
def herdbook_model_loaders() -> list[ModelLoader]:
    """Contribute the loader `mlflow`, for every flavor that MLflow can load."""
    return [ModelLoader(name="mlflow", flavors=FLAVORS, load=load)]
