"""Loads a folder with an MLmodel file through MLflow, which is imported only then."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from herdbook.errors import InvalidArgumentError, PluginLoadError

FLAVORS = (
    "python_function",
    "catboost",
    "diffusers",
    "dspy",
    "h2o",
    "johnsnowlabs",
    "keras",
    "langchain",
    "lightgbm",
    "llama_index",
    "onnx",
    "openai",
    "paddle",
    "pmdarima",
    "prophet",
    "pytorch",
    "sentence_transformers",
    "shap",
    "sklearn",
    "spacy",
    "spark",
    "statsmodels",
    "tensorflow",
    "transformers",
    "xgboost",
)
"""The flavors of MLflow 3, as MLmodel files name them."""

_MODULES = {"python_function": "mlflow.pyfunc"}
_FUNCTIONS = {"shap": "load_explainer"}
"""Flavors whose module does not call it `load_model`."""


def load(folder: Path, flavor: str | None) -> Any:
    """Load a model.

    Args:
        folder: The folder with the MLmodel file.
        flavor: As which flavor; None takes `python_function` where the model has it, else its first one.

    Returns:
        What MLflow's `load_model` of that flavor returns (for `shap`, its `load_explainer`).

    Raises:
        InvalidArgumentError: the model has no such flavor.
        PluginLoadError: MLflow, or the flavor's own library, is not installed.
    """
    mlflow_models = _import("mlflow.models", flavor)
    offered = list(mlflow_models.Model.load(str(folder)).flavors)
    chosen = flavor or ("python_function" if "python_function" in offered else next(iter(offered), ""))
    if chosen not in offered:
        raise InvalidArgumentError(
            f"The model has no flavor {chosen!r}.", hint=f"It has {', '.join(sorted(offered)) or 'none'}."
        )
    module = _import(_MODULES.get(chosen, f"mlflow.{chosen}"), chosen)
    try:
        return getattr(module, _FUNCTIONS.get(chosen, "load_model"))(str(folder))
    except ImportError as error:
        raise _missing(chosen, error) from error


def _import(module: str, flavor: str | None) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise _missing(flavor, error) from error


def _missing(flavor: str | None, error: ImportError) -> PluginLoadError:
    what = f"the flavor {flavor!r}" if flavor else "MLflow models"
    package = f"Install {error.name.partition('.')[0]!r}." if error.name else "Install what the error names."
    return PluginLoadError(f"Loading {what} needs a package that is not installed: {error}.", hint=package)
